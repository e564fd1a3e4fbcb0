"""The text form of a circuit: a line a node, for people, errors and tests."""

from dataclasses import fields

import numpy as np

from eideploy.circuit.graph import Circuit
from eideploy.circuit.integer import Division
from eideploy.circuit.node import Node


def text(circuit: Circuit) -> str:
    """Return the circuit as text, e.g. `lif1 = LIF(conv1) -> 16x8x8  tau=2.0 threshold=1.0`."""
    lines = [f"circuit of {circuit.steps} steps" + (", calibrated" if circuit.ranges else "")]
    lines += [_line(node, circuit.shapes[node.name]) for node in circuit.nodes]
    return "\n".join(lines)


def _line(node: Node, shape: tuple[int, ...]) -> str:
    own = [f.name for f in fields(node) if f.name not in ("name", "inputs")]
    shown = " ".join(f"{name}={_value(getattr(node, name))}" for name in own)
    kind = f"{type(node).__name__}({', '.join(node.inputs)})"
    return f"  {node.name} = {kind} -> {'x'.join(map(str, shape))}  {shown}".rstrip()


def _value(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}[{'x'.join(map(str, value.shape))}]"
    if isinstance(value, Division):
        return f"{value.divider.label}/{value.zero_policy}"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return str(value)

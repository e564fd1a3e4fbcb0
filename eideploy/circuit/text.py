"""The text form of a node: a line, for people, errors and tests."""

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from eideploy.circuit.current import Division
from eideploy.circuit.geometry import Conv, Dense
from eideploy.circuit.node import Node, Part
from eideploy.circuit.nodes import Neurons

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def line(node: Node, shape: tuple[int, ...]) -> str:
    """Return a node as text, e.g. `  lif1 = LIF(conv1) -> 16x8x8  tau=2.0 threshold=1.0`."""
    reads = [f"{name} one step late" if name in node.delayed else name for name in node.inputs]
    of = node.model if isinstance(node, Neurons) else node
    kind = f"{type(of).__name__}({', '.join(reads)})"
    own = _fields(of, without=("name", "inputs", "delayed"))
    return f"  {node.name} = {kind} -> {'x'.join(map(str, shape))}  {own}".rstrip()


def _fields(value: "DataclassInstance", without: tuple[str, ...] = ()) -> str:
    own = {f.name: getattr(value, f.name) for f in fields(value) if f.name not in without}
    return " ".join(_field(name, of) for name, of in own.items() if of is not None)


def _field(name: str, value: object) -> str:
    if isinstance(value, Part | Dense | Conv):
        return f"{type(value).__name__} {_fields(value)}".rstrip()
    return f"{name}={_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}[{'x'.join(map(str, value.shape))}]"
    if isinstance(value, Division):
        return f"{value.divider.label}/{value.zero_policy}"
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return str(value)

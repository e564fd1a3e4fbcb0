"""The file form of a circuit: one safetensors file, the graph as JSON in its header; no code."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.circuit.graph import Circuit
from eideploy.circuit.integer import (
    Division,
    IntegerEIConv,
    IntegerEILinear,
    IntegerInput,
    IntegerLIF,
    IntegerReadout,
    SumPool,
)
from eideploy.circuit.node import Array, Node
from eideploy.circuit.nodes import LIF, Add, AvgPool, EIConv, EILinear, EIReadout, Flatten, Input
from eideploy.circuit.ranges import LayerRange, Ranges
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, write_tensors
from eideploy.numeric.division import METHODS, Divider

KIND, VERSION = "eideploy circuit", 1
KINDS: dict[str, type[Node]] = {
    kind.__name__: kind
    for kind in (
        Input, EIConv, EILinear, EIReadout, LIF, AvgPool, Flatten, Add,
        IntegerInput, IntegerEIConv, IntegerEILinear, IntegerReadout, IntegerLIF, SumPool,
    )
}  # fmt: skip


def save(circuit: Circuit, path: Path) -> None:
    """Write the circuit to `path`, atomically."""
    arrays: dict[str, Array] = {}
    nodes = [_pack_node(node, arrays) for node in circuit.nodes]
    ranges = _pack_ranges(circuit.ranges, arrays) if circuit.ranges else None
    content = {"steps": circuit.steps, "nodes": nodes, "ranges": ranges}
    write_tensors(path, arrays, kind=KIND, version=VERSION, content=content)


def load(path: Path) -> Circuit:
    """Read a circuit.

    Raises:
        FormatError: missing, damaged, of another kind or version, or not a well-formed circuit.
    """
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    try:
        ranges = content["ranges"]
        return Circuit(
            nodes=tuple(_unpack_node(entry, arrays) for entry in content["nodes"]),
            steps=content["steps"],
            ranges=_unpack_ranges(ranges, arrays) if ranges else None,
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise FormatError(
            f"the circuit is malformed: {type(error).__name__} {error}",
            where=str(path),
            fix=RESTORE,
        ) from error
    except FormatError as error:
        raise FormatError(error.what, where=f"{path}, {error.where}", fix=RESTORE) from error


def _pack_node(node: Node, arrays: dict[str, Array]) -> dict[str, Any]:
    entry: dict[str, Any] = {"kind": type(node).__name__}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, np.ndarray):
            arrays[f"{node.name}/{field.name}"] = value
        elif isinstance(value, Division):
            divider = value.divider
            arrays[f"{node.name}/table"] = divider.table
            entry["division"] = {
                "method": divider.method,
                "index_bits": divider.index_bits,
                "fraction_bits": divider.fraction_bits,
                "zero_policy": value.zero_policy,
            }
        elif value is not None:
            entry[field.name] = value
    return entry


def _unpack_node(entry: Mapping[str, Any], arrays: Mapping[str, Array]) -> Node:
    name, kind = entry["name"], KINDS[entry["kind"]]
    values = {k: v for k, v in entry.items() if k != "kind"}
    for key, value in values.items():
        if isinstance(value, list):
            values[key] = tuple(value)
    if "division" in values:
        values["division"] = _unpack_division(values["division"], arrays[f"{name}/table"])
    own = {field.name for field in fields(kind)} - values.keys()
    values |= {field: arrays[f"{name}/{field}"] for field in own if f"{name}/{field}" in arrays}
    return kind(**values)


def _unpack_division(entry: Mapping[str, Any], table: Array) -> Division:
    method, bits = entry["method"], int(entry["index_bits"])
    policy = entry["zero_policy"]
    unit = 1 << int(entry["fraction_bits"])
    size = 0 if method == "exact" else 1 << bits
    right = table.dtype == np.int64 and table.shape == (size,) and not (table > unit).any()
    if (
        method not in METHODS
        or policy not in ("minimum", "floor")
        or not right
        or (table < 0).any()
    ):
        raise FormatError("the division is malformed", where="division", fix=RESTORE)
    table.flags.writeable = False
    divider = Divider(
        method=method, index_bits=bits, fraction_bits=int(entry["fraction_bits"]), table=table
    )
    return Division(divider=divider, zero_policy=policy)


def _pack_ranges(ranges: Ranges, arrays: dict[str, Array]) -> dict[str, Any]:
    arrays["ranges/input_values"] = ranges.input_values
    layers = {}
    for name, layer in ranges.layers.items():
        arrays[f"ranges/{name}/mean_input"] = layer.mean_input
        arrays[f"ranges/{name}/mean_inhibition"] = layer.mean_inhibition
        layers[name] = {
            "divisor_floor": layer.divisor_floor,
            "zero_divisors": layer.zero_divisors,
        }
    return {"samples": ranges.samples, "layers": layers}


def _unpack_ranges(entry: Mapping[str, Any], arrays: Mapping[str, Array]) -> Ranges:
    layers = {
        name: LayerRange(
            divisor_floor=layer["divisor_floor"],
            zero_divisors=layer["zero_divisors"],
            mean_input=arrays[f"ranges/{name}/mean_input"],
            mean_inhibition=arrays[f"ranges/{name}/mean_inhibition"],
        )
        for name, layer in entry["layers"].items()
    }
    values = arrays["ranges/input_values"]
    return Ranges(samples=entry["samples"], input_values=values, layers=layers)

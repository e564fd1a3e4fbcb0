"""The file form of a circuit: one safetensors file, the graph as JSON in its header; no code.

What is a number stands in the entry of its node, or of the part of a layer; an array is NAME/FIELD.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

import numpy as np

from eideploy import circuit as ir
from eideploy.circuit import (
    Array,
    Chosen,
    Circuit,
    Conv,
    Dense,
    Division,
    InputRange,
    LayerRange,
    Neurons,
    Node,
    Ranges,
    Shape,
)
from eideploy.circuit.node import Part
from eideploy.circuit.version1 import upgrade
from eideploy.divisions import Tabulated, method_called
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, write_tensors
from eideploy.neurons import model_called
from eideploy.numeric.fixed import EXACT_FLOAT64

T = TypeVar("T")
KIND, VERSION = "eideploy circuit", 2
INPUT_CURVES = ("steps", "rounding", "scales", "clipping")
MAX_WIDTH = 17  # of a table's index and entries
BASES = (Node, Part, Dense, Conv)
KINDS: dict[str, type[Any]] = {
    name: kind
    for name in ir.__all__
    if isinstance(kind := getattr(ir, name), type) and issubclass(kind, BASES) and kind is not Node
}
KINDS["SumPool"] = KINDS["AvgPool"]  # as integer circuits were written before
OF_NODES = tuple(field.name for field in fields(Node))


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
    arrays, content = read_tensors(path, kind=KIND, version=VERSION, older={1: upgrade})
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
        raise FormatError(error.what, where=f"{path}, {error.where}", fix=error.fix) from error


def _pack_node(node: Node, arrays: dict[str, Array]) -> dict[str, Any]:
    """Return a node as JSON has it; neurons have the kind and the fields of their model."""
    entry = _pack(node.model if isinstance(node, Neurons) else node, node.name, arrays)
    return entry | {field: getattr(node, field) for field in OF_NODES}


def _pack(value: Any, name: str, arrays: dict[str, Array]) -> dict[str, Any]:  # noqa: ANN401
    """Return a node, or a part of one, as JSON has it; its arrays go to `arrays`."""
    entry: dict[str, Any] = {"kind": type(value).__name__}
    for field in fields(value):
        own = getattr(value, field.name)
        if isinstance(own, np.ndarray):
            arrays[f"{name}/{field.name}"] = own
        elif isinstance(own, Division):
            entry["division"] = _pack_division(own, name, arrays)
        elif isinstance(own, BASES):
            entry[field.name] = _pack(own, name, arrays)
        elif own is not None:
            entry[field.name] = own
    return entry


def _pack_division(division: Division, name: str, arrays: dict[str, Array]) -> dict[str, Any]:
    divider = division.divider
    arrays[f"{name}/table"] = divider.table
    return {
        "method": divider.method,
        "index_bits": divider.index_bits,
        "fraction_bits": divider.fraction_bits,
        "segment_bits": divider.segment_bits,
        "stored_bits": divider.stored_bits,
        "zero_policy": division.zero_policy,
    }


def _unpack_node(entry: Mapping[str, Any], arrays: Mapping[str, Array]) -> Node:
    node = _unpack(_nested(entry), entry["name"], arrays)
    if not isinstance(node, Node):
        raise FormatError("a part of a layer is not a node", where=entry["name"], fix=RESTORE)
    return node


def _nested(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the entry of neurons with their model as a part, and any other as it is."""
    if entry["kind"] in KINDS:
        return entry
    own = {field: entry[field] for field in OF_NODES if field in entry}
    model = {key: entry[key] for key in entry.keys() - own.keys()}
    return own | {"kind": "Neurons", "model": model}


def _unpack(entry: Mapping[str, Any], name: str, arrays: Mapping[str, Array]) -> object:
    kind = KINDS.get(entry["kind"]) or model_called(entry["kind"])
    if kind is None:
        raise FormatError(
            f"no installed package has the kind {entry['kind']!r}",
            where=f"node {name}",
            fix=f"install the package that it comes from, or {RESTORE}",
        )
    values = {key: value for key, value in entry.items() if key != "kind"}
    for key, value in values.items():
        if key == "division":
            values[key] = _unpack_division(value, arrays[f"{name}/table"])
        elif isinstance(value, dict):
            values[key] = _unpack(value, name, arrays)
        elif isinstance(value, list):
            values[key] = tuple(value)
    own = {field.name for field in fields(kind)} - values.keys()
    values |= {field: arrays[f"{name}/{field}"] for field in own if f"{name}/{field}" in arrays}
    return _typed(kind, values)


def _typed(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return kind(**values) if every value is of its field's type; JSON has none of ours."""
    for name, hint in get_type_hints(kind).items():
        if name in values and not _fits(values[name], hint):
            raise FormatError(
                f"{kind.__name__} has a {name} of type {type(values[name]).__name__}",
                where=str(values.get("name", kind.__name__)),
                fix=RESTORE,
            )
    return kind(**values)


def _fits(value: object, hint: object) -> bool:
    if hint == Shape:
        return isinstance(value, tuple) and all(type(n) is int for n in value)
    if hint == tuple[str, ...]:
        return isinstance(value, tuple) and all(type(n) is str for n in value)
    if hint in (Array, Array | None):
        return isinstance(value, np.ndarray)
    if hint is float:
        return type(value) is float or (type(value) is int and abs(value) < EXACT_FLOAT64)
    if isinstance(hint, UnionType) and issubclass(get_args(hint)[0], BASES):
        return isinstance(value, hint)
    return type(value) is hint if hint in (int, str) else True


def _unpack_division(entry: Mapping[str, Any], table: Array) -> Division:
    method, policy = entry["method"], entry["zero_policy"]
    widths = entry["index_bits"], entry["fraction_bits"], entry["segment_bits"]
    kind = method_called(method)
    if kind is None:
        raise FormatError(
            f"no installed package has the division {method!r}",
            where="division",
            fix=f"install the package that it comes from, or {RESTORE}",
        )
    known = policy in ("minimum", "floor")
    if not (known and all(type(n) is int and 0 <= n <= MAX_WIDTH for n in widths)):
        raise FormatError("the division is malformed", where="division", fix=RESTORE)
    index_bits, fraction_bits, segment_bits = widths
    size = 1 << index_bits if issubclass(kind, Tabulated) else 0
    whole = table.dtype == np.int64 and table.shape == (size,)
    if not whole or (table < 0).any() or (table > 1 << fraction_bits).any():
        raise FormatError("the table is malformed", where="division", fix=RESTORE)
    if type(entry["stored_bits"]) is not int:
        raise FormatError("the division is malformed", where="division", fix=RESTORE)
    table.flags.writeable = False
    divider = kind(
        index_bits=index_bits,
        fraction_bits=fraction_bits,
        table=table,
        segment_bits=segment_bits,
        stored_bits=entry["stored_bits"],
    )
    return Division(divider=divider, zero_policy=policy)


def _pack_ranges(ranges: Ranges, arrays: dict[str, Array]) -> dict[str, Any]:
    layers: dict[str, Any] = {}
    for name, layer in ranges.layers.items():
        arrays[f"ranges/{name}/mean_input"] = layer.mean_input
        arrays[f"ranges/{name}/mean_inhibition"] = layer.mean_inhibition
        arrays[f"ranges/{name}/second_moment"] = layer.second_moment
        arrays[f"ranges/{name}/constant_divisor"] = layer.constant_divisor
        if layer.chosen is not None:
            for field in fields(Chosen):
                arrays[f"ranges/{name}/{field.name}"] = getattr(layer.chosen, field.name)
        layers[name] = {
            "divisor_floor": layer.divisor_floor,
            "zero_divisors": layer.zero_divisors,
        }
    content = {"samples": ranges.samples, "layers": layers}
    if ranges.input is not None:
        content["largest_input"] = ranges.input.largest
        arrays |= {f"ranges/{name}": getattr(ranges.input, name) for name in INPUT_CURVES}
    return content


def _unpack_ranges(entry: Mapping[str, Any], arrays: Mapping[str, Array]) -> Ranges:
    layers = {
        name: _typed(
            LayerRange,
            {
                "divisor_floor": layer["divisor_floor"],
                "zero_divisors": layer["zero_divisors"],
                "mean_input": arrays[f"ranges/{name}/mean_input"],
                "mean_inhibition": arrays[f"ranges/{name}/mean_inhibition"],
                "second_moment": arrays[f"ranges/{name}/second_moment"],
                "constant_divisor": arrays[f"ranges/{name}/constant_divisor"],
                "chosen": _unpack_chosen(name, arrays),
            },
        )
        for name, layer in entry["layers"].items()
    }
    source = _unpack_input(entry["largest_input"], arrays) if "largest_input" in entry else None
    return _typed(Ranges, {"samples": entry["samples"], "layers": layers, "input": source})


def _unpack_input(largest: float, arrays: Mapping[str, Array]) -> InputRange:
    """Return what was measured of the input, if it is curves over descending steps and scales."""
    curves = {name: arrays[f"ranges/{name}"] for name in INPUT_CURVES}
    for at, errors in (("steps", "rounding"), ("scales", "clipping")):
        x, y = curves[at], curves[errors]
        right = x.dtype == y.dtype == np.float64 and x.shape == y.shape == (x.size,) and x.size
        if not right or not (np.isfinite(y).all() and x[-1] > 0 and (np.diff(x) < 0).all()):
            raise FormatError(
                f"the {errors} of the input is malformed", where="ranges", fix=RESTORE
            )
    return _typed(InputRange, {"largest": largest, **curves})


def _unpack_chosen(name: str, arrays: Mapping[str, Array]) -> Chosen | None:
    values = {f.name: arrays.get(f"ranges/{name}/{f.name}") for f in fields(Chosen)}
    return None if any(v is None for v in values.values()) else _typed(Chosen, values)

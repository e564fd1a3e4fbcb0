"""A NIR file that this package wrote as the float circuit that it was."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import nir
import numpy as np

from eideploy.backends.nir.extension import register
from eideploy.backends.nir.graphfile import read_graph
from eideploy.backends.nir.options import DIALECTS
from eideploy.backends.nir.write import END, VERSION, dialect_of, graph, part_of
from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Circuit,
    Conv,
    Current,
    Dense,
    Factored,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    Integrator,
    Layer,
    Logits,
    Neurons,
    Node,
)
from eideploy.errors import FormatError
from eideploy.files import RESTORE, check_version, parse_json, read_whole
from eideploy.neurons import IntegerNeuron, Neuron, model_called

Nodes = Mapping[str, Any]
DAMAGED = (
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    AssertionError,
    RecursionError,
    RuntimeError,
    OverflowError,
)


def load(path: Path) -> Circuit:
    """Read a circuit from a NIR file that this package wrote.

    Raises:
        FormatError: missing, damaged, no NIR, of another dialect or version, or changed since.
    """
    return parse(read_whole(path), where=str(path))


def parse(data: bytes, *, where: str) -> Circuit:
    """Return the circuit of a NIR file's bytes; `where` names the file in errors."""
    register()
    try:
        nir_graph = read_graph(data)
        metadata = nir_graph.metadata
        dialect = metadata.get("dialect")
        circuit = _circuit(nir_graph) if dialect in DIALECTS else None
        same = (
            circuit is not None
            and dialect == dialect_of(circuit)
            and any(_same(nir_graph, graph(circuit, end=end)) for end in (END, circuit.output.name))
        )
        version = int(metadata["version"]) if circuit is not None else None
    except (*DAMAGED, OSError) as error:
        raise FormatError(
            f"the file is not a readable NIR graph: {type(error).__name__} {error}".strip(),
            where=where,
            fix=RESTORE,
        ) from error
    except FormatError as error:
        raise FormatError(error.what, where=f"{where}, {error.where}", fix=RESTORE) from error
    if circuit is None:
        raise FormatError(
            f"the graph is of dialect {dialect!r}, known are {', '.join(DIALECTS)}",
            where=where,
            fix="name a file that eideploy wrote",
        )
    check_version(version, VERSION, where=where)
    if not same:
        raise FormatError(
            "the graph was changed: its nodes do not match the circuit that it names",
            where=where,
            fix=RESTORE,
        )
    return circuit


def _circuit(nir_graph: nir.NIRGraph) -> Circuit:
    outline = parse_json(nir_graph.metadata["circuit"])
    nodes = tuple(_node(entry, nir_graph.nodes) for entry in outline)
    return Circuit(nodes=nodes, steps=int(nir_graph.metadata["steps"]))


def _node(entry: Mapping[str, Any], nodes: Nodes) -> Node:
    def part(role: str) -> Any:  # noqa: ANN401 (nir has no types)
        prefix = entry["name"].replace(".", "_").replace("/", "_")
        return nodes["_".join(filter(None, (prefix, role)))]

    own = {
        "name": entry["name"],
        "inputs": tuple(entry["inputs"]),
        "delayed": tuple(entry.get("delayed", ())),
    }
    model = model_called(entry["kind"])
    if model is not None:
        return _neurons(model, own, entry)
    return READERS[entry["kind"]](own, entry, part)


Part = Callable[[str], Any]


def _input(own: dict[str, Any], entry: Mapping[str, Any], part: Part) -> Node:
    size = tuple(int(n) for n in part("").input_type["input"])
    return Input(**own, size=size, high=entry["high"])


def _neurons(
    model: type[Neuron | IntegerNeuron], own: dict[str, Any], entry: Mapping[str, Any]
) -> Node:
    values = {f.name: entry[f.name] for f in fields(model) if f.name in entry}
    return Neurons(**own, model=model(**_arrays(values)))


def _pool(own: dict[str, Any], entry: Mapping[str, Any], part: Part) -> Node:
    del entry
    return AvgPool(**own, kernel=int(part("").kernel_size[0]))


def _flatten(own: dict[str, Any], entry: Mapping[str, Any], part: Part) -> Node:
    del entry, part
    return Flatten(**own)


def _add(own: dict[str, Any], entry: Mapping[str, Any], part: Part) -> Node:
    del entry, part
    return Add(**own)


def _layer(own: dict[str, Any], entry: Mapping[str, Any], part: Part) -> Node:
    form, place = LAYERS[entry["kind"]]
    is_readout, whole = place == "Readout", part(WHOLE[form])
    projection = (
        _factored(part, divides=not is_readout)
        if form == "EI"
        else _folded(_weight(own, whole, part), divides=form == "Folded" and not is_readout)
    )
    current: Current = _logits(entry) if is_readout else _current(part, form)
    geometry = _geometry(whole) if place == "Conv" else Dense()
    return Layer(**own, projection=projection, geometry=geometry, current=current)


def _weight(own: Mapping[str, Any], whole: Any, part: Part) -> Array:  # noqa: ANN401
    """Return the weights of all that a layer reads, side by side."""
    others = [part(part_of(name)).weight for name in own["inputs"][1:]]
    return np.concatenate([whole.weight, *others], axis=1) if others else whole.weight


def _logits(entry: Mapping[str, Any]) -> Logits:
    own = entry.get("integrator")
    return Logits(integrator=None if own is None else Integrator(**_arrays(own)))


def _arrays(own: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as JSON has them, lists as arrays."""
    return {n: np.asarray(v, np.float64) if isinstance(v, list) else v for n, v in own.items()}


def _factored(part: Part, *, divides: bool) -> Factored:
    w_ei = part("subtractive").weight
    gain = part("shunting_gain").scale if divides else None
    return Factored(
        w_ee=part("excitatory").weight,
        w_ie=part("inhibitory").weight,
        w_ei=w_ei.reshape(w_ei.shape[:2]),
        g_i=None if gain is None else gain.reshape(len(gain), -1)[:, 0],
    )


def _folded(weight: Array, *, divides: bool) -> Folded:
    w_num, w_den = np.split(weight, 2) if divides else (weight, None)
    return Folded(w_num=w_num, w_den=w_den)


def _current(part: Part, form: str) -> FloatCurrent:
    if form == "Plain":
        bias = part("").bias
        return FloatCurrent(g_e=np.ones(len(bias)), b_e=bias)
    current = part("current")
    return FloatCurrent(g_e=current.gain, b_e=current.bias)


def _geometry(conv: Any) -> Conv:  # noqa: ANN401 (nir has no types)
    return Conv(stride=int(conv.stride[0]), padding=int(conv.padding[0]))


WHOLE = {"EI": "excitatory", "Folded": "balance", "Plain": ""}  # what has a layer's geometry
LAYERS = {form + place: (form, place) for form in WHOLE for place in ("Linear", "Conv", "Readout")}
READERS: Mapping[str, Callable[[dict[str, Any], Mapping[str, Any], Part], Node]] = {
    "Input": _input,
    "AvgPool": _pool,
    "Flatten": _flatten,
    "Add": _add,
    **dict.fromkeys(LAYERS, _layer),
}


def _same(one: nir.NIRGraph, other: nir.NIRGraph) -> bool:
    """Return whether two graphs have the same nodes, edges and values, exactly."""
    if set(one.edges) != set(other.edges) or one.nodes.keys() != other.nodes.keys():
        return False
    pairs = ((node, other.nodes[name]) for name, node in one.nodes.items())
    return all(_equal(a.to_dict(), b.to_dict()) for a, b in pairs)


def _equal(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(np.asarray(value), np.asarray(other[key])) for key, value in one.items()
    )

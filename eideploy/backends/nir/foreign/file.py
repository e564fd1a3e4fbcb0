"""The bytes of a NIR file as names, numbers and texts, whichever kinds of nodes they are.

`nir.read` fails, without a name, on a file with one node that it does not know; here it is named.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from eideploy.backends.nir.graphfile import DAMAGED
from eideploy.errors import FormatError
from eideploy.files import RESTORE
from eideploy.hdf5 import check_hdf5

Fields = Mapping[str, Any]
Edges = tuple[tuple[str, str], ...]
MOST_NODES = 4096


@dataclass(frozen=True, kw_only=True, eq=False)
class Graph:
    """A flat NIR graph.

    nodes     the fields of every node by name, its kind under "type"
    edges     from, to
    metadata  of the outermost graph
    """

    nodes: Mapping[str, Fields]
    edges: Edges
    metadata: Fields


def read_file(data: bytes, *, where: str) -> Graph:
    """Return the graph of a NIR file's bytes, graphs within it laid out flat.

    Raises:
        FormatError: damaged, or no NIR graph.
    """
    try:
        check_hdf5(io.BytesIO(data))
        with h5py.File(io.BytesIO(data), "r") as file:
            whole = _fields(file["node"])
        if whole["type"] != "NIRGraph":
            raise ValueError(f"it holds a {whole['type']}")
        nodes, edges = _flat(whole, "")
        metadata = whole.get("metadata", {})
        if not isinstance(metadata, Mapping):
            raise TypeError("its metadata are no group")
    except (*DAMAGED, ValueError) as error:
        raise FormatError(
            f"the file is not a readable NIR graph: {type(error).__name__} {error}".strip(),
            where=where,
            fix=RESTORE,
        ) from error
    return Graph(nodes=nodes, edges=tuple(dict.fromkeys(edges)), metadata=metadata)


def _fields(group: Any) -> dict[str, Any]:  # noqa: ANN401 (h5py has no types)
    return {
        name: _fields(item) if isinstance(item, h5py.Group) else _value(item[()])
        for name, item in group.items()
    }


def _value(value: Any) -> Any:  # noqa: ANN401
    return value.decode("utf8") if isinstance(value, bytes) else value


def _flat(graph: Fields, prefix: str) -> tuple[dict[str, Fields], list[tuple[str, str]]]:
    """Return nodes and edges with those of inner graphs in the place of these."""
    nodes: dict[str, Fields] = {}
    edges = [
        (prefix + _value(a), prefix + _value(b)) for a, b in np.reshape(graph["edges"], (-1, 2))
    ]
    for name, fields in graph["nodes"].items():
        if not isinstance(fields.get("type"), str):
            raise ValueError(f"node {name} has no type")
        inner = fields["type"] == "NIRGraph"
        own, within = _flat(fields, f"{prefix}{name}.") if inner else ({prefix + name: fields}, [])
        if inner:
            edges = _joined(edges, prefix + name, own, within)
        nodes |= own
        if len(nodes) > MOST_NODES:
            raise ValueError(f"it has more than {MOST_NODES} nodes")
    return nodes, edges


def _joined(
    edges: list[tuple[str, str]],
    name: str,
    own: dict[str, Fields],
    within: list[tuple[str, str]],
) -> list[tuple[str, str]]:
    """Lead edges to and from an inner graph to and from its Input and Output, `PASS` from now."""
    ends = {kind: [n for n, f in own.items() if f["type"] == kind] for kind in ("Input", "Output")}
    for kind, names in ends.items():
        if len(names) != 1:
            raise ValueError(f"graph {name} has {len(names)} nodes of type {kind}")
    (into,), (out,) = ends["Input"], ends["Output"]
    own[into], own[out] = {"type": PASS}, {"type": PASS}
    return [(out if a == name else a, into if b == name else b) for a, b in edges] + within


PASS = "the border of an inner graph"

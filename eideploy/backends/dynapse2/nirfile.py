"""A network for DYNAP-SE2 as a NIR graph of the `ei` dialect, with the roles of its dendrites.

A projection is Linear, its weights in ampere of weight current; it flows into the dendrite that it
ends on, and the dendrites of a population into its soma. NIR sums what flows into a node; a soma
keeps its dendrites apart by their receptor, which is what makes it an extension.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nir
import nir.ir
import numpy as np
from numpy.typing import NDArray

from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.network import ChipNetwork, Coding, Population, Projection
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, SOMA_ROLES
from eideploy.backends.nir.graphfile import read_graph
from eideploy.errors import FormatError, InvariantError
from eideploy.files import RESTORE, check_version, parse_json, read_whole, write_atomic

DIALECT, VERSION = "ei", 1
KIND = "chip network"
ROLE = {"ampa": "excitatory", "nmda": "excitatory", "gaba": "subtractive", "shunt": "divisive"}


@dataclass(eq=False)
class DPIDendrite(nir.NIRNode):  # type: ignore[misc]  # nir has no types
    """First-order low-pass of weight current, I += (gain / tau) w (1 - exp(-t_pulse / tau)).

    input_shape  (n,); receptor: ampa, nmda, gaba or shunt; role: excitatory, subtractive, divisive
    tau, gain    (n,): ampere
    """

    input_shape: NDArray[Any]
    receptor: str
    role: str
    tau: NDArray[Any]
    gain: NDArray[Any]

    def __post_init__(self) -> None:
        self.input_type = {"input": np.array(self.input_shape)}
        self.output_type = {"output": np.array(self.input_shape)}


@dataclass(eq=False)
class DPISoma(nir.NIRNode):  # type: ignore[misc]  # nir has no types
    """The INI membrane: tau dI/dt (1 + gain/I) = gain/leak (I_in - I_sum) - I_sum/leak I.

    I_in = nmda + ampa - gaba + dc, I_sum = leak + shunt. (n,) ampere each.
    """

    input_shape: NDArray[Any]
    membrane_leak: NDArray[Any]
    membrane_gain: NDArray[Any]
    threshold: NDArray[Any]
    refractory: NDArray[Any]
    pulse: NDArray[Any]
    dc: NDArray[Any]

    def __post_init__(self) -> None:
        self.input_type = {"input": np.array(self.input_shape)}
        self.output_type = {"output": np.array(self.input_shape)}


EXTENSIONS = (DPIDendrite, DPISoma)


def register_chip() -> None:
    """Teach `nir.read` the extensions; harmless when called again."""
    known: list[str] = vars(nir.ir)["__all_ir"]  # the names that nir looks up in its module
    for kind in EXTENSIONS:
        if kind.__name__ not in known:
            known.append(kind.__name__)
            setattr(nir.ir, kind.__name__, kind)


def save_chip(network: ChipNetwork, path: Path) -> None:
    """Write a network, atomically, once it reads back as what was written."""
    buffer = io.BytesIO()
    nir.write(buffer, chip_graph(network))
    if not equal(parse_chip(buffer.getvalue(), where=str(path)), network):
        raise InvariantError(
            "the NIR graph does not read back", where=str(path), fix="report this bug"
        )
    write_atomic(path, buffer.getvalue())


def chip_graph(network: ChipNetwork) -> nir.NIRGraph:
    """Return the NIR graph of a network."""
    nodes: dict[str, nir.NIRNode] = {}
    edges: list[tuple[str, str]] = []
    for population in network.populations:
        _add_population(population, nodes, edges)
    for projection in network.projections:
        name = f"projection_{projection.name}"
        nodes[name] = nir.Linear(weight=np.array(projection.weight))
        end = f"{projection.target}_{projection.dendrite}"
        edges += [(projection.source, name), (name, end)]
    metadata = {
        "dialect": DIALECT,
        "kind": KIND,
        "version": VERSION,
        "coding": json.dumps(asdict(network.coding)),
        "classes": json.dumps(network.classes.tolist()),
        "base_currents": json.dumps({k: v.tolist() for k, v in network.base_currents.items()}),
        "populations": json.dumps([[p.name, p.role] for p in network.populations]),
        "projections": json.dumps(
            [[p.name, p.source, p.target, p.dendrite] for p in network.projections]
        ),
    }
    return nir.NIRGraph(nodes, edges, metadata=metadata, type_check=False)


def load_chip(path: Path) -> ChipNetwork:
    """Read a network from a NIR file that save_chip wrote.

    Raises:
        FormatError: missing, damaged, or of another kind or version.
    """
    return parse_chip(read_whole(path), where=str(path))


def parse_chip(data: bytes, *, where: str) -> ChipNetwork:
    """Return the network of a NIR file's bytes; `where` names the file in errors."""
    register_chip()
    try:
        graph = read_graph(data, type_check=False)
        metadata = graph.metadata
        kind, version = metadata["kind"], int(metadata["version"])
        network = _network(metadata, graph.nodes) if kind == KIND else None
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError) as error:
        raise FormatError(
            f"the file is not a readable NIR graph: {type(error).__name__} {error}",
            where=where,
            fix=RESTORE,
        ) from error
    if network is None:
        raise FormatError(f"the graph is of kind {kind!r}, not {KIND!r}", where=where, fix=RESTORE)
    check_version(version, VERSION, where=where)
    return network


def _add_population(
    population: Population, nodes: dict[str, nir.NIRNode], edges: list[tuple[str, str]]
) -> None:
    name, shape = population.name, np.array([population.size])
    if population.role == "input":
        nodes[name] = nir.Input({"input": shape})
        return
    full = np.ones(population.size)
    currents = population.currents
    nodes[name] = DPISoma(shape, **{role: full * currents[role] for role in SOMA_ROLES})
    for receptor in RECEPTORS:
        nodes[f"{name}_{receptor}"] = DPIDendrite(
            shape,
            receptor,
            ROLE[receptor],
            full * currents[f"{receptor}_tau"],
            full * currents[f"{receptor}_gain"],
        )
        edges.append((f"{name}_{receptor}", name))
    if population.role == "output":
        nodes[f"{name}_output"] = nir.Output({"output": shape})
        edges.append((name, f"{name}_output"))


def _network(metadata: Mapping[str, Any], nodes: Mapping[str, Any]) -> ChipNetwork:
    return ChipNetwork(
        populations=tuple(
            _population(name, role, nodes) for name, role in parse_json(metadata["populations"])
        ),
        projections=tuple(
            Projection(
                name=name,
                source=source,
                target=target,
                dendrite=dendrite,
                weight=nodes[f"projection_{name}"].weight,
            )
            for name, source, target, dendrite in parse_json(metadata["projections"])
        ),
        classes=np.array(parse_json(metadata["classes"]), np.int64),
        coding=Coding(**parse_json(metadata["coding"])),
        base_currents={k: np.array(v) for k, v in parse_json(metadata["base_currents"]).items()},
    )


def _population(name: str, role: Any, nodes: Mapping[str, Any]) -> Population:  # noqa: ANN401
    node = nodes[name]
    if role == "input":
        size = int(node.input_type["input"][0])
        return Population(name=name, size=size, role=role, currents={})
    currents = {key: float(getattr(node, key)[0]) for key in SOMA_ROLES}
    for receptor in RECEPTORS:
        dendrite = nodes[f"{name}_{receptor}"]
        currents[f"{receptor}_tau"] = float(dendrite.tau[0])
        currents[f"{receptor}_gain"] = float(dendrite.gain[0])
    return Population(name=name, size=int(node.input_shape[0]), role=role, currents=currents)

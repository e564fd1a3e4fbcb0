"""How net.c computes its layers, where several ways give the same numbers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from eideploy.backends.digital import program
from eideploy.backends.digital.program import Program
from eideploy.circuit import Add, AvgPool, Circuit, Flatten, Input, Neurons, Node
from eideploy.errors import FormatError
from eideploy.files import RESTORE, stored

Counted = Literal["events", "dense", "kept"]


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a layer is computed, and what that was counted to take.

    dense         every entry that a neuron reads is multiplied; else events add rows of weights
    kept          its currents are kept, and read again in every step in which a sample stays
    instructions  an inference takes, by way: "events", "dense", and "kept", the better of these
                  with currents kept
    """

    dense: bool = False
    kept: bool = False
    instructions: Mapping[Counted, float] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """What it does, in words."""
        return ("dense" if self.dense else "by events") + (", currents kept" if self.kept else "")


@dataclass(frozen=True, kw_only=True)
class Plan(program.Plan):
    """How every layer is computed; one that is not named by events, and nothing kept.

    samples  that instructions were counted on
    """

    samples: int = 0
    ways: Mapping[str, Way] = field(default_factory=dict)

    def of(self, layer: str) -> Way:
        """Return how a layer is computed."""
        return self.ways.get(layer, Way())

    @property
    def keeps(self) -> bool:
        """Whether currents of some layer are kept."""
        return any(way.kept for way in self.ways.values())


BY_EVENTS = Plan()  # all layers by events, nothing kept


def plan_of(planned: Program | None) -> Plan:
    """Return the plan of a program; of one without any, or none, that of all layers by events."""
    plan = None if planned is None else planned.plan
    return plan if isinstance(plan, Plan) else BY_EVENTS


def read_plan(content: Mapping[str, Any], circuit: Circuit, where: str) -> Plan | None:
    """Return the plan of a circuit's layers that a manifest says, None where it says none.

    Raises:
        FormatError: malformed, or of other layers.
    """
    if not content:
        return None
    plan = stored(Plan, dict(content), what="the plan of layers", where=where)
    for name, way in plan.ways.items():
        known = name in {layer.name for layer in circuit.layers}
        dense_fits = not way.dense or name in may_be_dense(circuit)
        kept_fits = not way.kept or name in may_be_kept(circuit)
        if not (known and dense_fits and kept_fits):
            raise FormatError(f"layer {name} cannot be {way.text}", where=where, fix=RESTORE)
    return plan


def may_be_dense(circuit: Circuit) -> tuple[str, ...]:
    """Return the layers none of whose entries is a bit, which has to be taken out of its byte."""
    return tuple(
        layer.name
        for layer in circuit.layers
        if not any(_is_of_bits(circuit, name) for name in layer.inputs)
    )


def may_be_kept(circuit: Circuit) -> tuple[str, ...]:
    """Return the hidden layers that read nothing but the sample."""
    known = still(circuit)
    return tuple(layer.name for layer in circuit.hidden if known.issuperset(layer.inputs))


def still(circuit: Circuit) -> frozenset[str]:
    """Return the nodes whose output stays the same while the sample does, but for layers."""
    known: set[str] = set()
    for node in circuit.nodes:
        if isinstance(node, Input | Flatten | AvgPool | Add) and _reads_only(node, known):
            known.add(node.name)
    return frozenset(known)


def _reads_only(node: Node, known: Collection[str]) -> bool:
    return not node.delayed and all(name in known for name in node.inputs)


def _is_of_bits(circuit: Circuit, name: str) -> bool:
    node = circuit.node(name)
    while isinstance(node, Flatten):
        node = circuit.node(node.inputs[0])
    return isinstance(node, Neurons) and node.model.most_spikes == 1

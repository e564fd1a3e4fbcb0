"""How every layer is computed: the way that takes fewest instructions, as they are counted."""

from collections.abc import Mapping
from dataclasses import replace
from math import prod

from eideploy.backends.c.controller import Controller
from eideploy.backends.c.layers import current_reach
from eideploy.backends.c.place import RAM, lay_out
from eideploy.backends.c.plan import Counted, Plan, Way, may_be_dense, may_be_kept
from eideploy.backends.c.syntax import bytes_of, signed_type
from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.program import Program
from eideploy.circuit import Circuit, Layer
from eideploy.execute.trace import Trace


def choose(program: Program, trace: Trace) -> Program:
    """Return a program whose layers are computed as takes fewest instructions on samples.

    A layer is dense where that takes fewer than its events. Where samples do not change over the
    steps, the currents of layers that read nothing else are kept, as far as the RAM reaches: those
    first that save most a byte.

    Args:
        program: by no plan.
        trace: of its circuit on samples of the calibration, with CYCLE_KINDS.
    """
    circuit, controller = program.circuit, program.target
    assert isinstance(controller, Controller)

    def instructions(ways: Mapping[str, Way]) -> dict[str, float]:
        counts = count_cycles(replace(program, plan=Plan(ways=ways)), trace).per_stage
        return {name: float(counts[name].sum(0).mean()) for name in ways}

    counts: dict[Counted, dict[str, float]] = {
        "events": instructions({layer.name: Way() for layer in circuit.layers})
    }
    counts["dense"] = instructions({name: Way(dense=True) for name in may_be_dense(circuit)})
    dense = {n for n, count in counts["dense"].items() if count < counts["events"][n]}
    counts["kept"] = instructions(
        {name: Way(dense=name in dense, kept=True) for name in may_be_kept(circuit)}
    )
    saved = {
        name: counts["dense" if name in dense else "events"][name] - count
        for name, count in counts["kept"].items()
    }
    free = next(use.offered - use.used for use in program.uses if use.resource == RAM)
    chosen = _within(free, circuit, saved)
    plan = {
        layer.name: Way(
            dense=layer.name in dense,
            kept=layer.name in chosen,
            instructions={
                way: by_layer[layer.name]
                for way, by_layer in counts.items()
                if layer.name in by_layer
            },
        )
        for layer in circuit.layers
    }
    return lay_out(circuit, controller, Plan(samples=len(trace.totals), ways=plan))


def _within(free: int, circuit: Circuit, saved: Mapping[str, float]) -> set[str]:
    """Return the layers that save anything and whose currents so many bytes hold."""
    sizes = {name: _bytes(circuit, name) for name, count in saved.items() if count > 0}
    within = set()
    for name in sorted(sizes, key=lambda name: saved[name] / sizes[name], reverse=True):
        if sizes[name] <= free:
            within.add(name)
            free -= sizes[name]
    return within


def _bytes(circuit: Circuit, name: str) -> int:
    """Return the bytes of a layer's currents."""
    layer = circuit.node(name)
    assert isinstance(layer, Layer)
    return bytes_of(signed_type(*current_reach(layer))) * prod(circuit.shapes[name])

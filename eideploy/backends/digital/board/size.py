"""The core of a board: as many lanes as its FPGA holds, or as few as are fast enough."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from math import ceil, prod

from eideploy.backends.digital.board.estimate import estimated, excess
from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.fit import fitted
from eideploy.backends.digital.parameters import MOST_LANES, shape_of, timed
from eideploy.backends.digital.place import place
from eideploy.backends.digital.program import FEW_BITS, Program
from eideploy.circuit import Array, Circuit
from eideploy.errors import CapacityError
from eideploy.execute.integer import run_integer
from eideploy.flow.own_network import SMALL_SIDE, SMALL_TRAINING
from eideploy.target import Memory, Resources, Target, board_names, load_target

SAMPLES = 16  # of the calibration, which cycles are counted of
MOST_UPDATE_LANES = 8
ROOM = 1 << 18  # rows of every memory before it is cut
SUMS = {"accumulator": 64, "inhibition": 64, "divisor": 64, "weight": 16, "input": 16, "bias": 64}


@dataclass(frozen=True, kw_only=True)
class Sized:
    """A program on its core, with the cells that it is estimated to take and its mean cycles."""

    program: Program
    needs: Resources
    cycles: float

    @property
    def milliseconds(self) -> float:
        """The latency at the board's clock."""
        hz = self.program.target.clock_hz
        assert hz is not None  # a board's spec states it
        return 1000 * self.cycles / hz


def roomy(target: Target) -> Target:
    """Return a board's target with more memory and wider sums than any network of it takes."""
    memory = Memory(**{field.name: ROOM for field in fields(Memory)})
    return replace(target, memory=memory, widths=replace(target.widths, **SUMS))


def sized(
    circuit: Circuit,
    target: Target,
    samples: Array,
    *,
    lanes: int | None = None,
    latency_ms: float | None = None,
) -> Sized:
    """Return the program of an integer circuit on the best of the cores that a board may have.

    The arguments are those of `cores` and `best`, which say what is raised.
    """
    return best([*cores(circuit, target, samples, lanes)], target, latency_ms)


def best(candidates: Sequence[Sized], target: Target, latency_ms: float | None = None) -> Sized:
    """Return the core that is chosen for a board.

    The fastest core that fits; with `latency_ms` the smallest that is as fast as that.

    Args:
        candidates: all there are to choose from, of one network.
        target: of the board.
        latency_ms: of a mean inference.

    Raises:
        CapacityError: no core fits, with the numbers of the least one, and the least board that
            it does fit; or none that fits is fast enough.
    """
    assert target.board is not None
    fitting = [c for c in candidates if not excess(c.needs, target.board.resources)]
    if not fitting:
        raise _too_large(min(candidates, key=lambda c: c.needs.lookup_tables), target)
    fastest = min(fitting, key=lambda c: (c.cycles, c.needs.lookup_tables))
    if latency_ms is None:
        return fastest
    enough = [c for c in fitting if c.milliseconds <= latency_ms]
    if not enough:
        core = fastest.program.target.core
        auto = "" if _several_forms(candidates) else "fold layers with --inhibition auto, "
        raise CapacityError(
            f"the fastest core that fits {target.name} takes {fastest.milliseconds:.3g} ms "
            f"({core.lanes} lanes, {core.update_lanes} update lanes), not {latency_ms:g} ms",
            where="--latency",
            fix=f"allow more time, {auto}or choose a larger board",
        )
    return min(enough, key=lambda c: c.needs.lookup_tables)


def _several_forms(candidates: Iterable[Sized]) -> bool:
    return len({tuple(s.is_folded for s in one.program.stages) for one in candidates}) > 1


def cores(
    circuit: Circuit, target: Target, samples: Array, lanes: int | None = None
) -> Iterator[Sized]:
    """Yield the program of an integer circuit on every core that a board may have for it.

    Args:
        circuit: the integer circuit.
        target: of a board, with room for it; whether a core takes a sample once is as it says, or
            where it says nothing, as the samples are.
        samples: (B, ...) or (B, T, ...), which the cycles are counted of.
        lanes: how many there are to be.
    """
    trace = run_integer(circuit, samples[:SAMPLES], keep=CYCLE_KINDS)
    static_input = target.core.static_input
    if static_input is None:
        static_input = samples.shape[1:] == circuit.input.size
    counts = [1 << i for i in range(1, MOST_LANES.bit_length())] if lanes is None else [lanes]
    for count in counts:
        for update in (1 << i for i in range(MOST_UPDATE_LANES.bit_length())):
            if count % update:
                continue
            beside = _beside(circuit, count)
            core = replace(
                target.core,
                lanes=count,
                update_lanes=update,
                inhibitory_lanes=beside,
                pipelined=True,
                pooled_events=True,
                static_input=static_input,
            )
            program = place(circuit, target=timed(replace(target, core=core)))
            program = place(circuit, target=fitted(program))
            cycles = float(count_cycles(program, trace).per_inference.mean())
            yield Sized(program=program, needs=estimated(shape_of(program)), cycles=cycles)


def _beside(circuit: Circuit, lanes: int) -> int:
    """Return the least Q that lets no rows of W_IE be more than those of W_EE; 0 without any."""
    layers = [layer for layer in circuit.layers if not layer.is_folded]
    if not layers:
        return 0
    count = 1
    while count < lanes and any(
        ceil(len(layer.weights[1]) / count) > ceil(layer.n_e / lanes) for layer in layers
    ):
        count *= 2
    return count


def _too_large(least: Sized, target: Target) -> CapacityError:
    assert target.board is not None
    over = excess(least.needs, target.board.resources)
    core = least.program.target.core
    few = least.program.target.widths.weight <= FEW_BITS
    bits = "" if few else "quantize to fewer bits with --scheme int4, or "
    lacking = ", ".join(
        f"about {needed} {name.replace('_', ' ')} ({offered} usable)"
        for name, (needed, offered) in over.items()
    )
    return CapacityError(
        f"the network does not fit {target.name}: its smallest core ({core.lanes} lanes) needs "
        f"{lacking}",
        where=f"target {target.name}",
        fix=f"{_elsewhere(least)}{bits}train a smaller network, e.g. {_smaller(least)}",
    )


def _smaller(least: Sized) -> str:
    """Return how to train a smaller network than the one that does not fit."""
    circuit = least.program.circuit
    is_large = prod(circuit.input.size) > SMALL_SIDE**2
    if is_large or any(layer.is_conv for layer in circuit.layers):
        return f"on images of your own with {SMALL_TRAINING}"
    return "with fewer neurons (network.widths)"


def _elsewhere(least: Sized) -> str:
    """Return the advice to take a board that the core fits, the smallest first; "" for none."""
    boards = [load_target(name) for name in board_names()]
    fitting = sorted(
        (b.board.resources.lookup_tables, b.name)
        for b in boards
        if b.board and not excess(least.needs, b.board.resources)
    )
    if not fitting:
        return ""
    return f"choose a larger board (--target {' or '.join(name for _, name in fitting)}), or "

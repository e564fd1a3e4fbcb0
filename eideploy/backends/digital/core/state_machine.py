"""The digital core, cycle by cycle: an implementation apart from the integer simulator.

Slow on purpose: it checks the cycle model's formula and the core's data on small programs, and is
the model of the core's RTL. Memories, states and registers are named as in docs/digital_core.md.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from eideploy.backends.digital.core.accumulate import Accumulate
from eideploy.backends.digital.core.inhibit import Inhibit
from eideploy.backends.digital.core.layout import Memories, load, membranes_of, spikes_of
from eideploy.backends.digital.core.phase import Core, Operation, Phase, Setup
from eideploy.backends.digital.core.scan import words_of
from eideploy.backends.digital.core.update import Minimum, Output, Update
from eideploy.backends.digital.program import Program, require_static
from eideploy.circuit import Array
from eideploy.execute.integer import quantize_input
from eideploy.execute.samples import over_time
from eideploy.numeric.fixed import Int


@dataclass(frozen=True, kw_only=True, eq=False)
class CoreState:
    """What the core keeps from one time step to the next.

    memories  as they stand
    steps     how many steps of the sample it has run
    first     what the input port gave in the sample's first step
    divisible  a DEN of the sums that a static stage keeps is positive
    least      the least of them
    """

    memories: Memories
    steps: int = 0
    first: Int | None = None
    divisible: bool = False
    least: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class CoreStep:
    """What the core did in one time step.

    cycles     by stage and phase
    spikes     by LIF node, as they stood in the spike memory after the stage
    membranes  by LIF node, after the reset
    logits     what was put out: the totals, in the last step of a sample
    """

    cycles: dict[str, Counter[str]] = field(default_factory=dict)
    spikes: dict[str, Array] = field(default_factory=dict)
    membranes: dict[str, Int] = field(default_factory=dict)
    logits: list[int] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, eq=False)
class CoreRun:
    """What the core did with one sample.

    cycles             by stage and phase, (T,)
    spikes, membranes  as in every step, (T, ...)
    totals             (classes,): the logits that were put out
    """

    cycles: Mapping[str, Mapping[str, Int]]
    spikes: Mapping[str, Array]
    membranes: Mapping[str, Int]
    totals: Int


class StateMachine:
    """A core with a program in its memories; it runs samples one after the other."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.memories = load(program)

    def run(self, sample: Array) -> CoreRun:
        """Run one sample (...) or sequence (T, ...) of floats, on what the one before left."""
        circuit = self.program.circuit
        x = over_time(circuit, sample[None])[:, 0]
        state, steps = CoreState(memories=self.memories), []
        for t in range(circuit.steps):
            state, step = self.step(state, x[t % len(x)])
            steps.append(step)
        self.memories = state.memories
        return _joined(steps)

    def init(self) -> CoreState:
        """Return the state of a core that was just loaded."""
        return CoreState(memories=load(self.program))

    def step(self, state: CoreState, x: Array) -> tuple[CoreState, CoreStep]:
        """Advance by one time step, in which the input port gives the floats x (...).

        Raises:
            UsageError: a core that takes a sample once, and another x than in its first step.
        """
        circuit, memories, step = self.program.circuit, state.memories.copied(), CoreStep()
        levels = quantize_input(circuit, x[None, None])[0, 0]
        first = levels if state.first is None or not state.steps else state.first
        require_static(self.program, np.stack([first, levels]))
        divisible, least = state.divisible, state.least
        following = (state.steps + 1) % circuit.steps
        for stage in self.program.stages:
            core = Core(
                program=self.program,
                memories=memories,
                stage=stage,
                at=state.steps,
                port=words_of(levels),
                kept_divisible=state.divisible,
                kept_least=state.least,
            )
            step.cycles[stage.name] = _cycles(core, is_last=following == 0)
            step.logits.extend(core.logits)
            if stage.is_static:
                divisible, least = core.divisible, core.least
            if not stage.is_readout:
                shape, lanes = circuit.shapes[stage.lif], self.program.target.core.update_lanes
                step.spikes[stage.lif] = spikes_of(memories, stage, state.steps).reshape(shape)
                membranes = membranes_of(memories, stage, lanes)
                step.membranes[stage.lif] = membranes.reshape(shape)
        now = CoreState(
            memories=memories, steps=following, first=first, divisible=divisible, least=least
        )
        return now, step


def _cycles(core: Core, *, is_last: bool) -> Counter[str]:
    """Go through the states of a stage in one time step; return the cycles of each phase."""
    cycles: Counter[str] = Counter()
    following = iter(_states(core, is_last=is_last))
    entered: Phase | None = Setup(core)
    while entered is not None:
        phase = entered
        pipe: deque[Operation | None] = deque([None] * phase.drain)
        while not phase.done:
            _clock(phase, pipe, phase.issue())
            cycles[phase.name] += 1
        for left in range(phase.drain, 0, -1):
            _clock(phase, pipe, None)
            state = next(following, None) if left == 1 else None
            entered = state(core) if state else None  # it reads its first row in this cycle
            cycles[phase.name] += 1
    return cycles


def _states(core: Core, *, is_last: bool) -> tuple[Callable[[Core], Phase], ...]:
    """Return the states that a stage goes through after setup in one time step (C8, C9)."""
    if core.stage.is_readout and not is_last:
        return (Accumulate,)
    sums: tuple[Callable[[Core], Phase], ...] = (Accumulate, Inhibit)
    if core.has_sums:
        sums = ()
    elif core.stage.is_folded:
        sums = (Accumulate,)
    if core.stage.is_readout:
        return *sums, Output
    division = core.layer.division
    if division.zero_policy == "minimum" and not core.has_sums:
        return *sums, Minimum, Update
    return *sums, Update


def _clock(phase: Phase, pipe: deque[Operation | None], operation: Operation | None) -> None:
    """Move the pipeline by one cycle: one operation enters, what leaves takes effect."""
    pipe.append(operation)
    leaving = pipe.popleft()
    if leaving is not None:
        phase.retire(leaving)


def _joined(steps: list[CoreStep]) -> CoreRun:
    """Return what the core did with a sample, of all its steps."""
    last = steps[-1]
    return CoreRun(
        cycles={stage: _over_time([s.cycles[stage] for s in steps]) for stage in last.cycles},
        spikes={name: np.stack([s.spikes[name] for s in steps]) for name in last.spikes},
        membranes={name: np.stack([s.membranes[name] for s in steps]) for name in last.membranes},
        totals=np.array(last.logits, np.int64),
    )


def _over_time(cycles: list[Counter[str]]) -> dict[str, Int]:
    phases = dict.fromkeys(phase for counted in cycles for phase in counted)
    return {phase: np.array([counted[phase] for counted in cycles]) for phase in phases}

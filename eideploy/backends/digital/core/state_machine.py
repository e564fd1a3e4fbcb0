"""The digital core, cycle by cycle: an implementation apart from the integer simulator.

Slow on purpose: it checks the cycle model's formula and the core's data on small programs, and is
the model of the core's RTL. Memories, states and registers are named as in docs/digital_core.md.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.backends.digital.core.accumulate import Accumulate
from eideploy.backends.digital.core.inhibit import Inhibit
from eideploy.backends.digital.core.layout import load, membranes_of, spikes_of
from eideploy.backends.digital.core.phase import Core, Operation, Phase, Setup
from eideploy.backends.digital.core.scan import Word, words_of
from eideploy.backends.digital.core.update import Minimum, Output, Update
from eideploy.backends.digital.program import Program, Stage
from eideploy.circuit import Array
from eideploy.execute.integer import quantize_input
from eideploy.execute.samples import over_time
from eideploy.numeric.fixed import Int


@dataclass(frozen=True, kw_only=True, eq=False)
class CoreRun:
    """What the core did with one sample.

    cycles     by stage and phase, (T,)
    spikes     by LIF node, (T, ...), as they stood in the spike memory after the stage
    membranes  by LIF node, (T, ...), after the reset
    totals     (classes,): the logits that were put out
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
        """Run one sample (...) or sequence (T, ...) of floats."""
        circuit = self.program.circuit
        x = quantize_input(circuit, over_time(circuit, sample[None]))[:, 0]
        words = [words_of(x[step % len(x)]) for step in range(circuit.steps)]
        return self.run_words(words)

    def run_words(self, words: list[list[Word]]) -> CoreRun:
        """Run the input port's words of every time step."""
        record = _Record(self.program)
        for step, given in enumerate(words):
            port = list(given)
            for stage in self.program.stages:
                core = Core(
                    program=self.program,
                    memories=self.memories,
                    stage=stage,
                    is_first=step == 0,
                    port=port,
                )
                self._run_stage(core, record, step)
                record.memories(self, stage)
                record.logits += core.logits
        return record.run()

    def _run_stage(self, core: Core, record: "_Record", step: int) -> None:
        """Go through the states of a stage in one time step."""
        is_last = step == self.program.circuit.steps - 1
        following = iter(_states(core, is_last=is_last))
        entered: Phase | None = Setup(core)
        while entered is not None:
            phase = entered
            pipe: deque[Operation | None] = deque([None] * phase.drain)
            while not phase.done:
                _clock(phase, pipe, phase.issue())
                record.cycle(core.stage, phase, step)
            for left in range(phase.drain, 0, -1):
                state = next(following, None) if left == 1 else None
                entered = state(core) if state else None  # it reads its first row in this cycle
                _clock(phase, pipe, None)
                record.cycle(core.stage, phase, step)


def _states(core: Core, *, is_last: bool) -> tuple[Callable[[Core], Phase], ...]:
    """Return the states that a stage goes through after setup in one time step (C8, C9)."""
    if core.stage.is_readout and not is_last:
        return (Accumulate,)
    sums = (Accumulate,) if core.stage.is_folded else (Accumulate, Inhibit)
    if core.stage.is_readout:
        return *sums, Output
    division = core.layer.division
    if division.zero_policy == "minimum":
        return *sums, Minimum, Update
    return *sums, Update


def _clock(phase: Phase, pipe: deque[Operation | None], operation: Operation | None) -> None:
    """Move the pipeline by one cycle: one operation enters, what leaves takes effect."""
    pipe.append(operation)
    leaving = pipe.popleft()
    if leaving is not None:
        phase.retire(leaving)


class _Record:
    """Collects what the core did."""

    def __init__(self, program: Program) -> None:
        steps = program.circuit.steps
        self.program = program
        self.cycles: dict[str, dict[str, Int]] = {stage.name: {} for stage in program.stages}
        self.steps = steps
        self.spikes: dict[str, list[Array]] = {}
        self.membranes: dict[str, list[Int]] = {}
        self.logits: list[int] = []

    def cycle(self, stage: Stage, phase: Phase, step: int) -> None:
        by_phase = self.cycles[stage.name]
        by_phase.setdefault(phase.name, np.zeros(self.steps, np.int64))[step] += 1

    def memories(self, machine: StateMachine, stage: Stage) -> None:
        if stage.is_readout:
            return
        shape = self.program.circuit.shapes[stage.lif]
        membranes = membranes_of(machine.memories, stage, self.program.target.core.update_lanes)
        spikes = spikes_of(machine.memories, stage)
        self.spikes.setdefault(stage.lif, []).append(spikes.reshape(shape))
        self.membranes.setdefault(stage.lif, []).append(membranes.reshape(shape))

    def run(self) -> CoreRun:
        return CoreRun(
            cycles=self.cycles,
            spikes={name: np.stack(values) for name, values in self.spikes.items()},
            membranes={name: np.stack(values) for name, values in self.membranes.items()},
            totals=np.array(self.logits, np.int64),
        )


def run_core(program: Program, sample: Array) -> CoreRun:
    """Run one sample on a core that was just loaded."""
    return StateMachine(program).run(sample)

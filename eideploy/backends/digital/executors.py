"""Programs beside the simulators that run what a build holds, one entry for each artefact."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from eideploy.backends import digital, formats
from eideploy.backends.digital.build import Build
from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.jobs.board import BoardRun, require_runnable
from eideploy.backends.digital.jobs.rtl import ARTEFACT, is_simulator_kept, rtl_run
from eideploy.backends.digital.options import Running
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.rtl import tools
from eideploy.backends.executor import SUMS, Executor, Run
from eideploy.backends.protocol import Format
from eideploy.circuit import Array, Circuit
from eideploy.execute.integer import logits_of
from eideploy.execute.trace import Trace

# Of a build only where the program is its own.
Open = Callable[[Build | None, Program, Running], Run]


class Beside:
    """Runs samples once more, batch by batch as the simulator does, and counts what differs."""

    def __init__(self, run: Run, circuit: Circuit, samples: Array) -> None:
        self.run, self.circuit, self.samples = run, circuit, samples
        self.at = self.logits = self.predictions = 0

    def add(self, trace: Trace) -> Trace:
        """Return the simulator's trace of the next batch with the sums and logits found here."""
        until = self.at + len(trace.totals)
        totals = self.run(self.samples[self.at : until])
        self.at = until
        self.logits += int((totals != trace.totals).sum())
        self.predictions += int((totals.argmax(1) != trace.totals.argmax(1)).sum())
        return replace(trace, totals=totals, logits=logits_of(self.circuit, totals))


def _state_machine(build: Build) -> Run:
    machine = StateMachine(build.program)
    return lambda samples: np.stack([machine.run(sample).totals for sample in samples])


def _verilator(build: Build) -> Run:
    return rtl_run(build, build.program, strict=True)


def of_rtl(folder: Path) -> Executor:
    """Return what runs SystemVerilog of a user's on a build's images."""
    return Executor(
        name=f"{folder} in Verilator",
        artefact=ARTEFACT,
        equals=SUMS,
        open=lambda build: rtl_run(build, build.program, strict=True, rtl=folder),
        mode="every spike and cycle",
    )


def _rtl(build: Build | None, program: Program, _: Running) -> Run:
    return rtl_run(build, program)


def _board(build: Build | None, _: Program, running: Running) -> Run:
    assert build is not None  # require_runnable has refused anything else
    return BoardRun(build, port=running.port, emulate=running.emulate)


def _by_format(
    build: Build | None, program: Program, _: Running, *, by: Format, executor: str
) -> Run:
    return by.run(program.circuit, build, executor)


EXECUTORS: tuple[Executor, ...] = (
    Executor(
        name="core, cycle by cycle",
        artefact=digital.INTEGER,
        equals=SUMS,
        open=_state_machine,
        most=2,
    ),
    Executor(
        name="Verilator",
        artefact=ARTEFACT,
        equals=SUMS,
        open=_verilator,
        written="its README.md says why",
        commands=tools.VERILATE,
        mode="every spike and cycle",
        most=16,
        ready=lambda build: is_simulator_kept(build.program),
    ),
    *(executor for one in formats.every() for executor in one.checks()),
)
# What simulate --executor runs beside the simulator.
BESIDE: dict[str, Open] = {
    **{
        name: partial(_by_format, by=one, executor=name)
        for name, one in formats.executors().items()
    },
    "rtl": _rtl,
    "board": _board,
}


def require_run(executor: str, source: object, running: Running) -> None:
    """Refuse a run or a build that an executor does not run, before a run is compiled for it."""
    if executor == "board":
        require_runnable(source, port=running.port, emulate=running.emulate)


def beside_of(executor: str, source: object, program: Program, running: Running) -> Run:
    """Return what runs a program beside the simulator, by the files of its build if it has any."""
    build = source if isinstance(source, Build) and source.program is program else None
    return BESIDE[executor](build, program, running)

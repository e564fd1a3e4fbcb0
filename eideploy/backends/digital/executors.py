"""Programs beside the simulators that run what a build holds, one entry for each artefact."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

import numpy as np

from eideploy.backends import digital, onnx
from eideploy.backends.catalogue import nir_file
from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.jobs.rtl import ARTEFACT, is_simulator_kept, rtl_run
from eideploy.backends.digital.rtl import tools
from eideploy.circuit import Array, Circuit
from eideploy.circuit.forms import DIALECTS
from eideploy.errors import UsageError
from eideploy.execute.integer import logits_of
from eideploy.execute.trace import Trace
from eideploy.folders import Build
from eideploy.program import Program

Kind = Literal["integer", "float", "plain"]
Run = Callable[[Array], Array]  # samples (B, ...) or (B, T, ...) to (B, classes)
Open = Callable[[Build | None, Program], Run]
ONNXRUNTIME = "onnxruntime", "onnx"  # the package that runs, and what it needs
NIRTORCH = "nirtorch", "nir"
OPENVINO = "openvino", "onnx"


@dataclass(frozen=True, kw_only=True)
class Executor:
    """A program that runs one artefact.

    name      as people read it
    artefact  the file of a build that it runs; `*` stands for a part of several names
    kind      "integer": puts out the readout's sums (A12), to equal those of the integer simulator;
              "float": puts out logits, to equal those of the float reference
              "plain": ... of the network that divides by constants
    open      reads the artefact of a build, and returns what runs it
    packages  what has to be installed, of Python
    commands  ... and of programs
    mode      how it is run, where it can be in several ways
    most      how many samples it is given at most; None: all
    refuses   why it cannot run what this very build holds; "" if it can
    ready     whether nothing has to be built for minutes before it runs
    """

    name: str
    artefact: str
    kind: Kind
    open: Callable[[Build], Run]
    packages: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    mode: str = ""
    most: int | None = None
    refuses: Callable[[Build], str] = lambda _: ""
    ready: Callable[[Build], bool] = lambda _: True

    @property
    def missing(self) -> str:
        """Why it cannot run here; "" if it can."""
        absent = tools.missing(self.commands)
        return f"{' and '.join(absent)} not installed" if absent else missing(self.packages)

    @property
    def label(self) -> str:
        """Its name, with its version and mode."""
        versions = [installed(package) for package in self.packages[:1]]
        return " ".join(filter(None, [self.name, *versions])) + (self.mode and f", {self.mode}")


def onnx_run(build: Build | None, program: Program) -> Run:
    """Return what runs an integer program in onnxruntime: the build's own file where it is of it.

    Raises:
        UsageError: onnxruntime is not installed.
        FormatError: onnxruntime does not take the file.
    """
    if lack := missing(ONNXRUNTIME):
        raise UsageError(lack, where="--executor onnx", fix="pip install 'eideploy[onnx]'")
    if build is not None and program is build.program and build.holds(onnx.INTEGER):
        return _onnxruntime(build, onnx.INTEGER)
    from eideploy.backends.onnx.runtime import onnxruntime_run
    from eideploy.backends.onnx.writer import integer_model

    data = integer_model(program.circuit, {}).SerializeToString()
    return onnxruntime_run(data, program.circuit, where="the program, written as ONNX in passing")


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


def missing(packages: tuple[str, ...]) -> str:
    """Return which of `packages` are not installed, as a sentence; "" if all are."""
    absent = [package for package in packages if not installed(package)]
    return f"{' and '.join(absent)} not installed" if absent else ""


def installed(package: str) -> str:
    """Return the version of a package, "" if it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _onnxruntime(build: Build, artefact: str, *, optimised: bool = True) -> Run:
    from eideploy.backends.onnx.runtime import onnxruntime_run

    data, where = _model(build, artefact)
    return onnxruntime_run(data, build.circuit, where=where, optimised=optimised)


def _openvino(build: Build) -> Run:
    from eideploy.backends.onnx.runtime import openvino_run

    data, where = _model(build, onnx.INTEGER)
    return openvino_run(data, build.circuit, where=where)


def _too_wide(build: Build) -> str:
    from eideploy.backends.onnx.words import words_of

    _, reason = words_of(build.program.circuit)
    return reason and f"OpenVINO has no 64-bit integers, and {reason}"


def _onnx_reference(build: Build, artefact: str) -> Run:
    from eideploy.backends.onnx.runtime import reference_run

    data, where = _model(build, artefact)
    return reference_run(data, build.circuit, where=where)


def _model(build: Build, artefact: str) -> tuple[bytes, str]:
    """Return a build's model, once it is found to ask for no more than one of its circuit does."""
    from eideploy.backends.onnx.skeleton import check_work
    from eideploy.backends.onnx.writer import float_model, integer_model

    path = build.folder / artefact
    data = path.read_bytes()
    is_float = artefact == onnx.FLOAT
    expected = (
        float_model(build.circuit, {}) if is_float else integer_model(build.program.circuit, {})
    )
    check_work(data, expected, where=str(path))
    return data, str(path)


def _nirtorch(build: Build, artefact: str) -> Run:
    from eideploy.backends.nir.torch_map import nirtorch_run

    return nirtorch_run(build.folder / artefact, build.circuit)


def _state_machine(build: Build) -> Run:
    machine = StateMachine(build.program)
    return lambda samples: np.stack([machine.run(sample).totals for sample in samples])


def _verilator(build: Build) -> Run:
    return rtl_run(build, build.program, strict=True)


def _onnx(artefact: str, kind: Kind) -> tuple[Executor, ...]:
    """Return what runs a model."""
    ways: tuple[tuple[str, str, Callable[..., Run], tuple[str, ...]], ...] = (
        ("onnxruntime", "", _onnxruntime, ONNXRUNTIME),
        ("onnxruntime", "unoptimised", partial(_onnxruntime, optimised=False), ONNXRUNTIME),
        ("onnx", "reference evaluator", _onnx_reference, ("onnx",)),
    )
    return tuple(
        Executor(
            name=name,
            mode=mode,
            artefact=artefact,
            kind=kind,
            open=partial(run, artefact=artefact),
            packages=packages,
        )
        for name, mode, run, packages in ways
    )


EXECUTORS: tuple[Executor, ...] = (
    Executor(
        name="core, cycle by cycle",
        artefact=digital.INTEGER,
        kind="integer",
        open=_state_machine,
        most=2,
    ),
    Executor(
        name="Verilator",
        artefact=ARTEFACT,
        kind="integer",
        open=_verilator,
        commands=tools.VERILATE,
        mode="every spike and cycle",
        most=16,
        ready=lambda build: is_simulator_kept(build.program),
    ),
    *_onnx(onnx.FLOAT, "float"),
    *_onnx(onnx.INTEGER, "integer"),
    Executor(
        name="OpenVINO",
        artefact=onnx.INTEGER,
        kind="integer",
        open=_openvino,
        packages=OPENVINO,
        refuses=_too_wide,
    ),
    *(
        Executor(
            name="nirtorch",
            artefact=nir_file(dialect),
            kind="plain" if dialect == "plain" else "float",
            open=partial(_nirtorch, artefact=nir_file(dialect)),
            packages=NIRTORCH,
        )
        for dialect in DIALECTS
    ),
)
# What simulate --executor runs beside the simulator.
BESIDE: dict[str, Open] = {"onnx": onnx_run, "rtl": rtl_run}

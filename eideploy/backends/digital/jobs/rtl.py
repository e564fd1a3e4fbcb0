"""The core's SystemVerilog beside the simulator, on the memories of a build.

What is run is the core, testbench and Makefile that are installed with this tool, or SystemVerilog
that a user names. Of a build only data is taken: its program, and the images of its memories.
"""

from dataclasses import asdict
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any
from weakref import finalize

import numpy as np

from eideploy.backends.digital.build import Build
from eideploy.backends.digital.bundle import (
    IMAGES,
    package_file,
    take_images,
    take_rtl,
    write_bundle,
    write_core,
)
from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.parameters import shape_of
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.rtl.bench import Manner, run_bundle
from eideploy.backends.digital.rtl.build import is_kept
from eideploy.backends.digital.rtl.compare import Differences, differences, first_difference
from eideploy.backends.digital.rtl.trace import PHASES
from eideploy.circuit import Array
from eideploy.errors import CapacityError, DataError, UsageError
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import KEEP_ALL
from eideploy.files import temporary_files
from eideploy.progress import bar
from eideploy.report.text import counted, table

ARTEFACT = f"{IMAGES}/*.hex"
# Of how many times the cycles that it should take a core is stuck: one that a user has changed may
# spike far more.
PATIENCE, LONGER = 2, 64


class RtlRun:
    """Runs samples through the core in Verilator, and compares all that it does.

    differences  from the integer simulator and the cycle formula, of all samples so far
    cycles       by stage and phase, (phases,), summed over samples and steps
    """

    def __init__(
        self,
        program: Program,
        build: Path | None,
        *,
        strict: bool = False,
        rtl: Path | None = None,
    ) -> None:
        self.program, self.strict = program, strict
        self.patience = PATIENCE if rtl is None else LONGER
        self.where = str(build or program.target.source)
        self.differences: Differences | None = None
        self.cycles = {stage.name: np.zeros(len(PHASES), np.int64) for stage in program.stages}
        with temporary_files():
            self.bundle = Path(mkdtemp(prefix="eideploy-core-"))
            finalize(self, rmtree, self.bundle, ignore_errors=True)
            write_bundle(program, self.bundle)
        if build is not None:
            take_images(build, self.bundle)
        if rtl is not None:
            take_rtl(rtl, self.bundle)

    def __call__(self, samples: Array) -> Array:
        """Return the sums (B, classes) that the core puts out.

        Raises:
            DataError: the core cannot be built or is stuck; or, if `strict`, anything differs.
        """
        expected = run_integer(self.program.circuit, samples, keep=KEEP_ALL)
        # Nothing makes the core wait, so the formula is exact: far beyond it, an image is at fault.
        longest = int(count_cycles(self.program, expected).per_inference.max())
        try:
            with bar("rtl", len(samples)) as advance, temporary_files():
                trace = run_bundle(
                    self.program,
                    self.bundle,
                    samples,
                    manner=Manner(limit=self.patience * longest + 1000),
                    on_sample=lambda: advance(1, ""),
                )
        except DataError as error:  # the folder that it names is gone when it is read
            raise DataError(error.what, where=self.where, fix=error.fix) from error
        batch = differences(self.program, trace, expected)
        if self.strict and batch.total:
            first = first_difference(self.program, trace, expected)
            what = f"the core differs, first at {first}; {_said(batch)}" if first else _said(batch)
            raise DataError(what, where=self.where, fix="report it")
        self.differences = batch if self.differences is None else self.differences + batch
        for name, phases in trace.phases.items():
            self.cycles[name] += np.array([phases[phase].sum() for phase in PHASES])
        return trace.totals

    @property
    def differing(self) -> int:
        """How much differs in all."""
        return self.differences.total if self.differences else 0

    @property
    def content(self) -> dict[str, Any]:
        """What it found, for machines."""
        assert self.differences is not None  # it ran
        per_stage = {name: self._per_sample(cycles.sum()) for name, cycles in self.cycles.items()}
        return {
            "rtl": {
                "simulator": tools.version("verilator"),
                "differences": asdict(self.differences),
                "cycles_per_inference": sum(per_stage.values()),
                "cycles_per_stage": per_stage,
            }
        }

    @property
    def text(self) -> str:
        """What it found, to read."""
        assert self.differences is not None
        rows = [
            [name, *(f"{self._per_sample(n):,.0f}" for n in (*cycles, cycles.sum()))]
            for name, cycles in self.cycles.items()
        ]
        total = sum(cycles.sum() for cycles in self.cycles.values())
        return "\n".join(
            [
                f"{tools.version('verilator')}, {counted(self.differences.samples, 'sample')}: "
                f"{_said(self.differences)}",
                "",
                table(["cycles per inference", *PHASES, "all"], rows),
                f"in all  {self._per_sample(total):,.0f} cycles",
            ]
        )

    def _per_sample(self, cycles: int) -> float:
        assert self.differences is not None
        return float(cycles) / self.differences.samples


def rtl_run(
    build: Build | None, program: Program, *, strict: bool = False, rtl: Path | None = None
) -> RtlRun:
    """Return what runs a program's core, on the images of its build where it stands in one.

    `rtl` is a folder of SystemVerilog to run in place of the core's.

    Raises:
        UsageError: Verilator, make or g++ is not installed.
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
        FormatError: an image that is none of the program's memory.
    """
    tools.require(tools.VERILATE, where="--executor rtl")
    own = build is not None and build.holds(ARTEFACT)
    return RtlRun(program, build.folder if own and build else None, strict=strict, rtl=rtl)


def require_rtl(program: Program, folder: Path) -> None:
    """Refuse a folder that holds no SystemVerilog of a program's core.

    Raises:
        UsageError: it has no package of the core's sizes; or Verilator is not installed.
    """
    tools.require(tools.VERILATE, where="--rtl")
    package = package_file(program.target.core.module)
    if not (folder / package).is_file():
        raise UsageError(
            f"{folder} has no {package}",
            where="--rtl",
            fix="name a folder with the files of the build's rtl/, e.g. a copy of it",
        )


def is_simulator_kept(program: Program) -> bool:
    """Return whether the simulator of a program's core has been built before."""
    try:
        with temporary_files(), TemporaryDirectory(prefix="eideploy-core-") as name:
            write_core(shape_of(program), Path(name))
            return is_kept(Path(name))
    except CapacityError:
        return False


def _said(batch: Differences) -> str:
    parts = [
        counted(batch.spikes, "spike"),
        counted(batch.membranes, "membrane"),
        counted(batch.logits, "logit"),
        counted(batch.cycle_counts, "cycle count"),
    ]
    order = "rows written out of order" if batch.order else "every row written in order"
    return f"{', '.join(parts)} differ; {order}"

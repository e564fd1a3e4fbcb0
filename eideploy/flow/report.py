"""Job: a build's dividers side by side: accuracy, cycles, energy by counting, cells by yosys."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends.digital.parameters import DIVIDERS, shape_of
from eideploy.errors import UsageError
from eideploy.flow.result import Result
from eideploy.flow.samples import samples_of
from eideploy.flow.simulate import divided_by
from eideploy.folders import Build, load_build
from eideploy.numeric.division import named
from eideploy.program import Program
from eideploy.progress import bar, note
from eideploy.report.compare import compare
from eideploy.report.energy import PICOJOULES, SOURCE, Energy, estimate
from eideploy.report.text import counted, percent, table
from eideploy.rtl import tools
from eideploy.rtl.synthesis import KINDS, TOOLS, Cells, fitted, require_router, synthesise
from eideploy.simulate.cycles import CYCLE_KINDS, count_cycles
from eideploy.simulate.integer import run_integer

SAMPLES = 128


@dataclass(frozen=True, kw_only=True)
class Request:
    """Which build to report on; the defaults are those of the command line."""

    folder: Path | None = None
    samples: int | None = None  # None: 128
    input: Path | None = None
    data_dir: Path | None = None
    synth: str | None = None  # a family of synthesis.FAMILIES
    fmax: bool = False  # place and route it, too, with memories as deep as the network takes


@dataclass(frozen=True, kw_only=True)
class Row:
    """A divider: what the build's network makes of it, and what its core takes."""

    division: str
    accuracy: float | None
    agreement: float
    cycles: float
    energy: Energy
    cells: Cells | None


def report(request: Request) -> Result:
    """Compare all dividers that the build's target offers and the SystemVerilog has.

    Raises:
        UsageError: no build; yosys is asked for and not installed.
        FormatError: a damaged build.
        DataError: samples that do not fit the network; a core that yosys does not take.
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
    """
    if request.fmax:
        require_router(request.synth or "")
    if request.synth:
        tools.require(TOOLS, where="--synth")
    build = _build(request.folder)
    dividers = [m for m in DIVIDERS if m in build.program.target.divider]
    with bar("report", len(dividers)) as advance:
        rows = []
        for method in dividers:
            advance(0, method)
            rows.append(_row(request, build, _program(build.program, method)))
            advance(1, method)
    content: dict[str, Any] = {"build": str(build.folder), "rows": [asdict(row) for row in rows]}
    return Result(text=_text(build, request, rows), content=content)


def _build(folder: Path | None) -> Build:
    found = folder or folders.latest_build("digital")
    if found is None or folders.kind_of(found) != folders.BUILD:
        raise UsageError(
            "there is no build to report on", where=str(found or f"folder {folders.BUILDS}"),
            fix="make one: eideploy compile --target digital",
        )  # fmt: skip
    if folder is None:
        note(f"using {found}, the latest build")
    return load_build(found)


def _program(program: Program, method: str) -> Program:
    own = program.division.divider
    return program if own.method == method else divided_by(program, named(method))


def _row(request: Request, build: Build, program: Program) -> Row:
    samples, labels = samples_of(
        build, input_file=request.input, split=None, count=request.samples or SAMPLES,
        data_dir=request.data_dir,
    )  # fmt: skip
    found = compare(build.circuit, program, samples, labels)
    cycles = count_cycles(program, run_integer(program.circuit, samples, keep=CYCLE_KINDS))
    return Row(
        division=program.division.divider.label,
        accuracy=found.integer_accuracy,
        agreement=found.agreement,
        cycles=float(cycles.per_inference.mean()),
        energy=estimate(program, cycles),
        cells=_cells(request, program) if request.synth else None,
    )


def _cells(request: Request, program: Program) -> Cells:
    shape = shape_of(program)
    if request.fmax:
        shape = replace(shape, target=fitted(shape.target, program.uses))
    return synthesise(shape, family=request.synth or "", route=request.fmax)


def _text(build: Build, request: Request, rows: list[Row]) -> str:
    cells = [kind.replace("_", " ") for kind in KINDS] if request.synth else []
    head = ["division", "accuracy", "agreement", "cycles", "nJ, estimated", *cells]
    lines = [
        [
            row.division,
            "-" if row.accuracy is None else percent(row.accuracy),
            percent(row.agreement),
            f"{row.cycles:,.0f}",
            f"{row.energy.total:,.0f}",
            *([] if row.cells is None else [f"{n}" for n in row.cells.kinds.values()]),
            *([] if row.cells is None else [f"{row.cells.depth}"]),
            *([f"{row.cells.fmax_mhz:.1f}"] if row.cells and row.cells.fmax_mhz else []),
        ]
        for row in rows
    ]
    own = next(r for r in rows if r.division == build.program.division.divider.label)
    shares = ", ".join(f"{name} {own.energy.nanojoules[name]:,.0f} nJ" for name in PICOJOULES)
    said = [
        f"report on build {build.folder}, {counted(request.samples or SAMPLES, 'sample')}",
        "",
        table([*head, *["longest path"] * bool(request.synth), *["MHz"] * request.fmax], lines),
        "",
        f"energy of {own.division}: {shares}",
        f"  counts of operations and memory accesses times a table ({SOURCE}): an estimate",
    ]
    if request.synth:
        core = "core, its memories cut to what the network takes," if request.fmax else "whole core"
        said.append(f"cells of the {core} for {request.synth}, by {tools.version('yosys')}")
    if request.fmax:
        said.append("MHz: the clock that nextpnr reaches on an ECP5 (85k, speed grade 6), no pins")
    return "\n".join(said)

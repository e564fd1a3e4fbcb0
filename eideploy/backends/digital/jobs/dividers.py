"""A build's dividers side by side: accuracy, cycles, energy by counting, cells by yosys."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from eideploy.backends.digital.jobs.simulate import divided_by
from eideploy.backends.digital.parameters import DIVIDERS, shape_of
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.rtl.synthesis import KINDS, Cells, fitted, synthesise
from eideploy.circuit import Array
from eideploy.divisions import named
from eideploy.execute.cycles import CYCLE_KINDS, count_cycles
from eideploy.execute.integer import run_integer
from eideploy.folders import Build
from eideploy.program import Program
from eideploy.report.text import counted, percent, table
from eideploy.validate.compare import compare
from eideploy.validate.energy import PICOJOULES, SOURCE, Energy, estimate


@dataclass(frozen=True, kw_only=True)
class Synthesis:
    """What to count cells of: a core for a family of `synthesis.FAMILIES`, routed or not."""

    family: str
    route: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A divider: what the build's network makes of it, and what its core takes.

    milliseconds  of a mean inference, at the clock that its core was routed for; None without one
    """

    division: str
    accuracy: float | None
    agreement: float
    cycles: float
    energy: Energy
    cells: Cells | None
    milliseconds: float | None


def compared(
    build: Build,
    samples: Array,
    labels: Array | None,
    synthesis: Synthesis | None,
    *,
    advance: Callable[[int, str], None],
) -> list[Row]:
    """Compare all dividers that the build's target offers and the SystemVerilog has.

    Raises:
        DataError: samples that do not fit the network; a core that yosys does not take.
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
    """
    rows = []
    for method in methods(build):
        advance(0, method)
        rows.append(_row(build, _program(build.program, method), samples, labels, synthesis))
        advance(1, method)
    return rows


def methods(build: Build) -> list[str]:
    """Return the dividers that the build's target offers and the SystemVerilog has.

    A network that does not divide has one.
    """
    divides, offered = build.program.division.divider.divides, build.program.target.divider
    return [m for m, kind in DIVIDERS.items() if m in offered and kind.divides == divides]


def _program(program: Program, method: str) -> Program:
    own = program.division.divider
    return program if own.method == method else divided_by(program, named(method))


def _row(
    build: Build,
    program: Program,
    samples: Array,
    labels: Array | None,
    synthesis: Synthesis | None,
) -> Row:
    found = compare(build.circuit, program, samples, labels)
    cycles = count_cycles(program, run_integer(program.circuit, samples, keep=CYCLE_KINDS))
    cells = None if synthesis is None else _cells(synthesis, program)
    mean = float(cycles.per_inference.mean())
    return Row(
        division=program.division.divider.label,
        accuracy=found.integer_accuracy,
        agreement=found.agreement,
        cycles=mean,
        energy=estimate(program, cycles),
        cells=cells,
        milliseconds=mean / (1000 * cells.fmax_mhz) if cells and cells.fmax_mhz else None,
    )


def _cells(synthesis: Synthesis, program: Program) -> Cells:
    shape = shape_of(program)
    if synthesis.route:
        shape = replace(shape, target=fitted(shape.target, program.uses))
    return synthesise(shape, family=synthesis.family, route=synthesis.route)


def dividers_text(
    build: Build, rows: list[Row], *, samples: int, synthesis: Synthesis | None
) -> str:
    """Return the rows as a table, with what the energy consists of; "" without rows."""
    if not rows:
        return ""
    cells = [kind.replace("_", " ") for kind in KINDS] if synthesis else []
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
            *([f"{row.milliseconds:.3g}"] if row.milliseconds else []),
        ]
        for row in rows
    ]
    routed = synthesis is not None and synthesis.route
    label = build.program.division.divider.label
    own = next((row for row in rows if row.division == label), rows[0])
    shares = ", ".join(f"{name} {own.energy.nanojoules[name]:,.0f} nJ" for name in PICOJOULES)
    said = [
        f"report on build {build.folder}, {counted(samples, 'sample')}",
        "",
        table([*head, *["longest path"] * bool(synthesis), *["MHz", "ms"] * routed], lines),
        "",
        f"energy of {own.division}: {shares}",
        f"  counts of operations and memory accesses times a table ({SOURCE}): an estimate",
    ]
    if synthesis:
        core = "core, its memories cut to what the network takes," if routed else "whole core"
        said.append(f"cells of the {core} for {synthesis.family}, by {tools.version('yosys')}")
    if routed:
        said.append(
            "MHz: the clock that nextpnr reaches on an ECP5 (85k, speed grade 6), one seed, no "
            "pins; ms: a mean inference at that clock"
        )
    return "\n".join(said)

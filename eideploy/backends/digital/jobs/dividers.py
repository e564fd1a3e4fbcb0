"""A build's dividers side by side: accuracy, cycles, energy by counting, cells by yosys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from eideploy.backends.digital.build import Build
from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.fit import fitted
from eideploy.backends.digital.jobs.simulate import divided_by
from eideploy.backends.digital.parameters import DIVIDERS, shape_of
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.rtl.synthesis import Cells, synthesise
from eideploy.backends.digital.validate.compare import compare
from eideploy.backends.digital.validate.energy import PICOJOULES, SOURCE, Energy, estimate
from eideploy.circuit import Array
from eideploy.divisions import named
from eideploy.execute.integer import run_integer
from eideploy.report.sections import Bar, Cell, Table
from eideploy.report.text import counted, percent, plain


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
    comparison = compare(build.circuit, program, samples, labels)
    cycles = count_cycles(program, run_integer(program.circuit, samples, keep=CYCLE_KINDS))
    cells = None if synthesis is None else _cells(synthesis, program)
    mean = float(cycles.per_inference.mean())
    return Row(
        division=program.division.divider.label,
        accuracy=comparison.integer_accuracy,
        agreement=comparison.agreement,
        cycles=mean,
        energy=estimate(program, cycles),
        cells=cells,
        milliseconds=mean / (1000 * cells.fmax_mhz) if cells and cells.fmax_mhz else None,
    )


def _cells(synthesis: Synthesis, program: Program) -> Cells:
    cut = replace(program, target=fitted(program)) if synthesis.route else program
    return synthesise(shape_of(cut), family=synthesis.family, route=synthesis.route)


def dividers_text(
    build: Build, rows: list[Row], *, samples: int, synthesis: Synthesis | None
) -> str:
    """Return the rows as a table, with what the energy consists of; "" without rows."""
    if not rows:
        return ""
    routed = synthesis is not None and synthesis.route
    label = build.program.division.divider.label
    own = next((row for row in rows if row.division == label), rows[0])
    shares = ", ".join(f"{name} {own.energy.nanojoules[name]:,.0f} nJ" for name in PICOJOULES)
    lines = [
        f"report on build {build.folder}: the divisions of its target, on "
        f"{counted(samples, 'sample')}",
        "",
        plain(divider_table(rows, samples=samples)),
        "",
        f"energy of {own.division}: {shares}",
        f"  counts of operations and memory accesses times a table ({SOURCE}): an estimate",
    ]
    if synthesis:
        core = "core, cut to the network as by compile --fit," if routed else "whole core"
        lines.append(f"cells of the {core} for {synthesis.family}, by {tools.version('yosys')}")
    if routed:
        lines.append(
            "MHz: the clock that nextpnr reaches on an ECP5 (85k, speed grade 6), one seed, no "
            "pins; ms: a mean inference at that clock"
        )
    return "\n".join(lines)


def divider_table(rows: Sequence[Row], *, samples: int) -> Table:
    """Return the rows as a table; cells and clock stand in it where they were counted."""
    cells = rows[0].cells
    head = ["division", "accuracy", "agreement", "cycles", "nJ, estimated"]
    if cells is not None:
        head += [*(kind.replace("_", " ") for kind in cells.kinds), "longest path"]
        head += ["MHz", "ms"] if cells.fmax_mhz else []
    clock = " ms: a mean inference at that clock." if "ms" in head else ""
    return Table(
        title="What the target offers",
        head=head,
        rows=[[row.division, *_figures(row), *_counted(row)] for row in rows],
        key="dividers",
        caption=f"{counted(samples, 'sample')}. Energy is an estimate: counts of operations and "
        "memory accesses times the table of Horowitz, ISSCC 2014 (45 nm, 0.9 V); no "
        f"measurement.{clock}",
    )


def _figures(row: Row) -> list[Cell]:
    accuracy = row.accuracy
    return [
        "-" if accuracy is None else Bar(text=percent(accuracy), share=accuracy),
        percent(row.agreement),
        f"{row.cycles:,.0f}",
        f"{row.energy.total:,.0f}",
    ]


def _counted(row: Row) -> list[Cell]:
    """Return the cells of a row's core, by kind, and its clock."""
    if row.cells is None:
        return []
    clock = [f"{row.cells.fmax_mhz:.1f}"] if row.cells.fmax_mhz else []
    spent = [f"{row.milliseconds:.3g}"] if row.milliseconds else []
    return [*map(str, row.cells.kinds.values()), str(row.cells.depth), *clock, *spent]

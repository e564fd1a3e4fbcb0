"""Results as text for people."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal

from eideploy.circuit.limits import limits
from eideploy.numeric.division import Undivided
from eideploy.program import Program
from eideploy.report.compare import Comparison, CycleSummary


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns: the first to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  " + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )  # fmt: skip


def percent(fraction: float, digits: int = 2) -> str:
    """Return a fraction as a percentage; what is not none or not all never reads as that."""
    shown = f"{100 * fraction:.{digits}f}"
    least = 10**-digits
    if fraction > 0 and float(shown) == 0:
        return f"< {least:.{digits}f} %"
    if fraction < 1 and float(shown) == 100:
        return f"> {100 - least:.{digits}f} %"
    return f"{shown} %"


def at_most(bound: float) -> str:
    """Return a bound as a percentage of three digits, rounded up so that it stays a bound."""
    shown = Context(prec=3, rounding=ROUND_CEILING).create_decimal(Decimal(bound) * 100)
    return f"{shown:f} %"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return e.g. "1 epoch" or "2 epochs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or f'{noun}s'}"


def division_text(program: Program) -> str:
    """Return how the program divides, its table's size and its bound."""
    divider, policy = program.division.divider, program.division.zero_policy
    if isinstance(divider, Undivided):
        return "none (the network has no shunting inhibition)"
    if divider.bound is None:
        return f"{divider.label} (no bound: a neuron's divisor is always the same)"
    size = f"{divider.entries} entries, {divider.stored_bits} bits, " if divider.entries else ""
    return (
        f"{divider.label} ({size}relative error of 1/I_div at most {at_most(divider.bound)}); "
        f"zero divisors: {policy}"
    )


def widths_text(program: Program) -> str:
    """Return the proven widths of every layer beside those offered."""
    offered = program.target.widths
    rows = [
        [
            name,
            f"{reach.accumulator_bits} / {offered.accumulator}",
            f"{reach.inhibition_bits} / {offered.inhibition}" if reach.inhibition else "-",
            f"{reach.divisor_bits} / {offered.divisor}" if reach.divisor else "-",
        ]
        for name, reach in limits(program.circuit).items()
    ]
    return table(["layer (bits needed / offered)", "NUM", "s_I", "DEN"], rows)


def uses_text(program: Program) -> str:
    """Return the resources used of those offered."""
    rows = [[u.resource, f"{u.used}", f"{u.offered}"] for u in program.uses]
    return table(["resource", "used", "offered"], rows)


def latency_lines(cycles: CycleSummary) -> list[str]:
    """Return a line that says how long the median inference takes, where the target has a clock."""
    if cycles.clock_hz is None or cycles.median_ms is None:
        return []
    clock = f"at {cycles.clock_hz / 1e6:g} MHz"
    return [f"latency {clock:<13} {cycles.median_ms:.3g} ms (median cycles)"]


def comparison_text(comparison: Comparison) -> str:
    """Return a comparison as a few lines and a table."""
    lines = []
    if comparison.float_accuracy is not None and comparison.integer_accuracy is not None:
        lines += [
            f"accuracy, float       {percent(comparison.float_accuracy)}",
            f"accuracy, integer     {percent(comparison.integer_accuracy)}",
        ]
    c = comparison.cycles
    dead = comparison.float_activity.why_dead or comparison.activity.why_dead
    constant = comparison.float_activity.constant or comparison.activity.constant
    agreement = (
        f"says nothing: {dead}"
        if constant
        else f"{percent(comparison.agreement)} of {counted(comparison.samples, 'sample')}"
    )
    equal = f"none, which says nothing: {dead}" if dead else "none: all spikes are equal"
    lines += [
        f"prediction agreement  {agreement}",
        f"cycles per inference  {c.least} min, {c.median:.0f} median, {c.most} max",
        *latency_lines(c),
        f"first diverging layer {comparison.first_diverging or equal}",
    ]
    head = ["layer", "spike rate", "spike mismatch", "zero divisors", "current saturated",
            "membrane saturated"]  # fmt: skip
    rows = [
        [
            layer.name,
            percent(layer.rate),
            percent(layer.mismatch, 3),
            percent(layer.zero_divisors),
            percent(layer.saturated_current, 3),
            percent(layer.saturated_membrane, 3),
        ]
        for layer in comparison.layers
    ]
    return "\n".join([*lines, "", table(head, rows)])

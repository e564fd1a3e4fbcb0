"""Results as text for people."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal

from eideploy.circuit.limits import limits
from eideploy.numeric.fixed import signed_bits, unsigned_bits
from eideploy.program import Program
from eideploy.validate.compare import Comparison, CycleSummary, InputComparison

FINER = (
    "compile with --calibrate-on and samples like these, or with more bits.input in a scheme of "
    "your own"
)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns: the first to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


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
    if not divider.divides:
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
    said = "the core has the bits offered; a spec of your own may be cut to those needed"
    return f"{table(['layer (bits needed / offered)', 'NUM', 's_I', 'DEN'], rows)}\n  {said}"


def uses_text(program: Program) -> str:
    """Return the resources used of those offered."""
    rows = [[u.resource, f"{u.used}", f"{u.offered}"] for u in program.uses]
    return f"{table(['resource', 'used', 'offered'], rows)}\n  {weight_memory_text(program)}"


def weight_memory_text(program: Program) -> str:
    """Return what the weights take of the core's memory: its words are as wide as the spec says."""
    use = next(use for use in program.uses if use.resource == "weight rows")
    bits = program.target.widths.weight
    row = program.target.core.lanes * bits
    used, offered = (rows * row / 8192 for rows in (use.used, use.offered))
    return (
        f"weight memory: {used:.1f} of {offered:g} KiB; a weight takes the {bits} bits of the "
        f"spec, of which this network uses {_weight_bits(program)}"
    )


def _weight_bits(program: Program) -> int:
    weights = [w for layer in program.circuit.layers for w in layer.projection.by_name.values()]
    return max(
        unsigned_bits(int(w.max())) if w.min() >= 0 else signed_bits(int(w.min()), int(w.max()))
        for w in weights
    )


def latency_line(cycles: CycleSummary) -> str:
    """Return how long the median inference takes by the clock that the spec states, if it does."""
    if cycles.clock_hz is None or cycles.median_ms is None:
        return "not stated: the spec has no clock; eideploy report --synth ecp5 --fmax measures one"
    clock = f"the {cycles.clock_hz / 1e6:g} MHz that the spec states"
    return f"{cycles.median_ms:.3g} ms in the median, at {clock}; not measured"


def input_text(source: InputComparison) -> str:
    """Return the input's full scale, by how much it is rounded, and how much of it saturates."""
    scale = f"0 to {source.step * source.levels:.3g} in {counted(source.levels, 'step')}"
    return (
        f"{scale}, rounded by {percent(source.rounding)}, {percent(source.saturated, 3)} saturated"
    )


def coarse_text(rounding: float) -> str:
    """Return what a coarse grid of the input does."""
    return f"the input's steps are coarse: rounding to them changes it by {percent(rounding)}"


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
        f"latency               {latency_line(c)}",
        f"first diverging layer {comparison.first_diverging or equal}",
        f"input                 {input_text(comparison.input)}",
    ]
    head = [
        "layer",
        "spike rate",
        "spike mismatch",
        "zero divisors",
        "current saturated",
        "membrane saturated",
    ]
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

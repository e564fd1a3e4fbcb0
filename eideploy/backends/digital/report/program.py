"""What is said of a program and its comparison with the float network."""

from collections.abc import Iterator, Sequence

from eideploy.backends.digital.fit import fitted
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.validate.compare import (
    Comparison,
    CycleSummary,
    InputComparison,
    LayerComparison,
)
from eideploy.circuit.limits import limits
from eideploy.flow.warning import IMPORTED, TRAINED, activity_warnings
from eideploy.report.text import at_most, counted, percent, table

FINER = (
    "compile with --calibrate-on and samples like these, or with more bits.input in a scheme of "
    "your own"
)
SATURATED = 0.05  # of currents or membranes; those far beyond the threshold do no harm
BITS = "choose a scheme of more bits, or calibrate on samples like those it will see"


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
    text = table(["layer (bits needed / offered)", "NUM", "s_I", "DEN"], rows)
    if fitted(program).widths == offered:
        return text
    return f"{text}\n  the core has the bits offered; --fit cuts it to those needed"


def uses_text(program: Program) -> str:
    """Return the resources used of those offered."""
    rows = [[u.resource, f"{u.used}", f"{u.offered}"] for u in program.uses]
    return f"{table(['resource', 'used', 'offered'], rows)}\n  {weight_memory_text(program)}"


def weight_memory_text(program: Program) -> str:
    """Return what the weights take of the core's memory: its words are as wide as the spec says."""
    use = next(use for use in program.uses if use.resource == "weight rows")
    bits = program.target.widths.weight
    core = program.target.core
    row = (core.lanes + core.lanes_i) * bits
    used, offered = (rows * row / 8192 for rows in (use.used, use.offered))
    return (
        f"weight memory: {used:.1f} of {round(offered, 1):g} KiB; a weight takes the {bits} bits "
        f"of the spec, of which this network uses {program.weight_bits}"
    )


def latency_line(cycles: CycleSummary) -> str:
    """Return how long the median inference takes by the clock that the spec states, if it does."""
    if cycles.clock_hz is None or cycles.median_ms is None:
        if cycles.unit != "cycles":
            return "not stated: the spec has no clock"
        return "not stated: the spec has no clock; eideploy report --synth ecp5 --fmax measures one"
    clock = f"the {cycles.clock_hz / 1e6:g} MHz that the spec states"
    if cycles.unit != "cycles":
        took = f"{cycles.median_ms:.3g} ms if each of the {cycles.unit} took one cycle"
        return f"not measured; {took}, at {clock}"
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
        f"{c.unit + ' per inference':<21} {c.least} min, {c.median:.0f} median, {c.most} max",
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


def comparison_warnings(comparison: Comparison, *, imported: bool) -> list[str]:
    """Return what is wrong with a network that was compared, in floats or else as integers.

    A grid of its input that is coarse, and currents and membranes that saturate, are told in any
    case.
    """
    own, on = (IMPORTED if imported else TRAINED), counted(comparison.samples, "sample")
    floats = activity_warnings(comparison.float_activity, f"in floats, on {on}", own)
    silent = floats or activity_warnings(comparison.activity, f"as integers, on {on}", BITS)
    warnings = [*silent, *saturation_warnings(comparison.layers)]
    coarse = f"{coarse_text(comparison.input.rounding)}: {FINER}"
    return [*warnings, coarse] if comparison.input.is_coarse else warnings


def saturation_warnings(layers: Sequence[LayerComparison]) -> Iterator[str]:
    """Yield which layers lose much of their currents, or of their membranes, and what to do."""
    for what in ("current", "membrane"):
        shares = {layer.name: getattr(layer, f"saturated_{what}") for layer in layers}
        most = {name: share for name, share in shares.items() if share > SATURATED}
        if most:
            of = ", ".join(f"{percent(share)} of those of {name}" for name, share in most.items())
            yield (
                f"{what}s saturate, {of}: calibrate on samples like those it will see, or raise "
                f"bits.{what} in a scheme of your own, for a target with as many bits"
            )

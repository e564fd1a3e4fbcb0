"""What the layers of a build do: spikes, currents, divisors, widths."""

from collections.abc import Mapping, Sequence
from typing import Any

from eideploy.backends.digital.validate.layers import DivisionError, Divisors, LayerStudy
from eideploy.backends.digital.validate.study import Study
from eideploy.report.charts import Counts, Lines, Steps
from eideploy.report.sections import Bar, Cell, Figure, Section, Table
from eideploy.report.text import at_most, counted, percent
from eideploy.validate.distribution import Bins, Histogram, density

Numbers = Mapping[str, Any]


def layer_section(
    study: Study, provenance: Numbers, initially: Mapping[str, Bins] | None
) -> list[Section]:
    """Return the sections on spikes, on currents and divisors, and on the division."""
    return [_spikes(study), _currents(study, initially or {}), *_division(study, provenance)]


def _spikes(study: Study) -> Section:
    layers, first = study.layers, study.first_diverging
    worst = max((layer.mismatch for layer in layers), default=0.0) or 1.0
    rows: list[list[Cell]] = [
        [
            layer.name + (" ← first" if layer.name == first else ""),
            Bar(text=percent(layer.mismatch, 3), share=layer.mismatch / worst),
            percent(layer.rate),
        ]
        for layer in layers
    ]
    parts: list[Table | Figure] = [
        Table(
            title="Spikes that differ from the float network's",
            head=["layer", "differ", "fire in a step"],
            rows=rows,
            key="layers",
            caption=f"{counted(study.samples, 'sample')}, all time steps; bars relative to "
            "the worst layer",
        )
    ]
    if len(layers[0].mismatch_by_step) > 1:
        parts += [
            Figure(
                title="Spikes that differ, by time step",
                chart=_by_step(layers, "mismatch_by_step", up="of all neurons"),
                key="layers.mismatch_by_step",
                samples=study.looked_at,
            ),
            Figure(
                title="Firing, by time step",
                chart=_by_step(layers, "rate_by_step", up="neurons that fire"),
                key="layers.rate_by_step",
                samples=study.looked_at,
            ),
        ]
    diverging = (
        f"The first layer to diverge is {first}." if first else "No layer diverges: all are equal."
    )
    return Section(id="spikes", title="Spikes", text=diverging, parts=parts)


def _currents(study: Study, initially: Mapping[str, Bins]) -> Section:
    parts: list[Table | Figure] = []
    for layer in study.layers:
        name, currents = layer.layer, layer.currents
        series = {"float": currents.float, "integer": currents.integer}
        parts.append(
            Figure(
                title=f"{name}: integrated current",
                chart=_driving(series),
                key="layers.currents",
                samples=study.looked_at,
                caption=_beyond(currents.float, layer.saturated_current),
            )
        )
        if name in initially:
            parts.append(
                Figure(
                    title=f"{name}: current at initialisation",
                    chart=_driving({"E-I Init": initially[name]}),
                    key=f"initially.{name}",
                    caption="before the first epoch of training",
                )
            )
        if layer.divisors is None:
            continue
        parts.append(
            Figure(
                title=f"{name}: shunting inhibition I_div",
                chart=Steps(series=_densities({"float": layer.divisors.float}), across="I_div"),
                key="layers.divisors",
                samples=study.looked_at,
                caption=f"{percent(layer.divisors.zeros)} are 0 and replaced; not drawn",
            )
        )
    return Section(
        id="currents",
        title="Currents and divisors",
        text="What drives the neurons of every layer, after the division, and what it is divided "
        "by. The paper's figure 4: Gaussian at initialisation, bimodal after training. Integers "
        f"are shown in the float network's units. {counted(study.looked_at, 'sample')}, all "
        "time steps.",
        parts=parts,
    )


def _beyond(bins: Histogram, saturated: float) -> str:
    """Return how much lies beyond what is drawn, and how much at the integers' ends."""
    outside = (bins.below + bins.above) / max(1, bins.values)
    remarks = [f"{percent(outside)} lie beyond what is drawn"] if outside else []
    remarks += [f"{percent(saturated)} of the integers are clipped"] if saturated else []
    return "; ".join(remarks)


def _division(study: Study, provenance: Numbers) -> list[Section]:
    parts: list[Table | Figure] = []
    for layer in study.layers:
        error = layer.division_error
        if error is not None and error.bound:
            parts.append(
                Figure(
                    title=f"{layer.layer}: error of the division",
                    chart=_division_errors(error),
                    key="layers.division_error",
                    samples=study.looked_at,
                    caption=f"largest observed {percent(error.largest, 4)}, bound "
                    f"{at_most(error.bound)}",
                )
            )
    if all(layer.divisors is None for layer in study.layers):
        return []
    if parts:
        text = (
            f"The error of {provenance['division']} on the numbers that were divided, before "
            "the quotient is rounded, beside its proven bound."
        )
    elif provenance["division_bound"] is None:
        text = f"{provenance['division']} has no bound: the divisor of a neuron is always the same."
    else:
        text = f"{provenance['division']} divides exactly; the quotient is rounded once."
    parts += [
        Figure(
            title=f"{layer.layer}: bits of the divisor",
            chart=_divisor_bits(layer.divisors),
            key="layers.divisors",
            samples=study.looked_at,
        )
        for layer in study.layers
        if layer.divisors is not None
    ]
    return [Section(id="division", title="Division", text=text, parts=parts)]


def _by_step(layers: Sequence[LayerStudy], key: str, *, up: str) -> Lines:
    """Return a fraction of every layer over the time steps."""
    lines = {layer.name: getattr(layer, key) for layer in layers}
    return Lines(lines=lines, across="time step", up=up, fractions=True)


def _densities(series: Mapping[str, Bins]) -> dict[str, tuple[Sequence[float], list[float]]]:
    return {name: (bins.edges, density(bins)) for name, bins in series.items()}


def _driving(series: Mapping[str, Bins]) -> Steps:
    """Return histograms of what drives neurons."""
    return Steps(series=_densities(series), across="current, thresholds", marks={"threshold": [1]})


def _division_errors(error: DivisionError) -> Steps:
    """Return the relative errors between the bounds."""
    bins, bound = error.histogram, error.bound
    shares = [n / max(1, bins.values) for n in bins.counts]
    return Steps(
        series={"": (bins.edges, shares)},
        across="relative error of the quotient",
        up="share of divisions",
        bounds={"bound": [-bound, bound]},
        percent="xy",
    )


def _divisor_bits(divisors: Divisors) -> Counts:
    """Return how many bits the divisors take, of those proven and offered."""
    total = max(1, sum(divisors.bits))
    return Counts(
        heights=[n / total for n in divisors.bits[1:]],
        first=1,
        across="bits of DEN",
        up="share",
        proven=divisors.proven_bits,
        offered=divisors.offered_bits,
        fractions=True,
    )


def width_section(study: Study) -> Section:
    """Return the section on widths and saturation."""
    whole = [row for row in study.widths if not row.saturates]
    clipped = [row for row in study.widths if row.saturates]
    clips = {layer.layer: layer.saturated_current for layer in study.layers}
    clips |= {layer.name: layer.saturated_membrane for layer in study.layers}
    return Section(
        id="widths",
        title="Widths and saturation",
        text="Accumulators are proven from the weights and the input range never to overflow. "
        "Where a number saturates by declaration, every clip is counted.",
        parts=[
            Table(
                title="Accumulators",
                head=["layer", "number", "bits needed", "bits offered"],
                caption="The core is built with the bits offered.",
                rows=[
                    [
                        row.layer,
                        row.number,
                        Bar(text=str(row.needed), share=row.needed / row.offered),
                        str(row.offered),
                    ]
                    for row in whole
                ],
                key="widths",
            ),
            Table(
                title="What saturates",
                head=["node", "number", "clipped", "bits kept", "bits for any input"],
                rows=[
                    [
                        row.layer,
                        {"c": "divided current", "u": "membrane"}[row.number],
                        Bar(text=percent(clips[row.layer], 3), share=clips[row.layer]),
                        str(row.offered),
                        str(row.needed),
                    ]
                    for row in clipped
                ],
                key="widths",
                caption=f"{counted(study.samples, 'sample')}",
            ),
        ],
    )

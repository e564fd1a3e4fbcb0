"""The page of a build, section by section, out of the numbers of its report."""

from collections.abc import Mapping
from typing import Any

from eideploy.backends.digital.report.accuracy import accuracy_section
from eideploy.backends.digital.report.inference import InputPicture, Output, Raster
from eideploy.backends.digital.report.layers import layer_section, width_section
from eideploy.backends.digital.report.pareto import Pareto
from eideploy.backends.digital.sweep.cells import COSTS
from eideploy.backends.digital.validate.study import CycleStudy, Study
from eideploy.report.charts import Steps, Waterfall
from eideploy.report.sections import (
    Bar,
    Cell,
    Figure,
    Notice,
    Page,
    Section,
    Table,
    Tile,
    footer,
    hash_table,
)
from eideploy.report.text import at_most, counted, percent
from eideploy.validate.distribution import Bins

Numbers = Mapping[str, Any]
TIMES = " \u00d7 "


def build_page(
    study: Study,
    content: Numbers,
    initially: Mapping[str, Bins] | None,
    dividers: Table | None,
    memory: Table | None = None,
) -> Page:
    """Return the page of a build.

    Args:
        study: what was measured.
        content: the whole of its report.json.
        initially: the currents before training, by layer, where they are known.
        dividers: the dividers side by side, where there are any.
        memory: the bytes of every layer, where it has no memories of its own.
    """
    provenance = content["provenance"]
    sections = [
        _compiled(content),
        accuracy_section(study, content),
        *layer_section(study, provenance, initially),
        width_section(study),
        _cycles(study, content.get("unit", "cycles")),
        _resources(study, provenance, memory),
        _dividers(dividers),
        _sweep(content),
        _inference(study),
    ]
    return Page(
        title=provenance["build"],
        subtitle=_subtitle(provenance),
        tiles=_tiles(study, content),
        notices=[Notice(**entry) for entry in content["advice"]],
        sections=[section for section in sections if section is not None],
        footer=footer(provenance),
    )


def _subtitle(provenance: Numbers) -> str:
    network, scheme = provenance["network"], provenance["scheme"]
    data = (
        f"{'trained on' if provenance['split'] else 'shown'} {provenance['data'] or 'unknown data'}"
    )
    return (
        f"{counted(len(network['layers']), 'layer')}, {network['neurons']:,} neurons, "
        f"{network['weights']:,} weights, {counted(network['steps'], 'time step')}; "
        f"{data}; compiled for {provenance['target']} ({provenance['target_description']}), "
        f"scheme {scheme['name']}, division {provenance['division']}"
    )


def _tiles(study: Study, content: Numbers) -> list[Tile]:
    accuracy, cycles = study.accuracy, study.cycles
    worst = max((layer.mismatch for layer in study.layers), default=0.0)
    ran = [row for row in content["executors"] if row["result"] != "not run"]
    equal = sum(row["result"] == "equal" for row in ran)
    tiles = []
    if accuracy.float is not None and accuracy.integer is not None:
        tiles = [
            Tile(value=percent(accuracy.float), name="accuracy, float"),
            Tile(value=percent(accuracy.integer), name="accuracy, integer"),
        ]
    return [
        *tiles,
        Tile(
            value="-" if accuracy.constant else percent(accuracy.agreement),
            name="predictions agree",
        ),
        Tile(value=percent(worst), name="spikes differ, worst layer"),
        Tile(
            value=f"{cycles.median:,.0f}",
            name=f"{content.get('unit', 'cycles')} per inference, median",
        ),
        Tile(
            value=f"{equal} of {len(ran)}",
            name="other programs equal",
            tone="good" if equal == len(ran) else "bad",
        ),
    ]


def _compiled(content: Numbers) -> Section:
    provenance = content["provenance"]
    bits = provenance["scheme"]["bits"]
    bound = provenance["division_bound"]
    facts = {
        "Network": " → ".join(layer["name"] for layer in provenance["network"]["layers"]),
        "Input": f"{TIMES.join(map(str, provenance['network']['input']))}, "
        f"{counted(provenance['network']['steps'], 'time step')}",
        "Run": provenance["run"],
        "Data": f"{provenance['data']}, {counted(provenance['samples'], 'sample')}"
        + (f" of the {provenance['split']} split" if provenance["split"] else ""),
        "Scheme": f"{provenance['scheme']['name']}: {provenance['scheme']['description']}",
        "Bits": ", ".join(f"{name} {n}" for name, n in bits.items()),
        "Division": f"{provenance['division']}, zero divisors: {provenance['zero_policy']}"
        + (f", error at most {at_most(bound)}" if bound is not None else ", without a bound"),
        "Target": f"{provenance['target']}: {provenance['target_description']}",
        "Calibrated on": counted(provenance["calibration_samples"], "sample"),
        "Made": f"{provenance['made']} by eideploy {provenance['made_by']}",
    }
    layers = [
        [
            layer["name"],
            layer["kind"],
            TIMES.join(map(str, layer["shape"])),
            f"{layer['weights']:,}",
        ]
        for layer in provenance["network"]["layers"]
    ]
    return Section(
        id="compiled",
        title="What was compiled",
        parts=[
            Table(
                title="Facts", head=["", ""], rows=list(map(list, facts.items())), key="provenance"
            ),
            Table(
                title="Layers",
                head=["layer", "kind", "output", "weights"],
                rows=layers,
                key="provenance.network.layers",
                folded=True,
            ),
            hash_table(provenance["sha256"]),
        ],
    )


def _cycles(study: Study, unit: str) -> Section:
    cycles = study.cycles
    core = "the core spends cycles on events only."
    return Section(
        id="cycles",
        title=unit.capitalize(),
        text=f"From {cycles.least:,} to {cycles.most:,} {unit} an inference, "
        f"{cycles.median:,.0f} in the median: "
        + (core if unit == "cycles" else f"estimated, by counting; {unit} are not cycles."),
        parts=[
            Figure(
                title=f"{unit.capitalize()} per layer, mean inference",
                chart=Waterfall(
                    rows={stage.name: stage.phases for stage in cycles.stages},
                    across=f"{unit} of a mean inference",
                ),
                key="cycles.stages",
                samples=study.samples,
                caption="all time steps together, by phase",
            ),
            Figure(
                title=f"{unit.capitalize()} per inference",
                chart=_cycle_histogram(cycles, unit),
                key="cycles.histogram",
                samples=study.samples,
            ),
        ],
    )


def _cycle_histogram(cycles: CycleStudy, unit: str) -> Steps:
    """Return how many samples take how many cycles."""
    return Steps(
        series={"": (cycles.histogram.edges, cycles.histogram.counts)},
        across=f"{unit} per inference",
        up="samples",
        marks={"median": [cycles.median]},
        thousands=True,
    )


def _resources(study: Study, provenance: Numbers, memory: Table | None) -> Section:
    rows: list[list[Cell]] = [
        [
            use.resource,
            Bar(text=percent(use.used / use.offered, 1), share=use.used / use.offered),
            f"{use.used:,} of {use.offered:,}",
        ]
        for use in study.resources
    ]
    return Section(
        id="resources",
        title="Resources",
        parts=[
            Table(
                title=f"Used of what {provenance['target']} offers",
                head=["resource", "share", "used of offered"],
                rows=rows,
                key="resources",
                broad=True,
            ),
            *([] if memory is None else [memory]),
        ],
    )


def _dividers(table: Table | None) -> Section | None:
    if table is None:
        return None
    return Section(id="dividers", title="Dividers side by side", parts=[table])


def _sweep(content: Numbers) -> Section | None:
    sweep = content["sweep"]
    if sweep is None:
        return None
    measure = sweep["points"][0]["measure"]
    return Section(
        id="sweep",
        title="Among other formats and divisions",
        text=f"Every combination of {sweep['folder']}, {counted(sweep['samples'], 'sample')}; the "
        "line is the Pareto front.",
        parts=[
            Figure(
                title=f"{measure.capitalize()} against {label}",
                chart=Pareto(points=sweep["points"], cost=cost, across=label, up=measure),
                key="sweep.points",
            )
            for cost, label in COSTS.items()
        ],
    )


def _inference(study: Study) -> Section:
    inference = study.inference
    cut = [layer for layer in inference.layers if layer.shown < layer.neurons]
    drawn = f"; of larger layers {cut[0].shown} neurons are drawn" if cut else ""
    averaged = inference.input.averaged_over
    over = "the mean over time" if averaged["steps"] > 1 else ""
    label = "" if inference.label is None else f"class {inference.label}"
    return Section(
        id="inference",
        title="One inference",
        text=f"Sample {inference.sample} of those that were run.",
        parts=[
            Figure(
                title="Input",
                chart=InputPicture(inference.input),
                key="inference.input",
                caption=", ".join(filter(None, [label, over])),
            ),
            Figure(
                title="Spikes",
                chart=Raster(inference),
                key="inference.layers",
                caption=f"a tick is a spike at a time step{drawn}",
            ),
            Figure(title="Output", chart=Output(inference.output), key="inference.output"),
        ],
    )

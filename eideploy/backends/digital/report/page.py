"""The page of a build, section by section, out of the numbers of its report."""

from collections.abc import Mapping
from typing import Any

from eideploy.backends.digital.report import inference
from eideploy.backends.digital.report.accuracy import accuracy_section
from eideploy.backends.digital.report.layers import layer_section, width_section
from eideploy.report import charts
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
from eideploy.validate.cells import COSTS
from eideploy.validate.distribution import Bins
from eideploy.validate.study import Study

Numbers = Mapping[str, Any]
TIMES = " \u00d7 "


def build_page(study: Study, content: Numbers, initially: Mapping[str, Bins] | None) -> Page:
    """Return the page of a build.

    Args:
        study: what was measured.
        content: the whole of its report.json.
        initially: the currents before training, by layer, where they are known.
    """
    said = content["provenance"]
    sections = [
        _compiled(content),
        accuracy_section(study, content),
        *layer_section(study, said, initially),
        width_section(study),
        _cycles(study),
        _resources(study, said),
        _dividers(content),
        _sweep(content),
        _inference(study),
    ]
    return Page(
        title=said["build"],
        subtitle=_subtitle(said),
        tiles=_tiles(study, content),
        notices=[Notice(**entry) for entry in content["advice"]],
        sections=[section for section in sections if section is not None],
        footer=footer(said),
    )


def _subtitle(said: Numbers) -> str:
    network, scheme = said["network"], said["scheme"]
    data = f"{'trained on' if said['split'] else 'shown'} {said['data'] or 'unknown data'}"
    return (
        f"{counted(len(network['layers']), 'layer')}, {network['neurons']:,} neurons, "
        f"{network['weights']:,} weights, {counted(network['steps'], 'time step')}; "
        f"{data}; compiled for {said['target']} ({said['target_description']}), "
        f"scheme {scheme['name']}, division {said['division']}"
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
        Tile(value=f"{cycles.median:,.0f}", name="cycles per inference, median"),
        Tile(
            value=f"{equal} of {len(ran)}",
            name="other programs equal",
            tone="good" if equal == len(ran) else "bad",
        ),
    ]


def _compiled(content: Numbers) -> Section:
    said = content["provenance"]
    bits = said["scheme"]["bits"]
    bound = said["division_bound"]
    facts = {
        "Network": " → ".join(layer["name"] for layer in said["network"]["layers"]),
        "Input": f"{TIMES.join(map(str, said['network']['input']))}, "
        f"{counted(said['network']['steps'], 'time step')}",
        "Run": said["run"],
        "Data": f"{said['data']}, {counted(said['samples'], 'sample')}"
        + (f" of the {said['split']} split" if said["split"] else ""),
        "Scheme": f"{said['scheme']['name']}: {said['scheme']['description']}",
        "Bits": ", ".join(f"{name} {n}" for name, n in bits.items()),
        "Division": f"{said['division']}, zero divisors: {said['zero_policy']}"
        + (f", error at most {at_most(bound)}" if bound is not None else ", without a bound"),
        "Target": f"{said['target']}: {said['target_description']}",
        "Calibrated on": counted(said["calibration_samples"], "sample"),
        "Made": f"{said['made']} by eideploy {said['made_by']}",
    }
    layers = [
        [
            layer["name"],
            layer["kind"],
            TIMES.join(map(str, layer["shape"])),
            f"{layer['weights']:,}",
        ]
        for layer in said["network"]["layers"]
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
            hash_table(said["sha256"]),
        ],
    )


def _cycles(study: Study) -> Section:
    cycles = study.cycles
    return Section(
        id="cycles",
        title="Cycles",
        text=f"From {cycles.least:,} to {cycles.most:,} an inference, "
        f"{cycles.median:,.0f} in the median: the core takes time for events only.",
        parts=[
            Figure(
                title="Cycles per layer, mean inference",
                svg=charts.waterfall(cycles),
                key="cycles.stages",
                caption="all time steps together, by phase of the core",
            ),
            Figure(
                title="Cycles per inference",
                svg=charts.cycle_histogram(cycles),
                key="cycles.histogram",
                caption=counted(study.samples, "sample"),
            ),
        ],
    )


def _resources(study: Study, said: Numbers) -> Section:
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
                title=f"Used of what {said['target']} offers",
                head=["resource", "share", "used of offered"],
                rows=rows,
                key="resources",
                broad=True,
            )
        ],
    )


def _dividers(content: Numbers) -> Section | None:
    if not content["dividers"]:
        return None
    rows: list[list[Cell]] = [
        [
            row["division"],
            "-"
            if row["accuracy"] is None
            else Bar(text=percent(row["accuracy"]), share=row["accuracy"]),
            percent(row["agreement"]),
            f"{row['cycles']:,.0f}",
            f"{sum(row['energy']['nanojoules'].values()):,.0f}",
            *(
                []
                if row["cells"] is None
                else [
                    *map(str, row["cells"]["kinds"].values()),
                    str(row["cells"]["depth"]),
                    *(
                        [f"{row['cells']['fmax_mhz']:.1f}", f"{row['milliseconds']:.3g}"]
                        if row["cells"]["fmax_mhz"]
                        else []
                    ),
                ]
            ),
        ]
        for row in content["dividers"]
    ]
    cells = content["dividers"][0]["cells"]
    more = [] if cells is None else [*(k.replace("_", " ") for k in cells["kinds"]), "longest path"]
    more += ["MHz", "ms at that clock"] if cells is not None and cells["fmax_mhz"] else []
    return Section(
        id="dividers",
        title="Dividers side by side",
        parts=[
            Table(
                title="What the target offers",
                head=["division", "accuracy", "agreement", "cycles", "nJ, estimated", *more],
                rows=rows,
                key="dividers",
                caption=f"{counted(content['dividers_samples'], 'sample')}. Energy is an estimate: "
                "counts of operations and memory accesses times the table of Horowitz, ISSCC 2014 "
                "(45 nm, 0.9 V); no measurement.",
            )
        ],
    )


def _sweep(content: Numbers) -> Section | None:
    sweep = content["sweep"]
    if sweep is None:
        return None
    measure = sweep["points"][0]["measure"]
    return Section(
        id="sweep",
        title="Among other formats and divisions",
        text=f"Every combination of {sweep['folder']}, {counted(sweep['samples'], 'sample')}; the "
        "line joins those that no other beats.",
        parts=[
            Figure(
                title=f"{measure.capitalize()} against {label}",
                svg=charts.pareto(sweep["points"], cost, across=label, up=measure),
                key="sweep.points",
            )
            for cost, label in COSTS.items()
        ],
    )


def _inference(study: Study) -> Section:
    found = study.inference
    shown = [layer for layer in found.layers if layer.shown < layer.neurons]
    drawn = f"; of larger layers {shown[0].shown} neurons are drawn" if shown else ""
    averaged = found.input.averaged_over
    over = "the mean over time" if averaged["steps"] > 1 else ""
    label = "" if found.label is None else f"class {found.label}"
    return Section(
        id="inference",
        title="One inference",
        text=f"Sample {found.sample} of those that were run.",
        parts=[
            Figure(
                title="Input",
                svg=inference.picture(found.input),
                key="inference.input",
                caption=", ".join(filter(None, [label, over])),
            ),
            Figure(
                title="Spikes",
                svg=inference.raster(found),
                key="inference.layers",
                caption=f"a tick is a spike at a time step{drawn}",
            ),
            Figure(title="Output", svg=inference.output(found.output), key="inference.output"),
        ],
    )

"""The page of a build for a mixed-signal chip, section by section, out of its report's numbers."""

from collections.abc import Mapping
from typing import Any

from eideploy.backends.dynapse2.report.charts import (
    CamMap,
    Inhibited,
    Mismatched,
    OnBoards,
    PopulationMap,
    counted_cams,
)
from eideploy.report.charts import Counts, Rows
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
from eideploy.report.text import counted, percent

Numbers = Mapping[str, Any]
USES = {"neurons": "neurons", "cams": "CAMs", "tags": "tags", "destinations": "destinations"}
MOST_CHIPS = 6  # of which maps are drawn


def chip_page(content: Numbers) -> Page:
    """Return the page that shows `content`, the whole of such a report.json."""
    provenance = content["provenance"]
    sections = [
        _mapped(content),
        _resources(content),
        _maps(content),
        _accuracy(content),
        _gap(content),
        _activity(content),
    ]
    return Page(
        title=provenance["build"],
        subtitle=f"{counted(_neurons(content), 'neuron')} on {provenance['target']} "
        f"({provenance['target_description']}); trained on {provenance['data'] or 'unknown data'}",
        tiles=_tiles(content),
        notices=[Notice(**entry) for entry in content["advice"]],
        sections=[section for section in sections if section is not None],
        footer=footer(provenance),
    )


def _neurons(content: Numbers) -> int:
    return sum(core["neurons"]["used"] for core in content["cores"])


def _tiles(content: Numbers) -> list[Tile]:
    simulation, cores = content["simulation"], content["cores"]
    worst = max((row["error"] for row in content["projections"]), default=0.0)
    used, offered = (sum(core["cams"][key] for core in cores) for key in ("used", "offered"))
    tiles = [
        Tile(value=f"{_neurons(content):,}", name="neurons mapped"),
        Tile(value=percent(used / offered, 1), name="of all CAMs used"),
        Tile(value=percent(worst, 1), name="weight error, worst projection"),
    ]
    if simulation is None:
        return tiles
    by_cv = [
        Tile(value=percent(_mean(values)), name=f"under mismatch of CV {float(cv):.0%}")
        for cv, values in simulation["accuracy_by_cv"].items()
    ]
    boards = [
        Tile(value=percent(_mean(values)), name=f"on emulated boards, {name}")
        for name, values in simulation["boards"].items()
    ]
    emitted = Tile(value=percent(simulation["accuracy"]), name="accuracy as emitted, simulated")
    return [*boards, emitted, *by_cv, *tiles]


def _mapped(content: Numbers) -> Section:
    provenance = content["provenance"]
    facts = {
        "Run": provenance["run"],
        "Data": provenance["data"] or "unknown",
        "Target": f"{provenance['target']}: {provenance['target_description']}",
        "Board": counted(provenance["chips"], "chip"),
        "A sample": f"shown for {1000 * provenance['duration_s']:g} ms, at most "
        f"{provenance['peak_rate_hz']:g} events a second of a source",
        "Events for the inputs": f"{provenance['input_events']:,} rows of tag and destination",
        "Seen by the host": f"{provenance['monitor'] or 'unknown'} neurons",
        "Made": f"{provenance['made']} by eideploy {provenance['made_by']}",
    }
    populations = [
        [p["name"], p["role"], f"{p['size']:,}", _places(content, p["name"]) or "outside"]
        for p in provenance["populations"]
    ]
    aim = content["error_aim"]
    projections: list[list[Cell]] = [
        [
            row["name"],
            row["dendrite"],
            f"{row['synapses']:,}",
            f"{row['cams']:,}",
            f"{row['lost']:,}",
            Bar(text=percent(row["error"], 1), share=row["error"] / (2 * aim), mark=0.5),
        ]
        for row in content["projections"]
    ]
    return Section(
        id="mapped",
        title="What was mapped",
        parts=[
            Table(
                title="Facts",
                head=["", ""],
                rows=[[k, str(v)] for k, v in facts.items()],
                key="provenance",
            ),
            Table(
                title="Populations",
                head=["name", "role", "neurons", "cores"],
                rows=populations,
                key="provenance.populations",
            ),
            Table(
                title="Projections",
                head=["name", "dendrite", "synapses", "CAMs", "lost", "weight error"],
                rows=projections,
                key="projections",
                caption="Root of the squared error of the weights over their squares, after masks "
                f"and base currents; the mark is the aim of {percent(aim, 0)}. Lost: synapses "
                "whose weight is rounded to no current.",
            ),
            hash_table(provenance["sha256"]),
        ],
    )


def _places(content: Numbers, name: str) -> str:
    """Return which cores hold a population."""
    return ", ".join(
        f"{core['chip']}.{core['core']}" for core in content["cores"] if name in core["populations"]
    )


def _resources(content: Numbers) -> Section:
    rows: list[list[Cell]] = [
        [
            f"{core['chip']}.{core['core']}",
            *(_bar(core[name]) for name in USES),
            f"{core['cams']['most']} of {core['cams']['of_one']}",
            f"{core['destinations']['most']} of {core['destinations']['of_one']}",
        ]
        for core in content["cores"]
    ]
    return Section(
        id="resources",
        title="Resources of every core",
        text="A CAM hears the events of one tag at one synapse; a tag is known to one core; a "
        "destination is where a neuron's spikes are sent.",
        parts=[
            Table(
                title="Used of what a core offers",
                head=["core", *USES.values(), "CAMs of one neuron", "destinations of one"],
                rows=rows,
                key="cores",
            ),
            Figure(
                title="CAMs of the neurons",
                chart=Counts(
                    heights=counted_cams(content["cores"]),
                    first=0,
                    across="CAMs of a neuron",
                    up="neurons",
                    offered=content["cores"][0]["cams"]["of_one"],
                ),
                key="cores.cams_by_neuron",
                caption="of the neurons that the network uses",
            ),
        ],
    )


def _bar(use: Numbers) -> Bar:
    share = use["used"] / use["offered"]
    return Bar(text=f"{use['used']:,} of {use['offered']:,}", share=share)


def _maps(content: Numbers) -> Section:
    names = [p["name"] for p in content["provenance"]["populations"]]
    by_chip: dict[int, list[Numbers]] = {}
    for core in content["cores"]:
        by_chip.setdefault(core["chip"], []).append(core)
    used = [n for n, cores in by_chip.items() if any(c["neurons"]["used"] for c in cores)]
    parts = [
        figure
        for number in used[:MOST_CHIPS]
        for figure in (
            Figure(
                title=f"Chip {number}: populations",
                chart=PopulationMap(by_chip[number], names),
                key="cores.map",
                caption="neurons in the order of their numbers, row by row",
            ),
            Figure(
                title=f"Chip {number}: CAMs in use",
                chart=CamMap(by_chip[number]),
                key="cores.cams_by_neuron",
                caption="a stronger colour means that more of a neuron's "
                f"{by_chip[number][0]['cams']['of_one']} CAMs are used",
            ),
        )
    ]
    more = len(used) - MOST_CHIPS
    return Section(
        id="cores",
        title="Map of the cores",
        text=f"The first {MOST_CHIPS} chips; report.json has {counted(more, 'more')}."
        if more > 0
        else "",
        parts=parts,
    )


def _accuracy(content: Numbers) -> Section:
    trained, simulation = content["trained"], content["simulation"]
    rows: list[list[Cell]] = []
    if trained["float_accuracy"] is not None:
        rows.append(
            _rung(
                "the run that it was distilled from, whole test split", [trained["float_accuracy"]]
            )
        )
    if trained["test_accuracy"] is not None:
        rows.append(_rung("as train simulated it, whole test split", [trained["test_accuracy"]]))
    parts: list[Table | Figure] = []
    if simulation is not None:
        rows.append(_rung("as emitted, no mismatch", [simulation["accuracy"]]))
        rows += [
            _rung(f"mismatch of CV {float(cv):.0%}, {counted(len(values), 'chip')}", values)
            for cv, values in simulation["accuracy_by_cv"].items()
        ]
        rows += [
            _rung(
                f"CV {float(cv):.0%}, weighed by {simulation['calibrated_on']} samples a class",
                values,
            )
            for cv, values in simulation["calibrated_by_cv"].items()
        ]
        rows += [
            _rung(f"CV {float(cv):.0%}, outputs scaled without labels", values)
            for cv, values in simulation["scaled_by_cv"].items()
        ]
        rows += [
            _rung(
                f"{counted(len(values), 'emulated board')}, biases err by CV "
                f"{simulation['bias_error']:.0%} a core, {name}",
                values,
            )
            for name, values in simulation["boards"].items()
        ]
        by_class = {str(c): share or 0.0 for c, share in enumerate(simulation["accuracy_by_class"])}
        parts = [
            Figure(
                title="Accuracy over mismatch",
                chart=Mismatched(simulation),
                key="simulation.accuracy_by_cv",
                caption="every point a chip whose circuits were drawn at random",
            ),
            *_boards(simulation),
            Figure(
                title="Accuracy by class, no mismatch",
                chart=Rows(values=by_class, across="accuracy", fractions=True),
                key="simulation.accuracy_by_class",
            ),
        ]
    ladder = Table(
        title="From training to mismatch",
        head=["what", "accuracy", "least", "most"],
        rows=rows or [["not simulated yet", "-", "-", "-"]],
        key="trained" if simulation is None else "simulation",
        caption=""
        if simulation is None
        else f"Other rows: {counted(simulation['samples'], 'sample')} of the "
        f"{simulation['split']} split at steps of {1000 * simulation['dt_s']:g} ms.",
    )
    return Section(
        id="accuracy",
        title="Accuracy",
        text="Of the configuration as it is emitted, by a simulator of the chip's equations; no "
        "board has run it.",
        parts=[ladder, *parts],
    )


def _boards(simulation: Numbers) -> list[Table | Figure]:
    """Return the figure of emulated boards; none where none were simulated."""
    if not simulation["boards"]:
        return []
    return [
        Figure(
            title="Emulated boards",
            chart=OnBoards(simulation),
            key="simulation.boards",
            caption="every line a board whose errors are hidden: of each bias on each core, CV "
            f"{simulation['bias_error']:.0%}; of capacitance, temperature, single neurons, CAMs "
            "and events. Their sizes are assumed",
        )
    ]


def _rung(name: str, values: list[float]) -> list[Cell]:
    mean = _mean(values)
    return [name, Bar(text=percent(mean), share=mean), percent(min(values)), percent(max(values))]


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _gap(content: Numbers) -> Section | None:
    simulation = content["simulation"]
    if simulation is None:
        return None
    rows: list[list[Cell]] = [
        [name, Bar(text=percent(x), share=x), f"{100 * (x - simulation['accuracy']):+.2f}"]
        for name, x in simulation["gap"].items()
    ]
    parts: list[Table | Figure] = [
        Table(
            title="One change at a time",
            head=["what", "accuracy", "points"],
            rows=rows,
            key="simulation.gap",
            broad=True,
            caption="points beside the configuration as emitted",
        )
    ]
    if simulation["single_neuron"] is not None:
        parts.append(
            Figure(
                title="One excitatory neuron, inhibited",
                chart=Inhibited(simulation["single_neuron"]),
                key="simulation.single_neuron.rate_hz",
                caption="what the same inhibition makes of its rate, beside a division of it",
            )
        )
    return Section(
        id="gap",
        title="Semantic gap",
        text="What the chip's neurons do to the circuit's division: one thing changed at a time, "
        f"nothing trained again. The shunt divides by {simulation['divisor']:.2f}, which varies by "
        f"{percent(simulation['divisor_variation'], 1)} over samples.",
        parts=parts,
    )


def _activity(content: Numbers) -> Section | None:
    simulation = content["simulation"]
    if simulation is None:
        return None
    rows = [
        ["spikes of neurons", f"{simulation['spikes']:,.0f}"],
        ["events of inputs", f"{simulation['input_events']:,.0f}"],
        ["events at synapses", f"{simulation['synaptic_events']:,.0f}"],
        ["decided after, ms", f"{simulation['decided_ms']:.1f}"],
    ]
    return Section(
        id="activity",
        title="Activity",
        parts=[
            Figure(
                title="Rates of the populations",
                chart=Rows(values=simulation["rate_hz"], across="mean rate, Hz"),
                key="simulation.rate_hz",
            ),
            Table(
                title="An inference",
                head=["mean of", "count"],
                rows=rows,
                key="simulation",
                caption="decided: after which the winner stays what it is at the end",
            ),
        ],
    )

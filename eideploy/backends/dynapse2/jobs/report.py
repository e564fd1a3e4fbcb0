"""The numbers of a report on a build for a mixed-signal chip."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.masks import ERROR_AIM
from eideploy.backends.dynapse2.chip.spec import UNUSED
from eideploy.backends.dynapse2.folders import ChipBuild, load_chip_build
from eideploy.backends.dynapse2.jobs.results import kept_simulation
from eideploy.backends.dynapse2.report.advice import chip_advice
from eideploy.backends.dynapse2.report.page import chip_page
from eideploy.errors import FormatError
from eideploy.files import MANIFEST, RESTORE
from eideploy.flow.provenance import build_marks
from eideploy.flow.requests.report import KEPT, Report
from eideploy.flow.result import Reported
from eideploy.options import refuse_idle
from eideploy.report.text import percent, table
from eideploy.version import __version__

NOBODY = -1  # in the map of a core: a neuron that the network does not use
PROJECTION = ("name", "dendrite", "synapses", "cams", "lost", "error")


def numbers(build: ChipBuild) -> dict[str, Any]:
    """Return every number of the report.

    Raises:
        FormatError: the manifest's account of the mapping is damaged.
    """
    simulation = kept_simulation(build)
    content: dict[str, Any] = {
        "format": 1,
        "kind": "eideploy report of a build for a mixed-signal chip",
        "provenance": _provenance(build),
        "projections": _projections(build),
        "error_aim": ERROR_AIM,
        "cores": _cores(build),
        "trained": {
            key: share(build.content.get(key)) for key in ("float_accuracy", "test_accuracy")
        },
        "simulation": None if simulation is None else asdict(simulation),
    }
    return content | {"advice": [asdict(notice) for notice in chip_advice(content)]}


def report(request: Report, folder: Path) -> Reported:
    """Return the report of a build.

    Raises:
        FormatError: it is damaged.
        UsageError: options that have no effect.
    """
    refuse_idle(request, (KEPT,), here=f"on {folder}, a build for a mixed-signal chip")
    content = numbers(load_chip_build(folder))
    return Reported(content=content, text=_text(content), page=chip_page(content))


def _text(content: Mapping[str, Any]) -> str:
    """Return the numbers in a few lines."""
    rows = [
        [
            f"{core['chip']}.{core['core']}",
            *(
                f"{core[name]['used']:,}/{core[name]['offered']:,}"
                for name in ("neurons", "cams", "tags", "destinations")
            ),
        ]
        for core in content["cores"]
    ]
    simulation = content["simulation"]
    accuracy = "not simulated yet" if simulation is None else percent(simulation["accuracy"])
    return (
        f"report on build {content['provenance']['build']}; no board has run it\n\n"
        f"{table(['core', 'neurons', 'CAMs', 'tags', 'destinations'], rows)}\n\n"
        f"accuracy as emitted, simulated  {accuracy}"
    )


def _provenance(build: ChipBuild) -> dict[str, Any]:
    manifest, spec, coding = build.content, build.spec, build.network.coding
    network = build.network
    return {
        **build_marks(build.folder, manifest),
        "release": __version__,
        "data": build.data,
        "target": spec.name,
        "target_description": spec.description,
        "chips": spec.chips,
        "monitor": manifest.get("monitor"),
        "input_events": len(build.configuration.inputs.tag),
        "peak_rate_hz": coding.peak_rate_hz,
        "duration_s": coding.duration_s,
        "populations": [
            {"name": p.name, "role": p.role, "size": p.size}
            for p in (*network.inputs, *network.neurons)
        ],
    }


def _projections(build: ChipBuild) -> list[dict[str, Any]]:
    """Return what compiling wrote down of every projection."""
    try:
        rows = build.content["mapping"]["projections"]
        projections = [{key: row[key] for key in PROJECTION} for row in rows]
        if not all(type(row[k]) in (int, float) for row in projections for k in PROJECTION[2:]):
            raise TypeError("a count is not a number")
    except (KeyError, TypeError) as error:
        raise FormatError(
            f"the manifest's account of the mapping is damaged: {error!r}",
            where=str(build.folder / MANIFEST),
            fix=RESTORE,
        ) from error
    return projections


def _cores(build: ChipBuild) -> list[dict[str, Any]]:
    """Return what every core of the board holds, counted in what is emitted."""
    c, chip = build.configuration, build.spec.chip
    map_of = np.full(c.used.shape, NOBODY)
    table = c.neurons
    map_of[table.chip, table.core, table.neuron] = table.population
    heard = (c.cams.mask > 0) & (c.cams.dendrite != build.spec.dendrites[UNUSED].code)
    sent = c.srams.cores > 0
    cores = []
    for at in np.ndindex(c.chips, chip.cores):
        cams, destinations = heard[at].sum(-1), sent[at].sum(-1)
        cores.append(
            {
                "chip": at[0],
                "core": at[1],
                "neurons": {"used": int(c.used[at].sum()), "offered": chip.neurons},
                "cams": _use(cams, chip.cams),
                "tags": {
                    "used": len(np.unique(c.cams.tag[at][heard[at]])),
                    "offered": chip.tags,
                },
                "destinations": _use(destinations, chip.destinations),
                "populations": _populations(map_of[at], c.populations),
                "map": [int(n) for n in map_of[at]],
                "cams_by_neuron": [int(n) for n in cams],
            }
        )
    return cores


def _use(by_neuron: Array, offered: int) -> dict[str, int]:
    """Return what all neurons of a core use of what they have, and the most of one."""
    return {
        "used": int(by_neuron.sum()),
        "offered": offered * len(by_neuron),
        "most": int(by_neuron.max()),
        "of_one": offered,
    }


def _populations(numbers: Array, names: tuple[str, ...]) -> dict[str, int]:
    present, counts = np.unique(numbers[numbers != NOBODY], return_counts=True)
    return {names[i]: int(n) for i, n in zip(present, counts, strict=True)}


def share(value: object) -> float | None:
    """Return an accuracy that a manifest gives; None where it gives none, or no such number."""
    return value if isinstance(value, float) and 0 <= value <= 1 else None

"""What the numbers of a build for a mixed-signal chip warn of, and what to do about it."""

from collections.abc import Iterator, Mapping
from statistics import mean
from typing import Any

from eideploy.report.sections import Notice, gravest_first, of_two_releases
from eideploy.report.text import counted, percent

LOSS, FULL, SILENT_HZ, FEW = 0.05, 0.95, 1.0, 100

Numbers = Mapping[str, Any]


def chip_advice(content: Numbers) -> list[Notice]:
    """Return warnings, the gravest first."""
    return gravest_first(
        [*_mapped(content), *_simulated(content), *_used(content), *_unknown(content)]
    )


def _mapped(content: Numbers) -> Iterator[Notice]:
    """Yield what mapping could not keep."""
    for row in content["projections"]:
        if row["error"] > content["error_aim"]:
            yield Notice(
                "warning",
                f"the weights of {row['name']} err by {percent(row['error'], 1)}, above the aim "
                f"of {percent(content['error_aim'], 0)}",
                "leave its neurons CAMs to spare, or train through the masks: a preset for the "
                "chip does",
            )
        if row["lost"]:
            yield Notice(
                "note",
                f"{counted(row['lost'], 'synapse')} of {row['synapses']:,} of {row['name']} are "
                "rounded to no current",
                "harmless while the accuracy as emitted is that of the training",
            )


def _simulated(content: Numbers) -> Iterator[Notice]:
    """Yield what the simulated chip loses."""
    simulation = content["simulation"]
    if simulation is None:
        yield Notice(
            "note",
            "the chip was not simulated, so there is no accuracy under mismatch and no rate",
            "eideploy simulate BUILD --executor dpi with this build, then report again",
        )
        return
    for cv, values in simulation["accuracy_by_cv"].items():
        if simulation["accuracy"] - mean(values) > LOSS:
            yield Notice(
                "warning",
                f"mismatch of CV {percent(float(cv), 0)} takes "
                f"{100 * (simulation['accuracy'] - mean(values)):.1f} points of accuracy",
                "train under more mismatch: --set training.mismatch=0.3",
            )
    for name, hz in simulation["rate_hz"].items():
        if hz < SILENT_HZ:
            yield Notice(
                "warning",
                f"the neurons of {name} fire at {hz:.2g} Hz",
                "check the training: they carry almost nothing",
            )
    if simulation["samples"] < FEW:
        yield Notice(
            "note",
            f"{simulation['samples']} samples resolve an accuracy to "
            f"{100 / simulation['samples']:.1f} points",
            "simulate more: --samples",
        )


def _used(content: Numbers) -> Iterator[Notice]:
    """Yield what is nearly all used."""
    for core in content["cores"]:
        for name, what in (("tags", "tags"), ("cams", "CAMs")):
            use = core[name]
            if use["used"] > FULL * use["offered"]:
                yield Notice(
                    "note",
                    f"core {core['chip']}.{core['core']}: {use['used']:,} of {use['offered']:,} "
                    f"{what} are used",
                    "defects of a board may not fit any more: keep some to spare",
                )


def _unknown(content: Numbers) -> Iterator[Notice]:
    """Yield what nobody knows."""
    provenance = content["provenance"]
    yield Notice(
        "note",
        "no board has run this: all figures are those of a simulator of the chip's equations",
        "docs/dynapse2.md lists what the first owner of a board should check",
    )
    yield from of_two_releases(provenance["made_by"], provenance["release"])

"""What the last simulation of a chip came to, kept in its build for the report."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from eideploy.backends.dynapse2.dpi.single_neuron import CASES
from eideploy.backends.dynapse2.folders import ChipBuild
from eideploy.errors import DataError, FormatError
from eideploy.files import MANIFEST, read_json, sha256, stored, write_json
from eideploy.flow.build_files import KEPT
from eideploy.progress import note
from eideploy.typed import Matching, Within

KIND = "eideploy simulation of a chip"
NUMERAL = re.compile(r"\d{1,9}(\.\d{1,9})?(e-\d{1,2})?")
Number = Annotated[float, Within(0, 1e15)]
Share = Annotated[float, Within(0, 1)]
Count = Annotated[int, Within(1, 1 << 53)]
Cv = Annotated[str, Matching(NUMERAL.fullmatch, "a number")]
Chips = Annotated[tuple[Share, ...], Matching(len, "a list of at least one share")]


def _are_alike(rates: Mapping[str, Sequence[float]]) -> bool:
    return {*CASES} <= rates.keys() and len({len(rates[case]) for case in CASES}) == 1


def _are_of_the_same(boards: Mapping[str, Sequence[float]]) -> bool:
    return len({len(values) for values in boards.values()}) <= 1


@dataclass(frozen=True, kw_only=True)
class SingleNeuron:
    """What inhibition does to one neuron: rates at rising inputs, by case, and the divisor."""

    divisor: Number
    rate_hz: Annotated[
        Mapping[str, tuple[Number, ...]], Matching(_are_alike, f"as many rates for each of {CASES}")
    ]


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """What a report takes of a simulation; CVs are of the mismatch, a share for every chip.

    boards are those of emulated boards, as mapped and tuned, whose biases err by `bias_error`; none
    in what an earlier release kept.
    """

    samples: Count
    accuracy: Share
    split: str
    accuracy_by_cv: Mapping[Cv, Chips]
    calibrated_by_cv: Mapping[Cv, Chips]
    calibrated_on: Annotated[int, Within(0, 1 << 53)]
    single_neuron: SingleNeuron | None
    accuracy_by_class: tuple[Share | None, ...]
    gap: Mapping[str, Share]
    rate_hz: Mapping[str, Number]
    dt_s: Number
    spikes: Number
    input_events: Number
    synaptic_events: Number
    divisor: Number
    divisor_variation: Number
    decided_ms: Number
    scaled_by_cv: Mapping[Cv, Chips] = field(default_factory=dict)
    boards: Annotated[
        Mapping[str, Chips], Matching(_are_of_the_same, "as many boards in each list")
    ] = field(default_factory=dict)
    bias_error: Number = 0.0


def keep_simulation(content: Mapping[str, object], build: ChipBuild) -> None:
    """Leave the numbers in the build for its report; no part of what its manifest vouches for."""
    mark = {"build_sha256": sha256(build.folder / MANIFEST)}
    try:
        write_json(build.folder / KEPT, {"format": 1, "kind": KIND, **mark, **content})
    except DataError as error:
        note(f"not kept for a report: {error.what}")


def kept_simulation(build: ChipBuild) -> Simulation | None:
    """Return what was simulated last of this very build; None where nothing is known of it."""
    path = build.folder / KEPT
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        own = (KIND, sha256(build.folder / MANIFEST))
        if (content.get("kind"), content.get("build_sha256")) != own:
            raise FormatError(
                "it belongs to another build", where=str(path), fix="simulate this one"
            )
        return stored(Simulation, content, what="it", where=str(path), extra="ignore")
    except FormatError as error:
        note(f"{path} is passed over: {error.what}")
        return None

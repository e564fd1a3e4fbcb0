"""What does not work on a board: synapses by tag half, neurons, tags of a core.

A map is JSON beside the spec, by chip; what it does not name works. A CAM may fail for the tags
below half of all, for those above, or for both; ranges of tags are inclusive.

    {"version": 1, "chips": {"0": {
        "neurons": [[core, neuron]], "cams": [[core, neuron, cam]],
        "cams_low": [[core, neuron, cam]], "cams_high": [], "tags": {"2": [[0, 1031]]},
        "profile": "cams_profile.json", "tolerance": 0.1}}}

`profile` is a file of measured failure probabilities as users of the board keep them: "cams" by
core, neuron and CAM a pair (low, high). A CAM above the tolerance is not used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.errors import FormatError
from eideploy.files import check_version, read_json

VERSION = 1
TOLERANCE = 0.1
KEYS = ("neurons", "cams", "cams_low", "cams_high", "tags", "profile", "tolerance")


@dataclass(frozen=True, kw_only=True, eq=False)
class Defects:
    """What must not be used.

    neurons  (chips, cores, neurons); cams: (chips, cores, neurons, cams, 2), for tags of the low
             and of the high half; tags: (chips, cores, tags)
    """

    neurons: Array
    cams: Array
    tags: Array

    def __post_init__(self) -> None:
        freeze(self, neurons=np.bool_, cams=np.bool_, tags=np.bool_)

    @property
    def any(self) -> bool:
        """Whether anything is known not to work."""
        return bool(self.neurons.any() or self.cams.any() or self.tags.any())


def none_known(spec: ChipSpec) -> Defects:
    """Return a map on which everything works, but for the tag that marks time."""
    return Defects(**_blank(spec))


def load_defects(spec: ChipSpec) -> Defects:
    """Return the defect map that a spec names, or one without defects.

    Raises:
        FormatError: the map is missing, damaged, or names what the board does not have.
    """
    if not spec.board.defects:
        return none_known(spec)
    path = spec.source.parent / spec.board.defects
    content = read_json(path)
    check_version(content.get("version"), VERSION, where=str(path))
    arrays, faults = _blank(spec), []
    chips = content.get("chips")
    for key, entry in (chips if isinstance(chips, dict) else {}).items():
        if not key.isdecimal() or int(key) >= spec.chips or not isinstance(entry, dict):
            faults.append(f"chip {key!r}, the board has chips 0..{spec.chips - 1}")
            continue
        try:
            _read_chip(int(key), entry, arrays, faults, path)
        except (TypeError, ValueError, AttributeError, OverflowError) as error:
            faults.append(f"chip {key}: {error}")
    if not isinstance(chips, dict) or faults:
        raise FormatError(
            "the defect map is wrong: " + ("; ".join(faults) or "it has no chips"),
            where=str(path),
            fix="mend it as docs/dynapse2.md describes",
        )
    return Defects(**arrays)


def _blank(spec: ChipSpec) -> dict[str, Array]:
    c = spec.chip
    tags = np.zeros((spec.chips, c.cores, c.tags), np.bool_)
    tags[..., spec.monitor.marker] = True
    return {
        "neurons": np.zeros((spec.chips, c.cores, c.neurons), np.bool_),
        "cams": np.zeros((spec.chips, c.cores, c.neurons, c.cams, 2), np.bool_),
        "tags": tags,
    }


def _read_chip(
    chip: int, entry: Mapping[str, Any], arrays: dict[str, Array], faults: list[str], path: Path
) -> None:
    faults += [f"chip {chip}: key {key} is unknown" for key in entry if key not in KEYS]
    for key, halves in (("cams", (0, 1)), ("cams_low", (0,)), ("cams_high", (1,))):
        for place in entry.get(key, []):
            for half in halves:
                _mark(arrays["cams"][chip], [*_whole(place), half], 4, f"{key} {place}", faults)
    for place in entry.get("neurons", []):
        _mark(arrays["neurons"][chip], _whole(place), 2, f"neurons {place}", faults)
    for core, ranges in dict(entry.get("tags", {})).items():
        for row in ranges:
            low, high = _whole(row) if len(_whole(row)) == 2 else [-1, -1]
            known = core.isdecimal() and int(core) < arrays["tags"].shape[1]
            if not known or not 0 <= low <= high < arrays["tags"].shape[2]:
                faults.append(f"chip {chip}: tags {row} of core {core} do not exist")
            else:
                arrays["tags"][chip, int(core), low : high + 1] = True
    if "profile" in entry:
        _profile(chip, entry, arrays["cams"], faults, path)


def _whole(place: object) -> list[int]:
    listed = place if isinstance(place, list) else []
    return listed if all(type(i) is int and i >= 0 for i in listed) else []


def _mark(array: Array, place: list[int], axes: int, what: str, faults: list[str]) -> None:
    if len(place) == axes and all(i < n for i, n in zip(place, array.shape, strict=True)):
        array[tuple(place)] = True
    else:
        faults.append(f"{what} does not exist")


def _profile(
    chip: int, entry: Mapping[str, Any], cams: Array, faults: list[str], path: Path
) -> None:
    file = path.parent / str(entry["profile"])
    try:
        failing = np.asarray(read_json(file)["cams"], np.float64)
    except (KeyError, ValueError, TypeError):
        faults.append(f"chip {chip}: {file.name} holds no probabilities under cams")
        return
    if failing.shape != cams.shape[1:]:
        faults.append(f"chip {chip}: {file.name} has shape {failing.shape}, not {cams.shape[1:]}")
        return
    cams[chip] |= failing > float(entry.get("tolerance", TOLERANCE))

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

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.errors import FormatError
from eideploy.files import check_version, read_json, write_json
from eideploy.typed import Fault, Matching, Within, refuse, typed

VERSION = 1
TOLERANCE = 0.1
UNUSED_TAG = 0  # of every CAM that is not in use: no source is to have it
Index = Annotated[int, Within(0, 1 << 20)]
Cams = tuple[tuple[Index, Index, Index], ...]
Beside = Annotated[
    str,
    Matching(
        lambda name: name.isprintable() and Path(name).name == name,
        "the name of a file beside the map",
    ),
]
LISTED = ("neurons", "cams", "cams_low", "cams_high")


@dataclass(frozen=True, kw_only=True)
class _Chip:
    """What of a chip does not work."""

    neurons: tuple[tuple[Index, Index], ...] = ()
    cams: Cams = ()
    cams_low: Cams = ()
    cams_high: Cams = ()
    tags: Mapping[str, tuple[tuple[Index, Index], ...]] = field(default_factory=dict)
    profile: Beside = ""
    tolerance: float = TOLERANCE


@dataclass(frozen=True, kw_only=True)
class _Map:
    """A file of defects."""

    version: int
    chips: Mapping[str, _Chip]


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
    """Return a map on which everything works, but for the tags of marks and of unused CAMs."""
    return Defects(**_blank(spec))


def load_defects(spec: ChipSpec) -> Defects:
    """Return the defect map that a spec names, or one without defects.

    Raises:
        FormatError: the map is missing, damaged, or names what the board does not have.
    """
    if not spec.board.defects:
        return none_known(spec)
    path = spec.source.parent / spec.board.defects
    arrays = _blank(spec)
    faults: list[str] = []
    for chip, entry in _read(path).chips.items():
        if chip.isdecimal() and int(chip) < spec.chips:
            faults += _mark_chip(int(chip), entry, arrays, path)
        else:
            faults.append(f"chip {chip!r}, the board has chips 0..{spec.chips - 1}")
    refuse((_fault(what) for what in faults), error=FormatError, where=str(path))
    return Defects(**arrays)


def failing(spec: ChipSpec) -> Array | None:
    """Return how often each CAM misses an event, as measured: (chips, cores, neurons, CAMs, 2).

    The last is for tags of the low and of the high half. None where no map names a profile.

    Raises:
        FormatError: the map or a profile is missing or damaged.
    """
    path = spec.source.parent / spec.board.defects
    if not spec.board.defects or not profiles(path):
        return None
    c = spec.chip
    probabilities = np.zeros((spec.chips, c.cores, c.neurons, c.cams, 2))
    for chip, entry in _read(path).chips.items():
        if entry.profile and chip.isdecimal() and int(chip) < spec.chips:
            file = path.parent / entry.profile
            measured = _measured(file, file.stat().st_mtime_ns if file.is_file() else 0)
            if measured is None or measured.shape != probabilities.shape[1:]:
                what = f"the profile holds no probabilities of shape {probabilities.shape[1:]}"
                raise FormatError(what, where=str(file), fix=_fault(what).fix)
            probabilities[int(chip)] = measured
    return probabilities


@lru_cache(maxsize=4)
def _measured(file: Path, stamp: int) -> Array | None:  # noqa: ARG001 - a file that changed is read anew
    """Return the probabilities in a profile, None where there are none."""
    try:
        return np.clip(np.asarray(read_json(file)["cams"], np.float64), 0, 1)
    except (KeyError, ValueError, TypeError, OverflowError):
        return None


def profiles(path: Path) -> tuple[str, ...]:
    """Return the names of the profiles that a map names, which lie beside it.

    Raises:
        FormatError: the map is missing or damaged.
    """
    return tuple(dict.fromkeys(e.profile for e in _read(path).chips.values() if e.profile))


def write_joined(one: Path, other: Path, out: Path) -> None:
    """Write a map of what either of two says, beside copies of the profiles that they name.

    Raises:
        FormatError: one of them is missing or damaged, or both have a profile of the same chip.
    """
    chips = dict[str, dict[str, Any]]()
    for path in (one, other):
        for chip, entry in _read(path).chips.items():
            joined = chips.setdefault(chip, {})
            for key in LISTED:
                joined[key] = [*joined.get(key, ()), *map(list, getattr(entry, key))]
            tags = joined.setdefault("tags", {})
            for core, ranges in entry.tags.items():
                tags[core] = [*tags.get(core, ()), *map(list, ranges)]
            if not entry.profile:
                continue
            if "profile" in joined:
                raise FormatError(
                    f"chip {chip} has a profile in two maps",
                    where=f"{one}, {other}",
                    fix="leave one of them out",
                )
            joined |= {"profile": f"profile-{chip}.json", "tolerance": entry.tolerance}
            write_json(out.parent / joined["profile"], read_json(path.parent / entry.profile))
    write_json(out, {"version": VERSION, "chips": chips})


def _read(path: Path) -> _Map:
    content = read_json(path)
    check_version(content.get("version"), VERSION, where=str(path))
    return typed(_Map, content, where=str(path), error=FormatError)


def _fault(what: str) -> Fault:
    return Fault(what=what, fix="correct the map as docs/dynapse2.md describes it")


def _blank(spec: ChipSpec) -> dict[str, Array]:
    c = spec.chip
    tags = np.zeros((spec.chips, c.cores, c.tags), np.bool_)
    tags[..., [UNUSED_TAG, spec.monitor.marker]] = True
    return {
        "neurons": np.zeros((spec.chips, c.cores, c.neurons), np.bool_),
        "cams": np.zeros((spec.chips, c.cores, c.neurons, c.cams, 2), np.bool_),
        "tags": tags,
    }


def _mark_chip(chip: int, entry: _Chip, arrays: dict[str, Array], path: Path) -> Iterator[str]:
    """Mark what a chip's entry names, and return what of that the board does not have."""
    cams, neurons, tags = (arrays[key][chip] for key in ("cams", "neurons", "tags"))
    for key, half in (("cams", slice(2)), ("cams_low", slice(1)), ("cams_high", slice(1, 2))):
        for place in getattr(entry, key):
            yield from _mark(cams[..., half], place, f"chip {chip}: {key} {list(place)}")
    for place in entry.neurons:
        yield from _mark(neurons, place, f"chip {chip}: neurons {list(place)}")
    for core, ranges in entry.tags.items():
        for low, high in ranges:
            known = core.isdecimal() and int(core) < len(tags)
            if known and low <= high < tags.shape[1]:
                tags[int(core), low : high + 1] = True
            else:
                yield f"chip {chip}: tags {[low, high]} of core {core} do not exist"
    if entry.profile:
        yield from _profile(f"chip {chip}", entry, cams, path.parent / entry.profile)


def _mark(array: Array, place: tuple[int, ...], what: str) -> Iterator[str]:
    if all(i < n for i, n in zip(place, array.shape, strict=False)):
        array[place] = True
    else:
        yield f"{what} does not exist"


def _profile(chip: str, entry: _Chip, cams: Array, file: Path) -> Iterator[str]:
    try:
        failing = np.asarray(read_json(file)["cams"], np.float64)
    except (KeyError, ValueError, TypeError, OverflowError):
        yield f"{chip}: {file.name} holds no probabilities under cams"
        return
    if failing.shape == cams.shape:
        cams |= failing > entry.tolerance
    else:
        yield f"{chip}: {file.name} has shape {failing.shape}, not {cams.shape}"

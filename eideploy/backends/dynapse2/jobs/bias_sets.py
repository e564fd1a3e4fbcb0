"""Job: named sets of a build's biases, in a file beside it: saved, restored, compared.

A set is of one network on the cores of one board: the codes of every core, and which populations
they are for. Where neurons lie within a core does not matter to it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.biases import Dac, load_dac
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.network import FILE
from eideploy.backends.dynapse2.chip.spec import read_spec
from eideploy.backends.dynapse2.emit import FOLDER, LOADER, write_board
from eideploy.backends.dynapse2.folders import ChipBuild
from eideploy.backends.dynapse2.patch import PATCH, read_patch
from eideploy.errors import DataError, FormatError, UsageError
from eideploy.files import check_version, read_json, write_json
from eideploy.flow.requests.board import COMPARING, RESTORING, SAVING, Biases
from eideploy.flow.result import Result
from eideploy.options import as_path, refuse_idle
from eideploy.report.text import counted, table
from eideploy.typed import Line, Within, typed

KIND, VERSION = "eideploy bias sets", 1
OWN = "the build"
SIDES, NANO = ("before", "after"), 1e-9
Step = Annotated[int, Within(0, 4095)]


@dataclass(frozen=True, kw_only=True)
class _Core:
    """What a core is set to, and which populations it holds."""

    populations: tuple[Line, ...]
    codes: Mapping[str, tuple[Step, Step]]


@dataclass(frozen=True, kw_only=True)
class _Set:
    """Codes of all cores in use, by "chip.core"; network: the digest of what they are for."""

    saved: Line
    target: Line
    network: Line
    cores: Mapping[str, _Core]


@dataclass(frozen=True, kw_only=True)
class _File:
    """A file of sets."""

    kind: Line
    version: int
    sets: Mapping[str, _Set]


def bias_sets(build: ChipBuild, request: Biases) -> Result:
    """List, save, restore or compare sets of biases.

    Raises:
        UsageError: two of these are asked for, no such set, a name that is taken.
        DataError: a set of another build; a folder of another; `out` exists already.
        FormatError: a damaged file.
    """
    names = {
        SAVING: request.save,
        RESTORING: request.restore,
        COMPARING: request.compare,
    }
    doing = [where for where, name in names.items() if name is not None]
    if len(doing) > 1:
        raise UsageError(
            "a command saves, restores or compares",
            where=", ".join(where.removeprefix("with ") for where in doing),
            fix="give one of them at a time",
        )
    refuse_idle(request, doing, here=doing[0] if doing else "where sets are listed")
    file = as_path(request.sets) or _beside(build.folder)
    sets = _read(file)
    if request.save is not None:
        return _save(build, request, file, sets)
    if request.restore is not None:
        return _restore(build, request, file, sets)
    if request.compare is not None:
        return _compare(build, request, file, sets)
    return _listed(build, file, sets)


def _beside(folder: Path) -> Path:
    """Return the file of a build's sets, by the build's name also where that is "."."""
    named = folder if folder.name.strip(".") else folder.resolve()
    return named.with_name(f"{named.name}.biases.json")


def _listed(build: ChipBuild, file: Path, sets: Mapping[str, _Set]) -> Result:
    own = _of(build, build.configuration)
    rows = [
        [name, one.saved, _fault(one, own) or f"{len(_differences(own, one))} differ"]
        for name, one in sets.items()
    ]
    text = table(["set", "saved", f"codes beside those of {OWN}"], rows)
    content = {"sets": {name: one.saved for name, one in sets.items()}, "file": str(file)}
    empty = f"{file} holds no sets yet: keep one with --save NAME"
    return Result(text=text if rows else empty, content=content)


def _save(build: ChipBuild, request: Biases, file: Path, sets: Mapping[str, _Set]) -> Result:
    name = request.save
    assert name is not None  # the caller has looked
    if name in sets or name == OWN or not name.strip() or not name.isprintable():
        raise UsageError(
            f"there is a set {name!r} already" if name in sets else f"{name!r} is no name of a set",
            where=str(file),
            fix="choose another name",
        )
    one = _of(build, _configuration(build, as_path(request.of)))
    content = {key: asdict(value) for key, value in {**sets, name: one}.items()}
    write_json(file, {"kind": KIND, "version": VERSION, "sets": content})
    differing = len(_differences(_of(build, build.configuration), one))
    return Result(
        text=f"saved {name} in {file}: {counted(differing, 'code')} differ from those of {OWN}",
        content={"saved": name, "file": str(file), "differing": differing},
    )


def _restore(build: ChipBuild, request: Biases, file: Path, sets: Mapping[str, _Set]) -> Result:
    assert request.restore is not None  # the caller has looked
    one = _found(request.restore, file, sets)
    if fault := _fault(one, _of(build, build.configuration)):
        raise DataError(
            f"the set {request.restore} is {fault}",
            where=f"{file}, {build.folder}",
            fix="name the build that it was saved for, or tune this one",
        )
    _check_codes(one, request.restore, file, build)
    c = build.configuration
    biases = np.array(c.biases)
    for place, core in one.cores.items():
        at = tuple(int(number) for number in place.split("."))
        for bias, code in core.codes.items():
            biases[*at, c.bias_names.index(bias)] = code
    with folders.new_folder(Path(request.out), Path(), "") as staged:
        write_board(replace(c, biases=biases), build.spec, staged.aside)
    loader = staged.final / FOLDER / LOADER[0]
    return Result(
        text=f"wrote  {staged.final}, the build's patch with the biases of {request.restore}\n"
        f"next   python {loader} run spikes.csv out.csv --samna",
        content={"restored": request.restore, "out": str(staged.final)},
    )


def _compare(build: ChipBuild, request: Biases, file: Path, sets: Mapping[str, _Set]) -> Result:
    assert request.compare is not None  # the caller has looked
    one = _found(request.compare, file, sets)
    second = request.against or OWN
    other = _found(second, file, sets) if request.against else _of(build, build.configuration)
    if fault := _fault(one, other):
        raise DataError(
            f"{request.compare} is {fault}, as {second} has it",
            where=str(file),
            fix="compare sets of one build",
        )
    for name, of in ((request.compare, one), (second, other)):
        _check_codes(of, name, file, build)
    dac = load_dac(build.spec)
    rows = [_row(dac, *place, other, one) for place in _differences(other, one)]
    cells = [
        [row["core"], row["bias"], *(_said(**row[side]) for side in SIDES), f"x {row['ratio']:.3g}"]
        for row in rows
    ]
    text = table(["core", "bias", second, request.compare, "ratio"], cells)
    return Result(
        text=text if rows else f"{request.compare} and {second} have the same codes",
        content={"before": second, "after": request.compare, "differences": rows},
    )


def _row(dac: Dac, place: str, bias: str, before: _Set, after: _Set) -> dict[str, Any]:
    codes = [one.cores[place].codes[bias] for one in (before, after)]
    currents = [float(dac.current(bias, *code)) for code in codes]
    sides = {
        side: {"code": list(code), "ampere": current}
        for side, code, current in zip(SIDES, codes, currents, strict=True)
    }
    return {"core": place, "bias": bias, **sides, "ratio": currents[1] / currents[0]}


def _said(*, code: list[int], ampere: float) -> str:
    current = f"{ampere * 1e12:.3g} pA" if ampere < NANO else f"{ampere * 1e9:.3g} nA"
    return f"({code[0]}, {code[1]}) {current}"


def _differences(before: _Set, after: _Set) -> list[tuple[str, str]]:
    """Return the cores and biases whose codes differ."""
    return [
        (place, bias)
        for place, core in before.cores.items()
        for bias, code in core.codes.items()
        if place in after.cores and after.cores[place].codes.get(bias, code) != code
    ]


def _fault(one: _Set, other: _Set) -> str:
    """Return how two sets are of different things, nothing where they are not."""
    if one.target != other.target:
        return f"of a board {one.target}, not {other.target}"
    if one.network != other.network:
        return "of another network"

    return "" if _held(one) == _held(other) else "of other populations or biases on the cores"


def _check_codes(one: _Set, name: str, file: Path, build: ChipBuild) -> None:
    """Refuse codes that the board's bias generator does not have.

    Raises:
        FormatError: naming one.
    """
    dac = build.spec.dac
    for place, core in one.cores.items():
        for bias, (coarse, fine) in core.codes.items():
            if coarse >= dac.coarse or fine >= dac.fine:
                raise FormatError(
                    f"{bias} of core {place} has the code ({coarse}, {fine}) in {name}, codes go "
                    f"up to ({dac.coarse - 1}, {dac.fine - 1})",
                    where=str(file),
                    fix="correct it, or save the set again",
                )


def _held(one: _Set) -> dict[str, tuple[tuple[str, ...], set[str]]]:
    return {place: (core.populations, set(core.codes)) for place, core in one.cores.items()}


def _found(name: str, file: Path, sets: Mapping[str, _Set]) -> _Set:
    if name not in sets:
        raise UsageError(
            f"there is no set {name}",
            where=str(file),
            fix=f"choose from {', '.join(sets)}" if sets else "keep one with --save NAME",
        )
    return sets[name]


def _of(build: ChipBuild, c: Configuration) -> _Set:
    cores = {}
    for chip, core in np.argwhere(c.bias_set.any(-1)):
        here = (c.neurons.chip == chip) & (c.neurons.core == core)
        numbers = dict.fromkeys(c.neurons.population[here].tolist())
        cores[f"{chip}.{core}"] = _Core(
            populations=tuple(sorted(c.populations[number] for number in numbers)),
            codes={
                name: tuple(c.biases[chip, core, k].tolist())
                for k, name in enumerate(c.bias_names)
                if c.bias_set[chip, core, k]
            },
        )
    return _Set(
        saved=datetime.now(UTC).isoformat(timespec="seconds"),
        target=build.spec.name,
        network=str(build.content["files"][FILE]),
        cores=cores,
    )


def _configuration(build: ChipBuild, folder: Path | None) -> Configuration:
    """Return the configuration in a folder, which is the build's but for its biases."""
    if folder is None:
        return build.configuration
    other = read_patch(folder / FOLDER / PATCH, read_spec(folder / folders.SPEC))
    if not equal(replace(other, biases=build.configuration.biases), build.configuration):
        raise DataError(
            "the folder's patch differs from the build's by more than biases",
            where=f"{folder}, {build.folder}",
            fix="name a folder that board tune wrote for this build",
        )
    return other


def _read(file: Path) -> dict[str, _Set]:
    if not file.exists():
        return {}
    content, where = read_json(file), str(file)
    check_version(content.get("version"), VERSION, where=where)
    sets_file = typed(_File, content, where=where, error=FormatError)
    if sets_file.kind != KIND:
        raise FormatError(
            f"the file is of kind {sets_file.kind!r}, not {KIND!r}",
            where=where,
            fix="name a file that board biases wrote",
        )
    return dict(sets_file.sets)

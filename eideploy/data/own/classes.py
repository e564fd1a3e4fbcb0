"""Folders that hold a folder of files to each class, or such of training and of test."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eideploy.data.checks import is_litter
from eideploy.data.dataset import Labels
from eideploy.errors import DataError

PARTS = ("train", "test")


@dataclass(frozen=True, kw_only=True, eq=False)
class Samples:
    """The files of training, or all that there are, then those of test, with their classes.

    unread  files of other kinds, which lie among them
    """

    files: list[list[Path]]
    labels: list[Labels]
    names: tuple[str, ...]
    unread: list[Path]


def by_class(folder: Path, suffixes: Sequence[str]) -> Samples:
    """Return the files with one of the suffixes, in the order of the classes and of their names.

    Classes are called as their folders; those that are numbers are in the order of these.

    Raises:
        DataError: a class of training without a file, one of test that training lacks, a file in no
            class.
    """
    if {path.name for path in folder.iterdir() if path.is_dir()} == {PARTS[0]}:
        raise DataError(
            "the folder holds train, and no test",
            where=str(folder),
            fix=f"add test, or name {folder / PARTS[0]}, of which a fifth becomes the test",
        )
    parts = [folder / part for part in PARTS] if _is_split(folder) else [folder]
    classes = [_classes(part, suffixes) for part in parts]
    names = tuple(classes[0])
    for part, of_part in zip(parts[1:], classes[1:], strict=True):
        if strange := of_part.keys() - classes[0].keys():
            raise DataError(
                f"class {min(strange)} has no folder in {parts[0].name}",
                where=str(part / min(strange)),
                fix="add training samples, or remove the folder",
            )
    files = [[path for own in of_part.values() for path in own] for of_part in classes]
    return Samples(
        files=files,
        labels=[
            np.array([names.index(name) for name, own in of_part.items() for _ in own], np.int64)
            for of_part in classes
        ],
        names=names,
        unread=sorted(_all(folder) - {path for part in files for path in part}),
    )


def suffix_of(folder: Path, among: Sequence[str]) -> str | None:
    """Return the suffix, of those in small letters, that most files of a folder have."""
    suffixes = [path.suffix.lower() for path in _all(folder)]
    counts = {suffix: suffixes.count(suffix) for suffix in among if suffix in suffixes}
    return max(counts, key=lambda suffix: counts[suffix]) if counts else None


def suffixes_in(folder: Path) -> list[str]:
    """Return the suffixes of the files in a folder and in those within, sorted."""
    return sorted({path.suffix for path in _all(folder)} - {""})


def _is_split(folder: Path) -> bool:
    return all((folder / part).is_dir() for part in PARTS)


def _all(folder: Path) -> set[Path]:
    """Return the files of a folder and of those within, but for hidden and unreadable ones."""
    paths = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return {path for path in paths if not _is_hidden(path) and _is_file(path)}


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or is_litter(path)


def _is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113 - Path.is_file raises where it may not look


def _classes(part: Path, suffixes: Sequence[str]) -> dict[str, list[Path]]:
    folders = [path for path in part.iterdir() if path.is_dir() and not path.name.startswith(".")]
    by_name = {path.name: _files(path, suffixes) for path in sorted(folders, key=_by_number)}
    if stray := _files(part, suffixes):
        raise DataError(
            "the file is not in a class folder",
            where=str(stray[0]),
            fix=f"put it into {part.name}/CLASS/" if by_name else _unsorted(part),
        )
    if empty := [name for name, files in by_name.items() if not files]:
        raise DataError(
            f"class {empty[0]} has no sample that can be read (one of {', '.join(suffixes)})",
            where=str(part / empty[0]),
            fix="add samples, or remove the folder",
        )
    if len(by_name) < 2:
        raise DataError(
            f"there is {'one' if by_name else 'no'} class folder, at least 2 are needed",
            where=str(part),
            fix="put the samples of each class into a folder named after it",
        )
    return by_name


def _unsorted(folder: Path) -> str:
    """Return what to do about a folder that holds samples and no folder of a class."""
    whole = folder if folder.name else folder.resolve()
    return (
        f"sort the files into one folder per class, {whole.name}/CLASS/; if {whole.name} itself "
        f"is a class, give {whole.parent}"
    )


def _files(folder: Path, suffixes: Sequence[str]) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
    )


def _by_number(path: Path) -> tuple[int, int, str]:
    number = int(path.name) if path.name.isdecimal() and len(path.name) < 10 else None
    return (1, 0, path.name) if number is None else (0, number, path.name)

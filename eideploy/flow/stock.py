"""Stock of a build: every file in its folder, and what is known of it.

A file is verified if something compared it and found it equal; or it is documentation, or not
checked, for a stated reason. All else is a gap: what differs, is missing, is not listed by the
manifest, was not written by eideploy, or is a link.
"""

import filecmp
import os
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import Any, Literal, Protocol

from eideploy.emitted import Emitted, matches
from eideploy.errors import FormatError
from eideploy.report.text import counted
from eideploy.version import __version__

EQUAL, DIFFERS, FAILED, NOT_RUN = "equal", "differs", "failed", "not run"
State = Literal["gap", "verified", "documentation", "not checked"]
STATES: tuple[State, ...] = ("gap", "verified", "documentation", "not checked")
AGAIN = "writing it again"
OTHER = f"not what eideploy {__version__} writes for this program"


class Comparison(Protocol):
    """Something that compared files of a build.

    artefact  which files, as a pattern
    label     what compared them
    result    EQUAL, DIFFERS, FAILED or NOT_RUN
    reason    of all but EQUAL
    """

    @property
    def artefact(self) -> str: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def result(self) -> str: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Item:
    """A file of a build; `said` is what verified it, or why it is a gap or was not checked."""

    file: str
    state: State
    said: str = ""


@dataclass(frozen=True, kw_only=True)
class Stock:
    """Takes stock of a build.

    folder       the build
    listed       what its manifest lists, with hashes that hold
    declared     what may be in it
    again        a folder with what its backend writes for the program now; None: that failed
    comparisons  what was run on its files
    """

    folder: Path
    listed: Collection[str]
    declared: Sequence[Emitted]
    again: Path | None
    comparisons: Sequence[Comparison]

    def items(self) -> list[Item]:
        """Return every file that is in the build, or should be.

        Raises:
            FormatError: a folder in it that cannot be read.
        """
        written = set() if self.again is None else set(_walk(self.again))
        needed = {name for name in written if self._rule(name).check != "run"}  # those are optional
        return [self._item(name, written) for name in sorted({*_walk(self.folder), *needed})]

    def _rule(self, name: str) -> Emitted:
        undeclared = Emitted(name, why="its backend declares nothing that checks it")
        return next((rule for rule in self.declared if matches(rule.pattern, name)), undeclared)

    def _item(self, name: str, written: Collection[str]) -> Item:
        rule, ran = self._rule(name), [c for c in self.comparisons if matches(c.artefact, name)]
        if unlike := _unlike_a_file(self.folder / name):
            return Item(file=name, state="gap", said=unlike)
        faults, same = [], False
        if rule not in self.declared and name not in written:
            faults.append("eideploy did not write it: move it elsewhere")
        elif rule.listed and name not in self.listed:
            faults.append("the manifest does not list it")
        if rule.check in ("again", "documentation") and self.again:
            same = name in written and _same(self.folder / name, self.again / name)
            faults += [] if same or rule.check == "documentation" else [OTHER]
        faults += [c.reason or c.result for c in ran if c.result in (DIFFERS, FAILED)]
        if faults:
            return Item(file=name, state="gap", said="; ".join(dict.fromkeys(faults)))
        if rule.check == "documentation":
            return Item(file=name, state="documentation", said="" if same else OTHER)
        by = [AGAIN] * same + [c.label for c in ran if c.result == EQUAL]
        if by:
            return Item(file=name, state="verified", said="; ".join(by))
        reasons = ["it could not be written again"] * (rule.check == "again")
        reasons += [c.reason for c in ran]
        why = "; ".join(dict.fromkeys(reasons)) or "no program here runs it"
        return Item(file=name, state="not checked", said=rule.why or why)


def stock_text(items: Sequence[Item]) -> str:
    """Return a line a file, or a folder of files of which the same is to be said."""
    lines = []
    for state in STATES:
        of_state = [item for item in items if item.state == state]
        for (parent, remark), group in groupby(of_state, lambda i: (_parent(i.file), i.said)):
            files = [item.file for item in group]
            several = f"{parent}/ ({len(files)} files)"
            names = [several] if parent and len(files) > 1 else files
            lines += [(_shown(name), state, remark) for name in names]
    widths = [max(len(line[i]) for line in lines) for i in range(2)]
    return "\n".join(
        f"  {name:<{widths[0]}}  {state:<{widths[1]}}  {remark}".rstrip()
        for name, state, remark in lines
    )


def stock_counts(items: Sequence[Item]) -> dict[str, int]:
    """Return how many files are in each state."""
    counts = Counter(item.state for item in items)
    return {state: counts[state] for state in STATES}


def stock_verdict(items: Sequence[Item]) -> str:
    """Return the counts as a part of a line."""
    counts = stock_counts(items)
    parts = [f"{counts[state]} {state}" for state in STATES[1:]]
    parts += [f"{counts['gap']} with a gap"] * bool(counts["gap"])
    return f"of {counted(len(items), 'file')} {', '.join(parts)}"


def stock_hint(content: Mapping[str, Any], items: Sequence[Item]) -> list[str]:
    """Return a line on what made a build, where it is not what is written now."""
    made_by, gaps = content.get("eideploy"), [item.said for item in items if item.state == "gap"]
    if made_by == __version__ and any(OTHER in remark for remark in gaps):
        return [
            f"a build of another state of eideploy {made_by} differs, too: where nobody changed "
            "these files, compile the run again"
        ]
    if made_by == __version__ or not gaps:
        return []
    return [f"eideploy {made_by} made it; compile the run again to compare with {__version__}"]


def _unlike_a_file(path: Path) -> str:
    """Return why nothing may read `path`, "" if it is a file."""
    if path.is_symlink():
        return "that is a link, and eideploy writes none"
    if not path.exists():
        return "it is missing"
    return "" if path.is_file() else "that is a pipe or a device, not a file"


def _shown(name: str) -> str:
    return name if name.isprintable() else repr(name)


def _parent(name: str) -> str:
    parent = str(PurePosixPath(name).parent)
    return "" if parent == "." else parent


def _walk(folder: Path) -> Iterator[str]:
    """Yield everything in a folder that is no folder, by its path there; links are not followed."""

    def fail(error: OSError) -> None:
        raise FormatError(
            f"the folder cannot be read: {error.strerror}",
            where=str(error.filename),
            fix="make it readable, or remove it",
        ) from error

    for place, folders, files in os.walk(folder, onerror=fail):
        below = Path(place)
        for path in (*(below / name for name in files), *(below / name for name in folders)):
            if path.is_symlink() or not path.is_dir():
                yield path.relative_to(folder).as_posix()


def _same(one: Path, other: Path) -> bool:
    try:
        return filecmp.cmp(one, other, shallow=False)
    except OSError:
        return False

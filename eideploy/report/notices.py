"""What a report warns of: grade ("error", "warning", "note"), what, fix."""

from collections.abc import Iterable, Iterator

GRADES = ("error", "warning", "note")
Entry = dict[str, str]


def entry(grade: str, what: str, fix: str) -> Entry:
    """Return a warning; its grade is one of GRADES."""
    return {"grade": grade, "what": what, "fix": fix}


def gravest_first(found: Iterable[Entry]) -> list[Entry]:
    """Return warnings by grade, in their order within each."""
    return sorted(found, key=lambda entry: GRADES.index(entry["grade"]))


def of_two_releases(made_by: str, release: str) -> Iterator[Entry]:
    """Yield that a build was made by another release than its report, where it was."""
    if made_by != release:
        yield entry(
            "note",
            f"the build was made by eideploy {made_by}, this report by {release}",
            "compile the run again to have both of one release",
        )

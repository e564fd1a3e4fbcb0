"""What a report warns of: grade ("error", "warning", "note"), what, fix."""

from collections.abc import Iterable

GRADES = ("error", "warning", "note")
Entry = dict[str, str]


def entry(grade: str, what: str, fix: str) -> Entry:
    """Return a warning; its grade is one of GRADES."""
    return {"grade": grade, "what": what, "fix": fix}


def gravest_first(found: Iterable[Entry]) -> list[Entry]:
    """Return warnings by grade, in their order within each."""
    return sorted(found, key=lambda entry: GRADES.index(entry["grade"]))

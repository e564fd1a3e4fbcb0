"""What `doctor` finds, of the machine or of what a backend asks to have."""

from dataclasses import dataclass

OK, MISSING, OLD, NEW, NOTE = "ok", "missing", "too old", "newer than tested", "note"
BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What was looked for; `needed` says whether nothing works without it."""

    what: str
    found: str
    state: str
    needed: bool = False
    enables: str = ""
    fix: str = ""

"""What a word that is not known was meant to be, where it is a slip of the fingers."""

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path

CLOSE = 0.8  # of the letters agree, in order: beyond a letter or two it is another word
MOST_BESIDE = 1000  # files of a folder: among more, the search would take seconds
NUMBER = re.compile(r"\d+")


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that `word` is a slip of, or None.

    None, too, where two words are as near, and where `word` holds a number that the known one does
    not: int8 is no slip of int4.
    """
    numbers = set(NUMBER.findall(word))
    near = sorted(
        (
            (SequenceMatcher(a=word, b=one, autojunk=False).ratio(), one)
            for one in known
            if numbers <= set(NUMBER.findall(one))
        ),
        reverse=True,
    )
    if not near or near[0][0] < CLOSE or (len(near) > 1 and near[1][0] == near[0][0]):
        return None
    return near[0][1]


def advice_on(path: Path) -> str:
    """Return what to do about a path that is not there: what beside it was meant, if it is near."""
    try:
        beside = sorted(path.parent.iterdir(), key=lambda one: one.suffix == path.suffix)
    except OSError:
        beside = []
    known = {one.stem: one for one in beside}  # those with the same suffix, where there are several
    near = nearest(path.stem, known) if len(known) <= MOST_BESIDE else None
    return f"name {known[near]}" if near else "check the path"

"""What the type and the docstring of a request's field do not say of an option."""

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from eideploy.errors import UsageError
from eideploy.shown import kind_of

PathLike = str | os.PathLike[str]
IN_PYTHON = {"in Python": True}  # metadata of a field that the command line cannot write


@dataclass(frozen=True, kw_only=True)
class Option:
    """What is said of an option beside its field, whose type is `Annotated[..., Option(...)]`.

    Args:
        name: as it is written, without dashes; empty for the field's name.
        short: a second name of one letter.
        metavar: what stands for its value in the help.
        where: in which circumstances it has an effect, in words that follow "applies only"; empty
            for everywhere.
        alone: what it is worth where it is written without a value; None where it must have one.
        commas: whether its values stand between commas, instead of behind an option each.
        words: what is written for its values, where they are called otherwise in Python.
        takes: what a value has to be beyond its type, in words that follow "which is no".
        check: whether a value is that.
        repeats: whether one of several values counts again where it is given again.
        once: whether a key of pairs may be given once alone; else the last of a key counts.
        offered: what there is to choose from, with a line of help each, where no type lists it.
    """

    name: str = ""
    short: str = ""
    metavar: str = ""
    where: str = ""
    alone: Any = None
    commas: bool = False
    words: Mapping[str, Any] = field(default_factory=dict, hash=False)
    takes: str = ""
    check: Callable[[Any], bool] | None = None
    repeats: bool = False
    once: bool = False
    offered: Mapping[str, str] | None = field(default=None, hash=False)

    def over(self, other: "Option") -> "Option":
        """Return this option, and of `other` what this one leaves unsaid."""
        unsaid = vars(Option())
        own = {name: value for name, value in vars(self).items() if value != unsaid[name]}
        return Option(**{**vars(other), **own})


def _is_positive(value: float) -> bool:
    return 0 < value < float("inf")


MOST_SIDE = 4096  # pixels
AREA = f"HEIGHTxWIDTH from 1x1 to {MOST_SIDE}x{MOST_SIDE}, e.g. 28x28"


def area(text: str) -> tuple[int, int] | None:
    """Return the height and width that HEIGHTxWIDTH says, None where a text says none."""
    match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", text, re.ASCII)
    sides = (int(match[1]), int(match[2])) if match else (0, 0)
    return sides if 0 < max(sides) <= MOST_SIDE else None


def is_area(text: str) -> bool:
    """Return whether a text says a height and a width."""
    return area(text) is not None


Area = Annotated[str, Option(metavar="HEIGHTxWIDTH", takes=AREA, check=is_area)]
Count = Annotated[int, Option(metavar="N", takes="whole number above 0", check=_is_positive)]
Positive = Annotated[float, Option(takes="number above 0", check=_is_positive)]
Folder = Annotated[PathLike, Option(metavar="FOLDER")]


def text_of(value: object, what: str) -> str:
    """Return a path or a name as text; `what` is the argument's name.

    Raises:
        UsageError: it is neither.
    """
    if isinstance(value, str | os.PathLike):
        return str(os.fspath(value))
    raise UsageError(
        f"the {what} is {kind_of(value)}, not a path",
        where=what,
        fix="give a text or a pathlib.Path",
    )


def as_path(path: PathLike | None) -> Path | None:
    """Return a path, if one is given."""
    return None if path is None else Path(path)

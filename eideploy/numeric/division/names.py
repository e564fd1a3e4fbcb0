"""Divisions by the names that the command line and sweeps take."""

import re
from collections.abc import Callable, Mapping

from eideploy.errors import UsageError
from eideploy.nearest import nearest
from eideploy.numeric.division.constant import constant
from eideploy.numeric.division.divider import Divider
from eideploy.numeric.division.exact import exact
from eideploy.numeric.division.mitchell import mitchell
from eideploy.numeric.division.piecewise import pwl
from eideploy.numeric.division.shifts import shift, shift2
from eideploy.numeric.division.table import FIX, lut

SIZED: Mapping[str, tuple[Callable[[int, int], Divider], tuple[int, int]]] = {
    "lut": (lut, (8, 8)),
    "pwl": (pwl, (4, 12)),
}
PLAIN: Mapping[str, Callable[[], Divider]] = {
    "exact": exact,
    "iterative": exact,  # the same numbers: how the digital core finds them
    "shift": shift,
    "shift2": shift2,
    "mitchell": mitchell,
    "constant": constant,
}
NAMES = (*SIZED, *PLAIN)


def parse_lut(text: str) -> Divider:
    """Return the table that `--lut` names: "8bit" for 2^8 entries of 8 bits, "8x10" for 2^8 of 10.

    Raises:
        UsageError: neither form, or a width outside 1..16.
    """
    match = re.fullmatch(r"(\d{1,4})(?:bits?|x(\d{1,4}))", text.strip().lower())
    if match is None:
        raise UsageError(f"{text!r} names no table", where="--lut", fix=FIX)
    index, entry = match.groups()
    return lut(int(index), int(entry or index))


def named(text: str, *, option: str = "--division") -> Divider:
    """Return the divider that `--division` names: a method, with a size as in "lut:8x10".

    Args:
        text: as above.
        option: what it was given by, for errors.

    Raises:
        UsageError: no such method or size.
    """
    method, *size = re.split(r"[: ]", text.strip().lower(), maxsplit=1)
    if method in PLAIN and not size:
        return PLAIN[method]()
    if method in SIZED:
        make, default = SIZED[method]
        if not size:
            return make(*default)
        match = re.fullmatch(r"(\d{1,4})x(\d{1,4})", size[0])
        if match is not None:
            return make(int(match[1]), int(match[2]))
        raise UsageError(
            f"{text!r} names no size",
            where=option,
            fix=f"write {method}:{default[0]}x{default[1]}",
        )
    close = nearest(method, NAMES)
    raise UsageError(
        f"no division is called {text!r}",
        where=option,
        fix=f"choose one of {', '.join(NAMES)}" + (f"; {close}, perhaps" if close else ""),
    )

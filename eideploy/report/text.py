"""Numbers and tables as text for people."""

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal

from eideploy.report.sections import Table


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows in aligned columns: the first to the left, the others to the right."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  "
        + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def plain(part: Table) -> str:
    """Return a table of a report as text; of a bar its number."""
    rows = [[cell if isinstance(cell, str) else cell.text for cell in row] for row in part.rows]
    return table(part.head, rows)


def percent(fraction: float, digits: int = 2) -> str:
    """Return a fraction as a percentage; what is not none or not all never reads as that."""
    shown = f"{100 * fraction:.{digits}f}"
    least = 10**-digits
    if fraction > 0 and float(shown) == 0:
        return f"< {least:.{digits}f} %"
    if fraction < 1 and float(shown) == 100:
        return f"> {100 - least:.{digits}f} %"
    return f"{shown} %"


def at_most(bound: float) -> str:
    """Return a bound as a percentage of three digits, rounded up so that it stays a bound."""
    rounded = Context(prec=3, rounding=ROUND_CEILING).create_decimal(Decimal(bound) * 100)
    return f"{rounded:f} %"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return e.g. "1 epoch" or "2 epochs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or f'{noun}s'}"

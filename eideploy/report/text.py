"""Numbers and tables as text for people."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Context, Decimal
from textwrap import wrap

from eideploy.report.sections import Table

LEAST_WORDS = 20  # letters of a column of words: narrower ones do not read


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, width: int | None = None) -> str:
    """Return rows in aligned columns: the first to the left, the others to the right.

    What is wider than `width`, by default the terminal, is folded: the heads into several lines,
    then a last column of words, then the columns into tables below each other.
    """
    width = _terminal() if width is None else width
    lines = _padded(head, rows)
    if width and max(map(len, lines)) > width:
        return _folded(list(head), [list(row) for row in rows], width)
    return "\n".join(lines)


def listing(entries: Mapping[str, str], *, width: int | None = None) -> str:
    """Return names and what is said of each, folded to `width`, by default the terminal."""
    width = _terminal() if width is None else width
    indent = 4 + max(map(len, entries), default=0)
    room = width - indent
    lines = []
    for name, text in entries.items():
        first, *others = wrap(text, room) if room >= LEAST_WORDS else [text]
        lines += [f"  {name}".ljust(indent) + first, *(" " * indent + other for other in others)]
    return "\n".join(lines)


def _terminal() -> int:
    """Return the columns of the terminal that results go to; 0 where they go elsewhere."""
    out = sys.stdout
    return shutil.get_terminal_size().columns if out is not None and out.isatty() else 0


def _padded(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    ]


def _folded(head: list[str], rows: list[list[str]], width: int) -> str:
    """Return a table in lines of at most `width`, as far as its cells allow."""
    widths = [
        max([*(len(row[i]) for row in rows), *map(len, name.split() or [""])])
        for i, name in enumerate(head)
    ]
    heads = [wrap(name, max(size, 1)) or [""] for name, size in zip(head, widths, strict=True)]
    last = len(head) - 1
    room = width - 2 - sum(size + 2 for size in widths[:-1])
    cells = [[[cell] for cell in row] for row in rows]
    words = widths[last] > room >= LEAST_WORDS and any(" " in row[last] for row in rows)
    if words:
        for row, whole in zip(cells, rows, strict=True):
            row[last] = wrap(whole[last], room) or [""]
        heads[last] = wrap(head[last], room) or [""]
        widths[last] = room
    left = {0, last} if words else {0}
    tables = []
    for columns in _blocks(widths, width):
        lines = [line for row in (heads, *cells) for line in _lines(row, widths, columns, left)]
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def _blocks(widths: Sequence[int], width: int) -> list[list[int]]:
    """Return which columns fit beside the first one, in tables below each other."""
    blocks, used = [[0]], 0
    for column in range(1, len(widths)):
        used += 2 + widths[column]
        if used > width - 2 - widths[0] and len(blocks[-1]) > 1:
            blocks.append([0])
            used = 2 + widths[column]
        blocks[-1].append(column)
    return blocks


def _lines(
    row: Sequence[Sequence[str]], widths: Sequence[int], columns: Sequence[int], left: set[int]
) -> list[str]:
    """Return a row whose cells may have several lines; columns of `left` are aligned there."""
    lines = []
    for at in range(max(len(row[i]) for i in columns)):
        texts = [(i, row[i][at] if at < len(row[i]) else "") for i in columns]
        parts = [t.ljust(widths[i]) if i in left else t.rjust(widths[i]) for i, t in texts]
        lines.append("  " + "  ".join(parts).rstrip())
    return lines


def plain(part: Table) -> str:
    """Return a table of a report as text; of a bar its number."""
    rows = [[cell if isinstance(cell, str) else cell.text for cell in row] for row in part.rows]
    return table(part.head, rows)


def percent(fraction: float, digits: int = 2) -> str:
    """Return a fraction as a percentage; what is not none or not all never reads as that."""
    text = f"{100 * fraction:.{digits}f}"
    least = 10**-digits
    if fraction > 0 and float(text) == 0:
        return f"< {least:.{digits}f} %"
    if fraction < 1 and float(text) == 100:
        return f"> {100 - least:.{digits}f} %"
    return f"{text} %"


def at_most(bound: float) -> str:
    """Return a bound as a percentage of three digits, rounded up so that it stays a bound."""
    rounded = Context(prec=3, rounding=ROUND_CEILING).create_decimal(Decimal(bound) * 100)
    return f"{rounded:f} %"


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return e.g. "1 epoch" or "2 epochs"."""
    return f"{number} {noun}" if number == 1 else f"{number} {plural or f'{noun}s'}"

"""Wrap the prose of Markdown files at 100 columns: `python tests/helpers/wrapping.py FILE...`.

Tables, code, headings and HTML stay as they are; a span of code is not broken.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

COLUMNS = 100
ITEM = re.compile(r"^( *)([-*+] |\d+\. )")
NOT_PROSE = re.compile(r"^( {0,3}(#|\||<|```|~~~|===|---|!\[)| *\||\[[^\]]+\]: )")
TOKEN = re.compile(r"(?:`[^`]*`|\S)+")
BEGINS_BLOCK = re.compile(r"^([-*+]|\d+[.)]|#+|>|\||=+)$")


def blocks(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split a page into ("prose" | "other", lines); an item of a list is a block of its own."""
    prose: list[str] = []
    fence, indent, after_blank = "", 0, True
    for line in text.split("\n"):
        mark = re.match(r" *(```|~~~)", line)
        item = ITEM.match(line)
        depth = len(line) - len(line.lstrip(" "))
        code = not item and after_blank and depth >= indent + 4
        plain = not fence and not mark and line.strip() and not NOT_PROSE.match(line)
        if not plain or code or (item and prose):
            if prose:
                yield "prose", prose
            prose = []
        if mark:
            fence = "" if fence == mark[1] else fence or mark[1]
        if item:
            indent = len(item[0])
        elif line.strip() and after_blank and depth < indent:
            indent = 0
        if plain and not code:
            prose.append(line)
            after_blank = False
        else:
            yield "other", [line]
            after_blank = not line.strip() or code or line.startswith("#")
    if prose:
        yield "prose", prose


def wrapped(lines: list[str]) -> list[str]:
    """Return a paragraph or an item of a list in lines of at most 100 columns."""
    item = ITEM.match(lines[0])
    own = item[0] if item else re.match(r" *", lines[0])[0]  # type: ignore[index]
    rest = " " * len(own)
    text = " ".join([lines[0][len(own) :], *(line.strip() for line in lines[1:])])
    words: list[str] = []
    for word in TOKEN.findall(text):
        if words and BEGINS_BLOCK.match(word):  # at the head of a line it would begin a list
            words[-1] += f" {word}"
        else:
            words.append(word)
    out, line = [], own
    for word in words:
        full = f"{line} {word}" if line.strip() and line not in (own, rest) else f"{line}{word}"
        if len(full) > COLUMNS and line not in (own, rest):
            out.append(line)
            full = f"{rest}{word}"
        line = full
    return [*out, line]


def page(text: str) -> str:
    """Return a page with its prose wrapped."""
    done: list[str] = []
    for kind, lines in blocks(text):
        hard = any(line.endswith(("  ", "\\")) for line in lines)
        done += wrapped(lines) if kind == "prose" and not hard else lines
    return "\n".join(done)


def long_lines(text: str) -> list[str]:
    """Return the lines of prose that are too long and could be broken."""
    return [
        line
        for kind, lines in blocks(text)
        for line in lines
        if kind == "prose" and len(line) > COLUMNS and len(TOKEN.findall(line)) > 1
    ]


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:]):
        path.write_text(page(path.read_text("utf-8")), "utf-8")

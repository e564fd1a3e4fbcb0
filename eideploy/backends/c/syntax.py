"""How C writes numbers, types and blocks."""

from collections.abc import Iterable
from textwrap import indent

from eideploy.circuit import Array
from eideploy.numeric.fixed import signed_bits, unsigned_bits

TAB = " " * 4


def block(head: str, lines: Iterable[str]) -> str:
    """Return statements in braces behind the head of a loop or a condition."""
    return f"{head} {{\n{_indented(lines)}\n}}"


def function(head: str, lines: Iterable[str]) -> str:
    """Return the definition of a function."""
    return f"{head}\n{{\n{_indented(lines)}\n}}"


def loop(index: str, count: int) -> str:
    """Return the head of a loop over 0 to count - 1."""
    return f"for (uint32_t {index} = 0; {index} < {count}u; ++{index})"


def unsigned_type(high: int) -> str:
    """Return the least type of C that holds 0..high."""
    return f"uint{_width(unsigned_bits(high))}_t"


def signed_type(low: int, high: int) -> str:
    """Return the least type of C that holds low..high."""
    return f"int{_width(signed_bits(low, high))}_t"


def word_for(high: int) -> str:
    """Return the type that sums up to `high` are calculated in, of either sign."""
    return "int32_t" if high < 1 << 31 else "int64_t"


def type_of(values: Array) -> str:
    """Return the least type of C that holds all of `values`."""
    low, high = int(values.min()), int(values.max())
    return unsigned_type(high) if low >= 0 else signed_type(low, high)


def bytes_of(kind: str) -> int:
    """Return how many bytes a type of C takes."""
    return int("".join(filter(str.isdigit, kind))) // 8


def literal(number: int) -> str:
    """Return a number as C writes it."""
    return f"{number}" if abs(number) < 1 << 31 else f"INT64_C({number})"


def text_literal(text: str) -> str:
    """Return a text as C writes it in ASCII: other bytes of its UTF-8 as octal numbers."""
    plain = set(range(0x20, 0x7F)) - set(b'"\\?')  # of two question marks C makes a trigraph
    return (
        '"'
        + "".join(chr(b) if b in plain else f"\\{b:03o}" for b in text.encode(errors="replace"))
        + '"'
    )


def _indented(lines: Iterable[str]) -> str:
    return indent("\n".join(lines), TAB)


def _width(bits: int) -> int:
    return next(width for width in (8, 16, 32, 64) if bits <= width)

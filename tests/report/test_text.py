"""Numbers keep their meaning as text: nothing rounds to none, to all, or below a bound."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.report.text import at_most, counted, listing, percent, table


@given(st.floats(0, 1), st.integers(0, 4))
def test_only_none_reads_as_none_and_only_all_as_all(fraction, digits):
    shown = percent(fraction, digits)
    figure = float(shown.strip("<> %"))
    assert (shown[0] not in "<>" and figure == 0) == (fraction == 0)
    assert (shown[0] not in "<>" and figure == 100) == (fraction == 1)


@given(st.floats(0, 1), st.integers(1, 4))
def test_a_percentage_is_right_to_its_last_digit(fraction, digits):
    shown = percent(fraction, digits)
    figure = Fraction(shown.strip("<> %"))
    true = 100 * Fraction(fraction)
    if shown[0] == "<":
        assert 0 < true < figure
    elif shown[0] == ">":
        assert figure < true < 100
    else:
        assert abs(true - figure) <= Fraction(1, 2 * 10**digits) + Fraction(1, 10**9)


@pytest.mark.parametrize(
    ("fraction", "shown"),
    [(0, "0.00 %"), (1, "100.00 %"), (1e-9, "< 0.01 %"), (1 - 1e-9, "> 99.99 %"), (0.5, "50.00 %")],
)
def test_percentages_read_as_expected(fraction, shown):
    assert percent(fraction) == shown


@given(st.floats(0, 1))
def test_a_bound_as_text_is_a_bound_and_at_most_a_percent_off(bound):
    shown = Fraction(at_most(bound).removesuffix(" %")) / 100
    assert bound <= shown <= Fraction(bound) * Fraction(101, 100)


@pytest.mark.parametrize(
    ("bound", "shown"),
    [(0, "0 %"), (0.0028533935546875, "0.286 %"), (2**-17, "0.000763 %"), (1 / 3, "33.4 %")],
)
def test_bounds_read_as_expected(bound, shown):
    assert at_most(bound) == shown


def test_one_is_not_many():
    assert [counted(n, "epoch") for n in (0, 1, 2)] == ["0 epochs", "1 epoch", "2 epochs"]


@given(st.lists(st.tuples(st.text("ab", max_size=9), st.text("12", max_size=9)), max_size=5))
def test_columns_of_a_table_line_up(rows):
    lines = table(["name", "number"], rows).split("\n")
    end = len(lines[0])
    assert len(lines) == len(rows) + 1
    assert all(line.endswith(number) for line, (_, number) in zip(lines[1:], rows, strict=True))
    assert all(
        len(line) == end or not n
        for line, (_, n) in zip(lines[1:], rows, strict=True)
        if end >= len(line)
    )


def test_a_table_without_rows_is_its_head():
    assert table(["a", "b"], []) == "  a  b"


WORDS = st.lists(st.sampled_from(["spike", "rate", "0.113 %", "mismatch"]), max_size=3)
CELLS = st.sampled_from(["lif1", "12.92 %", "9", ""])


@given(st.data(), st.integers(1, 9), st.integers(24, 120))
def test_a_table_folds_to_the_width_of_a_terminal_and_loses_nothing(data, columns, width):
    head = [" ".join(data.draw(WORDS)) for _ in range(columns)]
    rows = [[data.draw(CELLS) for _ in head] for _ in range(data.draw(st.integers(0, 3)))]
    folded = table(head, rows, width=width)
    assert max(map(len, folded.splitlines()), default=0) <= width
    for text in [*head, *(cell for row in rows for cell in row)]:
        assert all(word in folded for word in text.split())


def test_words_of_a_last_column_are_wrapped():
    rows = [["model.onnx", "not run", "the package onnx, which reads it, is not installed here"]]
    assert table(["file", "result", "reason"], rows, width=50).splitlines() == [
        "  file         result  reason",
        "  model.onnx  not run  the package onnx, which",
        "                       reads it, is not installed",
        "                       here",
    ]


def test_a_table_that_goes_into_a_file_is_not_folded():
    assert max(map(len, table(["a" * 90, "b"], [["", ""]]).splitlines())) > 80


@pytest.mark.parametrize("width", [40, 80])
def test_a_listing_folds_beside_its_names_and_loses_no_word(width):
    entries = {"digital": "one core of an FPGA " * 5 + "or ASIC", "c": "any processor"}
    lines = listing(entries, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert " ".join(" ".join(lines).split()) == " ".join(
        f"{name} {said}".strip() for name, said in entries.items()
    )
    assert all(line.startswith(" " * 11) for line in lines[1:-1])
    assert len(listing(entries, width=0).splitlines()) == 2

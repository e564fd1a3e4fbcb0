"""Untyped data becomes dataclasses: all faults at once, each with its key and what to do."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.errors import FormatError
from eideploy.typed import Line, Name, Positive, Within, instead, typed


@dataclass(frozen=True, kw_only=True)
class Oven:
    degrees: Annotated[int, Within(50, 300)] = 180
    mode: Literal["grill", "fan"] = "fan"
    pause: Annotated[float, Within(0.0, 1.0)] | Literal["never"] = "never"


@dataclass(frozen=True, kw_only=True)
class Recipe:
    source: str
    name: Name
    text: Line = ""
    weight: Positive = 1.0
    layers: tuple[int | Literal["jam"], ...] = ()
    ovens: Mapping[str, Oven] = field(default_factory=dict)
    best: Oven | None = None


def refusal(content, **options):
    with pytest.raises(FormatError) as error:
        typed(Recipe, content, where="cake.toml", error=FormatError, **options)
    return error.value


GOOD = {"source": "s", "name": "cake"}


@given(
    st.builds(
        Recipe,
        source=st.text(st.characters(codec="utf-8")),
        name=st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", fullmatch=True),
        weight=st.floats(min_value=0, exclude_min=True, allow_infinity=False),
        layers=st.lists(st.integers() | st.just("jam")).map(tuple),
        ovens=st.dictionaries(
            st.text(st.characters(codec="utf-8")),
            st.builds(Oven, pause=st.floats(0, 1) | st.just("never")),
        ),
        best=st.none() | st.builds(Oven, degrees=st.integers(50, 300)),
    )
)
def test_what_a_dataclass_holds_reads_back_as_the_same(recipe):
    assert typed(Recipe, asdict(recipe), where="", error=FormatError) == recipe


def test_every_fault_is_told_with_its_key_and_what_to_do():
    content = {
        "name": "a/b",
        "text": "two\nlines",
        "weight": 0,
        "layers": [1, "jelly", 2.0],
        "ovens": {"big": {"degrees": 20, "mod": "fan"}},
        "best": {"mode": "steam", "pause": "often"},
    }
    error = refusal(content)
    assert error.what.split("; ") == [
        "source is missing",
        "name = 'a/b' is not a word of at most 64 letters, digits, dots and dashes",
        "text = 'two\\nlines' is not a line of text",
        "weight = 0 is not a positive number",
        "layers[1] = 'jelly' is not an integer or 'jam'",
        "layers[2] = 2.0 is not an integer or 'jam'",
        "ovens.big.degrees = 20 is outside of 50 to 300",
        "there is no key ovens.big.mod",
        "best.mode = 'steam' is not one of 'grill' or 'fan'",
        "best.pause = 'often' is not a number or 'never'",
    ]
    assert error.where == "cake.toml"
    for fix in ("set source", "choose ovens.big.degrees from 50 to 300", "write ovens.big.mode"):
        assert fix in error.fix.split("; ")


@dataclass(frozen=True)
class Oven:
    """What has a pair."""

    size: tuple[int, int]


def test_a_list_that_is_too_long_is_told_how_long_it_is_to_be():
    with pytest.raises(FormatError, match=r"size = \[1, 2, 3\] is not a list of 2 values"):
        typed(Oven, {"size": [1, 2, 3]}, where="x", error=FormatError)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -1, 10**300])
def test_a_number_of_the_right_type_is_told_its_bounds(number):
    error = refusal({**GOOD, "best": {"pause": number}})
    assert error.what.endswith("is outside of 0.0 to 1.0")
    assert error.fix == "choose best.pause from 0.0 to 1.0"


@pytest.mark.parametrize("content", [None, 3, "text", [GOOD], {**GOOD, "ovens": 3}])
def test_what_is_no_table_is_refused(content):
    assert "is not a" in refusal(content).what


def test_a_value_that_is_long_is_shown_by_its_beginning():
    assert len(refusal({**GOOD, "best": "x" * 10_000}).what) < 100


def test_what_is_known_already_must_not_stand_in_the_table():
    read = typed(
        Recipe, {"name": "cake"}, where="", error=FormatError, given={"source": "cake.toml"}
    )
    assert read.source == "cake.toml"
    error = refusal(GOOD, given={"source": "cake.toml"})
    assert error.what == "there is no key source"
    assert "source" not in error.fix


def test_other_keys_may_be_let_pass():
    read = typed(Recipe, {**GOOD, "more": 1}, where="", error=FormatError, extra="ignore")
    assert read == Recipe(source="s", name="cake")


def test_a_section_makes_no_word_like_another():
    known = ("training.threads", "training.rate", "seed")
    assert instead("training.seeds", known) == "use one of training.threads, training.rate"
    assert instead("training.rates", known) == "write training.rate"
    assert instead("traininx.threads", known) == "write training.threads"
    assert instead("rate", ("rates", "x.y")) == "write rates"

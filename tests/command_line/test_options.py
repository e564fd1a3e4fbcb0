"""A request says of itself what it takes, refuses the rest, and is a function's arguments."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import pytest

from eideploy.errors import UsageError
from eideploy.options import Option, PathLike, Request, refuse_idle
from eideploy.options.fields import fields_of, help_of
from eideploy.options.function import by_fields
from tests.command_line.sample import Bake, Oven, Sugar, bake

SUMMER = Option(where="in summer")


@dataclass(frozen=True, kw_only=True)
class Ice(Request):
    """Make ice."""

    a: Annotated[bool, SUMMER] = True
    b: Annotated[int | None, SUMMER] = None
    c: Annotated[PathLike | None, Option(where="in a cone")] = None


def test_fields_are_those_of_the_class_and_of_its_bases_each_with_its_docstring():
    found = {field.name: field for field in fields_of(Bake)}
    assert found["spoons"].owner is Sugar
    assert found["guests"].owner is Bake
    assert help_of(found["spoons"]) == "How many spoons of it."
    assert found["oven"].is_group
    assert (found["recipe"].positional, found["guests"].positional) == (True, False)


@pytest.mark.parametrize("kind", [dict[str, int], object, int | str, Sequence[Mapping[str, str]]])
def test_a_type_that_no_option_can_take_is_refused(kind):
    wrong = dataclass(frozen=True, kw_only=True)(
        type("Wrong", (Request,), {"__annotations__": {"odd": kind}, "odd": None})
    )
    with pytest.raises(TypeError, match="odd: no option can take"):
        fields_of(wrong)


def test_a_text_where_there_may_be_several_is_read_as_on_the_command_line():
    baked = Bake(fillings="jam", fruit="apples,pears")
    assert (baked.fillings, baked.fruit) == (("jam",), ("apples", "pears"))


@pytest.mark.parametrize(
    ("make", "where", "what", "fix"),
    [
        (lambda: Bake(size="huge"), "--size", "'huge', which is none of", "choose one of small"),
        (lambda: Bake(fillings=["ham"]), "--filling", "'ham', which is none of", "choose one of"),
        (lambda: Oven(mode="grill"), "--mode", "'grill', which is none of top", "choose one of"),
        (lambda: Bake(guests=0), "--guests", "0, which is no whole number", "give a whole number"),
        (lambda: Oven(heat=-1), "--heat", "-1, which is no number above 0", "give a number above"),
    ],
)
def test_a_value_that_an_option_does_not_take_is_refused_in_python_too(make, where, what, fix):
    with pytest.raises(UsageError) as error:
        make()
    assert error.value.where == where
    assert what in error.value.what
    assert error.value.fix.startswith(fix)


def test_what_holds_several_values_is_frozen():
    assert Bake(fillings=["jam"], fruit=iter("ab")).fruit == ("a", "b")
    assert hash(Oven())


def test_an_option_without_effect_is_refused_with_where_it_has_one():
    refuse_idle(Bake(spoons=2), ["with sugar"], here="in this cake")
    refuse_idle(Bake(guests=3), [], here="in this cake")
    with pytest.raises(UsageError) as error:
        refuse_idle(Bake(spoons=2), [], here="in this cake")
    assert str(error.value) == (
        "--spoons has no effect in this cake\n"
        "  where: --spoons\n"
        "  fix:   leave out --spoons, which applies only with sugar"
    )


def test_several_options_without_effect_are_told_at_once():
    with pytest.raises(UsageError) as error:
        refuse_idle(Ice(a=False, b=2, c="x"), [], here="now")
    assert error.value.what == "--no-a, --b and --c have no effect now"
    assert error.value.fix == (
        "leave out --no-a and --b, which apply only in summer; "
        "leave out --c, which applies only in a cone"
    )


def test_a_job_is_a_function_of_the_fields_of_its_request():
    job = by_fields(Bake, bake, name=f"{__name__}.bake_cake")
    assert job("a.toml", guests=3) == Bake("a.toml", guests=3)
    assert (job.__module__, job.__name__) == (__name__, "bake_cake")
    assert next(iter(inspect.signature(job).parameters)) == "recipe"
    assert inspect.signature(job).parameters["guests"].default == 8
    assert inspect.signature(job).return_annotation is Bake
    text = inspect.getdoc(job)
    assert "    guests: For how many (default: 8)." in text
    assert text.endswith("Raises:\n    UsageError: it burns.")

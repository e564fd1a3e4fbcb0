"""Words become the request that they ask for, or an error of what, where and fix."""

import random
import shlex

import pytest

from eideploy.command_line.commands import Command, arguments
from eideploy.command_line.parsing import parsed
from eideploy.errors import UsageError
from tests.command_line.sample import Bake, Oven, Taste, Wash


def command(kind):
    return Command(name=kind.lower(), asks=f"{Bake.__module__}:{kind}", does="")


def asked(line, kind="Bake"):
    return parsed(command(kind), shlex.split(line))[0]


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        ("", Bake()),
        ("cake.toml", Bake("cake.toml")),
        ("-- -odd", Bake("-odd")),
        ("--guests 3", Bake(guests=3)),
        ("--guests=3 cake.toml", Bake("cake.toml", guests=3)),
        ("--above-sea -3", Bake(above_sea=-3)),
        ("--size large", Bake(size="large")),
        ("--filling jam --filling cream --filling jam", Bake(fillings=("jam", "cream"))),
        ("--fruit apple,plum,", Bake(fruit=("apple", "plum"))),
        ("--note a=1 --note b=c=d", Bake(notes={"a": "1", "b": "c=d"})),
        ("--candles", Bake(candles=True)),
        ("--candles --verbose", Bake(candles=True, verbose=True)),
        ("--candles six.txt cake.toml", Bake("cake.toml", candles="six.txt")),
        ("--candles=six.txt", Bake(candles="six.txt")),
        ("--no-eggs -v", Bake(eggs=False, verbose=True)),
        ("--heat 180 --mode fan", Bake(oven=Oven(heat=180.0, mode="all"))),
        ("--spoons 2", Bake(spoons=2)),
        ("--fruit apple --fruit plum", Bake(fruit=("apple", "plum"))),
        ("-v -vv --verbose --no-eggs --no-eggs", Bake(verbose=True, eggs=False)),
        ("./cake", Bake("./cake")),
        ("--out=--there", Bake(out="--there")),
    ],
)
def test_words_make_the_request_that_python_makes(line, request_):
    assert asked(line) == request_


def test_arguments_may_be_several_or_required():
    assert asked("", "Wash") == Wash()
    assert asked("a b", "Wash") == Wash(("a", "b"))
    assert asked("a", "Taste") == Taste("a")


@pytest.mark.parametrize(("line", "as_json"), [("", False), ("--json", True)])
def test_a_result_is_wanted_as_json_where_that_is_said(line, as_json):
    assert parsed(command("Bake"), line.split())[1] is as_json


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("--bogus", "unrecognized arguments: --bogus"),
        ("--bogus=3", "unrecognized arguments: --bogus=3"),
        ("--eggs", "unrecognized arguments: --eggs"),
        ("--guest 3", "unrecognized arguments: --guest"),
        ("a b", "unrecognized arguments: b"),
        ("-x", "unrecognized arguments: -x"),
        ("--guests", "--guests is given no value"),
        ("--guests --json", "--guests is given no value"),
        ("--filling", "--filling is given no value"),
        ("--json=false", "--json takes no value"),
        ("--verbose=3", "--verbose takes no value"),
        ("-v=3", "-v takes no value"),
        ("--no-eggs=false", "--no-eggs takes no value"),
        ("--guests many", "--guests is 'many', which is no whole number above 0"),
        ("--guests 0", "--guests is '0', which is no whole number above 0"),
        ("--guests 8.5", "--guests is '8.5', which is no whole number above 0"),
        ("--guests +8", "--guests is '+8', which is no whole number above 0"),
        ("--guests 1_0", "--guests is '1_0', which is no whole number above 0"),
        ("--above-sea high", "--above-sea is 'high', which is no whole number"),
        ("--heat -1", "--heat is '-1', which is no number above 0"),
        ("--heat nan", "--heat is 'nan', which is no number above 0"),
        ("--heat inf", "--heat is 'inf', which is no number above 0"),
        ("--size huge", "--size is 'huge', which is none of small, large"),
        ("--filling ham", "--filling is 'ham', which is none of jam, cream"),
        ("--mode all", "--mode is 'all', which is none of grill, fan"),
        ("--guests 3 --guests 4", "--guests is given 2 times: 3, 4"),
        ("--candles a --candles b", "--candles is given 2 times: a, b"),
    ],
)
def test_what_no_command_takes_is_refused(line, what):
    with pytest.raises(UsageError) as error:
        asked(line)
    assert error.value.what == what
    assert error.value.where == "eideploy bake"
    assert error.value.fix.endswith("eideploy bake --help lists all")


def test_what_is_required_is_asked_for():
    with pytest.raises(UsageError, match="CAKE is missing"):
        asked("", "Taste")


@pytest.mark.parametrize("entry", ["a", "=b", " =b"])
def test_a_setting_without_a_key_or_a_value_sets_nothing(entry):
    with pytest.raises(UsageError, match="sets nothing") as error:
        asked(shlex.join(["--note", entry]))
    assert error.value.where == "--note"
    assert error.value.fix == f"write {'a' if entry == 'a' else 'KEY'}=VALUE"


def test_what_contradicts_itself_is_refused_as_in_python():
    with pytest.raises(UsageError) as written:
        asked("--size small --filling jam")
    with pytest.raises(UsageError) as called:
        Bake(size="small", fillings=["jam"])
    assert str(written.value) == str(called.value)


def test_random_words_make_a_request_or_a_stated_error():
    rng = random.Random(1)
    known = [one.field.spelled for one in arguments(Bake)]
    pool = [
        *known, *(f"{name}=" for name in known), "--json", "--", "-", "-v", "-vv", "-x", "a", "",
        "0", "-1", "1e9", "jam", "a=b", "@x", "é\udcff", "--a b", "=", "--=", "--json=1",
        "9" * 5000,
    ]  # fmt: skip
    made, errors = 0, []
    for _ in range(400):
        words = rng.choices(pool, k=rng.randrange(5))
        try:
            made += isinstance(parsed(command("Bake"), words)[0], Bake)
        except UsageError as error:
            errors.append(error)
    assert made > 20
    assert len(errors) > 20
    assert all(error.what and error.where and error.fix for error in errors)

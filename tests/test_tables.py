"""Targets and schemes are read strictly: every fault is named with its key, all in one error."""

import pytest

from eideploy import shipped, tables
from eideploy.errors import SpecError, UsageError
from eideploy.scheme import load_scheme, read_scheme, scheme_names
from eideploy.target import load_any, load_target, read_target, target_names

SPEC = (shipped.folder("targets") / "digital/spec.toml").read_text()
SCHEME = (shipped.folder("quant") / "int8.toml").read_text()


@pytest.fixture
def fault(tmp_path):
    """Return a function that reads a text, and gives what the refusal says."""

    def read(reader, text):
        path = tmp_path / "it.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        with pytest.raises(SpecError) as caught:
            reader(path)
        assert str(path) in caught.value.where
        return caught.value.what

    return read


def test_every_shipped_target_and_scheme_is_read():
    assert "digital" in target_names()
    assert {load_any(name).name for name in target_names()} == set(target_names())
    assert {load_scheme(name).name for name in scheme_names()} == set(scheme_names())


def test_all_faults_of_a_target_are_told_at_once_with_their_keys(fault):
    text = SPEC
    for old, new in (
        ("lanes = 8 ", "lanes = -8 "),
        ("weight_rows = 16384", "weight_rows = 1.5"),
        ("gain_words = 1024", "gains = 1024"),
        ("weight = 8 ", 'weight = "8" '),
        ("[latency]", "[delays]"),
        ("interval = 1\nlatency = 7", "latency = 7"),
        ('backend = "digital"', "backend = 3"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    assert sorted(fault(read_target, text).split("; ")) == sorted(
        [
            "core.lanes = -8 is outside of 1 to 1024",
            "memory.weight_rows = 1.5 is not an integer",
            "there is no key memory.gains",
            "memory.gain_words is missing",
            "widths.weight = '8' is not an integer",
            "there is no key delays",
            "latency is missing",
            "divider.lut.interval is missing",
            "backend = 3 is not a text",
        ]
    )


def test_all_faults_of_a_scheme_are_told_at_once_with_their_keys(fault):
    text = SCHEME.replace("w_ee = 8", "w_ee = 17").replace("g_i = 8", "g_i = true")
    text = text.replace("threshold = 14", "threshold = 1").replace("current = 20", "currents = 20")
    text = text.replace('"feedback"', '"backfeed"') + "[first]\nw_ee = 20\n"
    assert sorted(fault(read_scheme, text).split("; ")) == [
        "bits.current is missing",
        "bits.g_i = True is not an integer",
        "bits.threshold = 1 is outside of 2 to 24",
        "bits.w_ee = 17 is outside of 1 to 16",
        "first.w_ee = 20 is outside of 1 to 16",
        "rounding.w_ee = 'backfeed' is not one of 'nearest', 'matched' or 'feedback'",
        "there is no key bits.currents",
    ]


def test_a_scheme_may_leave_out_what_has_a_default(tmp_path):
    path = tmp_path / "it.toml"
    path.write_text(SCHEME.partition("[rounding]")[0])
    assert read_scheme(path) == load_scheme("int8")


def test_powers_of_two_that_no_bits_can_number_are_refused(fault):
    text = SCHEME.replace("[bits]", 'levels = "pow2"\n[bits]').replace("w_ee = 8", "w_ee = 4")
    what = fault(read_scheme, text.replace("w_ie = 8", "w_ie = 3"))
    assert (
        what
        == 'bits.w_ei = 8 is more than 4 bits of levels = "pow2", which number the powers of two'
    )


def test_a_membrane_that_cannot_hold_its_threshold_is_refused(fault):
    text = SCHEME.replace("membrane = 20", "membrane = 15")
    assert "bits.membrane = 15" in fault(read_scheme, text)
    assert "it needs 16" in fault(read_scheme, text)


def test_update_lanes_that_do_not_divide_the_lanes_and_unknown_methods_are_refused(fault):
    text = SPEC.replace("update_lanes = 1 ", "update_lanes = 3 ")
    text = text.replace("[divider.shift2]", "[divider.newton]")
    what = fault(read_target, text)
    assert "core.update_lanes = 3 does not divide core.lanes = 8" in what
    assert "divider.newton is not a method of division" in what


@pytest.mark.parametrize("divider", ["", "divider = 3\n", "[divider]\n", "[divider]\nlut = 3\n"])
def test_a_target_that_does_not_say_how_it_divides_is_refused(fault, divider):
    head, _, _ = SPEC.partition("[divider.exact]")
    top, memory, rest = head.partition("[core]")
    text = head + divider if divider.startswith("[") else top + divider + memory + rest
    assert "divider" in fault(read_target, text)


@pytest.mark.parametrize(
    "name", ["../x", "a/b", "", ".hidden", "-x", "a b", "ü", "x" * 65, "a\\nb"]
)
def test_a_name_that_could_not_be_part_of_a_folders_is_refused(fault, name):
    assert "name = " in fault(read_target, SPEC.replace('name = "digital"', f'name = "{name}"'))
    assert "name = " in fault(read_scheme, SCHEME.replace('name = "int8"', f'name = "{name}"'))


def test_a_spec_cannot_set_where_it_was_read_from(fault):
    said = fault(read_target, SPEC.replace("backend", 'source = "x"\nbackend', 1))
    assert said == "there is no key source"


@pytest.mark.parametrize(
    ("version", "what"),
    [
        ("", "the file has no version"),
        ("version = 2", "version = 2 is not known"),
        ("version = true", "version = True is not known"),
        ("version = 1.0", "version = 1.0 is not known"),
    ],
)
def test_another_version_is_refused(fault, version, what):
    assert fault(read_target, SPEC.replace("version = 1", version)) == what
    assert fault(read_scheme, SCHEME.replace("version = 1", version)) == what


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff\xfe", b"a = ", b"a = 1\na = 2", b"a = " + b"[" * 5000, b"version = 1\n", b"\0",
     b"version = " + b"9" * 5000],
)  # fmt: skip
def test_what_is_no_spec_is_refused(fault, text):
    assert fault(read_target, text)
    assert fault(read_scheme, text)


def test_a_huge_file_is_refused_before_it_is_parsed(fault, monkeypatch):
    monkeypatch.setattr(tables, "parse_toml", lambda _: pytest.fail("it was parsed"))
    huge = b"# " + b"x" * tables.MOST_TOML
    assert (
        fault(read_target, huge) == f"not a TOML file: it is larger than {tables.MOST_TOML} bytes"
    )


def test_a_huge_text_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(tables.tomllib, "loads", lambda _: pytest.fail("it was parsed"))
    with pytest.raises(ValueError, match="larger than"):
        tables.parse_toml("#" * (tables.MOST_TOML + 1))


@pytest.mark.parametrize("name", ["", ".", "..", "/", "no", "x" * 300, "a\0b"])
@pytest.mark.parametrize("load", [load_target, load_scheme])
def test_what_names_nothing_is_refused_with_what_there_is(load, name, tmp_path, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()  # so that nothing lies beside it, either
    monkeypatch.chdir(empty)
    with pytest.raises(UsageError, match="is called") as caught:
        load(name)
    assert "choose one of" in caught.value.fix


@pytest.mark.parametrize("load", [load_target, load_scheme])
def test_a_file_that_is_not_there_is_named(load):
    with pytest.raises(SpecError, match="does not exist") as caught:
        load("no.toml")
    assert caught.value.where == "no.toml"

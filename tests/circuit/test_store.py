"""The file form: what is loaded is what was saved; anything else is a FormatError."""

import copy
import json
import os
import re
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from safetensors import safe_open

from eideploy.circuit import (
    Add,
    AvgPool,
    Circuit,
    Conv,
    Division,
    Flatten,
    Input,
    InputRange,
    IntegerInput,
    LayerRange,
    Neurons,
    Ranges,
)
from eideploy.circuit.store import KIND, KINDS, VERSION, load, save
from eideploy.divisions import lut
from eideploy.errors import EideployError, FormatError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.files import read_tensors, write_tensors
from eideploy.neurons import LIF, models
from tests.helpers.equality import assert_same
from tests.helpers.float_circuits import layer
from tests.helpers.float_circuits import readout as float_readout
from tests.helpers.layers import circuit, conv, lif, readout, source
from tests.helpers.random_circuits import circuits

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def _no_fsync(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: None)  # thousands of files that nobody keeps


def float_circuit(*, calibrated):
    """Return a float circuit with every kind of node."""
    w = RNG.random

    def synapses(n_e, n_i, *fan_in):
        return {"w_ee": w((n_e, *fan_in)), "w_ie": w((n_i, *fan_in)), "w_ei": w((n_e, n_i))}

    def gains(n_e, n_i):
        return {"g_i": w(n_i), "g_e": w(n_e), "b_e": w(n_e) - 0.5}

    nodes = (
        Input(name="input", size=(2, 4, 4), high=2.0),
        layer("a", "input", geometry=Conv(padding=1), **synapses(3, 1, 2, 3, 3), **gains(3, 1)),
        Neurons(name="a.lif", inputs=("a",), model=LIF(tau=3.0, threshold=0.5)),
        Add(name="sum", inputs=("a.lif", "a.lif")),
        AvgPool(name="pool", inputs=("sum",), kernel=2),
        Flatten(name="flat", inputs=("pool",)),
        layer("b", "flat", **synapses(5, 2, 12), **gains(5, 2)),
        Neurons(name="b.lif", inputs=("b",), model=LIF()),
        float_readout("out", "b.lif", **synapses(3, 1, 5)),
    )
    layers = {
        name: LayerRange(
            divisor_floor=0.25,
            zero_divisors=0.5,
            mean_input=w(n),
            mean_inhibition=w(m),
            second_moment=np.ones((1, n, n), np.float32),
            constant_divisor=w(m),
        )
        for name, n, m in (("a", 2, 1), ("b", 12, 2), ("out", 5, 1))
    }
    down = 2.0 ** -np.arange(5)
    seen = InputRange(largest=1.5, steps=down, rounding=w(5), scales=down[:3], clipping=w(3))
    ranges = Ranges(samples=7, layers=layers, input=seen)
    return Circuit(nodes=nodes, steps=3, ranges=ranges if calibrated else None)


def integer_circuit():
    ones = np.ones
    division = Division(divider=lut(2, 3), zero_policy="minimum")
    nodes = [
        source((1, 3, 3), step=0.5),
        conv("a", "input", ones((2, 1, 2, 2)), ones((1, 1, 2, 2)), ones((2, 1)), division=division),
        lif("a.lif", "a", 2),
        Flatten(name="flat", inputs=("a.lif",)),
        readout("flat", ones((2, 8)), ones((1, 8)), ones((2, 1))),
    ]
    return circuit(*nodes, steps=2)


def saved(circuit, folder):
    path = Path(folder) / "net.eic"
    save(circuit, path)
    return path


@given(circuits())
def test_an_integer_circuit_comes_back_as_it_was(net):
    with tempfile.TemporaryDirectory() as folder:
        assert_same(net, load(saved(net, folder)))


@pytest.mark.parametrize("calibrated", [False, True])
def test_a_float_circuit_comes_back_as_it_was(tmp_path, calibrated):
    net = float_circuit(calibrated=calibrated)
    assert_same(net, load(saved(net, tmp_path)))


def test_saving_twice_gives_the_same_bytes(tmp_path):
    net = float_circuit(calibrated=True)
    assert saved(net, tmp_path).read_bytes() == saved(net, tmp_path).read_bytes()


def test_a_truncated_file_is_refused_at_every_length(tmp_path):
    path = saved(integer_circuit(), tmp_path)
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 61), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError) as error:
            load(path)
        assert str(path) in error.value.where


@pytest.mark.parametrize("make", [integer_circuit, lambda: float_circuit(calibrated=True)])
def test_a_flipped_bit_is_refused_or_leaves_a_circuit_that_can_run(tmp_path, make):
    """A bit of a weight is a weight: a folder's manifest guards those."""
    path = saved(make(), tmp_path)
    whole = path.read_bytes()
    header = int.from_bytes(whole[:8], "little")
    refused = 0
    for at in [*range(8), *RNG.integers(8, 8 + header, 400), *RNG.integers(8, len(whole), 50)]:
        flipped = bytearray(whole)
        flipped[at] ^= 1 << int(RNG.integers(8))
        path.write_bytes(flipped)
        refused += is_refused(path)
    assert refused > 250


def is_refused(path):
    try:
        net = load(path)
    except FormatError:
        return True
    assert net.in_full()
    run = run_integer if isinstance(net.input, IntegerInput) else run_float
    try:
        run(net, np.zeros((1, *net.input.size)))
    except EideployError:
        return False
    return False


WRONG = (None, -1, 0, 1.5, True, "x", [1], {}, 10**9, 10**30)


def leaves(content, path=()):
    """Yield the path of every value below `content`."""
    entries = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in entries:
        yield (*path, key)
        if isinstance(value, dict | list):
            yield from leaves(value, (*path, key))


@pytest.mark.parametrize("make", [integer_circuit, lambda: float_circuit(calibrated=True)])
def test_a_wrong_value_is_refused_or_leaves_a_circuit_that_can_run(tmp_path, make):
    path = saved(make(), tmp_path)
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    for at in leaves(content):
        for value in WRONG:
            damaged = copy.deepcopy(content)
            target = damaged
            for key in at[:-1]:
                target = target[key]
            target[at[-1]] = value
            write_tensors(path, arrays, kind=KIND, version=VERSION, content=damaged)
            is_refused(path)


@pytest.mark.parametrize("make", [integer_circuit, lambda: float_circuit(calibrated=True)])
@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint64, bool, np.float16])
def test_an_array_of_another_type_or_shape_is_refused_or_leaves_a_circuit(tmp_path, make, dtype):
    path = saved(make(), tmp_path)
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    for name, array in arrays.items():
        for wrong in (array.astype(dtype), array[..., None], array[:0], None):
            damaged = {k: v for k, v in arrays.items() if k != name}
            damaged |= {} if wrong is None else {name: wrong}
            write_tensors(path, damaged, kind=KIND, version=VERSION, content=content)
            is_refused(path)


BAD_CURVES = [
    ("steps", lambda x: x[::-1]), ("steps", lambda x: x - 1), ("steps", lambda x: x * np.nan),
    ("rounding", lambda x: x[1:]), ("rounding", lambda x: x * np.inf),
    ("scales", lambda x: x[:0]), ("clipping", lambda x: x.astype(np.int64)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change"), BAD_CURVES)
def test_what_was_measured_of_the_input_is_checked(tmp_path, name, change):
    path = saved(float_circuit(calibrated=True), tmp_path)
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    damaged = {**arrays, f"ranges/{name}": np.ascontiguousarray(change(arrays[f"ranges/{name}"]))}
    write_tensors(path, damaged, kind=KIND, version=VERSION, content=content)
    with pytest.raises(FormatError, match="of the input is malformed"):
        load(path)


@pytest.mark.parametrize("version", ["2", "1", 2.0, 1.0, True, None])
def test_a_version_is_a_whole_number(tmp_path, version):
    path = saved(integer_circuit(), tmp_path)
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    write_tensors(path, arrays, kind=KIND, version=version, content=content)
    with pytest.raises(FormatError, match=f"version {re.escape(repr(version))} is not the"):
        load(path)


def test_another_version_is_named(tmp_path):
    path = saved(integer_circuit(), tmp_path)
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    write_tensors(path, arrays, kind=KIND, version=VERSION + 1, content=content)
    with pytest.raises(FormatError, match="version 3 is not the version 2"):
        load(path)


def test_another_kind_is_named(tmp_path):
    path = tmp_path / "net.eic"
    write_tensors(path, {}, kind="eideploy checkpoint", version=VERSION, content={})
    with pytest.raises(FormatError, match=r"not .*eideploy circuit"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x00" * 64, b"\xff" * 64, b"PK\x03\x04" * 20])
def test_a_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "net.eic"
    path.write_bytes(content)
    with pytest.raises(FormatError):
        load(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    for path in (tmp_path / "none.eic", tmp_path):
        with pytest.raises(FormatError) as error:
            load(path)
        assert error.value.where == str(path)


DOCUMENT = Path(__file__).parents[2] / "docs/arithmetic.md"


def documented():
    """Return the fields of every kind, as the table of the document has them."""
    section = DOCUMENT.read_text("utf-8").split("## In the files")[1]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    fields_of = {}
    for names, kind in rows:
        fields_of.setdefault(kind.strip(" `"), set()).update(re.findall(r"`(\w+)`", names))
    return fields_of


def test_the_document_names_every_field_of_an_integer_circuit():
    shared = {"name", "inputs", "delayed", "high"}  # said in the text
    kinds = KINDS | {own.__name__: own for model in models() for own in (model, model.integers)}
    in_table = documented()
    for kind, names in in_table.items():
        assert names == {f.name for f in fields(kinds[kind])} - shared, kind
    others = {
        "Input",
        "LIF",
        "GeneralLIF",
        "FloatCurrent",
        "Add",
        "Flatten",
        "Dense",
        "Neurons",
        "Integrator",
        "SumPool",
    }
    assert in_table.keys() == kinds.keys() - others


@given(drawn=circuits())
def test_any_reader_of_safetensors_finds_what_the_document_says(drawn):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "integer.safetensors")
        save(drawn, path)
        with safe_open(path, framework="numpy") as file:
            mark = json.loads(file.metadata()["eideploy"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert mark["content"]["steps"] == drawn.steps
    for entry, node in zip(mark["content"]["nodes"], drawn.nodes, strict=True):
        assert entry["name"] == node.name
        value = node.model if isinstance(node, Neurons) else node
        assert_as_documented(entry, value, node.name, arrays)


def assert_as_documented(entry, value, name, arrays):
    """Compare a node or a part with what its entry and the arrays under its name say."""
    assert entry["kind"] == type(value).__name__
    for field in documented().get(entry["kind"], set()) - {"division"}:
        own = getattr(value, field)
        if field in ("projection", "geometry", "current"):
            assert_as_documented(entry[field], own, name, arrays)
        elif own is not None:
            found = entry.get(field, arrays.get(f"{name}/{field}"))
            np.testing.assert_array_equal(found, own, err_msg=field)


VERSION_1 = Path(__file__).parent / "version1"
EXPECTED = json.loads((VERSION_1 / "totals.json").read_text("utf-8"))


@pytest.mark.parametrize("name", EXPECTED["totals"])
def test_a_file_of_version_1_computes_what_it_did_when_it_was_written(name):
    net = load(VERSION_1 / f"{name}.safetensors")
    run = run_integer if name.startswith("integer") else run_float
    totals = run(net, np.array(EXPECTED["samples"])).totals
    np.testing.assert_allclose(totals, EXPECTED["totals"][name], rtol=1e-12)

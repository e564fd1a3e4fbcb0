"""Compiled layers of the integer simulator give what numpy gives, and are there where they can."""

import gc
import weakref
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy import native
from eideploy.circuit import AvgPool, Division, Flatten, Neurons
from eideploy.divisions import Exact, constant, exact, lut, mitchell, none, pwl, shift, shift2
from eideploy.execute import integer, kernel
from eideploy.execute.integer import INNER, IntegerSimulator
from eideploy.execute.trace import KEEP_ALL
from tests.helpers.layers import circuit as of_nodes
from tests.helpers.layers import conv, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, general, samples

KEPT = KEEP_ALL - INNER
needs_compiler = pytest.mark.skipif(kernel.library() is None, reason="there is no compiler")
COUNTS = ("saturated", "zeros", "entries")
METHODS = lut(8, 8), shift(), shift2(), pwl(2, 6), mitchell(), exact(), constant(), none()


def in_numpy(circuit):
    simulator = IntegerSimulator(circuit)
    simulator.kernels = dict.fromkeys(simulator.kernels)
    return simulator


def assert_equal(circuit, x):
    """Compare all that a trace holds; return how many layers ran compiled."""
    fast, slow = IntegerSimulator(circuit), in_numpy(circuit)
    ours, theirs = (one.sequence(x, KEPT, 1.0) for one in (fast, slow))
    np.testing.assert_array_equal(ours.totals, theirs.totals)
    for kind in KEPT:
        assert getattr(ours, kind).keys() == getattr(theirs, kind).keys()
        for name, array in getattr(theirs, kind).items():
            np.testing.assert_array_equal(getattr(ours, kind)[name], array, err_msg=name)
    for kind in COUNTS:
        assert dict(getattr(ours, kind)) == dict(getattr(theirs, kind))
    return sum(one is not None for one in fast.kernels.values())


def compiled_alike(networks, *, examples):
    """Compare random circuits; return how many of their layers ran compiled."""
    compiled = 0

    @settings(max_examples=examples)
    @given(data=st.data(), circuit=networks)
    def check(data, circuit):
        nonlocal compiled
        compiled += assert_equal(circuit, data.draw(samples(circuit), label="samples"))

    check()
    return compiled


@needs_compiler
@pytest.mark.parametrize("divider", METHODS, ids=lambda d: d.method)
def test_any_circuit_is_the_same_compiled(divider):
    assert compiled_alike(circuits(method=divider.method), examples=15) > 15


@needs_compiler
def test_any_neuron_is_the_same_compiled():
    assert compiled_alike(circuits(neurons=general), examples=25) > 25


@needs_compiler
@pytest.mark.parametrize("top", [1, 40, 255], ids=["spikes", "small", "any"])
@pytest.mark.parametrize("density", [0.01, 0.2, 0.9])
def test_entries_multiplied_are_events_added_up(top, density):
    """By fours, in pairs or event by event, with windows in which there is nothing."""
    rng = np.random.default_rng(0)
    shapes = (40, 3, 3, 3), (2, 3, 3, 3), (40, 2)
    weights = [rng.integers(0, 256, shape) for shape in shapes]
    division = Division(divider=lut(8, 8), zero_policy="minimum")
    layer = conv("conv", "input", *weights, gain=2, padding=1, fraction=8, division=division)
    flat = Flatten(name="flat", inputs=("lif",))
    ends = [rng.integers(0, 200, shape) for shape in ((3, 40 * 81), (2, 40 * 81), (3, 2))]
    nodes = source((3, 9, 9), top=top), layer, lif("lif", "conv", 40, threshold=60), flat
    circuit = of_nodes(*nodes, readout("flat", *ends), steps=2)
    x = np.round(rng.random((4, 3, 9, 9)) * top) * (rng.random((4, 3, 9, 9)) < density)
    assert assert_equal(circuit, x) == 2


@needs_compiler
def test_a_quotient_just_below_a_half_is_rounded_down():
    """2^33 NUM / DEN is 197461.5 less 2^-37.6, which in floats is 197461.5."""
    groups = (2789, 1, 1, 10, 1, 1)  # inputs with one weight each
    excited = np.repeat([255, 24, 1, 0, 0, 0], groups)  # P = 181361036
    inhibited = np.repeat([0, 0, 0, 255, 222, 1], groups)  # S = 707075
    x = np.repeat([255.0, 255, 191, 255, 255, 215], groups)
    layer = linear("layer", "input", [excited], [inhibited], [[255]], gain=255, fraction=33,
                   current_bits=20)  # fmt: skip
    neuron = lif("lif", "layer", 1, threshold=197462, membrane_bits=20)
    nodes = source((len(x),)), layer, neuron, readout("lif", [[1]], [[0]], [[0]])
    circuit = of_nodes(*nodes, steps=1)
    assert assert_equal(circuit, x[None]) == 2
    spikes = IntegerSimulator(circuit).sequence(x[None], frozenset({"spikes"}), 1.0).spikes
    assert not spikes["lif"].any()


@needs_compiler
def test_spikes_are_pooled_as_in_numpy():
    circuit = convolution()
    first, layer, neurons = circuit.nodes[:3]
    pool = AvgPool(name="pool", inputs=("lif",), kernel=2)
    flat = Flatten(name="flat", inputs=("pool",))
    rng = np.random.default_rng(0)
    ends = [rng.integers(0, 200, shape) for shape in ((3, 24), (2, 24), (3, 2))]
    pooled = of_nodes(first, layer, neurons, pool, flat, readout("flat", *ends), steps=3)
    assert assert_equal(pooled, drawn(pooled, 4)) == 2
    totals = [IntegerSimulator(pooled).sequence(drawn(pooled, 4), keep, 1.0).totals
              for keep in (frozenset(), frozenset({"spikes"}))]  # fmt: skip
    np.testing.assert_array_equal(*totals)


@needs_compiler
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads_gives_the_same(threads, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    circuit = convolution()
    assert assert_equal(circuit, drawn(circuit, 5)) == 2


@needs_compiler
def test_steps_are_the_sequence():
    circuit = convolution()
    x = drawn(circuit, 4)
    simulator = IntegerSimulator(circuit)
    state, total = simulator.init(len(x)), 0
    for _ in range(circuit.steps):
        state, output = simulator.step(state, x)
        total = total + output
    np.testing.assert_array_equal(total, simulator.sequence(x, frozenset(), 1.0).totals)


@needs_compiler
@pytest.mark.parametrize("most", [255, 40000])
def test_sums_beyond_16_bits_are_widened_in_time(most):
    """As many events at one position as there are, with the largest weights of both signs."""
    events = 700
    weights = [[most] * events] * 3, [[most] * events] * 2, [[1, 2]] * 3
    table = Division(divider=lut(8, 8), zero_policy="minimum")
    layer = linear("layer", "input", *weights, division=table)
    end = readout("lif", [[1] * 3], [[1] * 3], [[1]])
    circuit = of_nodes(source((events,), top=1), layer, lif("lif", "layer", 3), end, steps=2)
    assert assert_equal(circuit, np.ones((2, events))) == 2
    alone = of_nodes(source((events,), top=1), readout("input", *weights), steps=2)
    assert assert_equal(alone, np.ones((2, events))) == 1


@needs_compiler
def test_what_the_kernel_does_not_have_runs_in_numpy():
    class Own(Exact):
        pass

    other = convolution(Own())
    assert all(IntegerSimulator(other).kernels[node.name] is None for node in other.hidden)
    circuit = convolution()
    neurons = circuit.of(Neurons)[0]

    class Mine(type(neurons.integer_model)):
        pass

    mine = Mine(**vars(neurons.integer_model))
    nodes = tuple(replace(n, model=mine) if n is neurons else n for n in circuit.nodes)
    kernels = IntegerSimulator(replace(circuit, nodes=nodes)).kernels
    assert kernels[neurons.inputs[0]] is None


def test_a_circuit_is_prepared_once_and_what_was_prepared_goes_with_it(monkeypatch):
    circuit = convolution()
    x = drawn(circuit, 3)
    first = integer.run_integer(circuit, x)
    with monkeypatch.context() as patch:
        patch.setattr(integer.Prepared, "of", None)
        np.testing.assert_array_equal(integer.run_integer(circuit, x).totals, first.totals)
    prepared = weakref.ref(integer.PREPARED[circuit])
    del circuit
    gc.collect()
    assert prepared() is None


def test_without_a_compiler_it_is_numpy(tmp_path, monkeypatch, capsys):
    """Said in one line, and nothing else is different."""
    circuit = convolution()
    x = drawn(circuit, 3)
    totals = in_numpy(circuit).sequence(x, frozenset(), 1.0).totals
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(native, "compiler", lambda: None)
    kernel.library.cache_clear()
    try:
        simulator = IntegerSimulator(circuit)
    finally:
        kernel.library.cache_clear()
    assert set(simulator.kernels.values()) == {None}
    np.testing.assert_array_equal(simulator.sequence(x, frozenset(), 1.0).totals, totals)
    lines = [one for one in capsys.readouterr().err.splitlines() if "kernel" in one]
    assert lines == [
        "simulator's kernel: there is no C++ compiler (g++, clang++, or $CXX); "
        "simulating in numpy, slower"
    ]


def test_the_kernel_warns_of_nothing(tmp_path):
    if native.compiler() is None:
        pytest.skip("there is no compiler")
    strict = ("-Wall", "-Wextra", "-Werror", "-Wno-psabi", "-Wno-unknown-pragmas")
    native.compile_to(tmp_path / "kernel.so", kernel.SOURCE, (*native.FLAGS, *strict))


def convolution(divider=None):
    """Return a convolution that drives neurons, and a readout, dividing by a table."""
    rng = np.random.default_rng(0)
    division = Division(divider=divider or lut(8, 8), zero_policy="minimum")
    shapes = (6, 2, 3, 3), (3, 2, 3, 3), (6, 3)
    weights = [rng.integers(0, 200, shape) for shape in shapes]
    layer = conv("conv", "input", *weights, gain=2, padding=1, fraction=8, division=division)
    ends = [rng.integers(0, 200, shape) for shape in ((3, 120), (2, 120), (3, 2))]
    flat = Flatten(name="flat", inputs=("lif",))
    neurons = lif("lif", "conv", 6, threshold=60)
    return of_nodes(source((2, 5, 4)), layer, neurons, flat, readout("flat", *ends), steps=3)


def drawn(circuit, count):
    rng = np.random.default_rng(0)
    high = circuit.input.high
    return rng.random((count, *circuit.input.size)) * high

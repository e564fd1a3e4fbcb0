"""Compiled layers of the integer simulator give what numpy gives, and are there where they can."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy import native
from eideploy.circuit import Division, Flatten, Neurons
from eideploy.divisions import exact, lut, none, shift
from eideploy.execute import kernel
from eideploy.execute.integer import INNER, IntegerSimulator
from eideploy.execute.trace import KEEP_ALL
from tests.helpers.layers import circuit as of_nodes
from tests.helpers.layers import conv, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, samples

KEPT = KEEP_ALL - INNER
needs_compiler = pytest.mark.skipif(kernel.library() is None, reason="there is no compiler")
COUNTS = ("saturated", "zeros", "entries")


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


@needs_compiler
@pytest.mark.parametrize("divider", [lut(8, 8), shift(), none()], ids=lambda d: d.label)
def test_any_circuit_is_the_same_compiled(divider):
    compiled = 0

    @settings(max_examples=25)
    @given(data=st.data(), circuit=circuits(method=divider.method))
    def check(data, circuit):
        nonlocal compiled
        compiled += assert_equal(circuit, data.draw(samples(circuit), label="samples"))

    check()
    assert compiled > 20


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
def test_sums_beyond_16_bits_are_widened_in_time():
    """As many events at one position as there are, with the largest weights of both signs."""
    events = 700
    weights = [[255] * events] * 3, [[255] * events] * 2, [[1, 2]] * 3
    table = Division(divider=lut(8, 8), zero_policy="minimum")
    layer = linear("layer", "input", *weights, division=table)
    end = readout("lif", [[1] * 3], [[1] * 3], [[1]])
    circuit = of_nodes(source((events,), top=1), layer, lif("lif", "layer", 3), end, steps=2)
    assert assert_equal(circuit, np.ones((2, events))) == 2


@needs_compiler
def test_what_the_kernel_does_not_have_runs_in_numpy():
    other = [n.name for n in convolution(exact()).hidden]
    assert all(IntegerSimulator(convolution(exact())).kernels[name] is None for name in other)
    circuit = convolution()
    neurons = circuit.of(Neurons)[0]

    class Mine(type(neurons.integer_model)):
        pass

    mine = Mine(**vars(neurons.integer_model))
    nodes = tuple(replace(n, model=mine) if n is neurons else n for n in circuit.nodes)
    kernels = IntegerSimulator(replace(circuit, nodes=nodes)).kernels
    assert kernels[neurons.inputs[0]] is None


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

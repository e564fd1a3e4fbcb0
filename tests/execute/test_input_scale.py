"""The input's full scale: chosen by what rounding and clipping do to the layers that read it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.circuit import AvgPool, Circuit, Input
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.passes.calibrate import calibrate
from eideploy.passes.quantize import quantize
from eideploy.passes.steps import input_step
from eideploy.scheme import load_scheme
from eideploy.target import load_target
from tests.helpers.float_circuits import conv_net, mlp
from tests.helpers.layers import circuit as integers
from tests.helpers.layers import lif, linear, readout, source

SPIKES = frozenset({"spikes"})
HIGH = 255.0  # what a network of events may be given


def events(circuit, *, high=HIGH):
    """Return the circuit of an input that may reach `high`."""
    return circuit.rewrite(Input, lambda node: replace(node, high=high))


def pooled():
    """A network whose first layer reads means of four values."""
    nodes = conv_net(np.random.default_rng(0)).nodes
    source = replace(nodes[0], size=(1, 12, 12))
    pool = AvgPool(name="pool0", inputs=("input",), kernel=2)
    return Circuit(nodes=(source, pool, replace(nodes[1], inputs=("pool0",)), *nodes[2:]), steps=3)


def without_layers():
    nodes = mlp(np.random.default_rng(0), n_in=8).nodes
    return Circuit(nodes=(nodes[0], replace(nodes[-1], inputs=("input",))), steps=2)


NETWORKS = {
    "convolution": conv_net(np.random.default_rng(0)),
    "linear": mlp(np.random.default_rng(0)),
    "pooled": pooled(),
    "readout alone": without_layers(),
}


def frames(circuit, count=64, seed=1):
    """Return means of counts as a resized recording has them: many small, none beyond 4."""
    rng = np.random.default_rng(seed)
    shape = count, circuit.steps, *circuit.input.size
    return np.minimum(rng.exponential(0.4, shape) * (rng.random(shape) < 0.6), 4).astype(np.float32)


def chosen(circuit, samples, bits=8):
    return input_step(observe(circuit, samples).input, circuit.input.high, bits)


@pytest.mark.parametrize(
    ("levels", "high", "step", "top"),
    [
        (np.arange(17) / 16, 1.0, 1 / 128, 128),
        (np.arange(256) / 255, 1.0, 1 / 255, 255),
        (np.arange(9), 255.0, 1.0, 255),
        (np.arange(9), 8.0, 1 / 16, 128),
    ],
    ids=["sixteenths", "bytes", "counts", "counts up to 8"],
)
@pytest.mark.parametrize("network", NETWORKS)
def test_values_on_a_grid_stay_exact(network, levels, high, step, top):
    circuit = events(NETWORKS[network], high=high)
    x = np.random.default_rng(2).choice(levels, (64, *circuit.input.size)).astype(np.float32)
    assert chosen(circuit, x) == (pytest.approx(step, rel=1e-15), top)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1), bits=st.integers(1, 16), high=st.floats(0.1, 300),
    part=st.floats(0.001, 1),
)  # fmt: skip
def test_levels_fit_their_bits_and_reach_no_further_than_the_input(seed, bits, high, part):
    circuit = events(NETWORKS["linear"], high=high)
    x = np.random.default_rng(seed).random((8, *circuit.input.size)) * high * part
    step, top = chosen(circuit, x, bits)
    assert 1 <= top < 1 << bits
    assert 0 < step * top <= high + step / 2


@pytest.mark.parametrize("network", NETWORKS)
def test_a_hot_pixel_does_not_set_the_step(network):
    circuit = events(NETWORKS[network])
    x = frames(circuit)
    step, top = chosen(circuit, x)
    assert 1 < step * top < 5
    x[0, 0].flat[0] = HIGH
    step, top = chosen(circuit, x)
    assert 1 < step * top < 10


@pytest.mark.parametrize("network", ["convolution", "linear", "pooled"])
def test_spikes_differ_about_as_little_as_with_the_best_full_scale(network):
    circuit = events(NETWORKS[network])
    x, test = frames(circuit), frames(circuit, seed=3)

    def differing(step, top):
        rounded = np.minimum(np.rint(test / step), top) * step
        found, reference = (run_float(circuit, s, keep=SPIKES).spikes for s in (rounded, test))
        return (found["lif1"] != reference["lif1"]).mean()

    found = differing(*chosen(circuit, x))
    best = min(differing(scale / 255, 255) for scale in np.geomspace(0.25, HIGH, 41))
    assert found <= 1.5 * best + 1e-3
    assert found < differing(1.0, 255) / 5


def test_nothing_to_look_at_leaves_the_whole_range():
    circuit = events(NETWORKS["convolution"])
    assert chosen(circuit, np.zeros((3, *circuit.input.size))) == (1.0, 255)
    assert input_step(None, HIGH, 8) == (1.0, 255)


def test_a_calibrated_circuit_is_quantized_by_what_was_chosen():
    circuit = events(NETWORKS["convolution"])
    ranges = observe(circuit, frames(circuit))
    calibrated, widths = calibrate(circuit, ranges=ranges), load_target("digital").widths
    made = quantize(calibrated, scheme=load_scheme("int8"), widths=widths).input
    assert (made.step, made.top) == input_step(ranges.input, HIGH, 8)
    assert made.high == HIGH


def test_values_beyond_the_full_scale_saturate_and_are_counted():
    made = integers(
        source((3,), top=7, step=0.5, high=20.0),
        linear("a", "input", [[1, 0, 2]], [[1, 1, 0]], [[1]]),
        lif("lif", "a", 1),
        readout("lif", [[1]], [[1]], [[1]]),
        steps=4,
    )
    x = np.array([[3.5, 3.7, 3.75], [20, 0, 1]])  # 3.7 is nearest to 7 steps, 3.75 a tie: to 8
    trace = run_integer(made, x, keep=frozenset({"inputs"}))
    assert trace.inputs["input"][0].tolist() == [[7, 7, 7], [7, 0, 2]]
    assert trace.saturated["input"] == 2 * 4  # at every step
    assert trace.entries["input"] == 5 * 4  # that are not zero

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.circuit import Add, AvgPool, Circuit, IntegerLIF
from eideploy.circuit.integer import IntegerEILayer
from eideploy.circuit.nodes import NO_LEAK
from eideploy.errors import CapacityError, InvariantError
from eideploy.passes.calibrate import calibrate
from eideploy.passes.levels import Shunt, quantize_weights
from eideploy.passes.quantize import FIRING, quantize
from eideploy.scheme import Bits, Clippings, Rounding, Scheme, load_scheme
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.integer import run_integer
from eideploy.simulate.observe import observe
from eideploy.target import load_target
from tests.helpers.float_circuits import conv_net, ei_linear, float_twin, mlp, with_layer

INT8 = load_scheme("int8")
seeds = st.integers(0, 2**32 - 1)


def quantized(circuit, samples, scheme=INT8):
    return quantize(calibrate(circuit, ranges=observe(circuit, samples)), scheme=scheme)


def lowered(circuit, samples, scheme=INT8, policy="minimum"):
    from eideploy.numeric.division import exact
    from eideploy.passes.lower_division import lower_division

    integer = quantized(circuit, samples, scheme)
    return lower_division(
        integer, divider=exact(), zero_policy=policy, target=load_target("digital")
    )


def at(bits):
    own = Bits(
        input=8, w_ee=bits, w_ie=bits, w_ei=bits, g_i=bits, threshold=14, current=24, membrane=24
    )
    return Scheme(name=f"{bits} bits", description="", bits=own)


@pytest.mark.parametrize("make", [mlp, conv_net])
def test_integer_network_converges_to_the_float_network_with_its_bits(make):
    rng = np.random.default_rng(1)
    circuit = make(rng)
    shape = 512, *circuit.input.size
    x = rng.random(shape) * (rng.random(shape) < 0.7)
    x = np.rint(x * 255) / 255  # on the input's grid
    keep = frozenset({"spikes"})
    theirs = run_float(circuit, x, keep=keep)

    def mismatch(bits):
        ours = run_integer(lowered(circuit, x, at(bits)), x, keep=keep)
        return np.mean([(s != theirs.spikes[n]).mean() for n, s in ours.spikes.items()])

    errors = [mismatch(bits) for bits in (4, 6, 8)]
    assert all(finer < coarser for coarser, finer in pairwise(errors))
    assert errors[-1] < errors[0] / 4


@settings(max_examples=40)
@given(seed=seeds)
def test_every_scale_cancels_as_a20_says(seed):
    # The float twin has the integer levels for weights and no scale of the quantizer. Its current
    # in thresholds must equal the integer current up to the one rounding of half an LSB.
    rng = np.random.default_rng(seed)
    circuit = conv_net(rng, steps=1)
    x = rng.random((4, 1, 6, 6)) * (rng.random((4, 1, 6, 6)) < 0.6)
    integer = lowered(circuit, x)
    levels = np.rint(x / integer.input.step).clip(0, integer.input.top) * integer.input.step
    keep = frozenset({"currents"})
    ours = run_integer(integer, levels, keep=keep).currents["conv1"]
    theirs = run_float(float_twin(integer, circuit), levels, keep=keep).currents["conv1"]
    threshold = integer.node("lif1").threshold.reshape(-1, 1, 1)
    limit = 1 << (INT8.bits.current - 1)
    free = np.abs(ours) < limit - 1 - np.abs(integer.node("conv1").bias).max()
    assert free.mean() > 0.5
    assert np.abs(ours / threshold - theirs)[free].max() <= (0.5 + 1e-6) / threshold.min()


@settings(max_examples=40)
@given(seed=seeds)
def test_current_of_int8_is_near_the_float_current(seed):
    rng = np.random.default_rng(seed)
    circuit = mlp(rng, steps=1)
    x = rng.random((16, 12))
    integer = lowered(circuit, x)
    keep = frozenset({"currents"})
    ours = run_integer(integer, x, keep=keep).currents["linear1"]
    theirs = run_float(circuit, x, keep=keep).currents["linear1"]
    free = np.abs(ours - integer.node("linear1").bias) < (1 << (INT8.bits.current - 1)) - 1
    error = np.abs(ours / integer.node("lif1").threshold - theirs)
    assert (error < 0.05 * (1 + np.abs(theirs).max()))[free].all()


@given(seed=seeds, bits=st.integers(2, 10))
def test_thresholds_fill_their_bits(seed, bits):
    circuit = mlp(np.random.default_rng(seed))
    scheme = replace(INT8, bits=replace(INT8.bits, threshold=bits))
    threshold = quantized(circuit, np.ones((2, 12)) * 0.5, scheme).node("lif1").threshold
    assert threshold.min() >= 1 << (bits - 1)
    assert threshold.max() < 1 << bits


@given(seed=seeds)
def test_weights_use_their_bits_and_keep_dales_law(seed):
    integer = quantized(conv_net(np.random.default_rng(seed)), np.ones((2, 1, 6, 6)) * 0.5)
    for node in integer.of(IntegerEILayer):
        for weight in (node.w_ee, node.w_ie, node.w_ei, node.gain):
            assert weight.min() >= 0
            assert weight.max() <= 255
        # rows of few inputs may leave up to three eighths of the levels unused (FINE)
        assert node.w_ie.max(tuple(range(1, node.w_ie.ndim))).min() >= 255 / 1.6 - 1
        assert node.gain.max() == 255


def test_excitation_absorbs_the_rounding_of_the_inhibition_of_a_neuron_that_is_about_to_fire():
    rng = np.random.default_rng(3)
    circuit = mlp(rng, n_in=40, n_e=32)
    x = rng.random((64, 12 + 28))
    float_node = circuit.node("linear1")
    node = quantized(circuit, x, replace(INT8, bits=replace(INT8.bits, w_ei=4))).node("linear1")
    ratio = ((FIRING - float_node.b_e) / float_node.g_e)[:, None]

    def balance(of, g_i):
        return of.w_ei @ of.w_ie + ratio * (of.w_ei @ (g_i[:, None] * of.w_ie))

    net = float_node.w_ee - balance(float_node, float_node.g_i)
    step_g = float_node.g_i.max() / 255
    levels = (node.w_ee << node.shift_ee[:, None]) - balance(node, node.gain * step_g)
    unit = (net * levels).sum(1) / (levels.astype(float) ** 2).sum(1)
    step = unit * 2.0**node.shift_ee  # of W_EE; W_EI alone is sixteen times coarser
    clipped = (node.w_ee == 0) | (node.w_ee == 255)
    error = np.abs(levels * unit[:, None] - net) / step[:, None]
    assert np.median(error[~clipped]) < 0.5


@given(seed=seeds, bits=st.integers(3, 10))
def test_weights_are_kept_to_the_steps_that_the_pass_states(seed, bits):
    exact = mlp(np.random.default_rng(seed)).node("linear1")
    own = replace(INT8.bits, w_ee=bits, w_ie=bits, w_ei=bits)
    scheme = replace(
        INT8,
        rounding=Rounding(w_ee="matched", w_ie="nearest"),
        clipping=Clippings(w_ee="error", w_ie="max"),
    )
    moment = np.eye(12, dtype=np.float32)[None]
    shunt = Shunt(exact=exact.g_i, kept=exact.g_i, ratio=np.linspace(-0.5, 2, 8))
    levels = quantize_weights(exact, scheme, own, moment, np.full(12, 0.5), shunt=shunt)
    full, half = (1 << bits) - 1, 0.5 + 1e-6
    row = exact.w_ie.max(1, keepdims=True) / full
    assert np.abs(levels.w_ie - exact.w_ie / row).max() <= half
    unit = (levels.unit * 2.0**-levels.shift)[:, None]
    kept = levels.w_ei < full
    assert (np.abs(levels.w_ei - exact.w_ei * row.T / unit) <= half)[kept].all()
    by_gain = 1 + shunt.ratio[:, None] * exact.g_i
    absorbed = (levels.w_ei * unit * by_gain) @ levels.w_ie - (exact.w_ei * by_gain) @ exact.w_ie
    inside = (levels.w_ee > 0) & (levels.w_ee < full)
    error = np.abs(levels.w_ee - (exact.w_ee + absorbed) / levels.unit[:, None])  # (A17)
    assert (error <= 1 + 1e-6)[inside].all()


def test_neuron_without_gain_keeps_its_bias_alone():
    rng = np.random.default_rng(4)
    circuit = mlp(rng, steps=1)
    g_e = circuit.node("linear1").g_e * (np.arange(8) > 0)
    circuit = with_layer(circuit, "linear1", g_e=g_e, b_e=np.full(8, 0.75))
    integer = lowered(circuit, rng.random((8, 12)))
    current = run_integer(integer, rng.random((8, 12)), keep=frozenset({"currents"}))
    ratio = current.currents["linear1"][..., 0] / integer.node("lif1").threshold[0]
    assert np.abs(ratio - 0.75).max() < 1e-3


def test_layer_without_inhibition_has_the_bias_for_current():
    rng = np.random.default_rng(5)
    circuit = mlp(rng, steps=1)
    circuit = with_layer(circuit, "linear1", g_i=np.zeros(2))
    integer = lowered(circuit, rng.random((8, 12)))
    trace = run_integer(integer, rng.random((8, 12)), keep=frozenset({"currents"}))
    assert (trace.currents["linear1"] == integer.node("linear1").bias).all()


def test_dead_inhibitory_neuron_is_no_trouble():
    rng = np.random.default_rng(6)
    circuit = mlp(rng)
    w_ie = circuit.node("linear1").w_ie.copy()
    w_ie[0] = 0
    integer = quantized(with_layer(circuit, "linear1", w_ie=w_ie), rng.random((8, 12)))
    assert (integer.node("linear1").w_ie[0] == 0).all()


def test_pooling_becomes_a_sum_whose_unit_cancels():
    integer = quantized(conv_net(np.random.default_rng(7)), np.ones((2, 1, 6, 6)) * 0.5)
    assert type(integer.node("pool1")).__name__ == "SumPool"


def test_time_constant_that_is_no_power_of_two_is_refused():
    circuit = mlp(np.random.default_rng(8), tau=3.0)
    with pytest.raises(CapacityError, match=r"tau 3 is no power of two\n.*node lif1"):
        quantized(circuit, np.ones((2, 12)))


def test_time_constant_of_four_leaks_by_two_bits():
    circuit = mlp(np.random.default_rng(8), tau=4.0)
    assert quantized(circuit, np.ones((2, 12)) * 0.5).node("lif1").leak == 2


def test_neurons_without_leak_leak_as_little_as_the_core_can():
    circuit = mlp(np.random.default_rng(8), tau=NO_LEAK)
    assert quantized(circuit, np.ones((2, 12)) * 0.5).node("lif1").leak == 15


def test_branches_in_different_units_are_refused():
    base = conv_net(np.random.default_rng(9))
    nodes = {node.name: node for node in base.nodes}
    pool = AvgPool(name="pool_again", inputs=("lif2",), kernel=1)
    wide = AvgPool(name="pool_twice", inputs=("pool1",), kernel=1)
    shape = base.shapes["pool1"]
    assert shape == base.shapes["lif2"]
    both = Add(name="add", inputs=("pool_twice", "pool_again"))
    flatten = replace(nodes["flatten"], inputs=("add",))
    nodes = (*base.nodes[:6], pool, wide, both, flatten, nodes["readout"])
    circuit = Circuit(nodes=nodes, steps=3)
    with pytest.raises(CapacityError, match=r"adds branches in units of 0\.25 and 1"):
        quantized(circuit, np.ones((2, 1, 6, 6)) * 0.5)


def test_circuit_that_was_not_calibrated_is_refused():
    with pytest.raises(InvariantError, match="quantize needs a circuit that has_ranges") as caught:
        quantize(mlp(np.random.default_rng(0)), scheme=INT8)
    assert "linear1 = EILinear(input)" in caught.value.__notes__[0]


def test_quantized_circuit_is_not_quantized_again():
    integer = quantized(mlp(np.random.default_rng(0)), np.ones((2, 12)) * 0.5)
    with pytest.raises(InvariantError, match="quantize needs a circuit that is_float"):
        quantize(integer, scheme=INT8)


def test_numbers_beyond_62_bits_are_refused():
    rng = np.random.default_rng(10)
    bits = Bits(input=16, w_ee=16, w_ie=16, w_ei=16, g_i=16, threshold=24, current=32, membrane=32)
    circuit = with_layer(mlp(rng, n_in=400), "linear1", g_e=np.full(8, 1e9))
    with pytest.raises(CapacityError, match="more than 62 bits"):
        quantized(circuit, rng.random((4, 400)), replace(INT8, bits=bits))


def test_branch_into_two_layers_is_kept():
    rng = np.random.default_rng(11)
    base = mlp(rng)
    second = ei_linear(rng, "linear2", "lif1", 8, 8)
    lif2 = replace(base.node("lif1"), name="lif2", inputs=("linear2",))
    add = Add(name="add", inputs=("lif1", "lif2"))
    readout = replace(base.node("readout"), inputs=("add",))
    circuit = Circuit(nodes=(*base.nodes[:3], second, lif2, add, readout), steps=3)
    integer = quantized(circuit, rng.random((8, 12)))
    assert [type(n).__name__ for n in integer.nodes[3:]] == [
        "IntegerEILinear", "IntegerLIF", "Add", "IntegerReadout",
    ]  # fmt: skip
    assert len(integer.of(IntegerLIF)) == 2

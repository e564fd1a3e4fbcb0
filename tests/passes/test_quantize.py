import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.pipeline import compile_circuit
from eideploy.circuit import (
    Add,
    AvgPool,
    Circuit,
    Dense,
    FloatCurrent,
    Folded,
    Input,
    Layer,
    Logits,
    Neurons,
)
from eideploy.circuit.limits import peaks
from eideploy.divisions import lut
from eideploy.errors import CapacityError, InvariantError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.neurons import LIF, NO_LEAK, IntegerGeneralLIF
from eideploy.passes.calibrate import calibrate
from eideploy.passes.levels import Room, Shunt, quantize_weights
from eideploy.passes.quantize import FIRING, quantize, quantize_with_units
from eideploy.scheme import Bits, Clippings, Rounding, Scheme, load_scheme
from eideploy.target import load_target
from tests.helpers.float_circuits import conv_net, ei_linear, float_twin, mlp, with_layer

INT8 = load_scheme("int8")
WIDTHS = load_target("digital").widths
seeds = st.integers(0, 2**32 - 1)


def quantized(circuit, samples, scheme=INT8):
    return quantize(
        calibrate(circuit, ranges=observe(circuit, samples)), scheme=scheme, widths=WIDTHS
    )


def lowered(circuit, samples, scheme=INT8, policy="minimum"):
    from eideploy.divisions import exact
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
    threshold = integer.node("lif1").model.threshold.reshape(-1, 1, 1)
    limit = 1 << (INT8.bits.current - 1)
    free = np.abs(ours) < limit - 1 - np.abs(integer.node("conv1").current.bias).max()
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
    free = np.abs(ours - integer.node("linear1").current.bias) < (1 << (INT8.bits.current - 1)) - 1
    error = np.abs(ours / integer.node("lif1").model.threshold - theirs)
    assert (error < 0.05 * (1 + np.abs(theirs).max()))[free].all()


@given(seed=seeds, bits=st.integers(2, 10))
def test_thresholds_fill_their_bits(seed, bits):
    circuit = mlp(np.random.default_rng(seed))
    scheme = replace(INT8, bits=replace(INT8.bits, threshold=bits))
    threshold = quantized(circuit, np.ones((2, 12)) * 0.5, scheme).node("lif1").model.threshold
    assert threshold.min() >= 1 << (bits - 1)
    assert threshold.max() < 1 << bits


@given(seed=seeds)
def test_weights_use_their_bits_and_keep_dales_law(seed):
    integer = quantized(conv_net(np.random.default_rng(seed)), np.ones((2, 1, 6, 6)) * 0.5)
    for w in (layer.projection for layer in integer.hidden):
        for weight in (w.w_ee, w.w_ie, w.w_ei, w.g_i):
            assert weight.min() >= 0
            assert weight.max() <= 255
        # rows of few inputs may leave up to three eighths of the levels unused (FINE)
        assert w.w_ie.max(tuple(range(1, w.w_ie.ndim))).min() >= 255 / 1.6 - 1
        assert w.g_i.max() == 255


def test_excitation_absorbs_the_rounding_of_the_inhibition_of_a_neuron_that_is_about_to_fire():
    rng = np.random.default_rng(3)
    circuit = mlp(rng, n_in=40, n_e=32)
    x = rng.random((64, 12 + 28))
    trained, current = circuit.node("linear1").projection, circuit.node("linear1").current
    scheme = replace(INT8, bits=replace(INT8.bits, w_ei=4))
    w = quantized(circuit, x, scheme).node("linear1").projection
    ratio = ((FIRING - current.b_e) / current.g_e)[:, None]

    def balance(of, g_i):
        return of.w_ei @ of.w_ie + ratio * (of.w_ei @ (g_i[:, None] * of.w_ie))

    net = trained.w_ee - balance(trained, trained.g_i)
    step_g = trained.g_i.max() / 255
    levels = (w.w_ee << w.shift[:, None]) - balance(w, w.g_i * step_g)
    unit = (net * levels).sum(1) / (levels.astype(float) ** 2).sum(1)
    step = unit * 2.0**w.shift  # of W_EE; W_EI alone is sixteen times coarser
    clipped = (w.w_ee == 0) | (w.w_ee == 255)
    error = np.abs(levels * unit[:, None] - net) / step[:, None]
    assert np.median(error[~clipped]) < 0.5


@given(seed=seeds, bits=st.integers(3, 10))
def test_weights_are_kept_to_the_steps_that_the_pass_states(seed, bits):
    exact = mlp(np.random.default_rng(seed)).node("linear1").projection
    own = replace(INT8.bits, w_ee=bits, w_ie=bits, w_ei=bits)
    scheme = replace(
        INT8,
        rounding=Rounding(w_ee="matched", w_ie="nearest"),
        clipping=Clippings(w_ee="error", w_ie="max"),
    )
    moment = np.eye(12, dtype=np.float32)[None]
    shunt = Shunt(exact=exact.g_i, kept=exact.g_i, ratio=np.linspace(-0.5, 2, 8))
    room = Room(bits=np.full(8, 39), shift=31, peak=255)
    levels = quantize_weights(exact, scheme, own, moment, np.full(12, 0.5), shunt=shunt, room=room)
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
    g_e = circuit.node("linear1").current.g_e * (np.arange(8) > 0)
    circuit = with_layer(circuit, "linear1", g_e=g_e, b_e=np.full(8, 0.75))
    integer = lowered(circuit, rng.random((8, 12)))
    current = run_integer(integer, rng.random((8, 12)), keep=frozenset({"currents"}))
    ratio = current.currents["linear1"][..., 0] / integer.node("lif1").model.threshold[0]
    assert np.abs(ratio - 0.75).max() < 1e-3


def test_layer_without_inhibition_has_the_bias_for_current():
    rng = np.random.default_rng(5)
    circuit = mlp(rng, steps=1)
    circuit = with_layer(circuit, "linear1", g_i=np.zeros(2))
    integer = lowered(circuit, rng.random((8, 12)))
    trace = run_integer(integer, rng.random((8, 12)), keep=frozenset({"currents"}))
    assert (trace.currents["linear1"] == integer.node("linear1").current.bias).all()


def test_dead_inhibitory_neuron_is_no_trouble():
    rng = np.random.default_rng(6)
    circuit = mlp(rng)
    w_ie = circuit.node("linear1").projection.w_ie.copy()
    w_ie[0] = 0
    integer = quantized(with_layer(circuit, "linear1", w_ie=w_ie), rng.random((8, 12)))
    assert (integer.node("linear1").projection.w_ie[0] == 0).all()


def test_pooling_becomes_a_sum_whose_unit_cancels():
    integer = quantized(conv_net(np.random.default_rng(7)), np.ones((2, 1, 6, 6)) * 0.5)
    assert peaks(integer)["pool1"] == integer.node("pool1").kernel ** 2


def test_a_time_constant_that_is_no_power_of_two_leaks_by_a_factor():
    circuit = mlp(np.random.default_rng(8), tau=3.0)
    model = quantized(circuit, np.ones((2, 12)) * 0.5).node("lif1").model
    assert isinstance(model, IntegerGeneralLIF)
    assert model.leak / 2**model.leak_fraction == pytest.approx(1 / 3, rel=2**-12)


def test_time_constant_of_four_leaks_by_two_bits():
    circuit = mlp(np.random.default_rng(8), tau=4.0)
    assert quantized(circuit, np.ones((2, 12)) * 0.5).node("lif1").model.leak == 2


def test_neurons_without_leak_leak_as_little_as_the_core_can():
    circuit = mlp(np.random.default_rng(8), tau=NO_LEAK)
    assert quantized(circuit, np.ones((2, 12)) * 0.5).node("lif1").model.leak == 15


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
        quantize(mlp(np.random.default_rng(0)), scheme=INT8, widths=WIDTHS)
    assert "linear1 = Layer(input)" in caught.value.__notes__[0]


def test_quantized_circuit_is_not_quantized_again():
    integer = quantized(mlp(np.random.default_rng(0)), np.ones((2, 12)) * 0.5)
    with pytest.raises(InvariantError, match="quantize needs a circuit that is_float"):
        quantize(integer, scheme=INT8, widths=WIDTHS)


def test_numbers_beyond_62_bits_are_refused_and_the_fix_works():
    rng = np.random.default_rng(10)
    circuit, x = mlp(rng), rng.random((4, 12))
    g_e = circuit.node("linear1").current.g_e.copy()
    g_e[3] = 1e9
    with pytest.raises(CapacityError, match="more than 62 bits for a threshold of one") as caught:
        quantized(with_layer(circuit, "linear1", g_e=g_e), x)
    assert caught.value.where == "node linear1, neuron 3"
    fix = r"lower its gain g_E by a factor of (\S+), or choose a scheme with fewer bits"
    factor = float(re.fullmatch(fix, caught.value.fix)[1])
    assert factor > 2
    g_e[3] /= factor * 1.01
    lif = quantized(with_layer(circuit, "linear1", g_e=g_e), x).node("lif1")
    assert lif.model.threshold[3] == 1
    g_e[3] *= 2 * factor
    quantized(with_layer(circuit, "linear1", g_e=g_e), x, load_scheme("int2"))


LARGEST = (1 << INT8.bits.current - 1) - 1


@given(seed=seeds, sizes=st.lists(st.floats(-3, 5), min_size=8, max_size=8))
def test_biases_are_rounded_and_never_clipped(seed, sizes):
    rng = np.random.default_rng(seed)
    circuit = mlp(rng)
    bias = 10.0 ** np.array(sizes) * rng.choice([-1, 1], 8)
    changed = with_layer(circuit, "linear1", b_e=bias)
    integer = quantized(changed, rng.random((4, 12)))
    threshold, kept = integer.node("lif1").model.threshold, integer.node("linear1").current.bias
    assert np.abs(kept).max() <= LARGEST
    # of a threshold that was rounded to the nearest of whole numbers, as the bias was
    low, high = np.abs(bias) * (threshold - 0.5) - 0.5, np.abs(bias) * (threshold + 0.5) + 0.5
    assert (low <= np.abs(kept)).all()
    assert (np.abs(kept) <= high).all()
    room = threshold * np.maximum(np.abs(bias), 1)
    assert (room > LARGEST / 4)[np.abs(bias) > 64].all()  # no finer unit would have held it
    assert (threshold >= 1 << INT8.bits.threshold - 1)[np.abs(bias) < 32].all()


def test_a_bias_and_an_input_that_nearly_cancel_make_a_neuron_fire_at_every_step():
    nodes = (
        Input(name="input", size=(8,)),
        Layer(
            name="layer", inputs=("input",), geometry=Dense(),
            projection=Folded(w_num=np.full((2, 8), [[-63 / 8], [63 / 8]])),
            current=FloatCurrent(g_e=np.ones(2), b_e=np.array([70.0, -70.0])),
        ),
        Neurons(name="lif", inputs=("layer",), model=LIF()),
        Layer(
            name="readout", inputs=("lif",), projection=Folded(w_num=np.eye(2)), geometry=Dense(),
            current=Logits(),
        ),
    )  # fmt: skip
    circuit, x = Circuit(nodes=nodes, steps=16), np.ones((1, 8))
    keep = frozenset({"spikes"})
    ours = run_integer(quantized(circuit, x), x, keep=keep)
    np.testing.assert_array_equal(
        ours.spikes["lif"], run_float(circuit, x, keep=keep).spikes["lif"]
    )
    assert ours.spikes["lif"][:, 0].T.tolist() == [[True] * 16, [False] * 16]
    assert ours.saturated == {"input": 0, "layer": 0, "lif": 0}


def test_a_bias_that_no_current_holds_is_refused_and_the_fix_works():
    rng = np.random.default_rng(12)
    circuit, x = mlp(rng), rng.random((4, 12))
    bias = circuit.node("linear1").current.b_e.copy()
    bias[[2, 5]] = -1e6, 1e7
    with pytest.raises(CapacityError, match=r"the bias is 1e\+06 thresholds, 524287 LSB") as caught:
        quantized(with_layer(circuit, "linear1", b_e=bias), x)
    assert caught.value.where == "node linear1, neuron 2, and 1 more"
    assert caught.value.fix.startswith("bring it within 524287 thresholds, or choose a scheme with")
    bias[[2, 5]] = -524287, 524287
    quantized(with_layer(circuit, "linear1", b_e=bias), x)
    bias[[2, 5]] = -1e6, 1e7
    wider = replace(INT8, bits=replace(INT8.bits, current=25, membrane=28))
    widths = replace(WIDTHS, bias=25)
    calibrated = calibrate(with_layer(circuit, "linear1", b_e=bias), ranges=observe(circuit, x))
    quantize(calibrated, scheme=wider, widths=widths)


def scaled(w, exponents):
    """Return weights whose rows of W_EE and W_EI are multiplied by powers of two, one a neuron."""
    by = 2.0**exponents
    w_ee = w.w_ee * by.reshape(-1, *(1,) * (w.w_ee.ndim - 1))
    return replace(w, w_ee=w_ee, w_ei=w.w_ei * by[:, None])


@settings(max_examples=20)
@given(seed=seeds, low=st.sampled_from([-8, -50, -400]), clipping=st.sampled_from(["max", "error"]))
def test_levels_do_not_depend_on_the_scale_of_a_row(seed, low, clipping):
    rng = np.random.default_rng(seed)
    w = mlp(rng).node("linear1").projection
    exponents = rng.integers(low, 11, 8)
    scheme = replace(INT8, clipping=Clippings(w_ee=clipping, w_ie=clipping))
    shunt = Shunt(exact=w.g_i, kept=w.g_i, ratio=np.linspace(-0.5, 2, 8))
    room = Room(bits=np.full(8, 39), shift=31, peak=255)
    moment, mean = np.cov(rng.random((12, 99))).astype(np.float32)[None], np.full(12, 0.5)
    plain, ours = (
        quantize_weights(of, scheme, scheme.bits, moment, mean, shunt=shunt, room=room)
        for of in (w, scaled(w, exponents))
    )
    for field in ("w_ee", "w_ie", "w_ei", "shift"):
        np.testing.assert_array_equal(getattr(ours, field), getattr(plain, field), err_msg=field)
    np.testing.assert_array_equal(ours.unit, plain.unit * 2.0**exponents)


def mismatch(circuit, x, scheme, policy="minimum", folded=()):
    """Return the share of spikes that differ once the circuit is compiled for `digital`."""
    program = compile_circuit(
        circuit, target=load_target("digital"), scheme=scheme, ranges=observe(circuit, x),
        divider=lut(8, 8), zero_policy=policy, folded=folded,
    )  # fmt: skip
    keep = frozenset({"spikes"})
    ours, theirs = run_integer(program.circuit, x, keep=keep), run_float(circuit, x, keep=keep)
    return {name: float((z != theirs.spikes[name]).mean()) for name, z in ours.spikes.items()}


FORMS = pytest.mark.parametrize("folded", [(), ("conv1", "conv2")], ids=["factored", "folded"])
POLICIES = pytest.mark.parametrize("policy", ["minimum", "floor"])


@FORMS
@POLICIES
@pytest.mark.parametrize("low", [-8, -60])
def test_networks_whose_rows_differ_in_scale_compile_to_the_same_spikes(low, policy, folded):
    rng = np.random.default_rng(13)
    circuit, x = conv_net(rng), rng.random((64, 1, 6, 6)) * (rng.random((64, 1, 6, 6)) < 0.7)
    before = mismatch(circuit, x, INT8, policy, folded)
    for name in ("conv1", "conv2"):
        changed = scaled(circuit.node(name).projection, rng.integers(low, 1, 8))
        circuit = with_layer(circuit, name, w_ee=changed.w_ee, w_ei=changed.w_ei)
    after = mismatch(circuit, x, INT8, policy, folded)
    assert max(after.values()) < max(before.values()) + 0.01


@pytest.mark.parametrize("exponent", [-60, 60])
def test_a_layer_of_any_scale_compiles_to_the_same_spikes(exponent):
    rng = np.random.default_rng(17)
    circuit, x = mlp(rng), rng.random((32, 12))
    before = mismatch(circuit, x, INT8)
    changed = scaled(circuit.node("linear1").projection, np.full(8, exponent))
    changed = with_layer(circuit, "linear1", w_ee=changed.w_ee, w_ei=changed.w_ei)
    assert mismatch(changed, x, INT8) == before


@FORMS
@POLICIES
@pytest.mark.parametrize("scheme", ["int8", "int2"])
def test_a_row_of_inhibition_that_has_decayed_does_no_harm(scheme, policy, folded):
    rng = np.random.default_rng(14)
    circuit, x = conv_net(rng), rng.random((32, 1, 6, 6)) * (rng.random((32, 1, 6, 6)) < 0.7)
    before = mismatch(circuit, x, load_scheme(scheme), policy, folded)
    for value in (0.0, 1e-3, 1e-9, 1e-300):
        w_ei = circuit.node("conv1").projection.w_ei.copy()
        w_ei[3] = value
        decayed = with_layer(circuit, "conv1", w_ei=w_ei)
        after = mismatch(decayed, x, load_scheme(scheme), policy, folded)
        for name, share in after.items():
            assert share < before[name] + 0.03, (value, before, after)


@pytest.mark.parametrize("value", [0.0, 1e-15])
@pytest.mark.parametrize("folded", [(), ("linear1",)], ids=["factored", "folded"])
def test_a_row_that_rounds_to_nothing_is_divided_as_one_without_divisor(folded, value):
    """By the least divisor of the layer, to within the factor sqrt(2) of its unit (A22)."""
    rng = np.random.default_rng(15)
    circuit, x = mlp(rng, steps=1), rng.random((64, 12))
    w_ei = circuit.node("linear1").projection.w_ei.copy()
    w_ei[3] = value
    changed = with_layer(circuit, "linear1", w_ei=w_ei, b_e=np.zeros(8), g_e=np.full(8, 0.01))
    program = compile_circuit(
        changed, target=load_target("digital"), scheme=INT8, ranges=observe(changed, x),
        divider=lut(8, 8), zero_policy="minimum", folded=folded,
    )  # fmt: skip
    assert program.circuit.node("linear1").current.align[3] == 0
    trace = run_integer(program.circuit, x, keep=frozenset({"currents", "divisors"}))
    assert (trace.divisors["linear1"][..., 3] == 0).all()
    without = with_layer(changed, "linear1", w_ei=w_ei * (np.arange(8) != 3)[:, None])
    ours = trace.currents["linear1"][..., 3] / program.circuit.node("lif1").model.threshold[3]
    theirs = run_float(without, x, keep=frozenset({"currents"})).currents["linear1"][..., 3]
    assert trace.saturated["linear1"] == 0
    assert (np.abs(np.log2(ours / theirs)) < 0.55).all()


def test_a_layer_whose_inhibition_is_all_but_gone_is_refused_and_the_fixes_work():
    rng = np.random.default_rng(16)
    circuit, x = mlp(rng), rng.random((32, 12))
    circuit = with_layer(circuit, "linear1", w_ei=circuit.node("linear1").projection.w_ei * 1e-8)
    with pytest.raises(CapacityError, match="rounds to nothing in every neuron") as caught:
        mismatch(circuit, x, INT8)
    assert caught.value.where == "node linear1"
    assert caught.value.fix.startswith("compile with --inhibition folded, or choose a scheme with")
    assert mismatch(circuit, x, INT8, folded=("linear1",))["lif1"] < 0.01
    assert mismatch(circuit, x, load_scheme("int2"))["lif1"] < 0.1
    circuit = with_layer(circuit, "linear1", w_ei=circuit.node("linear1").projection.w_ei * 1e-12)
    with pytest.raises(CapacityError, match="rounds to nothing in every neuron") as caught:
        mismatch(circuit, x, INT8, folded=("linear1",))
    assert caught.value.fix == "train again with a lower training.rate or training.weight_decay"


@settings(max_examples=30)
@given(seed=seeds, bits=st.integers(0, 3), low=st.sampled_from([-6, -30]))
def test_aligns_are_those_that_the_target_holds_and_bring_divisors_to_one_unit(seed, bits, low):
    rng = np.random.default_rng(seed)
    circuit, x = mlp(rng), rng.random((8, 12))
    changed = scaled(circuit.node("linear1").projection, rng.integers(low, 1, 8))
    circuit = with_layer(circuit, "linear1", w_ee=changed.w_ee, w_ei=changed.w_ei)
    calibrated = calibrate(circuit, ranges=observe(circuit, x))
    made, units = quantize_with_units(calibrated, INT8, replace(WIDTHS, align=bits))
    own = units["linear1"]
    ideal = np.log2(own.unit * 2.0**-own.shift)
    ideal -= ideal.min()
    kept = made.node("linear1").current.align
    np.testing.assert_array_equal(kept, np.minimum(np.rint(ideal), (1 << bits) - 1))


def test_branch_into_two_layers_is_kept():
    rng = np.random.default_rng(11)
    base = mlp(rng)
    second = ei_linear(rng, "linear2", "lif1", 8, 8)
    lif2 = replace(base.node("lif1"), name="lif2", inputs=("linear2",))
    add = Add(name="add", inputs=("lif1", "lif2"))
    readout = replace(base.node("readout"), inputs=("add",))
    circuit = Circuit(nodes=(*base.nodes[:3], second, lif2, add, readout), steps=3)
    integer = quantized(circuit, rng.random((8, 12)))
    assert [n.kind for n in integer.nodes[3:]] == [
        "EILinear", "IntegerLIF", "Add", "EIReadout",
    ]  # fmt: skip
    assert len(integer.of(Neurons)) == 2

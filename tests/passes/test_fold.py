"""Folding keeps what a layer computes, and folded layers become integers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.circuit.limits import limits
from eideploy.divisions import exact
from eideploy.errors import CapacityError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.execute.trace import KEEP_ALL
from eideploy.passes.calibrate import calibrate
from eideploy.passes.fold import fold
from eideploy.passes.lower_division import lower_division
from eideploy.passes.quantize import quantize
from eideploy.passes.steps import Grid
from eideploy.scheme import Bits, Rounding, Scheme
from eideploy.target import load_target
from tests.helpers.float_circuits import conv_net, mlp
from tests.helpers.layers import circuit as integer_circuit
from tests.helpers.layers import folded_conv, folded_linear, folded_readout, lif, source

seeds = st.integers(0, 2**32 - 1)
DIGITAL = load_target("digital")
NETS = {"mlp": mlp, "conv": conv_net}


def everything(circuit):
    return tuple(layer.name for layer in circuit.layers)


def made(net, seed, *, layers=None):
    """Return a random network, its folded form, and samples with silent inputs."""
    rng = np.random.default_rng(seed)
    circuit = NETS[net](rng)
    names = everything(circuit) if layers is None else layers
    shape = 16, *circuit.input.size
    x = rng.random(shape) * (rng.random(shape) < rng.choice([0.1, 0.7]))
    return circuit, fold(circuit, layers=names, target=DIGITAL), np.rint(x * 255) / 255


@given(seed=seeds, net=st.sampled_from(sorted(NETS)))
def test_the_folded_network_computes_the_same_numbers(seed, net):
    circuit, folded, x = made(net, seed)
    assert all(layer.is_folded for layer in folded.layers)
    theirs, ours = run_float(circuit, x, keep=KEEP_ALL), run_float(folded, x, keep=KEEP_ALL)
    first = circuit.layers[0].name
    np.testing.assert_allclose(ours.divisors[first], theirs.divisors[first], rtol=1e-12)
    np.testing.assert_array_equal(ours.divisors[first] == 0, theirs.divisors[first] == 0)
    # num is a difference: its error is that of its terms
    np.testing.assert_allclose(ours.currents[first], theirs.currents[first], rtol=1e-9, atol=1e-9)
    for name, spikes in theirs.spikes.items():  # no membrane of these is that near its threshold
        np.testing.assert_array_equal(ours.spikes[name], spikes)
    np.testing.assert_allclose(ours.logits, theirs.logits, rtol=1e-9, atol=1e-9)


def test_layers_that_are_not_named_stay_as_they_are():
    circuit, folded, _ = made("conv", 1, layers=("conv2",))
    kept = [new is old for new, old in zip(folded.nodes, circuit.nodes, strict=True)]
    assert [n.name for n, same in zip(folded.nodes, kept, strict=True) if not same] == ["conv2"]
    assert folded.node("conv2").weights[0].shape == circuit.node("conv2").weights[0].shape


def test_a_target_without_folded_layers_refuses_them():
    target = replace(DIGITAL, core=replace(DIGITAL.core, inhibition="factored"))
    with pytest.raises(CapacityError, match="runs no folded layers") as error:
        fold(mlp(np.random.default_rng(0)), layers=("linear1",), target=target)
    assert error.value.fix.startswith("compile with --inhibition factored")
    kept = fold(mlp(np.random.default_rng(0)), layers=(), target=target)
    assert not any(layer.is_folded for layer in kept.layers)


def at(bits, **fields):
    own = Bits(
        input=8, w_ee=bits, w_ie=bits, w_ei=bits, g_i=bits, threshold=14, current=24, membrane=24
    )
    return Scheme(name=f"{bits} bits", description="", bits=own, **fields)


def quantized(circuit, folded, x, scheme):
    ranges = observe(circuit, x)
    made = fold(calibrate(circuit, ranges=ranges), layers=folded, target=DIGITAL)
    return quantize(made, scheme=scheme, widths=DIGITAL.widths)


@pytest.mark.parametrize("net", NETS)
def test_integers_converge_to_the_float_network_with_their_bits(net):
    circuit, _, x = made(net, 3)
    x = np.concatenate([x] * 8)[:128] * np.linspace(0.5, 1, 128).reshape(-1, *(1,) * (x.ndim - 1))
    x = np.rint(x * 255) / 255
    theirs = run_float(circuit, x, keep=frozenset({"spikes"})).spikes

    def mismatch(bits):
        made = quantized(circuit, everything(circuit), x, at(bits))
        lowered = lower_division(made, divider=exact(), zero_policy="minimum", target=DIGITAL)
        ours = run_integer(lowered, x, keep=frozenset({"spikes"})).spikes
        return np.mean([(s != theirs[n]).mean() for n, s in ours.items()])

    coarse, fine, finest = mismatch(3), mismatch(8), mismatch(14)
    assert coarse > 2 * fine
    assert fine < 0.02
    assert finest < 0.002


@given(seed=seeds, net=st.sampled_from(sorted(NETS)), bits=st.integers(3, 10))
def test_weights_are_kept_to_half_a_step(seed, net, bits):
    """Some step has every weight that is not clipped within half of it of its level (A28)."""
    circuit, folded, x = made(net, seed)
    scheme = at(bits, rounding=Rounding(w_ee="nearest", w_ie="nearest"))
    integer = quantized(circuit, everything(circuit), x, scheme)
    for node, exact_node in zip(integer.layers, folded.layers, strict=True):
        assert abs(node.projection.w_num).max() <= (1 << (bits - 1)) - 1
        if not node.is_readout:
            den = exact_node.projection.w_den.reshape(node.n_e, -1)
            levels = node.projection.w_den.reshape(node.n_e, -1)
            assert levels.min() >= 0
            assert levels.max() <= (1 << bits) - 1
            inside = (levels > 0) & (levels < (1 << bits) - 1)
            for row, at_level, known in zip(den, levels, inside, strict=True):
                if known.any():
                    low = ((at_level[known] - 0.5) / row[known]).max()
                    high = ((at_level[known] + 0.5) / row[known]).min()
                    assert low <= high * (1 + 1e-9)


@given(
    exact_values=st.lists(st.floats(-20, 20), min_size=1, max_size=20),
    bits=st.integers(2, 8),
    kind=st.sampled_from(["linear", "pow2"]),
)
def test_signed_levels_are_the_nearest_of_either_sign(exact_values, bits, kind):
    grid = Grid(min(bits, 4) if kind == "pow2" else bits, kind, signed=True)
    positive = [n for n in range(1, grid.top + 1) if kind == "linear" or n & (n - 1) == 0]
    known = np.array([*(-n for n in positive), 0, *positive])
    assert known.size <= 1 << grid.bits
    values = np.array(exact_values)
    found = grid.nearest(values)
    assert np.isin(found, known).all()
    best = np.abs(values[:, None] - known).min(1)
    np.testing.assert_array_equal(np.abs(found - values), best)


def test_one_bit_holds_no_sign():
    circuit, _, x = made("mlp", 0)
    with pytest.raises(CapacityError, match="signed weights, and w_ee has 1 bit"):
        quantized(circuit, ("linear1",), x, at(1))


@given(seed=seeds, is_conv=st.booleans())
def test_some_input_drives_a_folded_layer_to_every_limit(seed, is_conv):
    rng = np.random.default_rng(seed)
    n_e, peak = int(rng.integers(1, 6)), int(rng.integers(1, 256))
    size = (2, 3, 3) if is_conv else (7,)
    w_num = rng.integers(-127, 128, (n_e, *size))
    w_den = rng.integers(0, 256, (n_e, *size)) * (rng.random((n_e, *size)) < 0.8)
    layer = (folded_conv if is_conv else folded_linear)("layer", "input", w_num, w_den)
    nodes = [source(size, top=peak), layer, lif("lif", "layer", n_e)]
    reach = limits(integer_circuit(*nodes))["layer"]
    # all that excites a neuron, and nothing else; all that inhibits it; everything
    rows = w_num.reshape(n_e, -1)
    x = np.concatenate([rows > 0, rows < 0, np.ones_like(rows[:1])]) * peak
    num = x @ rows.T
    assert (num.min(), num.max()) == (reach.low, reach.high)
    trace = run_integer(
        integer_circuit(*nodes[:2]), x.reshape(-1, *size).astype(float), keep=KEEP_ALL
    )
    assert trace.divisors["layer"].max() == reach.divisor


def test_sums_of_a_folded_readout_reach_their_limits():
    w_num = np.array([[3, -5, 0], [-1, -2, 9]])
    net = integer_circuit(source((3,), top=10), folded_readout("input", w_num), steps=3)
    reach = limits(net)["readout"]
    x = np.concatenate([(w_num > 0) * 10.0, (w_num < 0) * 10.0])
    totals = run_integer(net, x).totals
    assert (reach.total_low, reach.total_high) == (totals.min(), totals.max()) == (-150, 270)

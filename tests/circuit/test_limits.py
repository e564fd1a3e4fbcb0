"""Proven limits: some input reaches each of them exactly, and no input goes beyond."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.backends.digital.place import place
from eideploy.circuit import Add, AvgPool, Flatten
from eideploy.circuit.limits import layer_reach, limits, peaks
from eideploy.errors import CapacityError
from eideploy.execute.integer import run_integer
from eideploy.passes.check_widths import check_widths
from eideploy.target import load_target
from tests.helpers.layers import circuit, conv, folded_linear, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, samples

SEEDS = st.integers(0, 2**32 - 1)


def random_weights(rng, n_e, n_i, *fan_in):
    top = int(rng.choice([1, 9, 255]))
    shapes = (n_e, *fan_in), (n_i, *fan_in), (n_e, n_i)
    return [rng.integers(0, top + 1, shape) * (rng.random(shape) < 0.8) for shape in shapes]


def one_layer(rng, *, is_conv):
    """Return a circuit whose layer sees one window; `peak` is the largest input."""
    n_e, n_i, peak = (int(rng.integers(1, high)) for high in (6, 4, 256))
    fields = {"shift_ee": rng.integers(0, 4, n_e), "gain": rng.integers(0, 9, n_i)}
    if is_conv:
        layer = conv("layer", "input", *random_weights(rng, n_e, n_i, 2, 3, 3), **fields)
        size = (2, 3, 3)
    else:
        layer = linear("layer", "input", *random_weights(rng, n_e, n_i, 7), **fields)
        size = (7,)
    nodes = [source(size, top=peak), layer, lif("lif", "layer", n_e)]
    if is_conv:
        nodes.append(Flatten(name="flat", inputs=("lif",)))
    classes = readout(nodes[-1].name, *random_weights(rng, 3, 2, n_e), shift_ee=[0, 1, 2])
    return circuit(*nodes, classes), layer, peak


def num(layer, x):
    """Return W_EE X << shift and NUM, each (n_E,)."""
    w = layer.projection
    p = (w.w_ee.reshape(layer.n_e, -1) @ x) << w.shift
    return p, p - w.w_ei @ (w.w_ie.reshape(w.n_i, -1) @ x)


@given(seed=SEEDS, is_conv=st.booleans())
def test_the_largest_input_reaches_every_upper_limit(seed, is_conv):
    net, layer, peak = one_layer(np.random.default_rng(seed), is_conv=is_conv)
    reach = limits(net)["layer"]
    x = np.full((1, *net.input.size), float(peak))
    trace = run_integer(net, x, keep=frozenset({"inhibition", "divisors"}))
    s = trace.inhibition["layer"].reshape(-1)
    assert reach.inhibition == s.max()
    assert reach.gained == (s * layer.projection.g_i).max()
    assert reach.divisor == trace.divisors["layer"].max()
    flat = np.full(layer.fan_in, peak)
    assert reach.excitation == (layer.weights[0].reshape(layer.n_e, -1) @ flat).max()
    assert reach.high == num(layer, flat)[0].max()
    assert reach.subtracted == (layer.projection.w_ei @ s).max()


@given(seed=SEEDS, is_conv=st.booleans())
def test_some_input_reaches_the_lowest_numerator(seed, is_conv):
    net, layer, peak = one_layer(np.random.default_rng(seed), is_conv=is_conv)
    # the input that excites a neuron least: all that inhibits it on balance, nothing else
    columns = np.eye(layer.fan_in, dtype=np.int64)
    net_weight = np.stack([num(layer, column)[1] for column in columns], axis=1)
    lowest = min(num(layer, (row < 0) * peak)[1].min() for row in net_weight)
    assert limits(net)["layer"].low == lowest


@given(seed=SEEDS, steps=st.integers(1, 4))
def test_some_input_reaches_the_limits_of_the_readouts_sums(seed, steps):
    rng = np.random.default_rng(seed)
    peak = int(rng.integers(1, 200))
    classes = readout("input", *random_weights(rng, 4, 3, 6), shift_ee=rng.integers(0, 4, 4))
    net = circuit(source((6,), top=peak), classes, steps=steps)
    reach = limits(net)["readout"]
    rows = np.stack([num(classes, column)[1] for column in np.eye(6, dtype=np.int64)], axis=1)
    x = np.concatenate([(rows < 0) * peak, np.full((1, 6), peak)]).astype(float)
    trace = run_integer(net, x, keep=frozenset({"inhibition"}))
    assert reach.total_low == trace.totals.min()
    assert reach.inhibition == trace.inhibition["readout"].sum(0).max()
    # excitation is complete before inhibition is subtracted, in the last step
    assert reach.total_high == num(classes, np.full(6, peak))[0].max() * steps


@given(data=st.data(), net=circuits())
def test_no_input_goes_beyond(data, net):
    trace = run_integer(
        net,
        data.draw(samples(net, count=4)),
        keep=frozenset({"inhibition", "divisors", "inputs"}),
    )
    top = peaks(net)
    assert trace.inhibition.keys() == {layer.name for layer in net.layers if not layer.is_folded}
    for name, reach in limits(net).items():
        assert trace.inputs[name].max() <= top[net.node(name).inputs[0]]
        if name in trace.inhibition:  # it is not folded
            s = trace.inhibition[name]
            assert (s.sum(0) if name == "readout" else s).max() <= reach.inhibition
        if name in trace.divisors:
            assert trace.divisors[name].max() <= reach.divisor
    reach = limits(net)["readout"]
    assert reach.total_low <= trace.totals.min()
    assert trace.totals.max() <= reach.total_high


WIDE = st.sampled_from([1, 8, 16, 31, 62])
TOPS = st.sampled_from([1, 65535, 1 << 62, 1 << 300])


@given(seed=SEEDS, bits=WIDE, top=TOPS, k=st.integers(0, 62))
def test_limits_of_weights_and_inputs_of_any_width_are_exact(seed, bits, top, k):
    rng = np.random.default_rng(seed)
    weights = lambda *shape: rng.integers(0, 1 << bits, shape)  # noqa: E731
    layer = linear(
        "layer", "input", weights(4, 5), weights(3, 5), weights(4, 3),
        shift_ee=rng.integers(0, k + 1, 4), gain=weights(3),
    )  # fmt: skip
    ee, ie, ei = (w.tolist() for w in layer.projection.by_name.values())
    gain, shift = layer.projection.g_i.tolist(), layer.projection.shift.tolist()
    s = [sum(row) * top for row in ie]
    net = [
        [(w << k) - sum(a * b[i] for a, b in zip(of, ie, strict=True)) for i, w in enumerate(row)]
        for row, of, k in zip(ee, ei, shift, strict=True)
    ]
    found = layer_reach(layer, top, 1).limits
    assert found.low == min(sum(min(0, w) for w in row) for row in net) * top
    assert found.high == max(sum(row) * top << k for row, k in zip(ee, shift, strict=True))
    assert found.inhibition == max(s)
    assert found.gained == max(a * b for a, b in zip(gain, s, strict=True))
    assert found.divisor == max(
        sum(a * b * c for a, b, c in zip(row, gain, s, strict=True)) for row in ei
    )
    assert found.subtracted == max(sum(a * b for a, b in zip(row, s, strict=True)) for row in ei)


@given(seed=SEEDS, bits=WIDE, top=TOPS)
def test_limits_of_folded_weights_of_any_width_are_exact(seed, bits, top):
    rng = np.random.default_rng(seed)
    signed, unsigned = (
        rng.integers(-(1 << bits), 1 << bits, (4, 5)),
        rng.integers(0, 1 << bits, (4, 5)),
    )
    found = layer_reach(folded_linear("layer", "input", signed, unsigned), top, 1).limits
    num, den = signed.tolist(), unsigned.tolist()
    assert found.high == max(sum(max(0, w) for w in row) for row in num) * top
    assert found.low == min(sum(min(0, w) for w in row) for row in num) * top
    assert found.divisor == max(map(sum, den)) * top


def doubled(times, weight=1):
    """Return a circuit whose readout reads the sum of 2^times copies of a spike."""
    nodes = [
        source((1,), top=1), linear("layer", "input", [[1]], [[1]], [[1]], bias=1),
        lif("lif", "layer", 1),
        Add(name="add1", inputs=("lif", "lif")),
        *(Add(name=f"add{i}", inputs=(f"add{i - 1}",) * 2) for i in range(2, times + 1)),
        readout(f"add{times}", [[weight]], [[0]], [[0]]),
    ]  # fmt: skip
    return circuit(*nodes)


@pytest.mark.parametrize("weight", [0, 1])
def test_sums_of_sums_without_end_are_refused_by_all_that_run_them(weight):
    net = doubled(300, weight)
    assert peaks(net)["add300"] == 1 << 300
    said = "add62: values reach 63 bits, 62 offered by the simulator"
    with pytest.raises(CapacityError, match=said):
        check_widths(net, widths=load_target("digital").widths)
    with pytest.raises(CapacityError, match=said):
        run_integer(net, np.ones((1, 1)))
    assert run_integer(doubled(60, weight), np.ones((1, 1))).totals.tolist() == [[weight << 60]]


def test_sums_whose_routes_are_without_end_are_refused_before_one_is_made():
    with pytest.raises(CapacityError, match=f"route entries: {(1 << 40) + 1} of 64"):
        place(doubled(40), target=load_target("digital"))


def test_pools_and_sums_multiply_and_add_the_peaks():
    nodes = [
        source((1, 4, 4), top=7),
        AvgPool(name="pool", inputs=("input",), kernel=2),
        Add(name="sum", inputs=("pool", "pool")),
        Flatten(name="flat", inputs=("sum",)),
        readout("flat", np.ones((1, 4)), np.zeros((1, 4)), np.zeros((1, 1))),
    ]
    net = circuit(*nodes)
    assert peaks(net) == {"input": 7, "pool": 28, "sum": 56, "flat": 56, "readout": 0}
    trace = run_integer(net, np.full((1, 1, 4, 4), 7.0), keep=frozenset({"inputs"}))
    assert trace.inputs["readout"].max() == 56


def test_widths_hold_the_limits():
    layer = linear("layer", "input", [[0]], [[5]], [[3]], gain=2)
    net = circuit(
        source((1,), top=10), layer, lif("lif", "layer", 1), readout("lif", [[1]], [[0]], [[0]])
    )
    reach = limits(net)["layer"]
    assert (reach.low, reach.high, reach.inhibition, reach.divisor) == (-150, 0, 50, 300)
    assert (reach.accumulator_bits, reach.inhibition_bits, reach.divisor_bits) == (9, 6, 9)

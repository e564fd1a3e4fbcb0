"""Proven limits: some input reaches each of them exactly, and no input goes beyond."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eideploy.circuit import Add, Flatten, SumPool
from eideploy.circuit.limits import limits, peaks
from eideploy.simulate.integer import run_integer
from tests.helpers.layers import circuit, conv, lif, linear, readout, source
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
    p = (layer.w_ee.reshape(layer.n_e, -1) @ x) << layer.shift_ee
    return p, p - layer.w_ei @ (layer.w_ie.reshape(layer.n_i, -1) @ x)


@given(seed=SEEDS, is_conv=st.booleans())
def test_the_largest_input_reaches_every_upper_limit(seed, is_conv):
    net, layer, peak = one_layer(np.random.default_rng(seed), is_conv=is_conv)
    reach = limits(net)["layer"]
    x = np.full((1, *net.input.size), float(peak))
    trace = run_integer(net, x, keep=frozenset({"inhibition", "divisors"}))
    s = trace.inhibition["layer"].reshape(-1)
    assert reach.inhibition == s.max()
    assert reach.gained == (s * layer.gain).max()
    assert reach.divisor == trace.divisors["layer"].max()
    flat = np.full(layer.w_ee[0].size, peak)
    assert reach.excitation == (layer.w_ee.reshape(layer.n_e, -1) @ flat).max()
    assert reach.high == num(layer, flat)[0].max()
    assert reach.subtracted == (layer.w_ei @ s).max()


@given(seed=SEEDS, is_conv=st.booleans())
def test_some_input_reaches_the_lowest_numerator(seed, is_conv):
    net, layer, peak = one_layer(np.random.default_rng(seed), is_conv=is_conv)
    # the input that excites a neuron least: all that inhibits it on balance, nothing else
    columns = np.eye(layer.w_ee[0].size, dtype=np.int64)
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


def test_pools_and_sums_multiply_and_add_the_peaks():
    nodes = [
        source((1, 4, 4), top=7),
        SumPool(name="pool", inputs=("input",), kernel=2),
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

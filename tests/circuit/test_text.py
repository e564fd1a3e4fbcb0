"""The text form: a line a node."""

import numpy as np
from hypothesis import given

from eideploy.circuit import AvgPool, Circuit, Conv, Division, Flatten, Input, Neurons, Ranges
from eideploy.divisions import lut
from eideploy.neurons import LIF
from tests.helpers.float_circuits import layer
from tests.helpers.float_circuits import readout as float_readout
from tests.helpers.layers import circuit, conv, lif, readout, source
from tests.helpers.random_circuits import circuits


def test_text_of_an_integer_circuit():
    ones = np.ones
    convolution = conv(
        "conv",
        "input",
        ones((4, 1, 3, 3)),
        ones((1, 1, 3, 3)),
        ones((4, 1)),
        padding=1,
        division=Division(divider=lut(8, 10), zero_policy="floor"),
    )
    nodes = [
        source((1, 4, 4), top=15, step=0.5),
        convolution,
        lif("lif", "conv", 4),
        AvgPool(name="pool", inputs=("lif",), kernel=2),
        Flatten(name="flat", inputs=("pool",)),
        readout("flat", ones((3, 16)), ones((1, 16)), ones((3, 1))),
    ]
    assert circuit(*nodes, steps=4).in_full().splitlines() == [
        "circuit of 4 steps",
        "  input = IntegerInput() -> 1x4x4  size=1x4x4 high=7.5 step=0.5 top=15",
        "  conv = Layer(input) -> 4x4x4  Factored w_ee=int64[4x1x3x3]"
        " w_ie=int64[1x1x3x3] w_ei=int64[4x1] g_i=int64[1] shift_ee=int64[4]"
        " Conv stride=1 padding=1 IntegerCurrent fraction=int64[4]"
        " align=int64[4] floor=int64[4] constant=int64[4] bias=int64[4] current_bits=16"
        " division=lut 8x10/floor",
        "  lif = IntegerLIF(conv) -> 4x4x4  threshold=int64[4] leak=1 membrane_bits=16 "
        "reset=subtract",
        "  pool = AvgPool(lif) -> 4x2x2  kernel=2",
        "  flat = Flatten(pool) -> 16",
        "  readout = Layer(flat) -> 3  Factored w_ee=int64[3x16] w_ie=int64[1x16] w_ei=int64[3x1]"
        " shift_ee=int64[3] Dense Logits logit_step=0.5",
    ]


def test_text_of_a_calibrated_float_circuit():
    w = np.ones
    nodes = (
        Input(name="input", size=(1, 2, 2)),
        layer(
            "conv",
            "input",
            geometry=Conv(),
            w_ee=w((2, 1, 1, 1)),
            w_ie=w((1, 1, 1, 1)),
            w_ei=w((2, 1)),
            g_i=w(1),
            g_e=w(2),
            b_e=w(2),
        ),
        Neurons(name="lif", inputs=("conv",), model=LIF()),
        AvgPool(name="pool", inputs=("lif",), kernel=2),
        Flatten(name="flat", inputs=("pool",)),
        float_readout("out", "flat", w_ee=w((3, 2)), w_ie=w((1, 2)), w_ei=w((3, 1))),
    )
    ranges = Ranges(samples=1, layers={})
    lines = Circuit(nodes=nodes, steps=2, ranges=ranges).in_full().splitlines()
    assert lines[0] == "circuit of 2 steps, calibrated"
    assert lines[3] == "  lif = LIF(conv) -> 2x2x2  tau=2.0 threshold=1.0 reset=subtract"


@given(circuits())
def test_every_node_has_a_line(net):
    lines = net.in_full().splitlines()
    assert len(lines) == 1 + len(net.nodes)
    for line, node in zip(lines[1:], net.nodes, strict=True):
        kind = node.kind if isinstance(node, Neurons) else type(node).__name__
        assert line.startswith(f"  {node.name} = {kind}({', '.join(node.inputs)})")

"""Networks made to meet what random ones seldom do."""

import numpy as np

from eideploy.circuit import Add, AvgPool, Circuit, Division, Flatten
from eideploy.divisions import exact, lut, none, shift, shift2
from tests.helpers.layers import (
    conv,
    folded_conv,
    folded_linear,
    folded_readout,
    lif,
    linear,
    readout,
    source,
)

DIVIDERS = {
    "lut": lut(8, 8),
    "exact": exact(),
    "shift": shift(),
    "shift2": shift2(),
    "none": none(),
}


def _division(method, policy):
    return Division(divider=DIVIDERS[method], zero_policy=policy)


def every_mantissa(method):
    """Divide by 256..510, one divisor a neuron: every index of a table of 8 bits; then by one."""
    n = 255
    den = np.arange(256, 256 + n)
    w_ei = np.stack([np.minimum(den, 255), den - np.minimum(den, 255)], 1)
    w_ee = np.stack([np.full(n, 251), np.zeros(n), np.full(n, 1)], 1)
    layer = linear(
        "layer", "input", w_ee, [[0, 1, 0], [0, 1, 0]], w_ei,
        shift_ee=7, fraction=8, bias=-3, division=_division(method, "floor"), current_bits=20,
    )  # fmt: skip
    nodes = [
        source((3,)), layer,
        lif("lif", "layer", n, threshold=30_000, leak=3, membrane_bits=20),
        readout("lif", np.ones((2, n)), np.eye(1, n), [[1], [2]]),
    ]  # fmt: skip
    x = np.array([[255, 1, 9], [0, 1, 255], [200, 1, 0]], float)
    return Circuit(nodes=tuple(nodes), steps=2), x


def large_quotients(method):
    """Divide large currents by one, by the floor, and by the least divisor in another unit.

    The quotient of the first neuron takes 59 bits; the last neuron's membrane is its threshold.
    """
    layers = []
    reads, n_in = "input", 2
    for name, policy in (("a", "floor"), ("b", "minimum")):
        w_ee = np.full((5, n_in), 255)
        w_ee[4] = 0
        w_ie = np.zeros((1, n_in))
        w_ie[0, 1] = 1
        fields = {
            "align": [0, 3, 1, 2, 0], "floor": [1, 2, 3, 900, 7], "fraction": [33, 8, 8, 8, 0],
            "bias": [0, 0, 0, 0, 9], "shift_ee": 9,
        }  # fmt: skip
        layers += [
            linear(name, reads, w_ee, w_ie, [[1], [0], [2], [0], [0]], **fields,
                   division=_division(method, policy), current_bits=20),
            lif(f"{name}.lif", name, 5, threshold=[3, 30_000, 9, 500, 9], membrane_bits=20,
                reset="subtract" if name == "a" else "zero"),
        ]  # fmt: skip
        reads, n_in = f"{name}.lif", 5
    nodes = [source((2,)), *layers, readout(reads, np.eye(3, 5), np.ones((1, 5)), [[3], [0], [1]])]
    return Circuit(nodes=tuple(nodes), steps=3), np.array([[255, 1], [255, 0], [1, 200]], float)


def remainder_beyond_its_width(method):
    """Divide 2^25 + 8 by 2^17 + 2 at a fraction of 33.

    A remainder that is doubled 16 times without a check leaves 55 bits, and what stays of it is
    less than the divisor: the quotient would get a zero bit.
    """
    x = np.full((1, 263), 255.0)
    x[0, -3:] = 7, 1, 1
    excitation, inhibition = np.full((1, 263), 255), np.zeros((2, 263))
    excitation[0, -4:] = 5, 1, 0, 0
    inhibition[0, [0, -2]] = 4  # s = 4 255 + 4 = 1024
    inhibition[1, -1] = 1  # s = 1
    layer = linear(
        "layer", "input", excitation, inhibition, [[128, 2]], shift_ee=1, fraction=33,
        division=_division(method, "floor"), current_bits=20,
    )  # fmt: skip
    nodes = [
        source((263,)), layer, lif("lif", "layer", 1, threshold=9, membrane_bits=20),
        readout("lif", [[1]], [[1]], [[1]]),
    ]  # fmt: skip
    return Circuit(nodes=tuple(nodes), steps=1), x


def windows(method):
    """Convolve with padding and strides, pool over a border, add branches; in both policies.

    A membrane of the last layer falls below what it can hold.
    """
    rng = np.random.default_rng(5)

    def weights(n, *rest):
        return rng.integers(0, 256, (n, *rest)) * (rng.random((n, *rest)) < 0.6)

    def layer(name, reads, channels, n_e, n_i, policy, kernel=3, bias=None, **geometry):
        return [
            conv(
                name, reads,
                weights(n_e, channels, kernel, kernel), weights(n_i, channels, kernel, kernel),
                weights(n_e, n_i) * (rng.random((n_e, 1)) < 0.7), gain=rng.integers(0, 9, n_i),
                align=rng.integers(0, 4, n_e), floor=rng.integers(1, 99, n_e),
                shift_ee=rng.integers(0, 3, n_e), fraction=6,
                bias=rng.integers(-9, 9, n_e) if bias is None else bias,
                division=_division(method, policy), **geometry,
            ),
            lif(f"{name}.lif", name, n_e, threshold=rng.integers(1, 40, n_e), leak=2),
        ]  # fmt: skip

    nodes = [
        source((3, 5, 7), top=15),
        *layer("a", "input", 3, 6, 5, "minimum", padding=1),
        *layer("b", "a.lif", 6, 6, 3, "floor", padding=1),
        Add(name="sum", inputs=("a.lif", "b.lif")),
        AvgPool(name="pool", inputs=("sum",), kernel=2),
        *layer("c", "pool", 6, 5, 2, "minimum", kernel=2, padding=1, stride=2),
        *layer("d", "c.lif", 5, 5, 2, "floor", kernel=1, stride=2, bias=[-30_000, -9, 0, 5, 9]),
        Flatten(name="flat", inputs=("d.lif",)),
        readout("flat", weights(3, 5), weights(2, 5), weights(3, 2), shift_ee=2),
    ]
    x = rng.random((2, 2, 3, 5, 7)) * 15 * (rng.random((2, 2, 3, 5, 7)) < 0.3)
    return Circuit(nodes=tuple(nodes), steps=2), x


def folded(method):
    """Fold a convolution, a layer behind a factored one, and the readout; in both policies.

    The gains and shifts of the factored layer, which lie beside, are not one and zero. Its neurons
    and those of the layer behind it fill one row of four lanes: sums are forwarded.
    """
    rng = np.random.default_rng(6)

    def signed(n, *rest):
        return rng.integers(-128, 128, (n, *rest))

    def unsigned(n, *rest):
        return rng.integers(0, 256, (n, *rest)) * (rng.random((n, *rest)) < 0.5)

    def own(policy, n_e):
        return {
            "align": rng.integers(0, 4, n_e), "floor": rng.integers(1, 99, n_e), "fraction": 6,
            "bias": rng.integers(-9, 9, n_e), "division": _division(method, policy),
        }  # fmt: skip

    nodes = [
        source((2, 4, 5), top=15),
        folded_conv("a", "input", signed(9, 2, 3, 3), unsigned(9, 2, 3, 3), padding=1,
                    **own("minimum", 9)),
        lif("a.lif", "a", 9, threshold=rng.integers(1, 40, 9)),
        AvgPool(name="pool", inputs=("a.lif",), kernel=2),
        conv("b", "pool", unsigned(4, 9, 2, 2), unsigned(3, 9, 2, 2), unsigned(4, 3),
             gain=rng.integers(2, 9, 3), shift_ee=rng.integers(1, 4, 4), **own("floor", 4)),
        lif("b.lif", "b", 4, threshold=rng.integers(1, 40, 4)),
        Flatten(name="flat", inputs=("b.lif",)),
        folded_linear("c", "flat", signed(3, 4), unsigned(3, 4), **own("floor", 3)),
        lif("c.lif", "c", 3, threshold=rng.integers(1, 20, 3)),
        folded_readout("c.lif", signed(4, 3)),
    ]  # fmt: skip
    x = rng.random((2, 3, 2, 4, 5)) * 15 * (rng.random((2, 3, 2, 4, 5)) < 0.4)
    return Circuit(nodes=tuple(nodes), steps=3), x


def corners(method):
    """Meet an inhibitory sum that is wider than NUM, and quotients that vanish.

    The first inhibitory neuron inhibits nobody, so that its sum, 16, is no part of NUM, -1..2: it
    takes a cycle all the same. The first neuron fires in one of the two steps, by the sample.
    """
    layer = linear(
        "layer", "input", [[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]], [[16, 0, 0], [0, 1, 0]],
        [[0, 1], [0, 0], [0, 0], [0, 0]], fraction=[3, -60, 0, 0], bias=[0, 1, 1, 1],
        division=_division(method, "minimum"), current_bits=4,
    )  # fmt: skip
    nodes = [
        source((3,), top=1), layer, lif("lif", "layer", 4, threshold=[5, 2, 3, 3], membrane_bits=5),
        readout("lif", [[1, 1, 1, 0]], [[0, 1, 0, 0]], [[1]]),
    ]  # fmt: skip
    x = [[[1, 0, 0], [1, 1, 1]], [[0, 1, 0], [1, 1, 1]], [[1, 1, 1], [0, 1, 0]]]
    return Circuit(nodes=tuple(nodes), steps=2), np.tile(np.array(x, float), (4, 1, 1))


def last_divisor(method):
    """Replace every zero divisor by the only positive one, which lies in the last row of all."""
    n = 36
    w_ee, w_ei = np.full((n, 2), 9), np.zeros((n, 1))
    w_ee[:, 1], w_ei[-1] = range(n), 3
    layer = linear("layer", "input", w_ee, [[1, 1]], w_ei, fraction=4, current_bits=12,
                   division=_division(method, "minimum"))  # fmt: skip
    nodes = [
        source((2,), top=3), layer, lif("lif", "layer", n, threshold=200, membrane_bits=13),
        readout("lif", np.eye(2, n), np.ones((1, n)), [[1], [1]]),
    ]  # fmt: skip
    return Circuit(nodes=tuple(nodes), steps=3), np.array([[1, 0], [3, 1], [0, 2]], float)


def every_bound(method):
    """Drive each number to both ends of what is proven of it; the core of `tight` has no bit more.

    With weights of 4 bits, inputs of one, and four inhibitory neurons, of the first neuron

        s_I = 15    DEN = 15 15 + 10 3 = 255    NUM = -(15 15 + 10 + 15 + 6) = -256

    and the second is excited to 255 = 17 15; folded, 255 = 36 7 + 3, and -256 = 32 -8. Other
    divisors are zero. All neurons but the first and the last fire.
    """
    n, k = 40, DIVIDERS[method].fraction_bits
    rest = [0] * (n - 3)
    w_ee, w_ie, w_ei = np.zeros((n, n)), np.zeros((4, n)), np.zeros((n, 4))
    w_ie[:, 1], w_ei[0] = (15, 1, 1, 1), (15, 10, 15, 6)
    w_ee[1, 1:18], w_ee[2, 1] = 15, 15
    w_num, w_den = np.zeros((n, n)), np.zeros((n, n))
    w_num[0, 1:33], w_num[1, 1:38], w_den[0, 1:18] = -8, [*[7] * 36, 3], 15
    own = {
        "fraction": [7, 15, *rest, k - 16], "align": [3, 0, 0, *rest],
        "floor": [1, 255, *[9] * (n - 2)],
        "bias": [0, *[255] * (n - 2), -256], "current_bits": 10,
    }  # fmt: skip
    neurons = {"threshold": [15, *[1] * (n - 1)], "membrane_bits": 9}

    def factored(name, reads, policy):
        return linear(name, reads, w_ee, w_ie, w_ei, gain=[1, 3, 0, 0], shift_ee=[0, 0, 3, *rest],
                      division=_division(method, policy), **own)  # fmt: skip

    nodes = [
        source((n,), top=1),
        factored("a", "input", "minimum"), lif("a.lif", "a", n, **neurons),
        factored("b", "a.lif", "floor"), lif("b.lif", "b", n, **neurons),
        folded_linear("c", "b.lif", w_num, w_den, division=_division(method, "minimum"), **own),
        lif("c.lif", "c", n, **neurons),
        readout("c.lif", w_ee[::-1], w_ie, w_ei[::-1]),  # the last rows of logits are not zero
    ]  # fmt: skip
    return Circuit(nodes=tuple(nodes), steps=1), np.stack([np.ones(n), np.zeros(n), np.ones(n)])


# The quickest first: most faults show in any of them.
DIRECTED = (
    corners, last_divisor, large_quotients, remainder_beyond_its_width, every_bound, windows,
    folded, every_mantissa,
)  # fmt: skip

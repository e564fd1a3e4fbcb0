import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.circuit import Conv
from eideploy.execute import walk
from eideploy.execute.integer import run_integer
from eideploy.execute.samples import channels_first, patches, pooled, weight_rows
from eideploy.execute.trace import KEEP_ALL
from tests.helpers.float_circuits import layer as float_layer
from tests.helpers.random_circuits import circuits, samples


@given(data=st.data())
def test_a_trace_does_not_depend_on_how_many_samples_run_together(data):
    circuit = data.draw(circuits())
    x = data.draw(samples(circuit))
    x = np.concatenate([x, x[::-1], x])
    together = run_integer(circuit, x, keep=KEEP_ALL)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walk, "MOST_ENTRIES", 1)
        one_by_one = run_integer(circuit, x, keep=KEEP_ALL)
    np.testing.assert_array_equal(together.totals, one_by_one.totals)
    for kind in KEEP_ALL:
        for name, values in getattr(together, kind).items():
            np.testing.assert_array_equal(values, getattr(one_by_one, kind)[name])
    assert together.zeros == one_by_one.zeros
    assert together.saturated == one_by_one.saturated
    assert together.entries == one_by_one.entries


@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, 1, 1), (3, 2, 0), (1, 1, 0)])
def test_patches_hold_the_windows_in_the_order_of_the_weights(kernel, stride, padding):
    rng = np.random.default_rng(0)
    node = convolution(rng, kernel, stride, padding)
    x = rng.integers(0, 9, (2, 3, 4, 5, 6))
    rows = patches(node, x)
    padded = np.pad(x, ((0, 0),) * 3 + ((padding, padding),) * 2)
    window = padded[:, :, :, stride : stride + kernel, :kernel]
    width = (6 + 2 * padding - kernel) // stride + 1
    weights = node.weights[0]
    expected = (window[:, :, None] * weights).sum((3, 4, 5))
    np.testing.assert_array_equal((rows @ weight_rows(weights).T)[:, :, width], expected)
    stored = channels_first(node, rows)[:, :, width]
    np.testing.assert_array_equal(stored, window.reshape(2, 3, -1))


def test_pooling_adds_whole_windows_and_drops_the_border():
    x = np.arange(2 * 5 * 5, dtype=np.uint8).reshape(1, 1, 2, 5, 5)
    expected = x[..., :4, :4].reshape(1, 1, 2, 2, 2, 2, 2).sum((4, 6))
    np.testing.assert_array_equal(pooled(x, 2, np.uint16), expected)


def convolution(rng, kernel, stride, padding):
    weights = {"w_ee": (7, 4, kernel, kernel), "w_ie": (2, 4, kernel, kernel), "w_ei": (7, 2)}
    vectors = {"g_i": np.ones(2), "g_e": np.ones(7), "b_e": np.zeros(7)}
    return float_layer(
        "conv",
        "input",
        geometry=Conv(stride=stride, padding=padding),
        **{name: rng.integers(0, 9, shape).astype(np.float32) for name, shape in weights.items()},
        **{name: value.astype(np.float32) for name, value in vectors.items()},
    )

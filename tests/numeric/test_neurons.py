import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eideploy.neurons import IntegerLIF
from eideploy.numeric.operators import InArrays


def lif_step(v, current, *, threshold, leak, bits, to_zero=False):
    """Take one step, and the same in plain integers."""
    reset = "zero" if to_zero else "subtract"
    model = IntegerLIF(threshold=threshold, leak=leak, membrane_bits=bits, reset=reset)
    after, spikes, clipped = model.step(v[None], current[None], InArrays(bits))
    plain = model.scalar(int(v[0]), int(current[0]), {"threshold": int(threshold[0])})
    assert plain == (after[0, 0], spikes[0, 0], clipped)
    return after[0], spikes[0], clipped


@given(
    v=st.integers(-(2**15), 2**15 - 1),
    current=st.integers(-(2**20), 2**20),
    threshold=st.integers(1, 2**14),
    leak=st.integers(0, 4),
)
def test_step_is_leak_add_saturate_fire_and_subtract(v, current, threshold, leak):
    arrays = [np.array([x], np.int64) for x in (v, current, threshold)]
    after, spikes, clipped = lif_step(arrays[0], arrays[1], threshold=arrays[2], leak=leak, bits=16)
    u = v - v // 2**leak + current  # Python's // floors, as >> does
    held = min(max(u, -(2**15)), 2**15 - 1)
    assert bool(spikes[0]) == (held >= threshold)
    assert after[0] == held - threshold * (held >= threshold)
    assert clipped == (held != u)


@given(v=st.integers(-(2**19), 2**15 - 1))
def test_the_least_leak_keeps_membranes_from_zero_and_lifts_those_below_by_a_part_in_2_to_the_15(v):
    held = np.array([v], np.int64)
    after, _, _ = lif_step(held, held * 0, threshold=held * 0 + 2**19, leak=15, bits=20)
    assert after[0] - v == (0 if v >= 0 else math.ceil(-v / 2**15))


def test_membrane_that_is_negative_leaks_towards_zero():
    v = np.array([-7], np.int64)
    after, _, _ = lif_step(v, v * 0, threshold=v * 0 + 9, leak=1, bits=8)
    assert after[0] == -3


@given(u=st.integers(-50, 50), threshold=st.integers(1, 20))
def test_a_reset_to_zero_leaves_nothing_of_what_fired(u, threshold):
    v = np.zeros(1, np.int64)
    after, spikes, _ = lif_step(v, v + u, threshold=v + threshold, leak=1, bits=8, to_zero=True)
    assert bool(spikes[0]) == (u >= threshold)
    assert after[0] == (0 if u >= threshold else u)

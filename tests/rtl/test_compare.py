"""Where a core differs first, without a simulator: from a trace with one other number."""

import numpy as np
import pytest

from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.rtl.compare import differences, first_difference
from eideploy.backends.digital.rtl.trace import PHASES, RtlTrace
from tests.rtl.directed import windows
from tests.rtl.support import placed, simulated, tight


@pytest.fixture
def run():
    """Return a program, what a core should do with it, and a core that does it."""
    circuit, x = windows("lut")
    program = placed(circuit, tight(circuit, "lut"))
    expected = simulated(program.circuit, x)
    cycles = count_cycles(program, expected).stages
    found = RtlTrace(
        spikes={name: np.array(z, int) for name, z in expected.spikes.items()},
        membranes={name: np.array(v) for name, v in expected.membranes.items()},
        totals=np.array(expected.totals),
        phases={
            stage: {
                phase: np.broadcast_to(
                    counts.phases[phase], expected.inputs["input"].shape[:2]
                ).copy()
                for phase in PHASES
            }
            for stage, counts in cycles.items()
        },
        waits={},
        in_order=True,
    )
    return program, found, expected


def test_a_core_that_does_as_it_should_differs_nowhere(run):
    program, found, expected = run
    assert differences(program, found, expected).total == 0
    assert first_difference(program, found, expected) == ""


def test_the_first_difference_is_of_the_first_sample_step_and_layer(run):
    program, found, expected = run
    first, *_, last = program.stages
    found.totals[0, 1] += 3
    total = int(expected.totals[0, 1])
    step = program.circuit.steps - 1
    assert first_difference(program, found, expected) == (
        f"sample 0, time step {step}, layer {last.name}, logits of 1: {total + 3}, not {total}"
    )
    found.phases[last.name]["setup"][0, 0] += 1
    place = f"sample 0, time step 0, layer {last.name}, cycles of setup: "
    assert first_difference(program, found, expected).startswith(place)
    found.spikes[first.lif][0, 1] += 1
    assert first_difference(program, found, expected).startswith(place)
    found.membranes[first.lif][0, 0].flat[-1] -= 1
    shape = found.membranes[first.lif].shape[2:]
    channel, *position = (n - 1 for n in shape)
    at = f" at {tuple(position)}" if any(position) else ""
    value = int(expected.membranes[first.lif][0, 0].flat[-1])
    assert first_difference(program, found, expected) == (
        f"sample 0, time step 0, layer {first.name}, membranes of {channel}{at}: "
        f"{value - 1}, not {value}"
    )

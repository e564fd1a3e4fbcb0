"""The SystemVerilog core, the integer simulator and the cycle formula say the same."""

from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.rtl.bench import Manner
from tests.helpers.random_circuits import circuits, samples
from tests.helpers.stimulus import stimulus
from tests.rtl.directed import windows
from tests.rtl.support import compared, placed, shape

FAST = {
    "table, 4 lanes, 2 at once": shape("lut", lanes=4, update_lanes=2),
    "iterative, 8 lanes, slow": shape("exact", lanes=8, update_lanes=1, later=1),
    "no division, 4 lanes": shape("none", lanes=4, update_lanes=2),
    "table, 4 lanes and 2 beside, pipelined": shape("lut", lanes=4, beside=2, pipelined=True),
    "shift, 4 lanes, pooled events": shape("shift", lanes=4, pooled=True),
}
FULL = {
    "table, 8 lanes": shape("lut", lanes=8, update_lanes=1),
    "table, 16 lanes, 16 at once, slow": shape("lut", lanes=16, update_lanes=16, later=2),
    "shift, 4 lanes": shape("shift", lanes=4, update_lanes=1),
    "two shifts, 2 lanes": shape("shift2", lanes=2, update_lanes=1),
    "iterative, 4 lanes, 4 at once": shape("exact", lanes=4, update_lanes=4),
    "shift, 8 lanes and 1 beside": shape("shift", lanes=8, beside=1),
    "two shifts, 8 lanes and 8 beside, pipelined": shape(
        "shift2", lanes=8, beside=8, pipelined=True
    ),
    "table, 16 lanes and 4 beside, pipelined": shape(
        "lut", lanes=16, update_lanes=4, beside=4, pipelined=True
    ),
    "table, 2 lanes and 1 beside, pooled events": shape("lut", lanes=2, beside=1, pooled=True),
    "iterative, pipelined": shape("exact", pipelined=True, later=1),
}
# Without these a run of random networks proves little.
WANTED = {
    "empty rows", "rows with events", "events in a dropped border", "events between windows",
    "residual sums", "lanes beyond n_E", "replaced divisors, minimum", "replaced divisors, floor",
    "steps without a divisor", "negative currents", "saturated currents", "saturated membranes",
    "silent steps", "spikes", "saturated inputs", "folded stages", "folded readouts",
    "waits for the input", "waits for the output", "no waits",
}  # fmt: skip
OF_DIVISION = {
    "replaced divisors, minimum", "replaced divisors, floor", "steps without a divisor",
    "events between windows",
}  # fmt: skip


@st.composite
def manners(draw):
    """Draw how the ports are driven: at once, with gaps, back-pressure, interference and resets."""
    return Manner(
        gap=draw(st.sampled_from([0, 0, 300, 900]), label="gap"),
        stall=draw(st.sampled_from([0, 0, 500, 900]), label="stall"),
        meddle=draw(st.sampled_from([0, 300]), label="meddle"),
        aborts=draw(st.sampled_from([0, 0, 2]), label="aborts"),
        seed=draw(st.integers(1, 1 << 30), label="seed"),
        limit=1_000_000,
    )


def agree_on_random_networks(core, folder, count):
    """Run random networks through one simulator of `core`; return what they met."""
    seen = Counter()

    @settings(max_examples=count, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(data=st.data(), circuit=circuits(method=core.method), manner=manners())
    def check(data, circuit, manner):
        program = placed(circuit, core)
        x = data.draw(samples(circuit, count=2), label="samples")
        found, trace, expected = compared(program, core, folder, x, manner=manner)
        assert found.total == 0, found
        seen.update(stimulus(program, expected))
        waits = {name: int(count.sum()) for name, count in trace.waits.items()}
        last = program.stages[-1].name
        output = waits[last]
        port = sum(waits.values()) - output
        assert port == 0 or manner.gap
        assert output == 0 or manner.stall
        seen["waits for the input"] += port > 0
        seen["waits for the output"] += output > 0
        seen["no waits"] += port + output == 0

    check()
    circuit, x = windows(core.method)  # its pooling drops a border, which few random ones meet
    program = placed(circuit, core)
    found, _, expected = compared(program, core, folder, x)
    assert found.total == 0, found
    seen.update(stimulus(program, expected))
    return seen


def lacking(seen, core):
    wanted = WANTED - OF_DIVISION if core.method == "none" else WANTED
    return {name for name in wanted if not seen[name]}


@pytest.mark.rtl
@pytest.mark.parametrize("name", FAST)
def test_core_equals_simulator_and_formula(name, tmp_path):
    core = FAST[name]
    assert lacking(agree_on_random_networks(core, tmp_path, 30), core) == set()


@pytest.mark.rtl_full
@pytest.mark.parametrize("name", [*FAST, *FULL])
def test_core_equals_simulator_and_formula_on_many_networks(name, tmp_path):
    core = {**FAST, **FULL}[name]
    assert lacking(agree_on_random_networks(core, tmp_path, 100), core) == set()

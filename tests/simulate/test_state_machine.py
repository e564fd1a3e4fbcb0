"""The state machine, the integer simulator and the cycle model say the same."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.passes.place import place
from eideploy.simulate.cycles import PHASES, count_cycles
from eideploy.simulate.integer import run_integer
from eideploy.simulate.state_machine import StateMachine
from eideploy.simulate.trace import KEEP_ALL
from tests.helpers.random_circuits import circuits, samples, targets


def test_core_equals_simulator_and_cycle_model_on_random_programs():
    seen = Counter()

    @settings(max_examples=200)
    @given(data=st.data(), circuit=circuits(), target=targets())
    def check(data, circuit, target):
        program = place(circuit, target=target)
        x = data.draw(samples(circuit), label="samples")
        trace = run_integer(circuit, x, keep=KEEP_ALL)
        cycles = count_cycles(program, trace)
        machine = StateMachine(program)  # one machine for all samples: it must clean up itself
        for b, sample in enumerate(x):
            assert_same(program, machine.run(sample), trace, cycles, b)
        seen.update(stimulus(program, trace))

    check()
    assert {name for name, count in seen.items() if count < 20} == set(), seen


def assert_same(program, run, trace, cycles, b):
    for name, spikes in trace.spikes.items():
        np.testing.assert_array_equal(run.spikes[name], spikes[:, b], err_msg=name)
        np.testing.assert_array_equal(run.membranes[name], trace.membranes[name][:, b])
    np.testing.assert_array_equal(run.totals, trace.totals[b])
    for stage in program.stages:
        counted, formula = run.cycles[stage.name], cycles.stages[stage.name].phases
        for phase in PHASES:
            stepped = counted.get(phase, np.zeros(program.circuit.steps))
            np.testing.assert_array_equal(stepped, formula[phase][:, b], err_msg=phase)
    total = sum(cycle.sum() for stage in run.cycles.values() for cycle in stage.values())
    assert total == cycles.per_inference[b]


def stimulus(program, trace):
    """Count the cases that a run must meet to prove something."""
    found = Counter()
    lanes = program.target.core.lanes
    for stage in program.stages:
        for route in stage.routes:
            if route.source:
                z = trace.spikes[program.stage(route.source).lif]
                z = z.reshape(*z.shape, *(1,) * (5 - z.ndim))
                rows = np.add.reduceat(z, range(0, z.shape[2], lanes), axis=2, dtype=int)
                inner = [n // route.pool * route.pool for n in z.shape[3:]]
                found["empty rows"] += int((rows == 0).sum())
                found["rows with events"] += int((rows > 0).sum())
                found["events in a dropped border"] += int(z.sum()) - int(
                    z[..., : inner[0], : inner[1]].sum()
                )
                if stage.stride > stage.kernel:
                    found["events between windows"] += int(z[..., 1 :: stage.stride, :].sum())
        found["residual sums"] += len(stage.routes) > 1
        found["lanes beyond n_E"] += stage.n_e % lanes > 0
    for name, den in trace.divisors.items():
        zero = (den == 0).reshape(*den.shape[:2], -1)
        policy = program.circuit.node(name).division.zero_policy
        found[f"replaced divisors, {policy}"] += int((zero & ~zero.all(2, keepdims=True)).sum())
        found["steps without a divisor"] += int(zero.all(2).sum())
        method = program.circuit.node(name).division.divider.method
        found[f"divisions by {method}"] += int((~zero).sum())
        found["negative currents"] += int((trace.currents[name] < 0).sum())
        found["saturated currents"] += trace.saturated[name]
    for name, z in trace.spikes.items():
        found["saturated membranes"] += trace.saturated[name]
        found["silent steps"] += int((~z.reshape(*z.shape[:2], -1).any(2)).sum())
        found["spikes"] += int(z.sum())
    return found

"""The state machine, the integer simulator and the cycle model say the same."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.core.scan import port_words
from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.counts import PHASES
from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.place import place
from eideploy.errors import UsageError
from eideploy.execute.integer import run_integer
from eideploy.execute.samples import over_time
from eideploy.execute.trace import KEEP_ALL
from tests.helpers.layers import circuit, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, general, looped, samples, targets
from tests.helpers.stimulus import stimulus
from tests.helpers.targets import core_target


@pytest.mark.no_cover  # those below run the same lines
def test_core_equals_simulator_and_cycle_model_on_random_programs():
    seen = Counter()

    @settings(max_examples=260)
    @given(data=st.data(), circuit=circuits(), target=targets())
    def check(data, circuit, target):
        program = place(circuit, target=target)
        trace = assert_runs_alike(program, data.draw(samples(circuit), label="samples"))
        seen.update(stimulus(program, trace))

    check()
    assert {name for name, count in seen.items() if count < 20} == set(), seen


@settings(max_examples=60)
@given(data=st.data(), target=targets())
def test_a_core_with_general_neurons_and_loops_equals_simulator_and_cycle_model(data, target):
    shape = data.draw(st.sampled_from([circuits, looped]))
    circuit = data.draw(shape(neurons=general), label="circuit")
    program = place(circuit, target=target)
    assert_runs_alike(program, data.draw(samples(circuit), label="samples"))


@settings(max_examples=60)
@given(data=st.data(), target=targets())
def test_a_core_that_takes_samples_once_equals_simulator_and_cycle_model(data, target):
    target = replace(target, core=replace(target.core, static_input=True))
    circuit = data.draw(data.draw(st.sampled_from([circuits, looped]))(), label="circuit")
    program = place(circuit, target=target)
    first = program.stages[0]
    assert first.is_static == ([route.source for route in first.routes] == [""])
    assert not any(stage.is_static for stage in program.stages[1:])
    assert_runs_alike(program, data.draw(samples(circuit, sequences=False), label="samples"))


@settings(max_examples=60)
@given(data=st.data(), target=targets())
def test_a_core_that_adds_up_windows_equals_simulator_and_cycle_model(data, target):
    target = replace(target, core=replace(target.core, pooled_events=True))
    circuit = data.draw(data.draw(st.sampled_from([circuits, looped]))(), label="circuit")
    program = place(circuit, target=target)
    for route in (route for stage in program.stages for route in stage.routes):
        assert route.window == (route.pool if route.source else 1)
    assert_runs_alike(program, data.draw(samples(circuit), label="samples"))


def test_a_core_that_takes_samples_once_refuses_sequences():
    base = core_target()
    target = replace(base, core=replace(base.core, static_input=True))
    layer = linear("layer", "input", [[1]], [[1]], [[1]])
    nodes = source((1,)), layer, lif("lif", "layer", 1), readout("lif", [[1]], [[1]], [[1]])
    program = place(circuit(*nodes, steps=2), target=target)
    same, other = np.ones((1, 2, 1)), np.array([[[1.0], [2.0]]])
    assert_runs_alike(program, same)
    trace = run_integer(program.circuit, other, keep=KEEP_ALL)
    for refused in (
        lambda: count_cycles(program, trace),
        lambda: StateMachine(program).run(other[0]),
        lambda: port_words(program, other),
    ):
        with pytest.raises(UsageError, match="takes a sample once") as caught:
            refused()
        assert "--calibrate-on" in caught.value.fix


def assert_runs_alike(program, x):
    """Require that a core does what simulator and cycle model say; return the trace."""
    trace = run_integer(program.circuit, x, keep=KEEP_ALL)
    cycles = count_cycles(program, trace)
    machine = StateMachine(program)  # one machine for all samples: it must clean up itself
    for b, sample in enumerate(x):
        assert_same(program, machine.run(sample), trace, cycles, b)
    return trace


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


@settings(max_examples=20)
@given(data=st.data(), circuit=circuits())
def test_a_core_may_be_stepped_and_a_state_is_kept_as_it_was(data, circuit):
    """The same as run() does, also from states that others were made of."""
    machine = StateMachine(place(circuit, target=core_target()))
    x = data.draw(samples(circuit), label="samples")[0]
    whole, frames = machine.run(x), over_time(circuit, x[None])[:, 0]
    states, totals = [machine.init()], []
    for t in range(circuit.steps):
        machine.step(states[-1], frames[t % len(frames)] * 0)
        after, step = machine.step(states[-1], frames[t % len(frames)])
        states.append(after)
        totals += step.logits
        for name, spikes in step.spikes.items():
            np.testing.assert_array_equal(spikes, whole.spikes[name][t])
            np.testing.assert_array_equal(step.membranes[name], whole.membranes[name][t])
    assert totals == whole.totals.tolist()
    assert [state.steps for state in states] == [*range(circuit.steps), 0]

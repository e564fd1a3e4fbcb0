"""A core that is cut to a network: nothing is to spare, and nothing that is computed changes."""

from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.cycles import count_cycles
from eideploy.backends.digital.fit import fitted
from eideploy.backends.digital.parameters import DIVIDERS
from eideploy.backends.digital.place import place
from eideploy.errors import CapacityError
from eideploy.passes.check_widths import check_widths
from eideploy.target import Memory, Widths, read_target, spec_text
from tests.helpers.random_circuits import looped, samples
from tests.rtl.directed import every_bound
from tests.rtl.support import bounds_of, placed, shape, simulated

EXAMPLES = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
WIDEST = {name: high for name, (_, high) in bounds_of(Widths).items()}


def cut(circuit, method, **core):
    return fitted(placed(circuit, shape(method, **core, **WIDEST)))


@EXAMPLES
@given(data=st.data(), method=st.sampled_from(list(DIVIDERS)))
def test_a_cut_core_has_no_bit_and_no_row_to_spare(data, method):
    circuit = data.draw(looped(method=method))
    target = cut(circuit, method)
    for name, (low, _) in bounds_of(Widths).items():
        if (bits := getattr(target.widths, name)) > low:
            with pytest.raises(CapacityError, match=f"{bits} bits"):
                check_widths(circuit, widths=replace(target.widths, **{name: bits - 1}))
    for field in fields(Memory):
        if (depth := getattr(target.memory, field.name)) > 1:
            less = replace(target.memory, **{field.name: depth - 1})
            with pytest.raises(CapacityError, match=field.name.replace("_", " ")):
                place(circuit, target=replace(target, memory=less))


@EXAMPLES
@given(data=st.data(), method=st.sampled_from(list(DIVIDERS)))
def test_a_cut_core_computes_the_same_in_the_cycles_of_the_formula(data, method):
    circuit = data.draw(looped(method=method))
    faster = {
        "beside": data.draw(st.sampled_from([0, 1, 2])),
        "pipelined": data.draw(st.booleans()),
    }
    target = cut(circuit, method, **faster)
    program = place(check_widths(circuit, widths=target.widths), target=target)
    x = data.draw(samples(circuit, count=1))
    expected = simulated(circuit, x)
    found = StateMachine(program).run(x[0])
    np.testing.assert_array_equal(found.totals, expected.totals[0])
    counted = count_cycles(program, expected).per_inference[0]
    assert sum(n.sum() for phases in found.cycles.values() for n in phases.values()) == counted


@EXAMPLES
@given(data=st.data(), method=st.sampled_from(list(DIVIDERS)))
def test_the_spec_of_a_cut_core_is_read_as_it_was_written(data, method, tmp_path_factory):
    target = cut(data.draw(looped(method=method)), method)
    path = tmp_path_factory.mktemp("spec") / "target.toml"
    path.write_text(spec_text(target))
    assert replace(read_target(path), source=target.source) == target


def test_a_core_without_a_part_refuses_a_network_that_needs_it():
    base = shape("shift").target
    for core, word in (
        ({"minimum": False}, "smallest positive divisor"),
        ({"inhibition": "folded"}, "factored layers"),
    ):
        target = replace(base, core=replace(base.core, **core))
        with pytest.raises(CapacityError, match=word) as caught:
            place(every_bound("shift")[0], target=target)
        assert "[core]" in caught.value.where

"""Every method of division in every executor: the quotients of exact fractions, or a refusal."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.parameters import DIVIDERS, shape_of
from eideploy.backends.digital.place import place
from eideploy.divisions import Divider, constant, exact, lut, mitchell, none, pwl, shift, shift2
from eideploy.errors import CapacityError, EideployError
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import KEEP_ALL
from tests.helpers.divisions import EVERY, EXECUTORS, N_E, layer, operands
from tests.helpers.float_circuits import changed
from tests.helpers.layers import circuit, folded_readout, lif, source
from tests.helpers.random_circuits import circuits, samples
from tests.helpers.targets import core_target

TRIED = (
    exact(), lut(8, 8), lut(1, 10), lut(12, 3), pwl(4, 12), pwl(2, 6), shift(), shift2(),
    mitchell(), constant(), none(),
)  # fmt: skip


def test_no_method_is_left_out():
    assert {divider.method for divider in TRIED} == EVERY


def in_fractions(node, num, den):
    """Return the divided currents as (A6) to (A8) state them, in exact fractions."""
    found = np.zeros_like(num)
    divider, minimum = node.division.divider, node.division.zero_policy == "minimum"
    by, limit = node.current, (1 << node.current.current_bits - 1) - 1
    for b in range(num.shape[1]):
        positive = [int(d) << int(a) for d, a in zip(den[0, b, 0], by.align, strict=True) if d]
        for o in range(N_E):
            n, d, f = int(num[0, b, 0, o]), int(den[0, b, 0, o]), int(by.fraction[o])
            match divider.method:
                case "none":
                    d = 1
                case "constant":
                    d = int(by.constant[o])
                case _ if not positive:
                    continue
                case _ if d == 0:
                    f += int(by.align[o]) if minimum else 0
                    d = min(positive) if minimum else int(by.floor[o])
            magnitude = ratio(divider, abs(n), d) * Fraction(2) ** f
            rounded = min(limit, int(magnitude + Fraction(1, 2)))
            found[0, b, 0, o] = rounded if n >= 0 else -rounded
    return found


def ratio(divider, num, den):
    """Return what a method takes num / den for."""
    if divider.method in ("exact", "constant", "none"):
        return Fraction(num, den)
    if divider.method == "mitchell":
        return mitchells(num, den, divider.index_bits)
    power, mantissa = cut(den, divider.index_bits)
    entry = int(divider.table[int((mantissa - 1) * (1 << divider.index_bits))])
    return num * Fraction(entry, 1 << divider.fraction_bits) / Fraction(2) ** power


def mitchells(num, den, bits):
    if num == 0:
        return Fraction(0)
    (over, f), (below, d) = cut(num, bits), cut(den, bits)
    if f >= d:
        return Fraction(2) ** (over - below) * (1 + f - d)
    return Fraction(2) ** (over - below - 1) * (2 + f - d)


def cut(x, bits):
    """Return e and 1 + f of x = 2^e (1 + f), f cut off after `bits` bits."""
    e = x.bit_length() - 1
    return e, Fraction(int(Fraction(x, 1 << e) * (1 << bits)), 1 << bits)


@pytest.mark.parametrize("policy", ["minimum", "floor"])
@pytest.mark.parametrize("divider", TRIED, ids=lambda d: d.label)
@pytest.mark.parametrize("executor", EXECUTORS)
def test_every_executor_divides_as_stated(executor, divider, policy):
    by = EXECUTORS[executor]

    @settings(max_examples=5)
    @given(seed=st.integers(0, 2**32 - 1))
    def check(seed):
        rng = np.random.default_rng(seed)
        node = layer(rng, divider, policy)
        num, den = operands(rng, node, by.widest)
        if divider.method not in by.divides:
            with pytest.raises(EideployError):
                by.run(node, num, den)
            return
        expected = in_fractions(node, num, den)
        assert len(np.unique(expected)) > 4
        for found in by.run(node, num.copy(), den.copy()):
            np.testing.assert_array_equal(found, expected)

    check()


@pytest.mark.parametrize("divider", TRIED, ids=lambda d: d.label)
def test_the_systemverilog_is_written_for_the_methods_that_it_has(divider):
    """What it then computes: tests/rtl/test_random_networks.py runs every one of DIVIDERS."""
    node = changed(layer(np.random.default_rng(0), divider, "floor"), fraction=np.zeros(N_E, int))
    nodes = source((1,)), node, lif("lif", "layer", N_E), folded_readout("lif", np.ones((1, N_E)))
    program = place(circuit(*nodes), target=core_target(timing=(30, 30)))
    if divider.method in DIVIDERS:
        assert shape_of(program).method == divider.method
    else:
        with pytest.raises(CapacityError, match=f"does not divide by {divider.label}"):
            shape_of(program)


@pytest.mark.parametrize("method", sorted(EVERY))
def test_the_core_equals_the_simulator_on_networks_that_divide_by(method):
    @settings(max_examples=15, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(data=st.data(), circuit=circuits(method=method))
    def check(data, circuit):
        program = place(circuit, target=core_target())
        x = data.draw(samples(circuit, count=2), label="samples")
        trace = run_integer(circuit, x, keep=KEEP_ALL)
        for b, run in enumerate(map(StateMachine(program).run, x)):
            np.testing.assert_array_equal(run.totals, trace.totals[b])
            for name, spikes in trace.spikes.items():
                np.testing.assert_array_equal(run.spikes[name], spikes[:, b], err_msg=name)

    check()


def test_a_method_says_itself_how_it_divides_and_what_it_errs_by():
    with pytest.raises(TypeError, match="abstract"):
        type("Unfinished", (Divider,), {"method": "unfinished"})()

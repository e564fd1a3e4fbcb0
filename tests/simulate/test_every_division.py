"""Every method of division in every executor: the quotients of exact fractions, or a refusal."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.parameters import DIVIDERS, shape_of
from eideploy.circuit import Division
from eideploy.circuit.limits import limits
from eideploy.errors import CapacityError, EideployError, InvariantError, UsageError
from eideploy.finetune.arithmetic import quotient as finetuned
from eideploy.numeric.division import (
    METHODS,
    Divider,
    constant,
    exact,
    lut,
    mitchell,
    none,
    pwl,
    shift,
    shift2,
)
from eideploy.passes.place import place
from eideploy.simulate.core.quotient import quotient_of
from eideploy.simulate.integer import divided, run_integer
from eideploy.simulate.quotients import Quotients, has_quotients
from eideploy.simulate.state_machine import StateMachine
from eideploy.simulate.trace import KEEP_ALL
from eideploy.target import DividerTiming
from tests.helpers.layers import circuit, folded_linear, folded_readout, lif, source
from tests.helpers.onnx_models import quotients as in_onnx
from tests.helpers.random_circuits import circuits, samples
from tests.helpers.targets import core_target

TRIED = (
    exact(), lut(8, 8), lut(1, 10), lut(12, 3), pwl(4, 12), pwl(2, 6), shift(), shift2(),
    mitchell(), constant(), none(),
)  # fmt: skip
N_E = 6


def test_no_method_is_left_out():
    assert {divider.method for divider in TRIED} == set(METHODS)


def operands(rng, node, widest, count=40):
    """Return NUM and DEN of every size up to `widest` bits, their ends and zeros among them.

    Shapes   (1, count, 1, N_E): a sample is what one zero divisor may be replaced from
    """
    shape = 1, count, 1, N_E
    room = widest - max(0, int((node.fraction + node.align).max()) + 2)
    room = min(room, widest - 1 - node.division.divider.fraction_bits)
    size = 2.0 ** rng.uniform(0, room, shape)
    num = np.minimum(size.astype(np.int64), (1 << room) - 1) * rng.choice([-1, 0, 1], shape)
    num[:, :4] = (1 << room) - 1
    num[:, 2:4] *= -1
    den = (2.0 ** rng.uniform(0, widest - 5, shape)).astype(np.int64)  # 5 bits for align
    den[:, 1:20:4] = (1 << widest - 5) - 1
    den[:, 2:20:4] = 1
    den[rng.random(shape) < 0.2] = 0
    den[:, 5] = 0
    return num, den


def layer(rng, divider, policy):
    """Return a layer of which nothing but the division is of interest."""
    ones = np.ones((N_E, 1), np.int64)
    return folded_linear(
        "layer", "input", ones, ones,
        fraction=rng.integers(-40, 12, N_E), align=rng.integers(0, 5, N_E),
        floor=rng.integers(1, 999, N_E), constant=(2.0 ** rng.uniform(0, 40, N_E)).astype(int),
        current_bits=int(rng.choice([4, 12, 24, 30])),
        division=Division(divider=divider, zero_policy=policy),
    )  # fmt: skip


def in_fractions(node, num, den):
    """Return the divided currents as (A6) to (A8) state them, in exact fractions."""
    found = np.zeros_like(num)
    divider, minimum = node.division.divider, node.division.zero_policy == "minimum"
    limit = (1 << node.current_bits - 1) - 1
    for b in range(num.shape[1]):
        positive = [int(d) << int(a) for d, a in zip(den[0, b, 0], node.align, strict=True) if d]
        for o in range(N_E):
            n, d, f = int(num[0, b, 0, o]), int(den[0, b, 0, o]), int(node.fraction[o])
            match divider.method:
                case "none":
                    d = 1
                case "constant":
                    d = int(node.constant[o])
                case _ if not positive:
                    continue
                case _ if d == 0:
                    f += int(node.align[o]) if minimum else 0
                    d = min(positive) if minimum else int(node.floor[o])
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


def simulated(node, num, den):
    return [divided(node, num, den)[0]]


def in_floats(node, num, den):
    """Divide as the simulator does where the proof allows it."""
    reach = limits(circuit(source((1,), top=1), node))["layer"]
    if not has_quotients(node, reach):
        raise InvariantError("left to the integers", where="quotients", fix="")
    quotients = Quotients(node)
    scaled = num * quotients.of_num, den * quotients.of_den
    return [quotients.divided(*scaled, np.int64)[0]]


def in_training(node, num, den):
    tensors = (torch.from_numpy(a[:, :, 0].astype(float)) for a in (num, den))
    return [finetuned(*tensors, node).numpy()[:, :, None]]


def stepped(node, num, den):
    """Let the core's state machine meet each sample's NUM and DEN as the weights of one input."""
    count = num.shape[1]
    fields = {name: getattr(node, name) for name in
              ("fraction", "align", "floor", "constant", "current_bits", "division")}  # fmt: skip
    program = place(
        circuit(
            source((count,), top=1),
            folded_linear("layer", "input", num[0, :, 0].T, den[0, :, 0].T, **fields),
            lif("lif", "layer", N_E, threshold=1 << 31 - 1, membrane_bits=33 - 1),
            folded_readout("lif", np.ones((1, N_E))),
        ),
        target=core_target(timing=(1, 1)),
    )
    machine = StateMachine(program)
    found = [machine.run(one).membranes["lif"][0] for one in np.eye(count)]
    return [np.array(found)[None, :, None]]


@dataclass(frozen=True)
class Executor:
    """How a program divides NUM by DEN: `run` returns one or more arrays of currents.

    widest   bits of what it takes
    divides  the methods that it has; the others it refuses
    """

    run: Callable
    widest: int
    divides: frozenset = frozenset(METHODS)


EXECUTORS = {
    "integers": Executor(simulated, 61),
    "floats": Executor(in_floats, 52, frozenset({"lut", "pwl", "shift", "shift2"})),
    "state machine": Executor(stepped, 61),
    "ONNX": Executor(in_onnx, 61),
    "fine-tuning": Executor(in_training, 52),
}


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
    node = replace(layer(np.random.default_rng(0), divider, "floor"), fraction=np.zeros(N_E, int))
    nodes = source((1,)), node, lif("lif", "layer", N_E), folded_readout("lif", np.ones((1, N_E)))
    program = place(circuit(*nodes), target=core_target(timing=(30, 30)))
    if divider.method in DIVIDERS:
        assert shape_of(program).method == divider.method
    else:
        with pytest.raises(CapacityError, match=f"does not divide by {divider.label}"):
            shape_of(program)


@pytest.mark.parametrize("method", METHODS)
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Newton(Divider):
    """A method that no executor has heard of."""

    method = "newton"
    bound = 0.5

    def quotient(self, num, *_):
        return num

    def widest(self, num, _):
        return num

    def relative_error(self, num, _):
        return np.zeros(num.shape)


def test_a_method_that_is_not_known_is_refused_by_all_that_have_rules_of_their_own():
    rng, target = np.random.default_rng(0), core_target()
    node = layer(rng, Newton(), "floor")
    num, den = operands(rng, node, 40)
    nodes = source((1,)), node, lif("lif", "layer", N_E), folded_readout("lif", np.ones((1, N_E)))
    timing = {**target.divider, "newton": DividerTiming(interval=1, latency=1)}
    program = place(circuit(*nodes), target=replace(target, divider=timing))
    with pytest.raises(InvariantError, match="does not know the division 'newton'"):
        quotient_of(Newton())
    with pytest.raises(InvariantError, match="does not know the division 'newton'"):
        StateMachine(program).run(np.zeros(1))
    with pytest.raises(UsageError, match="no ONNX operators are known for the division 'newton'"):
        in_onnx(node, num, den)
    with pytest.raises(CapacityError, match="does not divide by newton"):
        shape_of(program)
    with pytest.raises(InvariantError, match="left to the integers"):
        in_floats(node, num, den)


def test_a_method_says_itself_how_it_divides_and_what_it_errs_by():
    with pytest.raises(TypeError, match="abstract"):
        type("Unfinished", (Divider,), {"method": "unfinished"})()

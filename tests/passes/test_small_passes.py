"""calibrate, lower_division, check_widths and the contract that every pass is under."""

import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.digital.pipeline import compile_circuit
from eideploy.circuit import LayerRange
from eideploy.divisions import exact, lut, shift, shift2
from eideploy.errors import CapacityError, InvariantError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.passes.calibrate import calibrate
from eideploy.passes.check_widths import check_widths
from eideploy.passes.contract import contract, is_float, is_integer
from eideploy.passes.lower_division import lower_division
from eideploy.passes.quantize import quantize
from eideploy.scheme import Bits, load_scheme
from eideploy.target import load_target
from tests.helpers.float_circuits import conv_net, mlp, with_layer

TARGET = load_target("digital")
INT8 = load_scheme("int8")


def integer_mlp(seed=0):
    rng = np.random.default_rng(seed)
    circuit = mlp(rng, steps=1)
    x = rng.random((16, 12))
    ranges = observe(circuit, x)
    return quantized(circuit, ranges, INT8), x


def quantized(circuit, ranges, scheme):
    return quantize(calibrate(circuit, ranges=ranges), scheme=scheme, widths=TARGET.widths)


def divided_by(circuit, divider, policy="minimum"):
    return lower_division(circuit, divider=divider, zero_policy=policy, target=TARGET)


def test_calibration_sees_means_zeros_and_the_smallest_divisor():
    rng = np.random.default_rng(2)
    circuit = mlp(rng, steps=2)
    x = rng.random((90, 12))
    w, seen = circuit.node("linear1").projection, observe(circuit, x).layers["linear1"]
    s = x @ w.w_ie.T
    divisor = (s * w.g_i) @ w.w_ei.T
    assert seen.mean_input == pytest.approx(x.mean(0))
    assert seen.mean_inhibition == pytest.approx(s.mean(0))
    assert seen.divisor_floor == pytest.approx(np.median(divisor.min(1)))
    assert seen.zero_divisors == 0


def test_calibration_counts_zero_divisors():
    rng = np.random.default_rng(2)
    circuit = mlp(rng, steps=1)
    w_ei = circuit.node("linear1").projection.w_ei.copy()
    w_ei[:2] = 0
    seen = observe(with_layer(circuit, "linear1", w_ei=w_ei), rng.random((8, 12)))
    assert seen.layers["linear1"].zero_divisors == 2 / 8


def test_calibration_of_silence_has_no_floor():
    circuit = mlp(np.random.default_rng(2))
    assert observe(circuit, np.zeros((3, 12))).layers["linear1"].divisor_floor == 0


def test_ranges_of_another_circuit_are_refused():
    circuit = mlp(np.random.default_rng(0))
    ranges = observe(circuit, np.ones((2, 12)))
    one = LayerRange(
        divisor_floor=1,
        zero_divisors=0,
        mean_input=np.ones(1),
        mean_inhibition=np.ones(1),
        second_moment=np.ones((1, 1, 1)),
        constant_divisor=np.ones(1),
    )
    with pytest.raises(InvariantError, match="ranges of layers"):
        calibrate(circuit, ranges=replace(ranges, layers={"other": one}))


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32 - 1))
@pytest.mark.parametrize(
    "divider", [lut(4, 4), lut(8, 8), shift(), shift2()], ids=lambda d: d.label
)
def test_divided_current_is_within_the_dividers_bound(divider, seed):
    circuit, x = integer_mlp(seed)
    keep = frozenset({"currents"})
    current = circuit.node("linear1").current
    right, ours = (
        run_integer(divided_by(circuit, by), x, keep=keep).currents["linear1"] - current.bias
        for by in (exact(), divider)
    )
    limit = (1 << (current.current_bits - 1)) - 1
    free = (np.abs(right) < limit) & (np.abs(ours) < limit)
    allowed = divider.bound * (np.abs(right) + 0.5) + 1  # both were rounded
    assert (np.abs(ours - right) <= allowed)[free].all()


def test_lower_division_replaces_a_division_that_was_there():
    circuit, _ = integer_mlp()
    again = divided_by(divided_by(circuit, exact()), shift(), "floor")
    division = again.node("linear1").division
    assert (division.divider.method, division.zero_policy) == ("shift", "floor")


def test_divider_that_the_target_does_not_offer_is_refused():
    circuit, _ = integer_mlp()
    bare = replace(TARGET, divider={"shift": TARGET.divider["shift"]})
    with pytest.raises(CapacityError, match="cannot divide by lut") as caught:
        lower_division(circuit, divider=lut(8, 8), zero_policy="minimum", target=bare)
    assert caught.value.fix.startswith("choose one of shift; digital, ")
    assert caught.value.fix.endswith("digital-model can (--target)")


def test_simulator_refuses_a_circuit_without_dividers():
    circuit, x = integer_mlp()
    with pytest.raises(InvariantError, match="the layer has no divider"):
        run_integer(circuit, x)
    with pytest.raises(InvariantError, match="a float circuit was given"):
        run_integer(mlp(np.random.default_rng(0)), x)


@pytest.mark.parametrize(
    ("width", "bits", "what"),
    [
        ("accumulator", 12, r"linear1: accumulators reach \d+ bits in neuron \d, 12 offered"),
        ("inhibition", 8, r"linear1: inhibitory sums reach \d+ bits, 8 offered"),
        ("divisor", 16, r"linear1: divisors reach \d+ bits in neuron \d, 16 offered"),
        ("weight", 7, "linear1: weights of 8 bits, 7 offered"),
        ("input", 4, "input: input values of 8 bits, 4 offered"),
        ("current", 12, "linear1: currents of 20 bits, 12 offered"),
        ("membrane", 12, "lif1: membranes of 20 bits, 12 offered"),
        ("table_entry", 8, "linear1: table entries of 9 bits, 8 offered"),
        ("gain", 7, "linear1: gains of 8 bits, 7 offered"),
        ("threshold", 8, r"lif1: thresholds of \d+ bits in neuron \d, 8 offered"),
        ("bias", 4, r"linear1: biases of \d+ bits in neuron \d, 4 offered"),
        ("fraction", 2, r"linear1: fractions of \d+ bits in neuron \d, 2 offered"),
        ("shift", 1, r"linear1: shifts of \d+ bits in neuron \d, 1 offered"),
        ("align", 0, r"linear1: aligns of \d+ bits in neuron \d, 0 offered"),
    ],
)
def test_number_wider_than_the_target_is_refused_by_name(width, bits, what):
    circuit = divided_by(integer_mlp()[0], lut(8, 8))
    with pytest.raises(CapacityError, match=what):
        check_widths(circuit, widths=replace(TARGET.widths, **{width: bits}))


def test_all_widths_that_are_too_narrow_are_named_at_once():
    circuit = divided_by(integer_mlp()[0], exact())
    narrow = replace(TARGET.widths, accumulator=2, divisor=2)
    with pytest.raises(CapacityError) as caught:
        check_widths(circuit, widths=narrow)
    assert caught.value.what.count("offered") == 4  # three of linear1, the sum of the readout


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32 - 1), n_in=st.integers(40, 200))
def test_widths_beyond_63_bits_are_proven_without_wrapping(seed, n_in):
    rng = np.random.default_rng(seed)
    own = Bits(input=16, w_ee=16, w_ie=16, w_ei=16, g_i=16, threshold=14, current=32, membrane=32)
    circuit = with_layer(mlp(rng, n_in=n_in), "linear1", g_e=np.full(8, 1e-8))
    x = rng.random((4, n_in))
    made = quantized(circuit, observe(circuit, x), replace(INT8, bits=own))
    w = made.node("linear1").projection
    s = [sum(row) * made.input.top for row in w.w_ie.tolist()]
    gained = [a * b for a, b in zip(w.g_i.tolist(), s, strict=True)]
    divisor = max(sum(a * b for a, b in zip(row, gained, strict=True)) for row in w.w_ei.tolist())
    assert divisor.bit_length() > 63
    offered = replace(TARGET.widths, **dict.fromkeys(vars(TARGET.widths), 62))
    said = rf"linear1: divisors reach {divisor.bit_length()} bits in neuron \d, 62 offered"
    with pytest.raises(CapacityError, match=said):
        check_widths(divided_by(made, exact()), widths=offered)


def test_the_fix_for_numbers_that_are_too_wide_works():
    rng = np.random.default_rng(0)
    circuit, x = mlp(rng), rng.random((16, 12))
    ranges = observe(circuit, x)
    narrow = replace(TARGET.widths, accumulator=20, divisor=28)

    def tried(scheme, widths):
        made = quantize(
            calibrate(circuit, ranges=ranges), scheme=load_scheme(scheme), widths=widths
        )
        return check_widths(divided_by(made, exact()), widths=widths)

    with pytest.raises(CapacityError, match=r"accumulators reach .* divisors reach") as caught:
        tried("int8", narrow)
    fewer, wider = caught.value.fix.split(", or a target with ")
    assert fewer == "choose a scheme with fewer bits"
    tried("int4", narrow)
    offered = dict(re.findall(r"(\w+) = (\d+)", wider))
    assert set(offered) == {"accumulator", "divisor"}
    tried("int8", replace(narrow, **{key: int(bits) for key, bits in offered.items()}))


def test_check_widths_returns_the_circuit_itself():
    circuit = divided_by(integer_mlp()[0], exact())
    assert check_widths(circuit, widths=TARGET.widths) is circuit


def test_pass_that_breaks_its_promise_is_a_named_bug():
    @contract(needs=(), gives=(is_integer,))
    def idle(circuit):
        return circuit

    with pytest.raises(InvariantError, match="idle gives a circuit that is_integer") as caught:
        idle(mlp(np.random.default_rng(0)))
    assert caught.value.__notes__


@pytest.mark.parametrize("policy", ["minimum", "floor"])
def test_pipeline_compiles_a_convolutional_network_under_both_policies(policy):
    rng = np.random.default_rng(12)
    circuit = conv_net(rng)
    x = rng.random((32, 1, 6, 6)) * (rng.random((32, 1, 6, 6)) < 0.5)
    program = compile_circuit(
        circuit,
        target=TARGET,
        scheme=INT8,
        ranges=observe(circuit, x),
        divider=lut(8, 8),
        zero_policy=policy,
    )
    assert is_float(circuit)
    assert {n.division.zero_policy for n in program.circuit.hidden} == {policy}
    keep = frozenset({"spikes"})
    ours, theirs = run_integer(program.circuit, x, keep=keep), run_float(circuit, x, keep=keep)
    for name, spikes in ours.spikes.items():
        assert (spikes != theirs.spikes[name]).mean() < 0.02

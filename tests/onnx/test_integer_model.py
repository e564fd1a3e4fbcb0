"""The integer model is the integer simulator, bit for bit, in every program that runs it."""

from collections import Counter
from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.onnx.graph import NARROW
from eideploy.backends.onnx.integer_model import least_inputs
from eideploy.backends.onnx.runtime import openvino_run, wide_integers
from eideploy.backends.onnx.words import words_of
from eideploy.backends.onnx.writer import integer_model
from eideploy.circuit import AvgPool, Circuit, Division, Flatten
from eideploy.divisions import constant, exact, lut, mitchell, none, pwl, shift, shift2
from eideploy.errors import FormatError
from eideploy.execute.integer import quantize_input, run_integer
from eideploy.execute.samples import over_time
from tests.helpers import onnx_models
from tests.helpers.layers import circuit, conv, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, general, looped, samples

INTEGERS = {"UINT8", "INT32", "INT64", "UINT32", "UINT64", "BOOL"}


@pytest.mark.no_cover  # the next one runs the same lines
def test_every_program_equals_the_simulator_on_random_circuits():
    seen = Counter()

    @settings(max_examples=90)
    @given(data=st.data(), circuit=circuits())
    def check(data, circuit):
        x = data.draw(samples(circuit), label="samples").astype(np.float32)
        model = integer_model(circuit, {})
        trace = run_integer(circuit, x, keep=frozenset({"divisors", "spikes"}))
        for name, run in onnx_models.runs(model, circuit).items():
            np.testing.assert_array_equal(run(x), trace.totals, err_msg=name)
        seen.update(stimulus(circuit, trace))
        seen["wide" if wide_integers(model.SerializeToString()) else "narrow"] += 1

    check()
    assert {name for name, count in seen.items() if count < 8} == set(), seen


@settings(max_examples=25)
@given(data=st.data(), circuit=circuits(neurons=general))
def test_general_neurons_are_the_same_in_every_program(data, circuit):
    x = data.draw(samples(circuit), label="samples").astype(np.float32)
    model, expected = integer_model(circuit, {}), run_integer(circuit, x).totals
    for name, run in onnx_models.runs(model, circuit).items():
        np.testing.assert_array_equal(run(x), expected, err_msg=name)


@pytest.mark.no_cover  # networks of floats run the same lines
def test_edges_that_are_late_or_side_by_side_are_the_same_in_every_program():
    seen = Counter()

    @settings(max_examples=40)
    @given(data=st.data(), circuit=looped(neurons=general))
    def check(data, circuit):
        x = data.draw(samples(circuit), label="samples").astype(np.float32)
        model, expected = integer_model(circuit, {}), run_integer(circuit, x).totals
        runs = onnx_models.runs(model, circuit)
        for name, run in runs.items():
            np.testing.assert_array_equal(run(x), expected, err_msg=name)
        edges = "late" if circuit.remembered else "beside" if circuit.special_edges else "plain"
        seen.update({edges: 1, f"{edges}, in OpenVINO": int("OpenVINO" in runs)})

    check()
    assert seen["late"] > 15, seen
    assert seen["beside"] > 1, seen


def stimulus(circuit, trace):
    """Count the cases that a run must meet to prove something."""
    found = Counter({"saturated inputs": trace.saturated[circuit.input.name]})
    for node in (layer for layer in circuit.hidden if not layer.is_folded):
        found["saturated currents"] += trace.saturated[node.name]
        if node.name not in trace.divisors:  # it does not divide
            found["divisions by none"] += trace.entries[node.name]
            continue
        den = trace.divisors[node.name]
        zero = (den == 0).reshape(*den.shape[:2], -1)
        replaced = int((zero & ~zero.all(2, keepdims=True)).sum())
        found[f"replaced divisors, {node.division.zero_policy}"] += replaced
        found["steps without a divisor"] += int(zero.all(2).sum())
        found[f"divisions by {node.division.divider.method}"] += int((~zero).sum())
    found["spikes"] += sum(int(z.sum()) for z in trace.spikes.values())
    found["saturated membranes"] += sum(trace.saturated[name] for name in trace.spikes)
    return found


def inputs_of(made, count=5, seed=1):
    rng, shape = np.random.default_rng(seed), (count, *made.input.size)
    return rng.random(shape, np.float32) * np.float32(made.input.high) * (rng.random(shape) < 0.2)


def wide(weight, top, steps=3):
    """Return a circuit whose products need more than 32 bits where `weight` and `top` are large.

    Each threshold is the median current, so that about half of the neurons spike.
    """
    found = [1, 1]
    for at, name in enumerate(("conv", "linear")):
        made = _wide(weight, top, steps, found)
        trace = run_integer(made, inputs_of(made), keep=frozenset({"currents"}))
        found[at] = max(1, int(np.median(trace.currents[name])))
    return _wide(weight, top, steps, found)


def _wide(weight, top, steps, thresholds):
    rng = np.random.default_rng(weight)
    w = lambda *shape: rng.integers(1, weight + 1, shape)  # noqa: E731
    bits = weight.bit_length()
    balance = {
        "shift_ee": bits + 2,
        "fraction": 4,
        "current_bits": 32,
        "division": Division(divider=lut(4, 4), zero_policy="minimum"),
    }
    return circuit(
        source((2, 5, 5), top=top, step=1 / 3),
        conv("conv", "input", w(4, 2, 3, 3), w(2, 2, 3, 3), w(4, 2), padding=1,
             gain=rng.integers(1, 9, 2), align=2, **balance),
        lif("lif1", "conv", 4, threshold=thresholds[0], membrane_bits=32),
        AvgPool(name="pool", inputs=("lif1",), kernel=2),
        Flatten(name="flatten", inputs=("pool",)),
        linear("linear", "flatten", w(12, 16), w(3, 16), w(12, 3), **balance),
        lif("lif2", "linear", 12, threshold=thresholds[1], membrane_bits=32),
        readout("lif2", w(3, 12), w(2, 12), w(3, 2), shift_ee=1),
        steps=steps,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("weight", "top", "operands"),
    [
        (15, 15, {("UINT8", "UINT8"), ("INT32", "INT32")}),
        (255, 255, {("UINT8", "UINT8"), ("INT32", "INT32")}),
        (65535, 65535, {("INT32", "INT32"), ("INT64", "INT64")}),
    ],
)
def test_products_of_every_width_are_exact_and_never_mix_signs(weight, top, operands):
    made = wide(weight, top)
    model = integer_model(made, {})
    products = {
        types for kind, types in onnx_models.operators_of(model) if kind.startswith("MatMul")
    }
    assert products == operands
    x = inputs_of(made)
    expected = run_integer(made, x).totals
    assert len(np.unique(expected)) > 5
    for name, run in onnx_models.runs(model, made).items():
        np.testing.assert_array_equal(run(x), expected, err_msg=name)


def test_behind_its_levels_the_model_holds_integers_only():
    model = integer_model(wide(255, 255), {})
    assert {kind for kind in onnx_models.types_of(model).values() if kind not in INTEGERS} == {
        "FLOAT",
        "DOUBLE",
    }
    rest = onnx_models.from_levels(model)
    assert set(onnx_models.types_of(rest).values()) <= INTEGERS


def test_levels_may_be_given_instead_of_samples():
    from onnx.reference import ReferenceEvaluator

    made = wide(255, 255)
    rest = ReferenceEvaluator(onnx_models.from_levels(integer_model(made, {})))
    x = inputs_of(made, seed=2)
    levels = quantize_input(made, over_time(made, x))
    (totals,) = rest.run(None, {"levels": levels})
    np.testing.assert_array_equal(totals, run_integer(made, x).totals)


def test_time_and_batch_are_free():
    made, longer = wide(15, 15, steps=3), wide(15, 15, steps=7)
    x = np.random.default_rng(3).random((4, 7, 2, 5, 5), np.float32) * 5
    expected = run_integer(longer, x).totals
    for name, run in onnx_models.runs(integer_model(made, {}), made).items():
        np.testing.assert_array_equal(run(x), expected, err_msg=name)
        np.testing.assert_array_equal(run(x[:1]), expected[:1], err_msg=name)


def test_the_model_is_of_the_stated_versions_and_checked():
    model = integer_model(wide(15, 15), {"division": "exact"})
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, [(o.domain, o.version) for o in model.opset_import]) == (
        10, [("", 21)],
    )  # fmt: skip
    said = onnx_models.metadata_of(model)
    assert said == {
        "kind": "eideploy integer program", "division": "exact", "steps": "3",
        "input_step": repr(1 / 3), "input_top": "15", "logit_step": "0.5",
        "wide_integers": words_of(wide(15, 15))[1],
    }  # fmt: skip


def test_the_same_circuit_gives_the_same_bytes():
    one, two = (
        integer_model(wide(15, 15), {}).SerializeToString(deterministic=True) for _ in range(2)
    )
    assert one == two


def narrow(divider, threshold=1):
    """Return a circuit whose numbers reach close to 2^22, and none beyond."""
    rng = np.random.default_rng(0)
    w = lambda *shape: rng.integers(0, 10, shape)  # noqa: E731
    own = {
        "gain": rng.integers(1, 8, 2), "fraction": rng.integers(0, 3, 5), "align": 1,
        "floor": 7, "constant": rng.integers(1, 900, 5), "bias": rng.integers(-9, 9, 5),
        "current_bits": 12, "division": Division(divider=divider, zero_policy="minimum"),
    }  # fmt: skip
    return circuit(
        source((2, 4, 4), top=15, step=1 / 3),
        conv("conv", "input", 9 * w(5, 2, 3, 3), w(2, 2, 3, 3), w(5, 2), padding=1, **own),
        lif("lif", "conv", 5, threshold=threshold, membrane_bits=14),
        Flatten(name="flatten", inputs=("lif",)),
        readout("flatten", w(3, 80), w(2, 80), w(3, 2), shift_ee=1),
        steps=3,
    )


DIVIDERS = (exact(), lut(4, 4), pwl(2, 6), shift(), shift2(), mitchell(), constant(), none())


@pytest.mark.parametrize("divider", DIVIDERS, ids=lambda d: d.label)
def test_a_narrow_program_is_equal_where_integers_are_computed_in_float32(divider):
    x = inputs_of(narrow(divider), count=20)
    seen = run_integer(narrow(divider), x, keep=frozenset({"currents"})).currents["conv"]
    made = narrow(divider, threshold=max(1, int(np.median(seen[seen > 0]))))
    assert words_of(made) == (NARROW, "")
    model = integer_model(made, {})
    kinds = set(onnx_models.types_of(onnx_models.from_levels(model)).values())
    assert "UINT64" not in kinds
    expected = run_integer(made, x).totals
    assert len(np.unique(expected)) > 5
    runs = onnx_models.runs(model, made)
    assert "OpenVINO" in runs
    for name, run in runs.items():
        np.testing.assert_array_equal(run(x), expected, err_msg=name)


def test_a_narrow_program_with_a_loop_is_equal_where_integers_are_computed_in_float32():
    plain = narrow(none(), threshold=20)
    conv1, w = plain.nodes[1], plain.nodes[1].projection
    rng = np.random.default_rng(3)
    own = {
        name: rng.integers(0, 3, (len(m), 5, 3, 3))
        for name, m in vars(w).items()
        if name in ("w_ee", "w_ie")
    }
    wider = {name: np.concatenate([getattr(w, name), m], axis=1) for name, m in own.items()}
    loop = replace(conv1, inputs=("input", "lif"), delayed=("lif",), projection=replace(w, **wider))
    made = replace(plain, nodes=(plain.nodes[0], loop, *plain.nodes[2:]))
    x = inputs_of(made, count=20)
    expected = run_integer(made, x).totals
    assert (expected != run_integer(plain, x).totals).any()
    runs = onnx_models.runs(integer_model(made, {}), made)
    assert "OpenVINO" in runs
    for name, run in runs.items():
        np.testing.assert_array_equal(run(x), expected, err_msg=name)


def test_a_wide_program_says_why_and_openvino_is_not_asked():
    made = wide(255, 255)
    data = integer_model(made, {}).SerializeToString()
    assert wide_integers(data) == words_of(made)[1]
    assert wide_integers(data).endswith("bits, 22 are exact")
    with pytest.raises(FormatError, match="OpenVINO has no 64-bit integers, and"):
        openvino_run(data, made, where="model")


@pytest.mark.parametrize("step", [1 / 3, 0.25, 1 / 255, 0.1, 3.0])
def test_every_float32_around_a_tie_gets_the_level_that_is_defined(step):
    """The arithmetic of the runtime, float32 or not, does not matter."""
    node = source((1,), top=200, step=step, high=200 * step)
    made = Circuit(nodes=(node, *narrow_tail()), steps=1)
    assert words_of(made)[0] is NARROW
    least = least_inputs(node)[1:]
    near = [
        np.nextafter(least, np.float32(-np.inf)),
        least,
        np.nextafter(least, np.float32(np.inf)),
    ]
    x = np.minimum(np.concatenate(near), np.float32(node.high)).reshape(-1, 1)
    expected = run_integer(made, x).totals
    assert len(np.unique(expected)) == node.top + 1
    for name, run in onnx_models.runs(integer_model(made, {}), made).items():
        np.testing.assert_array_equal(run(x), expected, err_msg=name)


def narrow_tail():
    return (readout("input", [[1]], [[0]], [[0]]),)

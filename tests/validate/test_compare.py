"""A comparison counts what two runs of the executors differ in, whatever the batches are."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.pipeline import compile_circuit
from eideploy.backends.digital.report.program import comparison_text, uses_text
from eideploy.backends.digital.validate.compare import compare
from eideploy.circuit import Layer, Neurons
from eideploy.divisions import lut
from eideploy.errors import DataError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.scheme import load_scheme
from eideploy.target import load_target
from tests.helpers.float_circuits import changed, conv_net

SAMPLES = 150  # more than two batches


@pytest.fixture(scope="module")
def compiled():
    """Return a float circuit, its program with a coarse table, and samples."""
    rng = np.random.default_rng(0)
    circuit = conv_net(rng)
    x = rng.random((SAMPLES, *circuit.input.size))
    program = compile_circuit(
        circuit,
        target=load_target("digital"),
        scheme=load_scheme("int8"),
        ranges=observe(circuit, x[:32]),
        divider=lut(2, 2),
        zero_policy="minimum",
    )
    return circuit, program, x


@pytest.fixture(scope="module")
def traces(compiled):
    """Return what the two executors do with all samples at once."""
    circuit, program, x = compiled
    keep = frozenset({"spikes"})
    return run_float(circuit, x, keep=keep), run_integer(
        program.circuit, x, keep=keep | CYCLE_KINDS
    )


@pytest.fixture(scope="module")
def found(compiled):
    """Return the comparison, with labels 0 and 1 in turn."""
    circuit, program, x = compiled
    return compare(circuit, program, x, np.arange(SAMPLES) % 2)


def test_agreement_and_accuracies_are_those_of_the_executors(found, traces):
    theirs, ours = (trace.logits.argmax(1) for trace in traces)
    labels = np.arange(SAMPLES) % 2
    assert found.samples == SAMPLES
    assert found.agreement == (ours == theirs).mean()
    assert found.float_accuracy == (theirs == labels).mean()
    assert found.integer_accuracy == (ours == labels).mean()


def test_every_layer_is_compared_spike_by_spike(compiled, found, traces):
    reference, trace = traces
    names = [lif.name for lif in compiled[1].circuit.of(Neurons)]
    assert [layer.name for layer in found.layers] == names
    for layer in found.layers:
        ours, theirs = trace.spikes[layer.name], reference.spikes[layer.name]
        assert layer.mismatch == pytest.approx((ours != theirs).mean(), abs=1e-15)
        assert layer.rate == pytest.approx(ours.mean(), abs=1e-15)


def test_cycles_are_those_of_the_cycle_model(compiled, found, traces):
    cycles = count_cycles(compiled[1], traces[1])
    assert found.cycles.least == cycles.per_inference.min()
    assert found.cycles.most == cycles.per_inference.max()
    assert found.cycles.median == np.median(cycles.per_inference)
    assert sum(found.cycles.by_stage.values()) <= cycles.per_inference.mean() + 1e-9


def test_without_labels_no_accuracy_is_claimed(compiled):
    circuit, program, x = compiled
    bare = compare(circuit, program, x[:3], None)
    assert (bare.float_accuracy, bare.integer_accuracy) == (None, None)
    assert "accuracy" not in comparison_text(bare)
    assert "of 3 samples" in comparison_text(bare)


def test_progress_adds_up_to_the_samples(compiled):
    steps = []
    compare(*compiled, None, on_batch=lambda trace: steps.append(len(trace.logits)))
    assert sum(steps) == SAMPLES
    assert len(steps) > 1


def biased(circuit, **biases):
    """Return the circuit with layers of these biases, by name, and the others of none."""
    return circuit.rewrite(
        Layer,
        lambda layer: (
            layer
            if layer.is_readout
            else changed(layer, b_e=np.full(layer.n_e, biases.get(layer.name, 0.0)))
        ),
    )


@pytest.fixture(scope="module")
def silent(compiled):
    """Return a circuit without biases, its program, and samples without input: nothing fires."""
    circuit = biased(compiled[0])
    program = compile_circuit(
        circuit,
        target=load_target("digital"),
        scheme=load_scheme("int8"),
        ranges=observe(circuit, compiled[2][:32]),
        divider=lut(2, 2),
        zero_policy="minimum",
    )
    return circuit, program, np.zeros_like(compiled[2][:2])


def test_a_circuit_that_does_not_diverge_is_said_to_be_equal(silent, found):
    equal = compare(*silent, None)
    assert [layer.mismatch for layer in equal.layers] == [0, 0]
    assert equal.first_diverging is None
    assert "first diverging layer none, which says nothing" in comparison_text(equal)
    alive = comparison_text(replace(found, first_diverging=None))
    assert "first diverging layer none: all spikes are equal\n" in alive


@pytest.mark.parametrize(
    ("biases", "differ", "first"),
    [
        ({"conv1": 2.0}, [True, True], "lif1"),  # the second layer fires by what the first does
        ({"conv2": 2.0}, [False, True], "lif2"),
    ],
)
def test_the_first_layer_in_which_a_spike_differs_is_named(silent, biases, differ, first):
    circuit, program, samples = silent
    found = compare(biased(circuit, **biases), program, samples, None)
    assert [layer.mismatch > 0 for layer in found.layers] == differ
    assert found.first_diverging == first
    assert f"first diverging layer {first}\n" in comparison_text(found)


def test_samples_that_do_not_fit_are_refused(compiled):
    with pytest.raises(DataError):
        compare(compiled[0], compiled[1], compiled[2][:, :0], None)


def test_time_is_stated_by_the_clock_of_the_spec_alone(compiled):
    circuit, program, x = compiled
    silent = compare(circuit, with_clock(program, None), x[:3], None)
    assert silent.cycles.median_ms is None
    assert "latency               not stated: the spec has no clock" in comparison_text(silent)
    timed = compare(circuit, with_clock(program, 2_000_000), x[:3], None)
    assert timed.cycles.median_ms == timed.cycles.median / 2000
    said = f"{timed.cycles.median_ms:.3g} ms in the median, at the 2 MHz that the spec states"
    assert f"latency               {said}; not measured" in comparison_text(timed)


def test_no_shipped_core_states_a_clock():
    """The clock of a core follows from its memories, lanes and divider, and from the chip."""
    for name in ("digital", "digital-large", "digital-model"):
        assert load_target(name).clock_hz is None


def test_the_weights_take_the_bits_of_the_spec_whatever_the_scheme(compiled):
    """Fewer bits of a scheme save no memory on a core of more."""
    program = compiled[1]
    rows = next(use for use in program.uses if use.resource == "weight rows")
    said = f"weight memory: {rows.used * 8 / 1024:.1f} of 128 KiB; a weight takes the 8 bits"
    assert said in uses_text(program)
    narrow = replace(program.target, widths=replace(program.target.widths, weight=4))
    assert "of 64 KiB; a weight takes the 4 bits" in uses_text(replace(program, target=narrow))


def with_clock(program, clock_hz):
    return replace(program, target=replace(program.target, clock_hz=clock_hz))

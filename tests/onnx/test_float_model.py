"""The float model is the float network in every program that runs it."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.onnx.writer import float_model
from eideploy.circuit import Add, Circuit, Flatten, Input, Neurons
from eideploy.execute.float_reference import run_float
from eideploy.neurons import LIF, GeneralLIF
from tests.execute.test_steps import recurrent
from tests.helpers import onnx_models
from tests.helpers.float_circuits import conv_net, ei_conv, mlp, readout, synapses, with_layer


def residual_net(rng):
    return Circuit(
        nodes=(
            Input(name="input", size=(2, 7, 7)),
            ei_conv(rng, "conv1", "input", 2, 6, padding=1),
            Neurons(name="lif1", inputs=("conv1",), model=LIF()),
            ei_conv(rng, "conv2", "lif1", 6, 6, padding=1),
            Neurons(name="lif2", inputs=("conv2",), model=LIF(tau=3.0, threshold=0.7)),
            Add(name="add", inputs=("lif1", "lif2")),
            ei_conv(rng, "conv3", "add", 6, 8, kernel=2, stride=2),
            Neurons(name="lif3", inputs=("conv3",), model=LIF()),
            Flatten(name="flatten", inputs=("lif3",)),
            readout("readout", "flatten", **synapses(rng, 5, (72,))),
        ),
        steps=4,
    )


@pytest.mark.parametrize("net", [mlp, conv_net, residual_net, recurrent])
def test_every_program_equals_the_float_reference(net):
    @settings(max_examples=15)
    @given(seed=st.integers(0, 2**32 - 1), sparse=st.booleans(), sequence=st.booleans())
    def check(seed, sparse, sequence):
        rng = np.random.default_rng(seed)
        circuit = net(rng)
        shape = (6, *((circuit.steps,) if sequence else ()), *circuit.input.size)
        x = rng.random(shape, np.float32) * (rng.random(shape) < (0.1 if sparse else 1))
        x = x.astype(np.float32)
        expected = run_float(circuit, x).logits
        for name, run in onnx_models.runs(float_model(circuit, {}), circuit).items():
            np.testing.assert_allclose(run(x), expected, rtol=0, atol=1e-9, err_msg=name)

    check()


@pytest.mark.parametrize("seed", range(8))
def test_general_neurons_are_the_same_in_every_program(seed):
    """Numbers of their own for neurons of channels, and spikes of several a step."""
    rng = np.random.default_rng(seed)

    def general(node):
        n = circuit.shapes[node.name][0]
        reset = ("subtract", "zero", "value", "none")[seed % 4]
        model = GeneralLIF(
            beta=rng.uniform(0.3, 1, n),
            alpha=rng.uniform(0, 1, n) if seed % 2 else None,
            threshold=rng.uniform(0.2, 1, n),
            reset=reset,
            delay=("none", "reset", "spike")[seed % 3] if reset != "none" else "none",
            fires=(">=", ">")[seed // 2 % 2],
            max_spikes=(1, 4)[seed // 4],
            v_reset=-0.3 if reset == "value" else None,
            v_min=rng.uniform(-0.9, -0.5, n) if seed % 2 == 0 else None,
        )
        return replace(node, model=model)

    circuit = conv_net(rng)
    circuit = circuit.rewrite(Neurons, general)
    x = rng.random((4, circuit.steps, *circuit.input.size), np.float32)
    trace = run_float(circuit, x, keep=frozenset({"spikes"}))
    assert all(z.any() for z in trace.spikes.values())
    for name, run in onnx_models.runs(float_model(circuit, {}), circuit).items():
        np.testing.assert_allclose(run(x), trace.logits, rtol=0, atol=1e-9, err_msg=name)


def test_a_zero_divisor_is_replaced_within_its_sample_and_a_silent_sample_gets_the_bias():
    circuit = conv_net(np.random.default_rng(0))
    bias = np.linspace(-1, 3, 8)
    circuit = with_layer(circuit, "conv1", b_e=bias)
    x = np.zeros((3, 1, 6, 6), np.float32)
    x[1, 0, 0, 0], x[2, 0, 3, 3] = 1e-6, 1
    expected = run_float(circuit, x).logits
    assert len(np.unique(expected.round(6), axis=0)) == 3
    for run in onnx_models.runs(float_model(circuit, {}), circuit).values():
        np.testing.assert_allclose(run(x), expected, rtol=0, atol=1e-9)


def test_weights_of_float32_are_stored_as_that_and_used_in_float64():
    circuit = mlp(np.random.default_rng(1))
    w = circuit.node("linear1").projection
    weights = {f: getattr(w, f).astype(np.float32) for f in ("w_ee", "w_ie")}
    model = float_model(with_layer(circuit, "linear1", **weights), {})
    stored = [i.data_type for i in model.graph.initializer if "linear1/weights" in i.name]
    assert sorted(stored) == [
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.FLOAT,
        onnx.TensorProto.DOUBLE,
    ]
    assert onnx_models.types_of(model)["logits"] == "DOUBLE"

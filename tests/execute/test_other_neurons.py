"""`GeneralLIF` steps as the neurons of other tools do, in float64."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.circuit import (
    AvgPool,
    Circuit,
    Conv,
    Dense,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    Layer,
    Logits,
    Neurons,
)
from eideploy.circuit.store import load, save
from eideploy.errors import FormatError
from eideploy.execute.float_reference import FloatReference, run_float
from eideploy.execute.integer import IntegerSimulator, run_integer
from eideploy.execute.observe import observe
from eideploy.neurons import LIF, GeneralLIF
from eideploy.numeric.operators import InArrays
from eideploy.passes.calibrate import calibrate
from eideploy.passes.quantize import quantize
from eideploy.scheme import load_scheme
from eideploy.target import load_target
from tests.helpers.float_circuits import plain, plain_readout

STEPS, BATCH, N = 200, 3, 5
DIGITAL = load_target("digital")
BETAS = np.linspace(0.5, 0.99, N)
ALPHAS = np.linspace(0.3, 0.9, N)


def currents(scale=0.6, shift=0.1, steps=STEPS):
    return np.random.default_rng(0).normal(shift, scale, (steps, BATCH, N))


def of_model(model, x):
    """Return the spikes and membranes of a model, (T, B, n) each."""
    do, v, s = InArrays(0), np.zeros(x.shape[1:]), np.zeros(x.shape[1:])
    spikes, membranes = [], []
    for now in x:
        if model.has_synapse:
            now = s = model.filtered(s, now, do)
        v, z = model.step(v, now, do)
        spikes.append(np.asarray(z, float))
        membranes.append(v)
    return np.stack(spikes), np.stack(membranes)


def assert_steps_as(model, step, x=None, rtol=0.0):
    """Compare with a tool's step, a function of the current that returns spikes and membranes."""
    x = currents() if x is None else x
    spikes, membranes = of_model(model, x)
    expected = [step(now) for now in x]
    np.testing.assert_array_equal(spikes, [z for z, _ in expected])
    np.testing.assert_allclose(membranes, [v for _, v in expected], rtol=rtol, atol=rtol)
    assert spikes.mean() > 0


def of_torch(neuron, *states):
    """Return the step of a neuron of snnTorch, whose last state is its membrane."""
    torch = pytest.importorskip("torch")
    kept = [torch.zeros(BATCH, N, dtype=torch.float64) for _ in states]

    def step(x):
        spikes, *kept[:] = neuron(torch.from_numpy(x), *kept)
        return spikes.detach().numpy(), kept[-1].detach().numpy().copy()

    return step


@pytest.mark.parametrize(
    ("reset", "model"),
    [
        ("subtract", GeneralLIF(beta=BETAS, fires=">", delay="reset")),
        ("none", GeneralLIF(beta=BETAS, fires=">", reset="none")),
    ],
)
def test_snntorch_leaky_bit_for_bit(reset, model):
    snntorch, torch = pytest.importorskip("snntorch"), pytest.importorskip("torch")
    neuron = snntorch.Leaky(beta=torch.from_numpy(BETAS), reset_mechanism=reset)
    assert_steps_as(model, of_torch(neuron, "mem"))


def test_snntorch_leaky_that_resets_to_zero_before_its_leak():
    """The membrane is zeroed a step late, before leak and input: it fires as one reset at once."""
    snntorch, torch = pytest.importorskip("snntorch"), pytest.importorskip("torch")
    neuron = snntorch.Leaky(beta=torch.from_numpy(BETAS), reset_mechanism="zero")
    step, x = of_torch(neuron, "mem"), currents()
    spikes, membranes = of_model(GeneralLIF(beta=BETAS, fires=">", reset="zero"), x)
    expected = [step(now) for now in x]
    np.testing.assert_array_equal(spikes, [z for z, _ in expected])
    np.testing.assert_array_equal(membranes, [v * (1 - z) for z, v in expected])


@pytest.mark.parametrize("reset", ["subtract", "zero", "none"])
def test_snntorch_synaptic_bit_for_bit(reset):
    """Its reset to zero takes the input with it: it follows leak and input, a step late."""
    snntorch, torch = pytest.importorskip("snntorch"), pytest.importorskip("torch")
    alpha, beta = torch.from_numpy(ALPHAS), torch.from_numpy(BETAS)
    neuron = snntorch.Synaptic(alpha=alpha, beta=beta, reset_mechanism=reset)
    delay = "none" if reset == "none" else "reset"
    model = GeneralLIF(beta=BETAS, alpha=ALPHAS, fires=">", reset=reset, delay=delay)
    assert_steps_as(model, of_torch(neuron, "syn", "mem"), currents(scale=0.3))


def of_spikingjelly(neuron):
    torch = pytest.importorskip("torch")

    def step(x):
        return neuron(torch.from_numpy(x)).detach().numpy(), neuron.v.detach().numpy().copy()

    return step


@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize(("v_reset", "reset"), [(None, "subtract"), (0.0, "zero")])
def test_spikingjelly_lif(decay_input, v_reset, reset):
    neurons = pytest.importorskip("spikingjelly.activation_based.neuron")
    neuron = neurons.LIFNode(tau=2.3, decay_input=decay_input, v_reset=v_reset)
    gain = 2.3 if decay_input else 1.0  # which the layer before takes
    x = currents()
    model = GeneralLIF(beta=1 - 1 / 2.3, reset=reset)
    step = of_spikingjelly(neuron)
    assert_steps_as(model, lambda now: step(now * gain), x, rtol=1e-12)


def test_spikingjelly_measured_from_its_v_reset():
    """Its membrane starts at v_reset and leaks to it, which is zero of ours."""
    neurons = pytest.importorskip("spikingjelly.activation_based.neuron")
    step = of_spikingjelly(neurons.LIFNode(tau=4.0, decay_input=False, v_reset=-0.5))

    def shifted(now):
        spikes, v = step(now)
        return spikes, v + 0.5

    assert_steps_as(GeneralLIF(beta=0.75, threshold=1.5, reset="zero"), shifted, rtol=1e-12)


def test_spikingjelly_if_on_a_grid_meets_the_threshold():
    neurons = pytest.importorskip("spikingjelly.activation_based.neuron")
    x = np.rint(currents() * 8) / 8
    step = of_spikingjelly(neurons.IFNode(v_reset=None))
    assert_steps_as(GeneralLIF(beta=1.0), step, x)


def test_norse_lif_box_as_published():
    v = np.zeros((BATCH, N))

    def step(x, dt=1e-3, inverse=125.0, v_th=1.0):
        nonlocal v
        v = v + dt * inverse * (x * 8 - v)  # norse 1.1.0, lif_box_feed_forward_step
        z = v > v_th
        v = (1 - z) * v
        return z, v

    model = GeneralLIF(beta=1 - 0.125, fires=">", reset="zero")
    assert_steps_as(model, step, rtol=1e-12)


@pytest.mark.parametrize("most", [255, 2])
def test_sinabs_iaf_with_several_spikes_and_a_floor_as_published(most):
    v, theta, floor = np.zeros((BATCH, N)), 0.7, -0.7

    def step(x):
        nonlocal v
        v = v + x  # sinabs 3.1.3, lif_forward_single with MultiSpike or MaxSpike
        z = np.minimum((v > 0) * np.trunc(v / theta), most)
        v = v - z * theta
        v = np.maximum(v - floor, 0) + floor
        return z, v

    model = GeneralLIF(beta=1.0, threshold=theta, max_spikes=most, v_min=floor)
    assert_steps_as(model, step, currents(scale=2.0), rtol=1e-12)


def test_spyx_lif_puts_its_spikes_out_a_step_late():
    v = np.zeros((BATCH, N))

    def step(x):
        nonlocal v
        z = v - 1.0 > 0  # spyx 1.0.0, LIF
        v = BETAS * v + x - z * 1.0
        return z, v

    model = GeneralLIF(beta=BETAS, fires=">", delay="spike")
    assert_steps_as(model, step, rtol=1e-12)


def test_a_late_subtraction_is_one_of_theta_over_beta_before_the_leak():
    beta, v = 0.8, np.zeros((BATCH, N))

    def step(x):
        nonlocal v
        z = v > 1.0
        v = beta * (v - z / beta) + x
        return v > 1.0, v

    assert_steps_as(GeneralLIF(beta=beta, fires=">", delay="reset"), step, rtol=1e-12)


def test_without_a_leak_a_membrane_never_drifts():
    x = np.zeros((1000, 1, 1))
    x[0] = 0.1
    _, v = of_model(GeneralLIF(beta=1.0), x)
    assert (v == 0.1).all()


def test_lif_is_the_general_neuron_of_the_same_leak():
    x = currents()
    spikes, membranes = of_model(GeneralLIF(beta=0.75), x)
    expected, v = of_model(LIF(tau=4.0), x)
    np.testing.assert_array_equal(spikes, expected)
    np.testing.assert_allclose(membranes, v, rtol=1e-12, atol=1e-12)


MODELS = (
    GeneralLIF(beta=BETAS, alpha=ALPHAS, fires=">", delay="reset", threshold=BETAS * 1.1),
    GeneralLIF(beta=1.0, max_spikes=3, v_min=-1.0),
    GeneralLIF(beta=0.9, reset="value", v_reset=np.full(N, -0.25), alpha=0.5),
    GeneralLIF(beta=0.9, reset="none", delay="spike"),
)


def recurrent(model, steps=40):
    """Return a network whose hidden neurons read their own spikes of the step before."""
    rng = np.random.default_rng(1)
    hidden = Layer(
        name="linear1",
        inputs=("input", "n1"),
        delayed=("n1",),
        projection=Folded(w_num=rng.normal(0.2, 0.6, (N, 4 + N))),
        geometry=Dense(),
        current=FloatCurrent(g_e=np.ones(N), b_e=rng.normal(0, 0.1, N)),
    )
    out = plain_readout("readout", "n1", rng.normal(0, 1, (3, N)))
    nodes = (
        Input(name="input", size=(4,)), hidden,
        Neurons(name="n1", inputs=("linear1",), model=model), out,
    )  # fmt: skip
    return Circuit(nodes=nodes, steps=steps)


@pytest.mark.parametrize("model", MODELS)
def test_a_recurrent_network_of_500_steps_streams_as_it_runs_at_once(model):
    circuit = recurrent(model, steps=500)
    x = np.random.default_rng(2).random((2, 500, 4))
    trace = run_float(circuit, x, keep=frozenset({"spikes", "membranes"}))
    assert trace.spikes["n1"].mean() > 0
    executor = FloatReference(circuit)
    state = executor.init(2)
    for t in range(500):
        state, _ = executor.step(state, x[:, t])
        np.testing.assert_array_equal(state.spikes["n1"], trace.spikes["n1"][t])
        np.testing.assert_array_equal(state.membranes["n1"], trace.membranes["n1"][t])
    assert ("n1" in state.synapses) == model.has_synapse


@pytest.mark.parametrize("model", [*MODELS, GeneralLIF(beta=0.99, fires=">", delay="reset")])
def test_integers_of_a_recurrent_network_spike_as_it_does_and_stream(model):
    """Its input is spikes, in one unit with its own; only without a leak do errors add up."""
    circuit = recurrent(model, steps=100)
    x = (np.random.default_rng(2).random((10, 100, 4)) < 0.5).astype(float)
    made = quantize(
        calibrate(circuit, ranges=observe(circuit, x)),
        scheme=load_scheme("int8"),
        widths=DIGITAL.widths,
    )
    keep = frozenset({"spikes", "membranes"})
    whole, exact = run_integer(made, x, keep=keep), run_float(circuit, x, keep=keep)
    spikes, expected = whole.spikes["n1"], exact.spikes["n1"]
    assert spikes.mean() == pytest.approx(expected.mean(), rel=0.01)
    assert (spikes == expected).mean() > (0.7 if model.max_spikes > 1 else 0.97)
    executor = IntegerSimulator(made)
    state = executor.init(10)
    for t in range(100):
        state, _ = executor.step(state, x[:, t])
        np.testing.assert_array_equal(state.spikes["n1"], spikes[t])
        np.testing.assert_array_equal(state.membranes["n1"], whole.membranes["n1"][t])


@pytest.mark.parametrize("scale", [1.0, 0.1, 1 / 16])
def test_an_input_of_other_than_whole_numbers_is_read_beside_spikes(scale):
    """Its step is one by which its own rounding and that of the weights err alike."""
    circuit = recurrent(GeneralLIF(beta=0.5))
    x = scale * np.random.default_rng(2).random((20, 40, 4))
    x = np.rint(16 * x) / 16 if scale == 1 / 16 else x
    made = quantize(
        calibrate(circuit, ranges=observe(circuit, x)),
        scheme=load_scheme("int8"),
        widths=DIGITAL.widths,
    )
    keep = frozenset({"spikes"})
    whole, exact = run_integer(made, x, keep=keep), run_float(circuit, x, keep=keep)
    assert (whole.spikes["n1"] == exact.spikes["n1"]).mean() > 0.94
    assert (whole.logits.argmax(1) == exact.logits.argmax(1)).all()
    assert made.input.step * made.input.top >= x.max() - made.input.step / 2
    if scale == 1 / 16:
        assert made.input.step == 1 / 16  # by which nothing of it is rounded


def test_pools_of_several_sizes_are_read_side_by_side():
    rng = np.random.default_rng(4)
    maps = plain("maps", "input", rng.normal(0.3, 0.6, (3, 1, 3, 3)), geometry=Conv(padding=1))
    out = Layer(
        name="readout",
        inputs=("f1", "f2"),
        projection=Folded(w_num=rng.normal(0, 1, (3, 3 * 16 + 3 * 4))),
        geometry=Dense(),
        current=Logits(),
    )
    nodes = (
        Input(name="input", size=(1, 8, 8)), maps,
        Neurons(name="n1", inputs=("maps",), model=GeneralLIF(beta=0.5)),
        AvgPool(name="p1", inputs=("n1",), kernel=2), AvgPool(name="p2", inputs=("n1",), kernel=4),
        Flatten(name="f1", inputs=("p1",)), Flatten(name="f2", inputs=("p2",)), out,
    )  # fmt: skip
    circuit, x = Circuit(nodes=nodes, steps=20), rng.random((20, 1, 8, 8))
    made = quantize(
        calibrate(circuit, ranges=observe(circuit, x)),
        scheme=load_scheme("int8"),
        widths=DIGITAL.widths,
    )
    ours, exact = run_integer(made, x).logits, run_float(circuit, x).logits
    np.testing.assert_allclose(ours, exact, atol=0.05 * np.abs(exact).max())


@pytest.mark.parametrize("model", MODELS)
def test_files_and_texts_have_every_field(model, tmp_path):
    circuit = recurrent(model)
    save(circuit, tmp_path / "circuit.safetensors")
    read = load(tmp_path / "circuit.safetensors")
    assert read.in_full() == circuit.in_full()
    assert "n1 = GeneralLIF(linear1) -> 5  beta=" in read.in_full()
    x = np.random.default_rng(2).random((2, 40, 4))
    np.testing.assert_array_equal(run_float(read, x).totals, run_float(circuit, x).totals)


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        ({"beta": 1.5}, "has a beta outside of 0..1"),
        ({"beta": np.ones(3), "threshold": np.ones(4)}, "has numbers of 3 and 4 neurons"),
        ({"beta": np.ones(3)}, "reads \\(5,\\), has 3 betas"),
        ({"threshold": 0.0}, "has a threshold that is not positive"),
        ({"reset": "hard"}, "has reset 'hard'"),
        ({"reset": "value"}, "has reset 'value' and v_reset None"),
        ({"v_reset": 0.5}, "has reset 'subtract' and v_reset 0.5"),
        ({"reset": "value", "v_reset": 1.0}, "has a v_reset that is not below the threshold"),
        ({"reset": "none", "delay": "reset"}, "delays a reset that it has not"),
        ({"v_min": 0.5}, "has a v_min above zero"),
        ({"reset": "value", "v_reset": -2.0, "v_min": -1.0}, "has a v_reset below its v_min"),
        ({"max_spikes": 256}, "has max_spikes 256"),
        ({"alpha": "half"}, "has a alpha that is no number"),
        ({"fires": "="}, "has fires '='"),
    ],
)
def test_what_contradicts_itself_is_refused(wrong, what):
    model = replace(GeneralLIF(beta=0.5), **wrong)
    with pytest.raises(FormatError, match=what):
        recurrent(model)

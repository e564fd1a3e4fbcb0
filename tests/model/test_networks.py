import hashlib

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

from eideploy import circuit as ir
from eideploy.config import Architecture, Config, Training
from eideploy.errors import ConfigError
from eideploy.execute.float_reference import run_float
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.networks import build
from eideploy.model.optimiser import ProjectedSGD
from eideploy.nn import LIF, Shunting
from tests.model.reference import golden, load_state, named, new_network, redrawn, state_of


@torch.no_grad()
def network_of(name):
    """The golden network in float64, its weights read or drawn anew, and its golden numbers."""
    data = golden(name)
    network, shape = new_network(name)
    if name.startswith("c5"):
        load_state(network, redrawn(data))
    else:
        load_state(network, state_of(data, "step0/" if name.startswith("d1") else "state/"))
    return data, network.double(), shape


def spikes_of(network, x):
    """Spikes of every LIF layer, in order of execution."""
    found = []
    hooks = [
        m.register_forward_hook(lambda _m, _x, z: found.append(z.detach().clone()))
        for m in network.modules()
        if isinstance(m, LIF)
    ]
    logits = network(x)
    for hook in hooks:
        hook.remove()
    return logits, found


NETWORKS = [
    "c1_mlp_64_64_32_10",
    "c2_vgg8_narrow",
    pytest.param("c5_resnet18_full", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("name", NETWORKS)
def test_logits_rates_and_gradients_equal_the_reference(name):
    data, network, shape = network_of(name)
    x = torch.from_numpy(data["x"]).double().reshape(-1, *shape)
    logits, spikes = spikes_of(network, x)
    loss = cross_entropy(logits, torch.from_numpy(data["y"]))
    loss.backward()
    np.testing.assert_allclose(logits.detach(), data["f64/logits"], rtol=1e-10, atol=1e-10)
    assert loss.item() == pytest.approx(float(data["f64/loss"]), rel=1e-10)
    rates = [float(z.mean()) for z in spikes]
    np.testing.assert_allclose(rates, data["f64/lif_rate"], rtol=1e-12)
    norms = dict(zip(data["param_names"], data["f64/grad_norm"], strict=True))
    mine = named(network, list(data["param_names"]))
    *_, last = (k for k in mine if "_ie" in k)
    for key, parameter in mine.items():
        if key == last:
            continue  # exactly 0 but for rounding
        assert float(parameter.grad.norm()) == pytest.approx(norms[key], rel=1e-8)
        if f"f64/grad/{key}" in data:
            stored = data[f"f64/grad/{key}"].reshape(parameter.shape)
            atol = 1e-6 * np.abs(stored).max()
            np.testing.assert_allclose(parameter.grad, stored, rtol=1e-6, atol=atol)


@pytest.mark.parametrize("name", NETWORKS)
def test_initial_weights_are_drawn_as_the_reference_draws_them(name):
    data = golden(name)
    state = redrawn(data)
    hashes = dict(zip(data["param_names"], data["param_sha256_16_f32"], strict=True))
    for key, value in state.items():
        assert hashlib.sha256(value.tobytes()).hexdigest()[:16] == hashes[key]


@pytest.mark.parametrize("name", ["c1_mlp_64_64_32_10", "c2_vgg8_narrow"])
def test_initialisation_equals_the_reference_to_the_rounding_of_its_statistics(name):
    data = golden(name)
    network, shape = new_network(name)
    x = torch.from_numpy(data["x"]).reshape(-1, *shape)
    initialise(network, x, np.random.default_rng(int(data["seed"])))
    state = state_of(data)
    for key, parameter in named(network, list(state)).items():
        expected = state[key].reshape(parameter.shape)
        np.testing.assert_allclose(parameter.detach(), expected, rtol=2e-6)


def test_three_steps_of_training_equal_the_reference():
    data, network, shape = network_of("d1_mlp_3steps")
    optimiser = ProjectedSGD(network.named_parameters(), momentum=0.9, weight_decay=5e-4)
    for step in range(3):
        logits = network(torch.from_numpy(data["x"][step]).double().reshape(-1, *shape))
        loss = cross_entropy(logits, torch.from_numpy(data["y"][step]))
        np.testing.assert_allclose(logits.detach(), data[f"logits{step}"], rtol=0, atol=1e-10)
        assert loss.item() == pytest.approx(data["loss"][step], abs=1e-10)
        loss.backward()
        optimiser.step(float(data["lr"]))
        state = state_of(data, f"step{step + 1}/")
        for key, parameter in named(network, list(state)).items():
            expected = state[key].reshape(parameter.shape)
            np.testing.assert_allclose(parameter.detach(), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", [*NETWORKS, "d1_mlp_3steps"])
def test_exported_circuit_computes_what_the_network_computes(name):
    data, network, shape = network_of(name)
    samples = data["x"].reshape(-1, *shape)[:6].astype(np.float64)
    with torch.no_grad():
        logits, spikes = spikes_of(network, torch.from_numpy(samples))
    trace = run_float(export(network, shape), samples, keep=frozenset({"spikes"}))
    np.testing.assert_allclose(trace.logits, logits, rtol=1e-10, atol=1e-10)
    for ours, (_, exported) in zip(spikes, trace.spikes.items(), strict=True):
        np.testing.assert_array_equal(ours.reshape(exported.shape).bool(), exported)


def test_a_still_image_gives_what_showing_it_at_every_step_gives():
    _, network, shape = network_of("c2_vgg8_narrow")
    x = torch.rand(3, *shape, dtype=torch.double)
    shown = x[:, None].expand(-1, network.steps, -1, -1, -1)
    with torch.no_grad():
        torch.testing.assert_close(network(x), network(shown), rtol=1e-12, atol=1e-12)


def test_more_poolings_than_the_image_allows_are_refused():
    with pytest.raises(ConfigError, match="a map of 1x1 cannot be pooled 2x2"):
        build(Architecture(widths=(8, "P", "P", "P", "P")), (1, 8, 8), 10)


@pytest.mark.parametrize(("classes", "inhibitory"), [(2, 1), (3, 1), (4, 1), (10, 2)])
def test_a_readout_has_an_inhibitory_neuron_however_few_the_classes(classes, inhibitory):
    network = build(Architecture(kind="mlp", widths=(8,)), (1, 8, 8), classes)
    assert (network.readout.n_e, network.readout.n_i) == (classes, inhibitory)


def test_a_network_of_more_weights_than_can_be_trained_is_refused_before_it_takes_memory():
    wide = Architecture(kind="mlp", widths=(65_536,) * 1024)
    with pytest.raises(ConfigError, match="would have 6591858081812 weights, at most 134217728"):
        build(wide, (1, 8, 8), 10)


class NoWaiting(TorchDispatchMode):
    """Refuse every operation whose result the host has to wait for."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert func.overloadpacket.__name__ not in WAITING, func
        return func(*args, **(kwargs or {}))


WAITING = {"_local_scalar_dense", "item", "nonzero", "equal", "is_nonzero", "masked_select"}


@pytest.mark.parametrize("name", ["c1_mlp_64_64_32_10", "c2_vgg8_narrow"])
def test_a_training_step_by_plain_torch_never_makes_the_host_wait(name):
    data, network, shape = network_of(name)
    network.use_kernel("plain")
    x, y = torch.from_numpy(data["x"]).double().reshape(-1, *shape), torch.from_numpy(data["y"])
    optimiser = ProjectedSGD(network.named_parameters(), momentum=0.9, weight_decay=5e-4)
    network(x)  # asks once whether the layers have weights, as E-I Init does before training
    with NoWaiting():
        cross_entropy(network(x), y).backward()
        optimiser.step(1e-3)
    with pytest.raises(AssertionError, match="_local_scalar_dense"), NoWaiting():
        float(x.sum())


def test_a_hard_reset_reaches_every_neuron_of_network_and_circuit():
    torch.manual_seed(0)
    architecture = Architecture(kind="vgg", widths=(8, "P", 8), reset="hard", steps=4)
    network = build(architecture, (1, 8, 8), 4).double()
    x = torch.rand(4, 1, 8, 8, dtype=torch.double)
    initialise(network, x, np.random.default_rng(0))
    circuit = export(network, (1, 8, 8))
    assert [node.model.reset for node in circuit.of(ir.Neurons)] == ["zero", "zero"]
    trace = run_float(circuit, x.numpy(), keep=frozenset({"spikes"}))
    logits, spikes = spikes_of(network, x)
    np.testing.assert_allclose(trace.logits, logits.detach().numpy(), atol=1e-12)
    for ours, theirs in zip(trace.spikes.values(), spikes, strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy().reshape(ours.shape) > 0)
        assert 0 < ours.mean() < 1


def test_the_compiled_pass_is_refused_a_hard_reset():
    with pytest.raises(ConfigError, match="does not reset to zero"):
        Config(network=Architecture(reset="hard"), training=Training(kernel="fused"))


@pytest.mark.parametrize(
    ("kind", "widths"), [("mlp", (12, 8)), ("vgg", (8, "P", 8)), ("resnet", (8, 12))]
)
def test_ratio_and_time_constant_are_those_of_every_layer_and_of_the_circuit(kind, widths):
    architecture = Architecture(kind=kind, widths=widths, ei_ratio=2, tau=4.0)
    network = build(architecture, (1, 8, 8), 10)
    x = torch.rand(16, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    initialise(network, x, np.random.default_rng(0))
    network.double()
    for layer in (m for m in network.modules() if isinstance(m, Shunting)):
        n_e, n_i = (getattr(layer, part).weight.shape[0] for part in ("excitatory", "inhibitory"))
        assert n_i == n_e // 2
    assert {m.tau for m in network.modules() if isinstance(m, LIF)} == {4.0}
    circuit = export(network, (1, 8, 8))
    with torch.no_grad():
        logits = network(x.double()).numpy()
    assert np.allclose(run_float(circuit, x.double().numpy()).logits, logits, atol=1e-9)


def test_a_baseline_has_no_ratio():
    with pytest.raises(ConfigError, match="has no inhibitory neurons"):
        Config(network=Architecture(normalization="batch", ei_ratio=2))

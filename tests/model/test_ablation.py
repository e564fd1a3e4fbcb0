"""What each switch of [ablation] changes, and that nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from eideploy.circuit import store
from eideploy.config import Ablation, Architecture, Config, Training
from eideploy.data import Dataset, load
from eideploy.errors import ConfigError
from eideploy.model.ablation import ablate, divide_exactly, divide_offset
from eideploy.model.checkpoint import load_state
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.networks import build
from eideploy.model.training import train
from eideploy.nn import LIF, Conv2d, EILayer
from eideploy.nn.functional import divide

NARROW = Architecture(widths=(8, "P", 8))
SHORT = Training(epochs=1, warmup_epochs=0, rate=0.5, kernel="plain")


@pytest.fixture(scope="module")
def digits():
    whole = load("digits")
    return Dataset(
        name="digits",
        train_x=whole.train_x[:64],
        train_y=whole.train_y[:64],
        test_x=whole.test_x[:16],
        test_y=whole.test_y[:16],
        classes=10,
    )


def begun(digits, ablation=Ablation(), seed=0):  # noqa: B008 (frozen)
    """A network after E-I Init, in float64."""
    network = ablate(build(NARROW, digits.input_shape, 10), ablation).double()
    first = torch.from_numpy(digits.train.batch(slice(32))).double()
    rng = np.random.default_rng(seed)
    initialise(network, first, rng, ablation)
    return network, first


def gradients(network, batch):
    (network(batch).softmax(1)[:, 0].log().sum()).backward()
    return {n: p.grad for n, p in network.named_parameters()}


def test_without_gradient_scaling_only_lateral_gradients_grow_by_the_fan_in(digits):
    scaled = gradients(*begun(digits))
    network, batch = begun(digits, Ablation(gradient_scaling=False))
    fan_in = {
        f"{path}.lateral.weight": layer.fan_in
        for path, layer in network.named_modules()
        if isinstance(layer, EILayer)
    }
    for name, gradient in gradients(network, batch).items():
        expected = scaled[name] * fan_in.get(name, 1)
        torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-15)


def drawn_by_kaiming(**more):
    images = torch.rand(16, 64, 4, 4, generator=torch.Generator().manual_seed(0))
    ablation = Ablation(initialisation="kaiming", **more)
    network = ablate(build(Architecture(widths=(128,)), (64, 4, 4), 10), ablation)
    initialise(network, images, np.random.default_rng(0), ablation)
    layer = network.encoder[0]
    assert (layer.lateral.weight == 1 / layer.n_i).all()
    return layer.fan_in, [part.weight.detach() for part in (layer.excitatory, layer.inhibitory)]


def test_kaiming_draws_half_normal_half_zero_of_variance_two_over_the_fan_in():
    fan_in, weights = drawn_by_kaiming()
    for weight in weights:
        assert weight.min() == 0
        assert float((weight == 0).double().mean()) == pytest.approx(0.5, abs=0.02)
        # the second moment of max(N(0, s^2), 0) is s^2 / 2, here 1 / d
        assert float(weight.square().mean()) * fan_in == pytest.approx(1, abs=0.05)


def test_kaiming_without_the_sign_constraint_is_the_whole_normal_distribution():
    fan_in, weights = drawn_by_kaiming(sign=False)
    for weight in weights:
        assert float((weight < 0).double().mean()) == pytest.approx(0.5, abs=0.02)
        assert float(weight.square().mean()) * fan_in == pytest.approx(2, abs=0.1)


@given(
    st.integers(0, 2**32 - 1),
    arrays.arrays(np.bool_, (3, 4, 2, 2)),
)
def test_without_straight_through_the_current_is_the_same(seed, zeros):
    rng = np.random.default_rng(seed)
    balanced, gain, bias = (torch.from_numpy(rng.random(s)) for s in ((3, 4, 2, 2), 4, 4))
    shunt = torch.from_numpy(np.where(zeros, 0, rng.random((3, 4, 2, 2))))
    assert torch.equal(
        divide_exactly(balanced, shunt, gain, bias), divide(balanced, shunt, gain, bias)
    )


def test_without_straight_through_a_zeros_gradient_flows_to_the_smallest_divisor():
    def summed(shunt):
        ones = torch.ones(3, dtype=torch.double)
        return divide_exactly(torch.ones_like(shunt), shunt, ones, 0 * ones).sum()

    shunt = torch.tensor([[0.0, 0.5, 2.0], [0.0, 0.0, 0.0]], dtype=torch.double, requires_grad=True)
    summed(shunt).backward()
    # d/ds of 1/s, twice for the smallest, which stands for the zero as well
    assert shunt.grad.tolist() == [[0, -8, -0.25], [0, 0, 0]]


@given(st.floats(1e-12, 1), st.integers(0, 2**32 - 1))
def test_fixed_epsilon_is_added_to_the_divisor(epsilon, seed):
    rng = np.random.default_rng(seed)
    balanced, shunt = (torch.from_numpy(rng.random((2, 3))) for _ in range(2))
    gain, bias = (torch.from_numpy(rng.random(3)) for _ in range(2))
    expected = gain * balanced / (shunt + epsilon) + bias
    found = divide_offset(balanced, shunt, gain, bias, epsilon=epsilon)
    torch.testing.assert_close(found, expected)


def smallest_weights(config, dataset, folder):
    network = train(config, dataset, folder).network
    return {n: float(p.detach().min()) for n, p in network.named_parameters()}


def test_only_without_the_sign_constraint_weights_become_negative(digits, tmp_path):
    config = Config(network=NARROW, training=SHORT)
    kept = smallest_weights(config, digits, None)
    assert min(low for name, low in kept.items() if not name.endswith("bias")) >= 0
    free = replace(config, ablation=Ablation(sign=False))
    assert min(smallest_weights(free, digits, tmp_path).values()) < 0
    assert load_state(tmp_path).config.ablation == Ablation(sign=False)


@pytest.mark.parametrize("ablation", [Ablation(sign=False), Ablation(epsilon=0.1)])
def test_what_is_no_circuit_is_not_exported(digits, ablation):
    network, _ = begun(digits, ablation)
    with pytest.raises(ConfigError, match=f"{ablation.departures[0]} is not an E-I circuit"):
        export(network, digits.input_shape)


@pytest.mark.parametrize("changed", [{"gradient_scaling": False}, {"straight_through": False}])
def test_what_changes_the_training_alone_computes_and_exports_the_same_circuit(
    digits, changed, tmp_path
):
    network, batch = begun(digits, Ablation(**changed))
    method, _ = begun(digits)
    torch.testing.assert_close(network(batch), method(batch), rtol=0, atol=0)
    ours, theirs = tmp_path / "ours.safetensors", tmp_path / "theirs.safetensors"
    store.save(export(network, digits.input_shape), ours)
    store.save(export(method, digits.input_shape), theirs)
    assert ours.read_bytes() == theirs.read_bytes()


def test_an_ablated_network_never_takes_the_compiled_pass(digits):
    network, _ = begun(digits, Ablation(gradient_scaling=False))
    network.use_kernel("fused")
    assert not any(m.fused for m in network.modules() if isinstance(m, LIF))


def test_a_checkpoint_of_an_ablation_is_loaded_as_one(digits, tmp_path):
    config = Config(network=NARROW, training=SHORT, ablation=Ablation(gradient_scaling=False))
    train(config, digits, tmp_path)
    network = load_state(tmp_path).network
    assert network.ablated
    scales = {m.gradient_scale for m in network.modules() if isinstance(m, Conv2d)}
    assert scales == {1.0}

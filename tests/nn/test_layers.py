import numpy as np
import pytest
import torch

from eideploy.errors import ConfigError, UsageError
from eideploy.nn import LIF, Conv2d, Linear, Readout
from eideploy.nn.functional import divide, fire
from eideploy.nn.initialise import Statistics
from tests.model.reference import golden, parameters

LAYERS = {
    "a1": lambda: Conv2d(3, 16, 3, padding=1),
    "a3": lambda: Conv2d(6, 8, 1, 2),
    "b1": lambda: Linear(20, 16),
    "b2": lambda: Readout(20, 10),
}
NAMES = ("W_ee", "W_ie", "W_ei", "g_i", "g_e", "b_e")
CASES = pytest.mark.parametrize(
    ("name", "variant"), [(n, v) for n in LAYERS for v in ("init", "pert")]
)


def loaded(name, variant):
    """The layer of a golden case with its parameters, in float64."""
    data, layer = golden(f"{name}_"), LAYERS[name]().double()
    mine = dict(zip(NAMES, parameters(layer, gains=name != "b2"), strict=False))
    with torch.no_grad():
        for key, parameter in mine.items():
            value = torch.from_numpy(data[f"{variant}/param/{key}"])
            parameter.copy_(value.reshape(parameter.shape))
    return data, layer, mine


def run(data, layer):
    x = torch.from_numpy(data["x"]).double().requires_grad_()
    current = layer(x)
    out = current
    if not isinstance(layer, Readout):
        out = LIF(steps=int(data["T"]))(current)
    (out * torch.from_numpy(data["c"]).reshape(out.shape)).sum().backward()
    return x, current.detach(), out.detach()


def close(ours, stored):
    """To 1e-10, or to the rounding of what is stored as float32."""
    rtol = 1e-10 if stored.dtype == np.float64 else 1e-6
    scale = max(np.abs(stored).max(), 1e-300)
    np.testing.assert_allclose(ours, stored.reshape(ours.shape), rtol=rtol, atol=rtol * scale)


@CASES
def test_current_and_spikes_equal_the_reference(name, variant):
    data, layer, _ = loaded(name, variant)
    _, current, out = run(data, layer)
    close(current.numpy(), data[f"{variant}/f64/I_out"])
    if name != "b2":
        spikes = data[f"{variant}/f64/spike"].reshape(out.shape)
        np.testing.assert_array_equal(out.numpy(), spikes)


@CASES
def test_gradients_equal_the_reference(name, variant):
    data, layer, mine = loaded(name, variant)
    x, _, _ = run(data, layer)
    close(x.grad.numpy(), data[f"{variant}/f64/grad/x"])
    for key, parameter in mine.items():
        stored = data[f"{variant}/f64/grad/{key}"]
        if name == "b2" and key == "W_ie" and variant == "init":
            continue  # exactly 0 but for rounding
        close(parameter.grad.numpy(), stored)


@pytest.mark.parametrize("name", LAYERS)
def test_statistics_and_initial_weights_equal_the_reference(name):
    data = golden(f"{name}_")
    statistics = Statistics.of(torch.from_numpy(data["x"]))
    fan_in = int(data["prev_in_features"])
    assert LAYERS[name]().fan_in == fan_in
    assert statistics.weight_scale(fan_in) == pytest.approx(float(data["exp_scale"]), rel=1e-6)
    if name != "b2":
        gain = statistics.inhibitory_gain(fan_in)
        np.testing.assert_allclose(data["init/param/g_i"], gain, rtol=1e-6)


def test_an_empty_patch_has_a_divisor_of_exactly_zero_in_float32():
    # a Winograd or FFT convolution would leave about 1e-9 here, and the stabilisation unused
    layer = Conv2d(16, 32, 3, padding=1)
    x = torch.rand(4, 16, 12, 12)
    x[:, :, 3:9, 3:9] = 0
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.rand_like(parameter))
        s_i = layer.inhibitory(x)
    assert (s_i[:, :, 4:8, 4:8] == 0).all()


def test_a_layer_is_counted_in_full_by_its_torch_modules():
    layer = Conv2d(3, 16, 3, padding=1)
    kinds = [m for m in layer.modules() if isinstance(m, torch.nn.Conv2d)]
    assert sum(p.numel() for m in kinds for p in m.parameters()) == 16 * 27 + 4 * 27 + 16 * 4


@pytest.mark.parametrize("make", [Linear, Readout])
def test_a_layer_without_weights_refuses_instead_of_giving_nan(make):
    with pytest.raises(UsageError) as error:
        make(8, 8)(torch.ones(2, 8))
    assert str(error.value) == (
        "the layer has no weights yet\n"
        f"  where: {make.__name__}(8, 8, ei_ratio=4)\n"
        "  fix:   call eideploy.nn.initialise(model, first_batch), or load a state"
    )


def test_a_copied_layer_still_scales_its_gradient():
    import copy

    data, layer, _ = loaded("b1", "pert")
    twin = copy.deepcopy(layer)
    run(data, twin)
    close(twin.lateral.weight.grad.numpy(), data["pert/f64/grad/W_ei"])


def test_fewer_than_four_excitatory_neurons_are_refused():
    with pytest.raises(ConfigError) as error:
        Linear(8, 3)
    assert str(error.value) == (
        "a layer of 3 excitatory neurons has no inhibitory one (n_I = n_E // 4)\n"
        "  where: network.widths, or out_features\n"
        "  fix:   give every layer at least 4"
    )


def test_division_and_lif_accept_non_contiguous_and_expanded_currents():
    current = torch.rand(1, 2, 3).expand(4, 2, 3)
    assert fire(current, 0.5).is_contiguous()
    both = torch.rand(2, 6, 3)
    ones = torch.ones(3)
    whole = divide(both[:, :3], both[:, 3:], ones, ones)
    assert torch.equal(whole, both[:, :3] / both[:, 3:] + 1)


@pytest.mark.parametrize("size", [2, 12], ids=["balanced", "folded"])
def test_autocast_rounds_currents_to_bfloat16_and_no_more(size):
    torch.manual_seed(0)
    layer, x = Conv2d(64, 16, 3, padding=1), torch.rand(16, 64, size, size)
    for parameter in layer.parameters():
        torch.nn.init.uniform_(parameter)
    expected, _ = layer.drive(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        both, weight = layer.drive(x)
    assert both.dtype == torch.bfloat16
    assert weight.dtype == torch.float32
    with torch.no_grad():
        largest = layer.n_i * float(layer.inhibitory(x).max())  # of I_EI, before the difference
    torch.testing.assert_close(both.float(), expected, rtol=0, atol=2**-7 * largest)
    both.float().sum().backward()
    assert all(p.grad is None or p.grad.dtype == torch.float32 for p in layer.parameters())

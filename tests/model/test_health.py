from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from eideploy.config import Architecture
from eideploy.data import load
from eideploy.errors import FormatError
from eideploy.model.distributions import gradient_norms, spread
from eideploy.model.health import measure_health, warnings
from eideploy.model.initialise import initialise
from eideploy.model.metrics import LayerHealth
from eideploy.model.networks import build
from eideploy.nn import LIF, Shunting
from eideploy.typed import typed

ARCHITECTURES = {
    "vgg": Architecture(widths=(8, "P", 8)),
    "mlp": Architecture(kind="mlp", widths=(16, 8)),
    "resnet": Architecture(kind="resnet", widths=(4, 8), blocks=1),
}


@pytest.fixture(params=ARCHITECTURES)
def network(request):
    found = build(ARCHITECTURES[request.param], (1, 8, 8), 10)
    initialise(
        found, torch.from_numpy(load("digits").train.batch(slice(64))), np.random.default_rng(0)
    )
    return found


@pytest.fixture(scope="module")
def split():
    return load("digits").test


def set_all(network, kind, value):
    for name, p in network.named_parameters():
        if name.endswith(kind):
            torch.nn.init.constant_(p, value)


def test_every_layer_that_fires_is_measured_and_a_new_network_is_well(network, split):
    health = measure_health(network, split)
    assert len(health) == sum(isinstance(m, LIF) for m in network.modules())
    assert len({h.layer for h in health}) == len(health)
    for h in health:
        assert min(h.silent, h.saturated, h.zero_divisor) >= 0
        assert h.dying == 0
        assert max(h.silent, h.saturated, h.zero_divisor) < 0.9
    assert warnings(health) == {}
    assert measure_health(network, split) == health


@pytest.mark.parametrize(("bias", "silent", "saturated"), [(-1e3, 1, 0), (1e3, 0, 1)])
def test_silent_and_saturated_layers_are_counted(network, split, bias, silent, saturated):
    set_all(network, "gain_e", 0.0)
    set_all(network, ".bias", bias)
    for h in measure_health(network, split):
        assert (h.silent, h.saturated) == (silent, saturated)


def test_neurons_whose_inhibition_has_decayed_are_counted_whatever_the_scale_of_their_rows(
    network, split
):
    layer = next(m for m in network.modules() if isinstance(m, Shunting))
    with torch.no_grad():
        for part in (layer.excitatory, layer.lateral):
            part.weight[0] *= 1e-9  # one factor of both: no current changes
        layer.lateral.weight[1] *= 1e-4
        layer.lateral.weight[2] = 0
    first, *others = measure_health(network, split)
    assert first.dying == 2 / layer.n_e
    assert {h.dying for h in others} <= {0.0}
    assert list(warnings([first])) == [f"dying {first.layer}"]


def test_divisors_are_those_that_the_stabilisation_replaces(network, split):
    layer = next(m for _, m in network.ei_layers())
    x = torch.from_numpy(split.batch(slice(8)))
    x = x.flatten(1) if x[0].numel() == layer.fan_in else x
    assert not layer.divisor(torch.zeros_like(x)).any()
    s_i = layer.inhibitory(x)
    gain = layer.gain_i.view(-1, *[1] * (s_i.ndim - 2))
    assert torch.equal(layer.divisor(x), layer.lateral(gain * s_i))


def test_a_spread_is_that_of_the_values():
    found = spread(torch.arange(1001.0), bins=10)
    assert found.quantiles == (10, 50, 250, 500, 750, 950, 990)
    assert (found.low, found.high, sum(found.counts)) == (0, 1000, 1001)
    far = spread(torch.cat([torch.arange(1001.0), torch.tensor([1e6])]), bins=10)
    assert far.high < 2000
    assert sum(far.counts) == 1001
    assert spread(torch.zeros(0)).quantiles == ()
    assert sum(spread(torch.ones(5), bins=4).counts) == 5


def test_every_layer_says_how_its_numbers_are_spread(network, split):
    before = torch.get_rng_state()
    for layer in measure_health(network, split):
        assert list(layer.spreads) == ["current", "I_div", "W_EE", "W_IE", "W_EI", "g_E", "g_I",
                                       "b_E"]  # fmt: skip
        assert all(found.quantiles == tuple(sorted(found.quantiles))
                   for found in layer.spreads.values())  # fmt: skip
        assert layer.spreads["W_EE"].quantiles[0] >= 0
        assert typed(LayerHealth, asdict(layer), where="", error=FormatError) == layer
    assert torch.equal(torch.get_rng_state(), before)


def test_gradient_norms_are_those_of_all_parameters_of_a_layer(network, split):
    assert gradient_norms(network) == {}
    network(torch.from_numpy(split.batch(slice(4)))).square().sum().backward()
    found = gradient_norms(network)
    assert len(found) == len(measure_health(network, split))
    name, norm = next(iter(found.items()))
    own = torch.cat([p.grad.flatten() for p in network.layers()[name].parameters()])
    assert float(norm) == pytest.approx(float(own.norm()))
    assert measure_health(network, split, found)[0].gradient == norm


def test_hooks_are_gone_afterwards(network, split):
    measure_health(network, split)
    assert not any(m._forward_hooks for m in network.modules())


WELL = LayerHealth(layer="conv2", silent=0.1, saturated=0.0, zero_divisor=0.1)


@pytest.mark.parametrize(
    ("ill", "key", "text"),
    [
        ({"silent": 1.0}, "silent conv2", "100% of the neurons of conv2 never fire"),
        ({"saturated": 0.6}, "saturated conv2", "60% of the neurons of conv2 fire at nearly"),
        ({"dying": 0.0025}, "dying conv2", "0.25% of the neurons of conv2 have almost no inhib"),
        ({"zero_divisor": 0.95}, "zero conv2", "95% of the divisors of conv2 are 0"),
    ],
)
def test_an_ill_layer_is_named_with_what_to_do(ill, key, text):
    assert warnings([WELL]) == {}
    found = warnings([replace(WELL, **ill)])
    assert list(found) == [key]
    assert found[key].startswith(text)
    assert "training." in found[key] or "network." in found[key]

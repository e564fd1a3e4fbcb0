from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from eideploy.config import Architecture, load_config
from eideploy.data import load
from eideploy.errors import ConfigError
from eideploy.model.baseline import NormLinear
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.named import NAMED
from eideploy.model.networks import build
from eideploy.model.optimiser import ProjectedSGD
from eideploy.model.training import train
from eideploy.nn import compiled
from eideploy.nn.layers import EILayer
from tests.model.reference import by_either_kernel

SHAPE = (2, 8, 8)
KINDS = {
    "mlp": Architecture(kind="mlp", widths=(16, 8), normalization="batch"),
    "vgg": Architecture(widths=(8, "P", 8), normalization="batch", classifier="pool"),
    "resnet": Architecture(kind="resnet", widths=(8, 12), blocks=1, normalization="batch"),
}


def network_of(kind):
    network = build(KINDS[kind], SHAPE, 10)
    initialise(network, torch.rand(4, *SHAPE), np.random.default_rng(0))
    return network


def test_the_current_is_that_of_torch_modules_and_so_are_the_running_statistics():
    layer, x = NormLinear(6, 5), torch.rand(8, 6)
    linear, norm = (torch.nn.Linear(6, 5, bias=False), torch.nn.BatchNorm1d(5))
    linear.load_state_dict(layer.free[0].state_dict())
    torch.testing.assert_close(layer(x), norm(linear(x)))
    torch.testing.assert_close(layer.free[1].running_var, norm.running_var)
    with torch.no_grad():
        torch.testing.assert_close(layer(x), norm.eval()(linear(x)))


@pytest.mark.skipif(compiled.compiler() is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("kind", KINDS)
def test_a_baseline_gives_the_same_by_either_kernel(kind):
    network, x = network_of(kind).double(), torch.rand(3, *SHAPE, dtype=torch.double)
    for a, b in by_either_kernel(network, x):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_the_weights_of_a_baseline_follow_from_the_seed_and_are_not_projected(kind):
    network, twin = network_of(kind), network_of(kind)
    before = {n: p.detach().clone() for n, p in network.named_parameters()}
    assert all(torch.equal(before[n], p) for n, p in twin.named_parameters())
    optimiser = ProjectedSGD(network.named_parameters(), momentum=0, weight_decay=0)
    cross_entropy(network(torch.rand(4, *SHAPE)), torch.arange(4)).backward()
    gradients = {n: p.grad.clone() for n, p in network.named_parameters()}
    optimiser.step(1.0)
    for name, p in network.named_parameters():
        torch.testing.assert_close(p.detach(), before[name] - gradients[name])


def test_a_baseline_learns_the_digits_in_the_same_loop(tmp_path):
    config = load_config("digits-mlp").with_overrides(
        {"network.normalization": "batch", "training.epochs": "6", "training.warmup_epochs": "1"}
    )
    result = train(config, load("digits"), tmp_path)
    assert result.metrics[-1].test_accuracy > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_export_refuses_a_baseline(kind):
    with pytest.raises(ConfigError) as error:
        export(network_of(kind), SHAPE)
    assert str(error.value) == (
        "a batch-normalised network is a baseline to compare with, not an E-I circuit\n"
        "  where: network.normalization\n"
        '  fix:   train with network.normalization = "ei"'
    )


def test_a_pooled_classifier_is_trained_and_exported():
    network = build(Architecture(widths=(8, "P", 8), classifier="pool"), SHAPE, 10)
    x = torch.rand(4, *SHAPE)
    initialise(network, x, np.random.default_rng(0))
    assert network.readout.fan_in == 8
    assert [n.name for n in export(network, SHAPE).nodes][-3:] == ["pool2", "flatten", "readout"]


@pytest.mark.parametrize(
    ("name", "layers"), [("vgg8", 6), ("vgg11", 9), ("vgg16", 14), ("vgg19", 17), ("resnet18", 21)]
)
def test_named_architectures_have_their_layers(name, layers):
    network = build(replace(NAMED[name], steps=1), (3, 32, 32), 10)
    assert sum(isinstance(m, EILayer) for m in network.modules()) == layers

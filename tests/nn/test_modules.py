"""Layers of eideploy.nn in networks, loops and optimisers of the user's."""

import copy
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import eideploy.nn as einn
from eideploy.config import Architecture
from eideploy.errors import ConfigError, DataError, UsageError
from eideploy.model.initialise import initialise as initialise_network
from eideploy.model.networks import build
from tests.helpers.modules import Branched, images

STEPS = 3


def sequence(*shape, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.rand(STEPS, *shape, generator=rng, dtype=torch.double)


def filled(layer, *shape):
    einn.initialise(layer.double(), sequence(*shape))
    return layer


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (lambda: einn.Linear(6, 8), (4, 6)),
        (lambda: einn.Conv2d(2, 8, 3, stride=2, padding=1), (4, 2, 6, 6)),
        (lambda: einn.Conv2d(2, 8, 5), (4, 2, 6, 6)),
        (lambda: einn.Readout(6, 3), (4, 6)),
        (lambda: einn.AvgPool2d(2), (4, 2, 5, 5)),
        (lambda: einn.GlobalAvgPool2d(), (4, 2, 5, 5)),
    ],
)
def test_a_sequence_is_its_merged_samples_and_its_single_steps(layer, shape):
    x, made = sequence(*shape), layer()
    made = filled(made, *shape) if isinstance(made, einn.EILayer) else made
    whole = made(x)
    torch.testing.assert_close(whole.flatten(0, 1), made(x.flatten(0, 1)), rtol=1e-12, atol=1e-12)
    for step, one in zip(whole, x, strict=True):
        torch.testing.assert_close(step, made(one), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("ratio", "n_i"), [(1, 8), (4, 2), (8, 1)])
def test_the_ratio_says_how_many_inhibitory_neurons_there_are(ratio, n_i):
    assert einn.Linear(6, 8, ei_ratio=ratio).n_i == n_i
    assert einn.Conv2d(2, 8, 3, ei_ratio=ratio).n_i == n_i


def test_a_ratio_or_a_neuron_that_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="ei_ratio is 0"):
        einn.Linear(6, 8, ei_ratio=0)
    with pytest.raises(ConfigError, match="has no inhibitory one"):
        einn.Conv2d(2, 8, 3, ei_ratio=9)
    with pytest.raises(ConfigError, match=r"a neuron has tau 0\.5, must be"):
        einn.LIF(0.5)
    with pytest.raises(ConfigError, match="has reset 'soft'"):
        einn.LIF(reset="soft")


@pytest.mark.parametrize("reset", ["subtract", "zero"])
@pytest.mark.parametrize(
    "neurons", [lambda r: einn.LIF(4.0, threshold=0.75, reset=r), lambda r: einn.IF(reset=r)]
)
def test_steps_one_by_one_are_the_sequence_and_so_are_their_gradients(neurons, reset):
    lif = neurons(reset)
    whole, single = (sequence(5, 4).requires_grad_() for _ in range(2))
    expected, state, spikes = lif(whole), None, []
    for current in single:
        fired, state = lif.step(current, state)
        spikes.append(fired)
    stepped = torch.stack(spikes)
    weight = torch.arange(stepped.numel()).reshape(stepped.shape).cos()
    (expected * weight).sum().backward()
    (stepped * weight).sum().backward()
    assert 0 < float(expected.detach().mean()) < 1
    assert torch.equal(stepped, expected)
    torch.testing.assert_close(single.grad, whole.grad, rtol=1e-12, atol=1e-12)


def test_neurons_without_a_leak_keep_what_they_have():
    quarter = torch.full((8, 1), 0.25)
    assert einn.IF()(quarter).flatten().tolist() == [0, 0, 0, 1, 0, 0, 0, 1]
    assert not einn.LIF()(quarter).any()


@pytest.mark.parametrize(
    "optimiser",
    [
        lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
        lambda p: torch.optim.Adam(p, lr=0.05),
        lambda p: torch.optim.AdamW(p, lr=0.05, foreach=False),
        lambda p: torch.optim.Adam(p, lr=0.05, fused=True),
    ],
)
def test_dales_law_holds_after_every_step_of_a_plain_loop(optimiser):
    model, x = Branched(), images(16)
    einn.initialise(model, x)
    chosen = optimiser(model.parameters())
    clamped = signed = False
    for _ in range(4):
        loss = nn.functional.cross_entropy(model(x), torch.arange(16) % 4)
        chosen.zero_grad()
        loss.backward()
        chosen.step()
        layers = [m for m in model.modules() if isinstance(m, einn.EILayer)]
        unsigned = [p for layer in layers for p in layer.unsigned()]
        assert all(bool((p >= 0).all()) for p in unsigned)
        clamped = clamped or any(bool((p == 0).any()) for p in unsigned)
        signed = signed or any(bool((m.bias < 0).any()) for m in layers if hasattr(m, "bias"))
    assert clamped
    assert signed


def test_what_changes_weights_by_hand_is_projected_before_it_counts():
    layer = filled(einn.Linear(6, 8), 4, 6)
    twin = copy.deepcopy(layer)
    for one in (layer, twin):
        with torch.no_grad():
            one.excitatory.weight[0].sub_(10)
    with torch.no_grad():
        twin.excitatory.weight.clamp_(min=0)
    x = sequence(4, 6)
    assert torch.equal(layer(x), twin(x))
    assert bool((layer.excitatory.weight[0] == 0).all())


def test_projection_changes_nothing_that_backward_needs():
    layer = filled(einn.Linear(6, 8), 4, 6)
    lif, state, total = einn.LIF(), None, 0.0
    for x in sequence(4, 6):
        spikes, state = lif.step(layer(x), state)
        total = total + spikes.sum()
    total.backward()
    assert all(p.grad is not None for p in layer.parameters())


def test_initialising_fills_a_module_as_a_network_of_the_presets_is_filled():
    architecture = Architecture(kind="mlp", widths=(8, 12), steps=STEPS)
    network = build(architecture, (1, 2, 3), 4).double()
    x = sequence(5, 6)
    module = nn.Sequential(
        einn.Linear(6, 8), einn.LIF(), einn.Linear(8, 12), einn.LIF(), einn.Readout(12, 4)
    ).double()
    einn.initialise(module, x, seed=7)
    as_sequence = x.view(STEPS, 5, 1, 2, 3).transpose(0, 1)
    initialise_network(network, as_sequence, np.random.default_rng(7))
    for one, other in zip(module.parameters(), network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert torch.equal(module(x).mean(0), network(as_sequence))


def test_initialising_fills_once_and_not_what_a_state_has_filled():
    model, x = Branched(), images(8)
    assert list(einn.initialise(model, x)) == ["conv1", "conv2", "readout"]
    with pytest.raises(UsageError, match="no E-I layer of the module needs weights"):
        einn.initialise(model, x)
    twin = Branched()
    twin.load_state_dict(model.state_dict())
    assert torch.equal(twin(x), model(x))
    with pytest.raises(UsageError, match="no E-I layer of the module needs weights"):
        einn.initialise(twin, x)


def test_initialising_names_the_layer_that_has_nothing_to_go_by():
    class Spare(Branched):
        def __init__(self):
            super().__init__()
            self.spare = einn.Linear(4, 4)

    with pytest.raises(UsageError, match="the forward pass skips spare"):
        einn.initialise(Spare(), images(8))
    signed = nn.Sequential(nn.Linear(6, 6), einn.Linear(6, 8))
    with pytest.raises(DataError, match="goes down to") as error:
        einn.initialise(signed.double(), sequence(4, 6))
    assert error.value.where == "E-I Init, layer 1"


def test_a_batch_that_does_not_do_leaves_no_layer_filled():
    model = nn.Sequential(einn.Linear(6, 8), einn.LIF(threshold=1e9), einn.Readout(8, 3)).double()
    with pytest.raises(DataError, match="zero throughout") as error:
        einn.initialise(model, sequence(4, 6).abs())
    assert error.value.where == "E-I Init, layer 2"
    model[1].threshold = 1.0
    assert list(einn.initialise(model, sequence(4, 6).abs())) == ["0", "2"]


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("fused", [True, False])
def test_a_sequential_computes_what_its_modules_do_one_by_one(fused, coded):
    coding = [einn.DirectCoding(STEPS)] if coded else []
    parts = [einn.Conv2d(2, 8, 3, padding=1), *coding, einn.LIF(), einn.AvgPool2d(2)]
    parts += [einn.Conv2d(8, 4, 3), einn.LIF()]
    whole = einn.Sequential(*parts).double()
    for module in parts:
        if isinstance(module, einn.LIF):
            module.fused = fused and module.fused
    x = sequence(4, 2, 8, 8)
    x = x[0] if coded else x
    einn.initialise(whole, x)
    plain = copy.deepcopy(nn.Sequential(*whole))
    found = []
    for module in (whole, plain):
        spikes = module(x)
        (spikes * torch.arange(spikes.numel()).reshape(spikes.shape).sin()).sum().backward()
        found.append([spikes.detach(), *(p.grad for p in module.parameters())])
    assert found[0][0].shape == (STEPS, 4, 4, 2, 2)
    assert found[0][0].any()
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


def test_the_python_of_its_page_runs_as_it_stands_there():
    page = Path(__file__).parents[2] / "docs" / "nn.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    namespace = {}
    for block in blocks:
        exec(compile(block, page, "exec"), namespace)
    assert namespace["loss"].isfinite()


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: einn.Conv2d(1, 8, (3, 3)), "kernel_size is (3, 3)"),
        (lambda: einn.Conv2d(1, 8, 0, stride=0), "kernel_size is 0, stride is 0"),
        (lambda: einn.Conv2d(1, 8, 3, padding=3), "padding is 3"),
        (lambda: einn.Conv2d(1, 8, 3, padding="same"), "padding is 'same'"),
        (lambda: einn.Linear(0, 4), "in_features is 0"),
        (lambda: einn.Linear(4, 8, ei_ratio=2.5), "ei_ratio is 2.5"),
        (lambda: einn.Readout("4", True), "in_features is '4', out_features is True"),
        (lambda: einn.LIF(tau="2", threshold=None), "tau is '2', threshold is None"),
        (lambda: einn.IF(steps=0), "steps is 0"),
        (lambda: einn.AvgPool2d((2, 2)), "kernel_size is (2, 2)"),
        (lambda: einn.DirectCoding(2.5), "steps is 2.5"),
    ],
)
def test_arguments_that_make_no_layer_are_refused_at_once(make, what):
    with pytest.raises(ConfigError) as caught:
        make()
    assert caught.value.what == what
    assert caught.value.where.startswith("eideploy.nn.")


def test_numbers_of_numpy_make_layers():
    layer = einn.Conv2d(np.int64(1), np.int64(8), np.int32(3), padding=np.int8(1))
    assert layer.n_i == 2
    assert einn.LIF(tau=np.float32(4)).tau == 4

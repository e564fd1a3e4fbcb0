"""What is fine-tuned is the integer program itself, with the gradients of the float network."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import cosine_similarity, cross_entropy

from eideploy.config import Architecture
from eideploy.divisions import constant, exact, lut, named, names, shift
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.finetune.network import Goal, IntegerNetwork
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.networks import build
from eideploy.recipe import Recipe
from eideploy.scheme import load_scheme
from eideploy.target import load_target

SHAPE = (2, 9, 9)
KINDS = {
    "mlp": Architecture(kind="mlp", widths=(16, 12), steps=3),
    "vgg": Architecture(widths=(8, "P", 12, "P", 8), steps=3),
    "pooled": Architecture(widths=(8, "P", 8), steps=2, classifier="pool"),
    "one": Architecture(widths=(8,), steps=1),
    "resnet": Architecture(kind="resnet", widths=(8, 12), blocks=1, steps=2),
}
DIGITAL = load_target("digital")
EVERY = replace(DIGITAL, divider=dict.fromkeys(names(), DIGITAL.divider["lut"]))
FINE = load_scheme("int8")
FINE = replace(FINE, bits=replace(FINE.bits, input=12, w_ee=11, w_ie=11, w_ei=11, g_i=11))


def samples(kind, count=6, *, sequence=False):
    rng = np.random.default_rng(1)
    shape = (count, *((KINDS[kind].steps,) if sequence else ()), *SHAPE)
    return (rng.random(shape) * (rng.random(shape) < 0.6)).astype(np.float32)


def network_of(kind):
    network = build(KINDS[kind], SHAPE, 10)
    initialise(network, torch.from_numpy(samples(kind, 32)), np.random.default_rng(0))
    return network


def goal_of(network, kind, scheme, divider, policy="minimum"):
    ranges = observe(export(network, SHAPE), samples(kind, 32))
    recipe = Recipe(scheme=scheme, divider=divider, zero_policy=policy)
    return Goal(recipe=recipe, ranges=ranges, target=EVERY)


def check_equal(kind, scheme, divider, policy, *, sequence=False):
    network = network_of(kind)
    goal = goal_of(network, kind, load_scheme(scheme), divider, policy)
    x = samples(kind, sequence=sequence)
    found = IntegerNetwork(network, goal, SHAPE, 1.0)(torch.from_numpy(x))
    trace = run_integer(goal.integers(export(network, SHAPE)), x)
    expected = trace.logits.astype(np.float32)
    assert trace.totals.any()
    np.testing.assert_array_equal(found.detach().numpy(), expected)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("policy", ["minimum", "floor"])
def test_logits_are_the_simulators(kind, policy):
    check_equal(kind, "int4", lut(4, 6), policy)


@pytest.mark.parametrize("name", names())
def test_logits_are_the_simulators_by_every_division(name):
    check_equal("vgg", "int8", named(name), "minimum")


@pytest.mark.parametrize("scheme", ["int8", "int3", "int2", "mixed", "pow2"])
def test_logits_are_the_simulators_in_every_scheme(scheme):
    check_equal("vgg", scheme, shift(), "minimum", sequence=True)


def test_gradients_are_those_of_the_float_network_that_fine_integers_stand_for():
    """One layer, one step, a loss linear in the spikes: no flipped spike disturbs a gradient."""
    kind = "one"
    network = network_of(kind)
    x = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))  # no zero divisors
    weight = torch.linspace(-1, 1, 60).sin().view(6, 10)
    goal = goal_of(network, kind, FINE, exact())
    found = []
    for model in (IntegerNetwork(network, goal, SHAPE, 1.0), network):
        network.zero_grad()
        (model(x) * weight).sum().backward()
        found.append({n: p.grad.flatten() for n, p in network.named_parameters()})
    for name, ours in found[0].items():
        theirs = found[1][name]
        assert cosine_similarity(ours, theirs, dim=0) > 0.99, name
        assert 0.95 < ours.norm() / theirs.norm() < 1.05, name


def test_a_constant_divisor_has_no_gradient_of_what_it_leaves_out():
    network = network_of("vgg")
    goal = goal_of(network, "vgg", FINE, constant())
    logits = IntegerNetwork(network, goal, SHAPE, 1.0)(torch.from_numpy(samples("vgg")))
    cross_entropy(logits, torch.arange(6)).backward()
    for name, parameter in network.named_parameters():
        assert parameter.grad.any() == (not name.endswith("gain_i")), name


def test_integers_follow_the_parameters():
    network = network_of("mlp")
    goal = goal_of(network, "mlp", load_scheme("int8"), lut(8, 8))
    model, x = IntegerNetwork(network, goal, SHAPE, 1.0), torch.from_numpy(samples("mlp"))
    before, circuit = model(x), model.integers()[0]
    assert model.integers()[0] is circuit
    with torch.no_grad():
        network.readout.excitatory.weight.mul_(torch.linspace(1, 2, 10)[:, None])
    assert model.integers()[0] is not circuit
    assert not torch.equal(model(x), before)

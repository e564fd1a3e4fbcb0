"""The compiled pass against plain torch: the same spikes, and gradients to rounding."""

import copy
import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn.functional import avg_pool2d, cross_entropy

from eideploy import native
from eideploy.model.initialise import initialise
from eideploy.model.networks import build
from eideploy.nn import LIF, Conv2d, Linear, Shunting, compiled, fused
from eideploy.nn.functional import divide, fire
from eideploy.nn.fused import Firing, ei_spikes, spikes
from eideploy.nn.stages import run
from tests.model.reference import (
    NETWORKS,
    by_either_kernel,
    golden,
    load_state,
    named,
    new_network,
    redrawn,
    state_of,
)

needs_compiler = pytest.mark.skipif(compiled.compiler() is None, reason="needs a C++ compiler")


def plainly(both, weight, gain, bias, how):
    n_e = len(gain)
    balanced, s_i = both[:, :n_e], both[:, n_e:]
    shunt, *more = torch.einsum("ni...,ei->ne...", s_i, weight).split(n_e, 1)
    current = divide(balanced + sum(more), shunt, gain, bias)
    return fired(current, how)


def fired(current, how):
    steps = [1 if how.repeat else how.steps, -1, *current.shape[1:]]
    over_time = current.view(steps).expand(how.steps, *[-1] * current.ndim)
    z = fire(over_time, how.decay).flatten(0, 1)
    return avg_pool2d(z, 2) if how.pool == 2 else z


def arguments(n_e, size, how, dtype, *, seed=0):
    """Currents with empty patches, and one image that is empty throughout."""
    rng = torch.Generator().manual_seed(seed)
    samples = 3 if how.repeat else 3 * how.steps
    s_i = torch.rand(samples, n_e // 4, *size, generator=rng, dtype=dtype)
    s_i[s_i.amax(1, keepdim=True).expand_as(s_i) < 0.9] = 0
    s_i[1] = 0
    balanced = torch.randn(samples, n_e, *size, generator=rng, dtype=dtype)
    weight = torch.rand(n_e, n_e // 4, generator=rng, dtype=dtype)
    gain, bias = torch.rand(2, n_e, generator=rng, dtype=dtype).unbind()
    return [torch.cat([balanced, s_i], 1), weight, gain, bias + 0.1]


def both_ways(one, other, tensors):
    """Outputs and gradients of two functions of the same tensors."""
    found = []
    for function in (one, other):
        inputs = [t.clone().requires_grad_() for t in tensors]
        out = function(*inputs)
        seed = torch.arange(out.numel(), dtype=out.dtype).sin().reshape(out.shape)
        found.append((out.detach(), torch.autograd.grad((out * seed).sum(), inputs)))
    return found


CASES = pytest.mark.parametrize(
    ("n_e", "size", "how"),
    [
        (8, (), Firing(steps=4, decay=0.5)),
        (70, (), Firing(steps=1, decay=0.75)),
        (8, (4, 6), Firing(steps=3, decay=0.5, pool=2)),
        (132, (3, 5), Firing(steps=4, decay=0.9)),
        (64, (4, 4), Firing(steps=5, decay=0.5, repeat=True, pool=2)),
        (12, (2, 2), Firing(steps=4, decay=0.5, repeat=True)),
    ],
)


@needs_compiler
@CASES
@pytest.mark.parametrize("folded", [True, False], ids=["folded", "unfolded"])
@pytest.mark.parametrize(("dtype", "rtol"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_the_compiled_pass_equals_plain_torch(n_e, size, how, dtype, rtol, folded):
    both, weight, *others = arguments(n_e, size, how, dtype)
    if not folded:
        weight = torch.cat([weight, -weight.flip(0) / len(weight)])
    (z, mine), (expected, theirs) = both_ways(
        lambda *a: ei_spikes(*a, how), lambda *a: plainly(*a, how), [both, weight, *others]
    )
    if dtype == torch.float64:
        assert torch.equal(z, expected)
    assert float((z != expected).double().mean()) < 1e-3
    for ours, reference in zip(mine, theirs, strict=True):
        bound = rtol * float(reference.abs().max())
        torch.testing.assert_close(ours, reference, rtol=rtol, atol=bound)


@needs_compiler
@CASES
def test_given_currents_are_fired_alike(n_e, size, how):
    current = arguments(n_e, size, how, torch.float64)[0]
    (z, mine), (expected, theirs) = both_ways(
        lambda i: spikes(i, how), lambda i: fired(i, how), [current]
    )
    assert torch.equal(z, expected)
    torch.testing.assert_close(mine[0], theirs[0], rtol=1e-12, atol=1e-12)


@needs_compiler
def test_the_surrogate_of_an_extreme_potential_vanishes_and_is_never_nan():
    how = Firing(steps=1, decay=0.5)
    current = torch.tensor([[-1e30, -200.0, 1.0, 200.0, 1e30]], requires_grad=True)
    spikes(current, how).sum().backward()
    assert current.grad[0].tolist() == pytest.approx([0, 0, 1, 0, 0], abs=1e-30)


@needs_compiler
def test_gradients_do_not_depend_on_the_number_of_threads():
    how = Firing(steps=4, decay=0.5, pool=2)
    tensors = arguments(64, (4, 4), how, torch.float32)

    def by(threads):
        torch.set_num_threads(threads)
        inputs = [t.clone().requires_grad_() for t in tensors]
        return torch.autograd.grad(ei_spikes(*inputs, how).square().sum(), inputs)

    for one, two in zip(by(1)[2:], by(2)[2:], strict=True):  # the others are matrix products
        assert torch.equal(one, two)


@needs_compiler
@CASES
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.skipif("avx512vl" not in native.processor(), reason="needs vectors of both widths")
def test_vectors_of_either_width_give_the_same_bits(n_e, size, how, dtype, monkeypatch):
    tensors, found = arguments(n_e, size, how, dtype), []
    for vectors in ("AVX2", "AVX512"):
        flags = (*native.FLAGS, "-fopenmp", *compiled.VECTORS[vectors])
        library = native.load(compiled.SOURCE, compiled.HEADERS, flags, name="kernel", instead="")
        monkeypatch.setattr(fused, "library", lambda library=library: library)
        inputs = [t.clone().requires_grad_() for t in tensors]
        out = ei_spikes(*inputs, how)
        seed = torch.arange(out.numel(), dtype=dtype).reshape(out.shape).remainder(7)
        found.append([out, *torch.autograd.grad((out * seed).sum(), inputs)])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


def close(ours, stored, rtol=1e-10):
    rtol = rtol if stored.dtype == np.float64 else 1e-6
    atol = rtol * max(np.abs(stored).max(), 1e-300)
    np.testing.assert_allclose(ours, stored.reshape(ours.shape), rtol=rtol, atol=atol)


@needs_compiler
@pytest.mark.parametrize("variant", ["init", "pert"])
@pytest.mark.parametrize(
    ("name", "make"),
    [("a1", lambda: Conv2d(3, 16, 3, padding=1)), ("a3", lambda: Conv2d(6, 8, 1, 2))],
)
def test_a_fused_layer_equals_the_reference(name, make, variant):
    data, layer, lif = golden(f"{name}_"), make().double(), LIF(steps=4)
    lif.steps, lif.fused = int(data["T"]), True
    names = ("excitatory.weight", "inhibitory.weight", "lateral.weight")
    mine = dict(zip(("W_ee", "W_ie", "W_ei"), map(layer.get_parameter, names), strict=True))
    mine |= {"g_i": layer.gain_i, "g_e": layer.gain_e, "b_e": layer.bias}
    with torch.no_grad():
        for key, parameter in mine.items():
            value = torch.from_numpy(data[f"{variant}/param/{key}"])
            parameter.copy_(value.reshape(parameter.shape))
    x = torch.from_numpy(data["x"]).double().requires_grad_()
    z = run([layer, lif], x)
    assert z.grad_fn.name() == "_EISpikesBackward"
    (z * torch.from_numpy(data["c"]).reshape(z.shape)).sum().backward()
    np.testing.assert_array_equal(z.detach(), data[f"{variant}/f64/spike"].reshape(z.shape))
    close(x.grad.numpy(), data[f"{variant}/f64/grad/x"])
    for key, parameter in mine.items():
        close(parameter.grad.numpy(), data[f"{variant}/f64/grad/{key}"])


@needs_compiler
@pytest.mark.parametrize(
    "name",
    [
        "c1_mlp_64_64_32_10",
        "c2_vgg8_narrow",
        pytest.param("c5_resnet18_full", marks=pytest.mark.slow),
    ],
)
def test_a_fused_network_equals_the_reference(name):
    data = golden(name)
    network, shape = new_network(name)
    load_state(network, redrawn(data) if name.startswith("c5") else state_of(data))
    network.double().use_kernel("fused")
    logits = network(torch.from_numpy(data["x"]).double().reshape(-1, *shape))
    cross_entropy(logits, torch.from_numpy(data["y"])).backward()
    np.testing.assert_allclose(logits.detach(), data["f64/logits"], rtol=1e-10, atol=1e-10)
    norms = dict(zip(data["param_names"], data["f64/grad_norm"], strict=True))
    mine = named(network, list(data["param_names"]))
    *_, last = (k for k in mine if "_ie" in k)
    for key, parameter in mine.items():
        if key != last:  # exactly 0 but for rounding
            assert float(parameter.grad.norm()) == pytest.approx(norms[key], rel=1e-8)


def residual():
    architecture, _ = NETWORKS["c5_resnet18_full"]
    network = build(replace(architecture, widths=(8, 16), blocks=1), (2, 6, 6), 10)
    initialise(network, torch.rand(4, 2, 6, 6), np.random.default_rng(0))
    return network.double()


@needs_compiler
@pytest.mark.parametrize("shape", [(3, 2, 6, 6), (3, 4, 2, 6, 6)])
def test_a_residual_network_gives_the_same_by_either_kernel(shape):
    network, x = residual(), torch.rand(shape, dtype=torch.double)
    for a, b in by_either_kernel(network, x):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9 * float(a.abs().max()))


@needs_compiler
def test_a_hooked_layer_runs_and_gives_the_same():
    network, x, seen = residual(), torch.rand(3, 2, 6, 6, dtype=torch.double), []
    network.use_kernel("fused")
    expected = network(x)
    for module in network.modules():
        if isinstance(module, LIF | Shunting):
            module.register_forward_hook(lambda m, _x, _y: seen.append(m))
    torch.testing.assert_close(network(x), expected, rtol=1e-12, atol=1e-12)
    assert len(seen) == len({id(m) for m in seen}) == 12


@needs_compiler
def test_copies_and_saved_networks_keep_their_kernel():
    network, x = residual(), torch.rand(2, 2, 6, 6, dtype=torch.double)
    network.use_kernel("fused")
    twin = copy.deepcopy(network)
    assert all(m.fused for m in twin.modules() if isinstance(m, LIF))
    assert torch.equal(twin(x), network(x))


@pytest.fixture
def uncached(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    compiled.library.cache_clear()
    yield tmp_path
    compiled.library.cache_clear()


def test_without_a_compiler_plain_torch_runs_after_one_line(uncached, monkeypatch, capsys):
    monkeypatch.setattr(native, "compiler", lambda: None)
    network, x = residual(), torch.rand(2, 2, 6, 6, dtype=torch.double)
    expected = network(x)
    network.use_kernel("auto")
    assert torch.equal(network(x), expected)
    assert capsys.readouterr().err == ""
    network.use_kernel("fused")
    assert torch.equal(network(x), expected)
    assert capsys.readouterr().err == (
        "fused kernel: there is no C++ compiler (g++, clang++, or $CXX); "
        "training by plain torch, slower\n"
    )


@pytest.mark.parametrize("script", ["exit 1", "echo broken >&2; exit 1"])
def test_a_failed_compilation_falls_back_to_plain_torch(uncached, monkeypatch, capsys, script):
    fake = uncached / "cxx"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CXX", str(fake))
    assert compiled.library() is None
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("fused kernel: ")
    assert line.endswith("; training by plain torch, slower")
    assert not list(uncached.rglob("*.so"))


@needs_compiler
def test_a_library_is_compiled_once(uncached, monkeypatch):
    assert compiled.library() is not None
    compiled.library.cache_clear()
    monkeypatch.setattr(native, "compile_to", lambda *_: pytest.fail("compiled again"))
    assert compiled.library() is not None
    assert compiled.available()


@needs_compiler
def test_a_sample_of_no_positive_divisor_gives_the_bias_and_no_gradient():
    how = Firing(steps=1, decay=0.5)
    both = torch.tensor([[0.5, 1.0, 2.0, 3.0, 0.0]], requires_grad=True)
    weight = torch.ones(4, 1)
    bias = torch.tensor([0.5, 1.0, 1.5, math.inf])
    assert ei_spikes(both, weight, torch.ones(4), bias, how).tolist() == [[0, 1, 1, 1]]
    ei_spikes(both, weight, torch.ones(4), torch.ones(4), how).sum().backward()
    assert both.grad.tolist() == [[0, 0, 0, 0, 0]]


@needs_compiler
def test_a_second_way_back_through_the_pass_is_refused():
    tensors = arguments(8, (4, 4), Firing(steps=2, decay=0.5), torch.float32)
    loss = ei_spikes(*(t.requires_grad_() for t in tensors), Firing(steps=2, decay=0.5)).sum()
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


@needs_compiler
@pytest.mark.parametrize("fused", [True, False])
@pytest.mark.parametrize(
    ("make", "shape"),
    [(Linear, (8, 20)), (partial(Conv2d, kernel_size=3, padding=1), (8, 20, 3, 4))],
    ids=["linear", "conv"],
)
def test_a_layer_computes_the_same_whether_weights_are_folded_or_not(make, shape, fused):
    torch.manual_seed(0)
    layer, lif, x = make(20, 12).double(), LIF(steps=4), torch.rand(shape, dtype=torch.double)
    lif.fused, found = fused, []
    for parameter in layer.parameters():
        torch.nn.init.uniform_(parameter, 0, 0.1)
    for fan_in in (0, math.inf):  # of which more entries than currents are not folded
        layer.fan_in = fan_in
        current, z = layer(x), run([layer, lif], x)
        (z * torch.arange(z.numel()).reshape(z.shape).sin()).sum().backward()
        found.append([current.detach(), z.detach(), *(p.grad for p in layer.parameters())])
        layer.zero_grad()
    assert 0 < float(found[0][1].mean()) < 1
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)

"""W_IE x is exactly 0 where nothing arrives (M6), whatever a library's convolution leaves there."""

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d, pad

from eideploy.config import Architecture
from eideploy.data.dataset import Split
from eideploy.model.health import measure_health
from eideploy.model.initialise import initialise
from eideploy.model.networks import build
from eideploy.nn import Conv2d, direct
from eideploy.nn.direct import convolved, sums_directly
from tests.helpers.processors import python

CASES = pytest.mark.parametrize(
    ("kernel", "stride", "size"), [(3, 1, (9, 9)), (3, 2, (9, 8)), (1, 1, (5, 7)), (1, 2, (6, 5))]
)


def by_fft(x, weight, bias=None, stride=1, padding=0):
    """A convolution with the rounding errors of one by FFT, of the largest input everywhere."""
    assert bias is None
    x = pad(x, [padding] * 4)
    size = [a + b - 1 for a, b in zip(x.shape[2:], weight.shape[2:], strict=True)]
    spectra = torch.fft.rfft2(x, size)[:, None] * torch.fft.rfft2(weight, size).conj()[None]
    whole = torch.fft.irfft2(spectra.sum(2), size)
    high, wide = (a - b + 1 for a, b in zip(x.shape[2:], weight.shape[2:], strict=True))
    return whole[:, :, :high:stride, :wide:stride].contiguous()


@pytest.fixture
def inexact(monkeypatch):
    """Let torch convolve as a GPU's library may."""

    def anywhere(_device, _dtype):
        return False

    monkeypatch.setattr(direct, "conv2d", by_fft)
    monkeypatch.setattr(direct, "sums_directly", anywhere)
    monkeypatch.setattr("eideploy.nn.layers.sums_directly", anywhere)


def sparse(shape, *, dtype=torch.float32, seed=0):
    """Inputs that are 0 in a corner, in one sample throughout, and in most other places."""
    rng = torch.Generator().manual_seed(seed)
    x = torch.rand(shape, generator=rng, dtype=dtype)
    x = x * (torch.rand(shape, generator=rng) < 0.1)
    x[:, :, : shape[2] // 2, : shape[3] // 2] = 0
    x[1] = 0
    return x.contiguous(memory_format=torch.channels_last)


def layer(kernel, stride, *, dtype=torch.float32, seed=0):
    torch.manual_seed(seed)
    made = Conv2d(3, 8, kernel, stride, kernel // 2).to(dtype)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.rand(parameter.shape, dtype=dtype))
        made.inhibitory.weight.mul_(torch.rand(made.inhibitory.weight.shape) < 0.5)  # as training
    return made


@CASES
def test_the_simulated_library_leaves_something_where_nothing_arrives(kernel, stride, size):
    x, made = sparse((4, 3, *size)), layer(kernel, stride)
    weight, how = made.inhibitory.weight, (stride, made.padding)
    exact, found = conv2d(x, weight, None, *how), by_fft(x, weight, None, *how)
    torch.testing.assert_close(found, exact, rtol=1e-4, atol=1e-5)
    assert (found[exact == 0] != 0).any()


@CASES
def test_zeros_are_exact_and_nothing_else_is_zero(kernel, stride, size, inexact):
    x, made = sparse((4, 3, *size)), layer(kernel, stride)
    truth = conv2d(x.double(), made.inhibitory.weight.double(), None, stride, made.padding)
    both, weight = made.drive(x)
    s_i = both[:, made.n_e :]
    assert torch.equal(s_i == 0, truth == 0)
    assert (s_i >= 0).all()
    bound = 100 * torch.finfo(torch.float32).eps * truth
    assert ((s_i - truth).abs() <= bound).all()  # of each sum itself, not of the largest
    divisor = made._shunt(s_i, weight)[:, : made.n_e]
    nothing = (truth == 0).all(1, keepdim=True).expand_as(divisor)
    assert torch.equal(divisor == 0, nothing)


@CASES
def test_currents_and_gradients_are_those_of_torchs_own_convolution(
    kernel, stride, size, monkeypatch
):
    x = sparse((4, 3, *size), dtype=torch.float64)
    found = []
    for directly in (True, False):
        monkeypatch.setattr(direct, "sums_directly", lambda *_, d=directly: d)
        monkeypatch.setattr("eideploy.nn.layers.sums_directly", lambda *_, d=directly: d)
        made, inputs = layer(kernel, stride, dtype=torch.float64), x.clone().requires_grad_()
        out = made(inputs)
        out.square().sum().backward()
        found.append([out, inputs.grad, *(p.grad for p in made.parameters())])
    for ours, torchs in zip(*found, strict=True):
        torch.testing.assert_close(ours, torchs, rtol=1e-10, atol=1e-10)


def test_the_gradient_is_that_of_differences(monkeypatch):
    monkeypatch.setattr(direct, "sums_directly", lambda *_: False)
    x = torch.rand(2, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    weight = torch.rand(3, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: convolved(*a, stride=2, padding=1), (x, weight))


def test_a_network_replaces_the_same_divisors_with_an_inexact_convolution(inexact):
    x, network = network_of(sparse((16, 3, 8, 8)))
    health = measure_health(network, split_of(x))
    with pytest.MonkeyPatch.context() as undone:
        undone.setattr(direct, "conv2d", conv2d)
        undone.setattr(direct, "sums_directly", sums_directly)
        undone.setattr("eideploy.nn.layers.sums_directly", sums_directly)
        expected = measure_health(network, split_of(x))
    assert health[0].zero_divisor == expected[0].zero_divisor > 0.1


def network_of(x):
    network = build(Architecture(kind="vgg", widths=(8, "P", 12), steps=3), (3, 8, 8), 10)
    initialise(network, x, np.random.default_rng(0))
    network.use_kernel("plain")
    return x, network


def split_of(x):
    y = np.zeros(len(x), np.int64)
    return Split(x=x.numpy(), y=y, divisor=1.0, offset=0.0, size=(8, 8), augmentation=())


def test_torchs_convolution_is_taken_where_it_only_adds_products(monkeypatch):
    cpu = torch.device("cpu")
    assert sums_directly(cpu, torch.float64)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert sums_directly(cpu, torch.float64)
    assert not sums_directly(cpu, torch.float32)
    for dtype in (torch.float32, torch.float64):
        assert not sums_directly(torch.device("cuda"), dtype)


@pytest.mark.cuda
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("benchmark", [False, True])
@pytest.mark.parametrize("channels", [16, 64])
def test_zeros_are_exact_on_a_gpu(benchmark, channels, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", benchmark)  # tries every algorithm
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    torch.manual_seed(0)
    made = Conv2d(channels, 64, 3, padding=1)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(torch.rand(parameter.shape))
    x = sparse((32, channels, 32, 32))
    truth = conv2d(x.double(), made.inhibitory.weight.double(), None, 1, 1)
    both, _ = made.cuda().drive(x.cuda())
    s_i = both[:, made.n_e :].cpu().double()
    assert torch.equal(s_i == 0, truth == 0)
    assert ((s_i - truth).abs() <= 1e-5 * truth).all()


STRIDED = """
import torch
from eideploy.nn.direct import Convolution

torch.manual_seed(0)
sizes = [(16, 4, 10, 8), (2, 5, 39, 12), (3, 3, 33, 8), (16, 39, 48, 8)]
for n, channels, maps, size in sizes * 20:
    layer, x = Convolution(channels, maps, 1, 2), torch.rand(n, channels, size, size)
    layer.to(memory_format=torch.channels_last)
    found = []
    for kind in (torch.float32, torch.float64):
        made, inputs = layer.to(kind), x.to(kind).contiguous(memory_format=torch.channels_last)
        out = made(inputs.requires_grad_())
        out.square().sum().backward()
        found.append([out, inputs.grad, made.weight.grad.clone()])
        made.zero_grad()
    for ours, exact in zip(*found, strict=True):
        assert (ours - exact).abs().max() <= 1e-5 * exact.abs().max()
print("done")
"""


def test_a_strided_convolution_of_1x1_keeps_within_its_memory():
    # in a process of its own, as what is overwritten may end it
    done = python(STRIDED, ONEDNN_MAX_CPU_ISA="AVX2", MALLOC_CHECK_="3", MALLOC_PERTURB_="165")
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr

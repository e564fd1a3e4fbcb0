"""Networks of E-I layers: fully connected, VGG-style from a list of widths, residual (SEW)."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn

from eideploy.config import Architecture
from eideploy.errors import ConfigError
from eideploy.model.baseline import NormConv2d, NormLinear, NormReadout
from eideploy.nn import (
    LIF,
    AvgPool2d,
    Conv2d,
    DirectCoding,
    EILayer,
    GlobalAvgPool2d,
    Linear,
    Readout,
)
from eideploy.nn.compiled import available
from eideploy.nn.stages import run

Shape = tuple[int, int, int]
Layer = Callable[..., nn.Module]
KINDS = (EILayer, NormConv2d, NormLinear, NormReadout)
LAYERS: Mapping[str, tuple[Layer, Layer, Layer]] = {
    "ei": (Conv2d, Linear, Readout),
    "batch": (NormConv2d, NormLinear, NormReadout),
}
MOST_WEIGHTS = 1 << 27  # 512 MiB in float32; the published ResNet-18 has 14 million


class Network(nn.Module):
    """An E-I network, or its batch-normalised baseline: encoder, body and readout.

    A still image passes the encoder once and its current is repeated over the steps, which is
    exactly what showing it T times gives.

    Args:
        encoder: the first E-I layer, after a flattening in a fully connected network.
        body: from the encoder's currents (T*B, ...) to spikes (T*B, d).
        readout: the output layer.
        steps: T.

    Attributes:
        ablated: whether its layers compute or learn otherwise than the method's.
        departures: what makes of it no E-I circuit, as `ablation.sign = false`.
    """

    initialised: Tensor  # () bool, saved with the parameters

    def __init__(
        self,
        encoder: nn.Sequential,
        body: nn.Sequential,
        readout: nn.Module,
        *,
        steps: int,
    ) -> None:
        super().__init__()
        self.encoder, self.body, self.readout = encoder, body, readout
        self.repeat = DirectCoding(steps, merged=True)
        self.steps = steps
        self.ablated = False
        self.departures: tuple[str, ...] = ()
        self.register_buffer("initialised", torch.tensor(data=False))
        self.use_kernel("plain")

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits (B, classes), the mean readout current over the steps (M9).

        Shapes   x: still images (B, C, H, W) or sequences (B, T, C, H, W), >= 0
        """
        if x.ndim == 4:
            z = run([*self.encoder, self.repeat, *self.body], x)
        else:
            z = run([*self.encoder, *self.body], x.transpose(0, 1).flatten(0, 1))
        merged: Tensor = self.readout(z)
        return merged.view(self.steps, -1, merged.shape[1]).mean(0)

    def use_kernel(self, kernel: Literal["auto", "fused", "plain"]) -> None:
        """Choose what computes division, LIF and pooling: a compiled pass, or plain torch.

        `fused` compiles the pass for the CPU on its first use and says so where it cannot; `auto`
        does the same where a compiler or an earlier build is at hand, and is silent otherwise. An
        ablated network takes plain torch always, and so do neurons that are reset to zero.
        """
        wanted = kernel == "fused" or (kernel == "auto" and available())
        fused = wanted and not self.ablated
        for module in self.modules():
            if isinstance(module, LIF):
                module.fused = fused

    def layers(self) -> dict[str, nn.Module]:
        """Return every layer under the name that it has in the circuit, as `export` numbers them.

        In order of construction, which is that of execution.
        """
        layers = (module for module in self.modules() if isinstance(module, KINDS))
        return {_name(layer, number): layer for number, layer in enumerate(layers, 1)}

    def ei_layers(self) -> Iterator[tuple[str, EILayer]]:
        """Yield name and layer of the E-I layers among them."""
        return ((n, m) for n, m in self.layers().items() if isinstance(m, EILayer))


def _name(layer: nn.Module, number: int) -> str:
    if isinstance(layer, Readout | NormReadout):
        return "readout"
    return f"conv{number}" if isinstance(layer, Conv2d | NormConv2d) else f"linear{number}"


class ResidualBlock(nn.Module):
    """A SEW basic block: two E-I convolutions, the sum taken after the second LIF (M17).

    Where the size or the channels change, the shortcut is a 1x1 E-I convolution with its own LIF.
    """

    def __init__(
        self,
        channels: int,
        n_e: int,
        *,
        stride: int,
        steps: int,
        tau: float = 2.0,
        conv: Layer = Conv2d,
    ) -> None:
        super().__init__()
        self.main = nn.Sequential(
            conv(channels, n_e, 3, stride, 1),
            LIF(tau, steps=steps),
            conv(n_e, n_e, 3, 1, 1),
            LIF(tau, steps=steps),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or channels != n_e:
            down = conv(channels, n_e, 1, stride)
            self.shortcut = nn.Sequential(down, LIF(tau, steps=steps))

    def forward(self, x: Tensor) -> Tensor:
        """Return main(x) + shortcut(x): spikes and sums of spikes."""
        return run(self.main, x) + run(self.shortcut, x)


def build(architecture: Architecture, input_shape: Shape, classes: int) -> Network:
    """Return the network of `architecture`, its weights still NaN.

    Raises:
        ConfigError: too few neurons or classes, more poolings than the image allows, or more
            weights than MOST_WEIGHTS.
    """
    builder = {"mlp": _mlp, "vgg": _vgg, "resnet": _resnet}[architecture.kind]
    with torch.device("meta"):  # takes no memory, whatever sizes are asked for
        weights = sum(p.numel() for p in builder(architecture, input_shape, classes).parameters())
    if weights > MOST_WEIGHTS:
        raise ConfigError(
            f"the network would have {weights} weights, at most {MOST_WEIGHTS} can be trained",
            where="network.widths",
            fix="give its layers fewer neurons",
        )
    network = builder(architecture, input_shape, classes)
    for module in network.modules():
        if isinstance(module, LIF):
            module.reset = "zero" if architecture.reset == "hard" else "subtract"
            module.tau = architecture.tau
    return network


def _layers(architecture: Architecture) -> tuple[Layer, Layer, Layer]:
    """Return what makes a convolution, a fully connected layer and a readout."""
    convolution, linear, readout = LAYERS[architecture.normalization]
    if architecture.normalization == "batch":
        return convolution, linear, readout
    ratio = {"ei_ratio": architecture.ei_ratio}
    return partial(convolution, **ratio), partial(linear, **ratio), partial(readout, **ratio)


def _numbers(architecture: Architecture) -> list[int]:
    return [w for w in architecture.widths if w != "P"]


def _mlp(architecture: Architecture, input_shape: Shape, classes: int) -> Network:
    _, linear, readout = _layers(architecture)
    first, *others = _numbers(architecture)
    inputs, steps = math.prod(input_shape), architecture.steps
    body: list[nn.Module] = [LIF(steps=steps)]
    fan_in = first
    for width in others:
        body += [linear(fan_in, width), LIF(steps=steps)]
        fan_in = width
    return Network(
        nn.Sequential(nn.Flatten(), linear(inputs, first)),
        nn.Sequential(*body),
        readout(fan_in, classes),
        steps=steps,
    )


def _vgg(architecture: Architecture, input_shape: Shape, classes: int) -> Network:
    conv, _, readout = _layers(architecture)
    channels, height, width = input_shape
    steps = architecture.steps
    first = _numbers(architecture)[0]
    body: list[nn.Module] = [LIF(steps=steps)]
    now = first
    for entry in architecture.widths[1:]:
        if entry == "P":
            height, width = _halved(height, width)
            body.append(AvgPool2d(2))
        else:
            body += [conv(now, entry, 3, 1, 1), LIF(steps=steps)]
            now = entry
    if architecture.classifier == "pool":
        body.append(GlobalAvgPool2d())
        height = width = 1
    return Network(
        nn.Sequential(conv(channels, first, 3, 1, 1)),
        nn.Sequential(*body, nn.Flatten()),
        readout(now * height * width, classes),
        steps=steps,
    )


def _halved(height: int, width: int) -> tuple[int, int]:
    if min(height, width) < 2:
        raise ConfigError(
            f"a map of {height}x{width} cannot be pooled 2x2",
            where="network.widths",
            fix='remove a "P"',
        )
    return height // 2, width // 2


def _resnet(architecture: Architecture, input_shape: Shape, classes: int) -> Network:
    conv, _, readout = _layers(architecture)
    steps, widths = architecture.steps, _numbers(architecture)
    body: list[nn.Module] = [LIF(steps=steps)]
    now = widths[0]
    for stage, width in enumerate(widths):
        for block in range(architecture.blocks):
            stride = 2 if stage and not block else 1
            body.append(ResidualBlock(now, width, stride=stride, steps=steps, conv=conv))
            now = width
    return Network(
        nn.Sequential(conv(input_shape[0], widths[0], 3, 1, 1)),
        nn.Sequential(*body, GlobalAvgPool2d(), nn.Flatten()),
        readout(now, classes),
        steps=steps,
    )

"""Run modules one after the other, a firing layer in one compiled pass where it can be.

A layer, its LIF and the pooling behind it stay modules of their own, which tools find, hook and
count; a hook on one of them sees it run, by plain torch.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol, runtime_checkable

from torch import Tensor, nn

from eideploy.nn.coding import DirectCoding
from eideploy.nn.fused import Firing
from eideploy.nn.neurons import LIF
from eideploy.nn.samples import merged


@runtime_checkable
class Driving(Protocol):
    """A layer that drives a LIF, in two steps, so that the second can be fused with the LIF.

    Attributes:
        axes: of a sample.
    """

    axes: int

    def drive(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return what the input's linear maps give, and what else the second step needs."""

    def current(self, *driven: Tensor) -> Tensor:
        """Return the current of what `drive` gave."""

    def spikes(self, *driven: Tensor, how: Firing) -> Tensor:
        """Return the spikes of what `drive` gave."""


def run(modules: Iterable[nn.Module], x: Tensor) -> Tensor:
    """Return what the modules, each fed by the one before it, make of `x`."""
    parts = list(modules)
    while parts:
        count = _firing(parts)
        if count:
            x = _fire(parts[:count], x)
        else:
            x, count = parts[0](x), 1
        parts = parts[count:]
    return x


def _firing(parts: Sequence[nn.Module]) -> int:
    """Return how many of the first modules are a layer, perhaps a repetition, LIF and pooling."""
    place = 2 if len(parts) > 2 and isinstance(parts[1], DirectCoding) else 1
    if not isinstance(parts[0], Driving) or len(parts) <= place:
        return 0
    lif, *after = parts[place:]
    if not isinstance(lif, LIF) or not lif.can_fuse:
        return 0
    count = place + 2 if after and _halves(after[0]) else place + 1
    return 0 if any(_hooked(module) for module in parts[:count]) else count


def _fire(parts: Sequence[nn.Module], x: Tensor) -> Tensor:
    layer, *rest = parts
    assert isinstance(layer, Driving)
    driven = layer.drive(merged(x, layer.axes))
    (lif,) = (m for m in rest if isinstance(m, LIF))
    coding = rest[0] if isinstance(rest[0], DirectCoding) else None
    lead = x.shape[: x.ndim - layer.axes]
    over = lead if coding is None or coding.merged else (coding.steps, *lead)
    even = driven[0].ndim == 4 and not any(s % 2 for s in driven[0].shape[2:])
    pooled = even and rest[-1] is not lif
    how = Firing(
        steps=lif.steps or over[0],
        decay=lif.decay,
        repeat=coding is not None,
        pool=2 if pooled else 1,
    )
    if how.fits(driven[0]):
        spikes = layer.spikes(*driven, how=how)
        if lif.steps is None:
            spikes = spikes.reshape(*over, *spikes.shape[1:])
        return spikes if pooled or rest[-1] is lif else run(rest[-1:], spikes)
    current = layer.current(*driven)
    return run(rest, current.reshape(*lead, *current.shape[1:]))


def _halves(module: nn.Module) -> bool:
    return isinstance(module, nn.AvgPool2d) and module.kernel_size == module.stride == 2


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)  # noqa: SLF001 (no other way)


class Sequential(nn.Sequential):
    """Modules one after the other, as torch's, a firing layer in one compiled pass where it can be.

    That is Linear or Conv2d, perhaps DirectCoding, LIF, and perhaps AvgPool2d(2); without a
    compiler, and for neurons that the pass has not, it is plain torch.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return what the modules make of `x`."""
        return run(self, x)

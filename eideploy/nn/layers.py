"""E-I layers: excitatory neurons with lateral, shunting and subtractive inhibition (M1-M11).

A layer holds W_EE and W_IE as two ordinary torch layers over its input and W_EI as a third over its
inhibitory neurons, so that standard tools find, count and save them. Weights are NaN until E-I Init
or a checkpoint fills them: a layer used too early refuses, and cannot pass for a trained one.
"""

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from eideploy.errors import ConfigError, UsageError
from eideploy.nn.arguments import require_padding, require_whole
from eideploy.nn.direct import Convolution, convolution, convolved, sums_directly
from eideploy.nn.functional import divide, fold, scale_gradient
from eideploy.nn.fused import Firing, ei_spikes
from eideploy.nn.projection import project
from eideploy.nn.samples import over_samples

Divide = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
EI_RATIO = 4  # one inhibitory neuron for so many excitatory ones


def inhibitory(excitatory: int, ratio: int) -> int:
    """Return n_I = n_E // ratio.

    Raises:
        ConfigError: that leaves no inhibitory neuron, or there is no such ratio.
    """
    if ratio < 1:
        raise ConfigError(
            f"a layer has {ratio} excitatory neurons for one inhibitory",
            where="ei_ratio",
            fix="give 1 or more",
        )
    if excitatory < ratio:
        raise ConfigError(
            f"a layer of {excitatory} excitatory neurons has no inhibitory one "
            f"(n_I = n_E // {ratio})",
            where="network.widths, or out_features",
            fix=f"give every layer at least {ratio}",
        )
    return excitatory // ratio


class EILayer(nn.Module):
    """What all E-I layers share: W_EE, W_IE and W_EI.

    Args:
        connect: makes the torch layer from the input onto so many neurons.
        fan_in: d, inputs of one neuron.
        n_e: excitatory neurons or channels.
        n_i: inhibitory ones.

    Attributes:
        axes: of a sample, 1, or 3 of maps.
        gradient_scale: what the gradient of W_EI is multiplied by, 1/d (M11).
        keeps_sign: whether weights and gains stay >= 0; an ablation's may not (M19).
    """

    axes = 1

    def __init__(
        self, connect: Callable[[int], nn.Module], fan_in: int, n_e: int, n_i: int
    ) -> None:
        super().__init__()
        self.fan_in, self.n_e, self.n_i = fan_in, n_e, n_i
        self.gradient_scale, self.keeps_sign = 1 / fan_in, True
        self.excitatory = connect(self.n_e)  # W_EE
        self.inhibitory = connect(self.n_i)  # W_IE
        self.lateral = self._onto_excitatory()  # W_EI
        self.empty()

    def empty(self) -> None:
        """Take the weights away, as they are before anything fills them."""
        self._was_filled = False
        for parameter in self.parameters():
            nn.init.constant_(parameter, torch.nan)

    def _onto_excitatory(self) -> nn.Module:
        return nn.Linear(self.n_i, self.n_e, bias=False)

    @property
    def is_filled(self) -> bool:
        """Whether E-I Init, or a state that was loaded, has filled the weights."""
        return not bool(self.lateral.get_parameter("weight").view(-1)[0].isnan())

    def prepare(self) -> None:
        """Make the weights and gains fit for use: there, and none of them negative (M14).

        Raises:
            UsageError: nothing has filled them.
        """
        if not self._was_filled:  # asked once, as asking waits for the device
            if not self.is_filled:
                raise UsageError(
                    "the layer has no weights yet",
                    where=f"{type(self).__name__}({self.extra_repr()})",
                    fix="call eideploy.nn.initialise(model, first_batch), or load a state",
                )
            self._was_filled = True
        if self.keeps_sign:
            for parameter in self.unsigned():
                project(parameter)

    def unsigned(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that Dale's law keeps at 0 or above."""
        return (p for part in self.children() for p in part.parameters())

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return W_EE, W_IE and W_EI, whose gradient is scaled (M11)."""
        self.prepare()
        lateral = self.lateral.get_parameter("weight").view(self.n_e, self.n_i)
        w_ei = scale_gradient(lateral, self.gradient_scale)
        w_ee, w_ie = (p.get_parameter("weight") for p in (self.excitatory, self.inhibitory))
        return w_ee, w_ie, w_ei


class Shunting(EILayer):
    """An E-I layer whose excitatory neurons are divided by shunting inhibition.

    Attributes:
        divide: what `current` divides by, `functional.divide` but for an ablation.
    """

    def __init__(
        self, connect: Callable[[int], nn.Module], fan_in: int, n_e: int, ei_ratio: int
    ) -> None:
        super().__init__(connect, fan_in, n_e, inhibitory(n_e, ei_ratio))
        self.divide: Divide = divide
        self.gain_i = nn.Parameter(torch.full((self.n_i,), torch.nan))  # g_I
        self.gain_e = nn.Parameter(torch.full((self.n_e,), torch.nan))  # g_E
        self.bias = nn.Parameter(torch.full((self.n_e,), torch.nan))  # b_E

    def forward(self, x: Tensor) -> Tensor:
        """Return the excitatory current I (M5).

        Shapes   x: (T, B, inputs...), (B, inputs...) or (T*B, inputs...), >= 0;
                 current: likewise (..., n_E, ...)
        """
        return over_samples(lambda rows: self.current(*self.drive(rows)), x, self.axes)

    def unsigned(self) -> Iterator[nn.Parameter]:
        """Yield the parameters that Dale's law keeps at 0 or above."""
        yield from (*super().unsigned(), self.gain_i, self.gain_e)

    def drive(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return currents and what `current` and `spikes` multiply s_I by.

        These are I_EE - I_EI with s_I behind (N, n_E + n_I, ...), and W_EI g_I (n_E, n_I); or,
        where an input has more entries than currents, so that forming W_EI W_IE is more work than
        I_EI, they are I_EE with s_I behind, and W_EI g_I on top of -W_EI.
        """
        w_ee, w_ie, w_ei = self._weights()
        if self._positions(x) > self.fan_in:
            return self._connect(x, fold(w_ee, w_ie, w_ei)), w_ei * self.gain_i
        both = self._connect(x, torch.cat([w_ee, w_ie]))
        return both, torch.cat([w_ei * self.gain_i, -w_ei])

    def current(self, both: Tensor, weight: Tensor) -> Tensor:
        """Return the current I of what `drive` gives (M3-M5)."""
        balanced, s_i = torch.split(both, [self.n_e, self.n_i], dim=1)
        shunt = self._shunt(s_i, weight)
        if len(weight) > self.n_e:
            shunt, subtracted = torch.split(shunt, self.n_e, dim=1)
            balanced = balanced + subtracted
        return self.divide(balanced, shunt, self.gain_e, self.bias)

    def divisor(self, x: Tensor) -> Tensor:
        """Return I_div (M4), before zeros are replaced (M6)."""
        _, w_ie, w_ei = self._weights()
        return self._shunt(self._inhibit(x, w_ie), w_ei * self.gain_i)

    def spikes(self, both: Tensor, weight: Tensor, *, how: Firing) -> Tensor:
        """Return the spikes that the current drives, by the compiled pass (M4-M8)."""
        return ei_spikes(both, weight, self.gain_e, self.bias, how)

    def _connect(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the sums of `x` by excitatory weights on top of W_IE, whose zeros are exact."""
        raise NotImplementedError

    def _inhibit(self, x: Tensor, w_ie: Tensor) -> Tensor:
        """Return s_I (M2), its zeros exact."""
        raise NotImplementedError

    def _positions(self, x: Tensor) -> int:
        """Return how many currents of one neuron `x` drives, over all samples and positions."""
        raise NotImplementedError

    def _shunt(self, s_i: Tensor, weight: Tensor) -> Tensor:
        """Return W s_I, its zeros exact."""
        raise NotImplementedError


class Linear(Shunting):
    """A fully connected E-I layer, (..., in_features) -> (..., out_features).

    Args:
        in_features, out_features: inputs, and excitatory neurons.
        ei_ratio: excitatory neurons for one inhibitory.
    """

    def __init__(self, in_features: int, out_features: int, *, ei_ratio: int = EI_RATIO) -> None:
        require_whole(
            "Linear", in_features=in_features, out_features=out_features, ei_ratio=ei_ratio
        )
        self.in_features, self.out_features, self.ei_ratio = in_features, out_features, ei_ratio
        super().__init__(
            lambda n: nn.Linear(in_features, n, bias=False), in_features, out_features, ei_ratio
        )

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.in_features}, {self.out_features}, ei_ratio={self.ei_ratio}"

    def _connect(self, x: Tensor, weight: Tensor) -> Tensor:
        return nn.functional.linear(x, weight)

    def _inhibit(self, x: Tensor, w_ie: Tensor) -> Tensor:
        return nn.functional.linear(x, w_ie)

    def _positions(self, x: Tensor) -> int:
        return len(x)

    def _shunt(self, s_i: Tensor, weight: Tensor) -> Tensor:
        return nn.functional.linear(s_i, weight)


class Conv2d(Shunting):
    """A convolutional E-I layer, (..., C, H, W) -> (..., out_channels, H', W').

    Args:
        in_channels, out_channels: of the input, and of excitatory neurons.
        kernel_size, stride, padding: the same in height and width.
        ei_ratio: excitatory channels for one inhibitory.
    """

    axes = 3

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: int = 0,
        *,
        ei_ratio: int = EI_RATIO,
    ) -> None:
        require_whole(
            "Conv2d",
            in_channels=in_channels,
            out_channels=out_channels,
            kernel_size=kernel_size,
            stride=stride,
            ei_ratio=ei_ratio,
        )
        require_padding("Conv2d", padding=padding, kernel_size=kernel_size)
        self.in_channels, self.out_channels, self.ei_ratio = in_channels, out_channels, ei_ratio
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        super().__init__(
            lambda n: Convolution(in_channels, n, kernel_size, stride, padding),
            in_channels * kernel_size**2,
            out_channels,
            ei_ratio,
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def extra_repr(self) -> str:
        """Return the arguments."""
        return (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}, padding={self.padding}, ei_ratio={self.ei_ratio}"
        )

    def _onto_excitatory(self) -> nn.Module:
        return Convolution(self.n_i, self.n_e, 1)

    def _connect(self, x: Tensor, weight: Tensor) -> Tensor:
        # the folded weight is channels-last, and so will be the current
        if sums_directly(x.device, x.dtype):
            return convolution(x, weight, stride=self.stride, padding=self.padding)
        excitatory = weight[: self.n_e]
        balanced = convolution(x, excitatory, stride=self.stride, padding=self.padding)
        s_i = self._inhibit(x, weight[self.n_e :])
        return torch.cat([balanced.to(s_i.dtype), s_i], 1)

    def _inhibit(self, x: Tensor, w_ie: Tensor) -> Tensor:
        return convolved(x, w_ie, stride=self.stride, padding=self.padding)

    def _positions(self, x: Tensor) -> int:
        spare = 2 * self.padding - self.kernel_size
        return len(x) * math.prod((size + spare) // self.stride + 1 for size in x.shape[2:])

    def _shunt(self, s_i: Tensor, weight: Tensor) -> Tensor:
        return convolved(s_i, weight[:, :, None, None], stride=1, padding=0)


class Readout(EILayer):
    """The output layer, I = I_EE - I_EI without a division (M9).

    (..., in_features) -> (..., out_features); the logits are its mean over time. Of fewer classes
    than `ei_ratio` it has one inhibitory neuron.

    Args:
        in_features, out_features: inputs, and classes.
        ei_ratio: classes for one inhibitory neuron.
    """

    def __init__(self, in_features: int, out_features: int, *, ei_ratio: int = EI_RATIO) -> None:
        require_whole(
            "Readout", in_features=in_features, out_features=out_features, ei_ratio=ei_ratio
        )
        self.in_features, self.out_features, self.ei_ratio = in_features, out_features, ei_ratio
        n_i = inhibitory(max(out_features, ei_ratio), ei_ratio)
        super().__init__(
            lambda n: nn.Linear(in_features, n, bias=False), in_features, out_features, n_i
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the balanced current of every class."""
        return nn.functional.linear(x, fold(*self._weights())[: self.n_e])

    def extra_repr(self) -> str:
        """Return the arguments."""
        return f"{self.in_features}, {self.out_features}, ei_ratio={self.ei_ratio}"

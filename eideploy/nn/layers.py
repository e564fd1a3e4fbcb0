"""E-I layers: excitatory neurons with lateral, shunting and subtractive inhibition (M1-M11).

A layer holds W_EE and W_IE as two ordinary torch layers over its input and W_EI as a third over its
inhibitory neurons, so that standard tools find, count and save them. Weights are NaN until E-I Init
or a checkpoint fills them: a network used too early cannot pass for a trained one.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from eideploy.errors import ConfigError
from eideploy.nn.direct import Conv2d, convolution, convolved, sums_directly
from eideploy.nn.functional import divide, fire, fold, scale_gradient
from eideploy.nn.fused import Firing, ei_spikes

Divide = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]
INHIBITORY_SHARE = 4  # one inhibitory neuron for so many excitatory ones


def inhibitory(excitatory: int) -> int:
    """Return n_I = n_E // 4.

    Raises:
        ConfigError: that leaves no inhibitory neuron.
    """
    if excitatory < INHIBITORY_SHARE:
        raise ConfigError(
            f"a layer of {excitatory} excitatory neurons has no inhibitory one (n_I = n_E // 4)",
            where="network.widths",
            fix=f"give every layer at least {INHIBITORY_SHARE}",
        )
    return excitatory // INHIBITORY_SHARE


class EILayer(nn.Module):
    """What all E-I layers share: W_EE, W_IE and W_EI.

    Args:
        connect: makes the torch layer from the input onto so many neurons.
        fan_in: d, inputs of one neuron.
        n_e: excitatory neurons or channels.
        n_i: inhibitory ones; n_E // 4 where it is not said.

    Attributes:
        gradient_scale: what the gradient of W_EI is multiplied by, 1/d (M11).
    """

    def __init__(
        self, connect: Callable[[int], nn.Module], fan_in: int, n_e: int, n_i: int | None = None
    ) -> None:
        super().__init__()
        self.fan_in, self.n_e, self.n_i = fan_in, n_e, inhibitory(n_e) if n_i is None else n_i
        self.gradient_scale = 1 / fan_in
        self.excitatory = connect(self.n_e)  # W_EE
        self.inhibitory = connect(self.n_i)  # W_IE
        self.lateral = self._onto_excitatory()  # W_EI
        for parameter in self.parameters():
            nn.init.constant_(parameter, torch.nan)

    def _onto_excitatory(self) -> nn.Module:
        return nn.Linear(self.n_i, self.n_e, bias=False)

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return W_EE, W_IE and W_EI, whose gradient is scaled (M11)."""
        lateral = self.lateral.get_parameter("weight").view(self.n_e, self.n_i)
        w_ei = scale_gradient(lateral, self.gradient_scale)
        w_ee, w_ie = (p.get_parameter("weight") for p in (self.excitatory, self.inhibitory))
        return w_ee, w_ie, w_ei


class Shunting(EILayer):
    """An E-I layer whose excitatory neurons are divided by shunting inhibition.

    Attributes:
        divide: what `current` divides by, `functional.divide` but for an ablation.
    """

    def __init__(self, connect: Callable[[int], nn.Module], fan_in: int, n_e: int) -> None:
        super().__init__(connect, fan_in, n_e)
        self.divide: Divide = divide
        self.gain_i = nn.Parameter(torch.full((self.n_i,), torch.nan))  # g_I
        self.gain_e = nn.Parameter(torch.full((self.n_e,), torch.nan))  # g_E
        self.bias = nn.Parameter(torch.full((self.n_e,), torch.nan))  # b_E

    def forward(self, x: Tensor) -> Tensor:
        """Return the excitatory current I (M5).

        Shapes   x: (T*B, inputs...) >= 0; current: (T*B, n_E, ...)
        """
        return self.current(*self.drive(x))

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
            shunt, taken = torch.split(shunt, self.n_e, dim=1)
            balanced = balanced + taken
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


class EILinear(Shunting):
    """A fully connected E-I layer, (T*B, d) -> (T*B, n_E)."""

    def __init__(self, inputs: int, n_e: int) -> None:
        super().__init__(lambda n: nn.Linear(inputs, n, bias=False), inputs, n_e)

    def _connect(self, x: Tensor, weight: Tensor) -> Tensor:
        return nn.functional.linear(x, weight)

    def _inhibit(self, x: Tensor, w_ie: Tensor) -> Tensor:
        return nn.functional.linear(x, w_ie)

    def _positions(self, x: Tensor) -> int:
        return len(x)

    def _shunt(self, s_i: Tensor, weight: Tensor) -> Tensor:
        return nn.functional.linear(s_i, weight)


class EIConv2d(Shunting):
    """A convolutional E-I layer, (T*B, C, H, W) -> (T*B, n_E, H', W'), padded by kernel // 2."""

    def __init__(self, channels: int, n_e: int, *, kernel: int = 3, stride: int = 1) -> None:
        self.kernel, self.stride, self.padding = kernel, stride, kernel // 2
        super().__init__(
            lambda n: Conv2d(channels, n, kernel, stride),
            channels * kernel * kernel,
            n_e,
        )
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _onto_excitatory(self) -> nn.Module:
        return Conv2d(self.n_i, self.n_e, 1)

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
        return len(x) * math.prod(-(-size // self.stride) for size in x.shape[2:])

    def _shunt(self, s_i: Tensor, weight: Tensor) -> Tensor:
        return convolved(s_i, weight[:, :, None, None], stride=1, padding=0)


class EIReadout(EILayer):
    """The output layer, I = I_EE - I_EI without a division (M9), (T*B, d) -> (T*B, classes).

    Of less than four classes it has one inhibitory neuron.
    """

    def __init__(self, inputs: int, classes: int) -> None:
        n_i = max(1, classes // INHIBITORY_SHARE)
        super().__init__(lambda n: nn.Linear(inputs, n, bias=False), inputs, classes, n_i)

    def forward(self, x: Tensor) -> Tensor:
        """Return the balanced current of every class."""
        return nn.functional.linear(x, fold(*self._weights())[: self.n_e])


class LIF(nn.Module):
    """Leaky integrate-and-fire neurons over merged samples (M7, M8), threshold 1.

    Attributes:
        to_zero: whether a spike resets the membrane to zero (M20); else it subtracts the threshold.
        fused: let the compiled pass of `stages.run` do the work where it can.
    """

    def __init__(self, steps: int, *, tau: float = 2.0) -> None:
        super().__init__()
        self.steps, self.decay = steps, 1 - 1 / tau
        self.to_zero = self.fused = False

    def forward(self, current: Tensor) -> Tensor:
        """Return the spikes of currents (T*B, ...), time-major, in the same shape."""
        by_time = current.view(self.steps, -1, *current.shape[1:])
        return fire(by_time, self.decay, to_zero=self.to_zero).flatten(0, 1)


class DirectCoding(nn.Module):
    """Repeat what an image gives over all T steps, (B, ...) -> (T*B, ...), time-major."""

    def __init__(self, steps: int) -> None:
        super().__init__()
        self.steps = steps

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` once per step."""
        return x.expand(self.steps, *x.shape).flatten(0, 1)

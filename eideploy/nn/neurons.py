"""Spiking neurons over time, or step by step."""

from typing import NamedTuple

from torch import Tensor, nn

from eideploy import neurons
from eideploy.errors import ConfigError
from eideploy.nn.arguments import require_numbers, require_whole
from eideploy.nn.compiled import is_at_hand
from eideploy.nn.functional import fire
from eideploy.options.choices import Reset


class Step(NamedTuple):
    """Makes a call of neurons a single step, from the membranes `state`; 0 without any."""

    state: Tensor | None


class LIF(nn.Module):
    """Leaky integrate-and-fire neurons (M7, M8), over currents (T, B, ...).

        u_t = v_{t-1} - v_{t-1} / tau + I_t        z_t = u_t >= threshold

    and v_t is u_t less the threshold where there was a spike, or 0 (M20). Currents do not decay,
    and the membrane starts at 0. The surrogate gradient is that of a sigmoid, in units of the
    threshold.

    Args:
        tau: in time steps, at least 1; integers leak by a shift where it is a power of two.
        threshold: above 0.
        reset: "subtract" the threshold, or to "zero".
        steps: T where samples are merged, (T*B, ...), time-major.

    Attributes:
        fused: let `Sequential` compute it with the layer before it in one compiled pass.
    """

    def __init__(
        self,
        tau: float = 2.0,
        *,
        threshold: float = 1.0,
        reset: Reset = "subtract",
        steps: int | None = None,
    ) -> None:
        super().__init__()
        require_numbers(type(self).__name__, tau=tau, threshold=threshold)
        if steps is not None:
            require_whole(type(self).__name__, steps=steps)
        self.tau, self.threshold, self.reset, self.steps = tau, threshold, reset, steps
        if faults := list(self.model.faults()):
            raise ConfigError(
                f"a neuron {', '.join(faults)}",
                where=f"eideploy.nn.{type(self).__name__}",
                fix=f"give a finite tau of at least 1, a threshold above 0, and one of the resets "
                f"{', '.join(neurons.RESETS)}",
            )
        self.fused = is_at_hand()

    @property
    def model(self) -> neurons.LIF:
        """The neurons as a circuit has them."""
        return neurons.LIF(tau=self.tau, threshold=self.threshold, reset=self.reset)

    @property
    def decay(self) -> float:
        """What a membrane keeps from step to step."""
        return 1 - 1 / self.tau

    @property
    def can_fuse(self) -> bool:
        """Whether the compiled pass is asked for, and has such neurons."""
        return self.fused and self.threshold == 1 and self.reset == "subtract"

    def forward(self, current: Tensor, at: Step | None = None) -> Tensor | tuple[Tensor, Tensor]:
        """Return the spikes of currents (T, B, ...), in the same shape; or of merged ones."""
        if at is not None:
            return self._step(current, at.state)
        if self.steps is None:
            return self._fire(current)
        by_time = current.view(self.steps, -1, *current.shape[1:])
        return self._fire(by_time).flatten(0, 1)

    def step(self, current: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Return the spikes of one time step, and the membranes after it.

        Shapes   current, state, spikes: (B, ...); without a state membranes are 0
        """
        after: tuple[Tensor, Tensor] = self(current, Step(state))  # a call, which hooks see
        return after

    def _step(self, current: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        u = current if state is None else self.decay * state + current
        (spikes,) = self._fire(u[None])
        fired = spikes.detach()
        return spikes, u * (1 - fired) if self.reset == "zero" else u - self.threshold * fired

    def _fire(self, current: Tensor) -> Tensor:
        if self.threshold != 1:
            current = current / self.threshold
        return fire(current, self.decay, to_zero=self.reset == "zero")

    def extra_repr(self) -> str:
        """Return the arguments."""
        of_merged = "" if self.steps is None else f", steps={self.steps}"
        return f"{self._leak()}threshold={self.threshold:g}, reset={self.reset!r}{of_merged}"

    def _leak(self) -> str:
        return f"tau={self.tau:g}, "


class IF(LIF):
    """Integrate-and-fire neurons: LIF without a leak."""

    def __init__(
        self, *, threshold: float = 1.0, reset: Reset = "subtract", steps: int | None = None
    ) -> None:
        super().__init__(neurons.NO_LEAK, threshold=threshold, reset=reset, steps=steps)

    def _leak(self) -> str:
        return ""

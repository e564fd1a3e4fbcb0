"""How a still image becomes a sequence."""

from torch import Tensor, nn

from eideploy.nn.arguments import require_whole


class DirectCoding(nn.Module):
    """Show what it is given at every step, (B, ...) -> (T, B, ...).

    Behind the first layer it spares computing the same current T times.

    Args:
        steps: T.
        merged: return (T*B, ...), time-major.
    """

    def __init__(self, steps: int, *, merged: bool = False) -> None:
        super().__init__()
        require_whole("DirectCoding", steps=steps)
        self.steps, self.merged = steps, merged

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` once per step."""
        sequence = x.expand(self.steps, *x.shape)
        return sequence.flatten(0, 1) if self.merged else sequence

    def extra_repr(self) -> str:
        """Return the number of steps."""
        return f"steps={self.steps}"

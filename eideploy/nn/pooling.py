"""Mean pooling of maps, whatever stands before them: time, batch, or both."""

from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from eideploy.nn.arguments import require_whole
from eideploy.nn.samples import over_samples


class AvgPool2d(nn.AvgPool2d):
    """The mean over windows side by side, (..., C, H, W); a remainder at the border is dropped."""

    def __init__(self, kernel_size: int) -> None:
        require_whole("AvgPool2d", kernel_size=kernel_size)
        super().__init__(kernel_size)

    def forward(self, x: Tensor) -> Tensor:
        """Return the means."""
        return over_samples(lambda maps: avg_pool2d(maps, self.kernel_size), x, 3)


class GlobalAvgPool2d(nn.Module):
    """The mean over all positions, (..., C, H, W) -> (..., C, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean of `x` over height and width."""
        return x.mean((-2, -1), keepdim=True)

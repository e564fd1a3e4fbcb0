"""The TensorBoard log of a training, for those who have tensorboard installed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from eideploy.errors import UsageError
from eideploy.model.metrics import EpochMetrics

Log = Callable[[EpochMetrics, float], None]
FOLDER = "tensorboard"


def require_tensorboard() -> None:
    """Refuse before the work what would fail after it.

    Raises:
        UsageError: tensorboard is not installed.
    """
    try:
        import torch.utils.tensorboard  # noqa: F401
    except ImportError as error:
        raise UsageError(
            "tensorboard is not installed",
            where="--tensorboard",
            fix="pip install 'eideploy[tensorboard]', or read metrics.csv instead",
        ) from error


@contextmanager
def tensorboard_log(folder: Path, *, after: int) -> Iterator[Log]:
    """Yield what writes an epoch's metrics and images per second; epochs past `after` are redone.

    Raises:
        UsageError: tensorboard is not installed.
    """
    require_tensorboard()
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder / FOLDER), purge_step=after + 1) as writer:

        def log(metrics: EpochMetrics, images_per_second: float) -> None:
            for name, value in _scalars(metrics, images_per_second).items():
                writer.add_scalar(name, value, metrics.epoch)
            writer.flush()

        yield log


def _scalars(metrics: EpochMetrics, images_per_second: float) -> dict[str, float]:
    scalars = {
        "loss": metrics.loss,
        "rate": metrics.rate,
        "accuracy/train": metrics.train_accuracy,
        "accuracy/test": metrics.test_accuracy,
        "images_per_second": images_per_second,
    }
    for layer in metrics.health:
        for kind in ("silent", "saturated", "zero_divisor", "dying"):
            scalars[f"{kind}/{layer.layer}"] = getattr(layer, kind)
    return scalars

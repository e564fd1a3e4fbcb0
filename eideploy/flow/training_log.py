"""What a training tells while it runs: progress, warnings, CSV files, a TensorBoard log."""

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eideploy.files import write_atomic
from eideploy.finished import METRICS
from eideploy.progress import Advance, bar, is_drawn, note
from eideploy.report.text import counted, percent

if TYPE_CHECKING:
    from eideploy.model.metrics import EpochMetrics, Setback

HEALTH, SPREADS, GRADIENTS = "health.csv", "distributions.csv", "gradients.csv"
WriteScalars = Callable[["EpochMetrics", float], None]


class TrainingLog:
    """Follows a training: each batch moves the bar, each epoch is written down as it ends."""

    def __init__(self, folder: Path, advance: Advance, scalars: WriteScalars) -> None:
        self.folder, self.advance, self.scalars = folder, advance, scalars
        self.images, self.rate, self.since, self.told = 0, 0.0, time.perf_counter(), ""
        self.warned: frozenset[str] = frozenset()

    def on_batch(self, images: int) -> None:
        """Count a batch; nothing is asked of the device."""
        self.images += images
        self.rate = self.images / max(time.perf_counter() - self.since, 1e-9)
        self._show(1)

    def on_epoch(self, metrics: Sequence["EpochMetrics"]) -> None:
        """Write the metrics so far, and warn of a layer that was well before."""
        from eideploy.model.health import warnings

        last = metrics[-1]
        write_csv(self.folder, metrics)
        self.scalars(last, self.rate)
        warning_of = dict(warnings(last.health))
        for key in sorted(warning_of.keys() - self.warned):
            note(f"warning: epoch {last.epoch}: {warning_of[key]}")
        self.warned = frozenset(warning_of)
        self.told = f"epoch {last.epoch}/{last.epochs}, {_accuracies(last)}, "
        self._show(0)
        if not is_drawn():
            note(f"{self.told}{self.rate:.0f} samples/s")
        self.images, self.since = 0, time.perf_counter()

    def on_setback(self, setback: "Setback") -> None:
        """Say why an epoch is begun again, and at what rate."""
        note(f"warning: {setback_text(setback)}")
        self.told, self.images, self.since = "", 0, time.perf_counter()
        self._show(-setback.batches)

    def _show(self, batches: int) -> None:
        self.advance(batches, f"{self.told}{self.rate:.0f} samples/s")


def setback_text(setback: "Setback") -> str:
    """Return what happened to an epoch, in a sentence."""
    return (
        f"epoch {setback.epoch} collapsed within {counted(setback.batches, 'batch', 'batches')}: "
        f"{setback.reason}; it begins again at a peak rate of {setback.rate:.2g}"
    )


def _accuracies(epoch: "EpochMetrics") -> str:
    train, test = percent(epoch.train_accuracy, 1), percent(epoch.test_accuracy, 1)
    return f"loss {epoch.loss:.3f}, train {train}, test {test}"


@contextmanager
def training_log(
    folder: Path, *, batches: int, done: tuple[int, int], tensorboard: bool
) -> Iterator[TrainingLog]:
    """Yield the log of a training of `batches` in all, of which `done` (epochs, batches) are done.

    Raises:
        UsageError: tensorboard is asked for and not installed.
    """
    with ExitStack() as stack:
        scalars: WriteScalars = lambda _, __: None  # noqa: E731
        if tensorboard:
            from eideploy.model.tensorboard import tensorboard_log

            scalars = stack.enter_context(tensorboard_log(folder, after=done[0]))
        advance = stack.enter_context(bar(f"train {folder}", batches))
        advance(done[1], "")
        yield TrainingLog(folder, advance, scalars)


def write_csv(folder: Path, metrics: Sequence["EpochMetrics"]) -> None:
    """Write metrics.csv, a row an epoch; health.csv and distributions.csv, rows for every layer.

    Epoch 0 of the distributions is the network before its first epoch; gradients.csv has a row for
    every parameter at the first iteration.
    """
    gradients = [
        {"layer": layer.layer, "parameter": name, "gradient": norm, "norm": own}
        for layer in metrics[0].before
        for name, (norm, own) in layer.gradients.items()
    ]
    rows = [asdict(m) for m in metrics]
    before = [{"epoch": 0, **layer} for row in rows for layer in row.pop("before")]
    health = [{"epoch": row["epoch"], **layer} for row in rows for layer in row.pop("health")]
    spreads = [line for layer in (*before, *health) for line in _spreads(layer)]
    write_atomic(folder / METRICS, _csv(rows))
    for layer in health:
        del layer["gradients"]
    for name, lines in ((HEALTH, health), (SPREADS, spreads), (GRADIENTS, gradients)):
        if lines:
            write_atomic(folder / name, _csv(lines))


def summary(metrics: "EpochMetrics") -> dict[str, Any]:
    """Return an epoch's metrics without distributions, as a manifest holds them."""
    row = asdict(metrics)
    del row["before"]
    for layer in row["health"]:
        del layer["spreads"], layer["gradients"]
    return row


def _spreads(layer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield a row for every distribution of a layer; the layer loses them."""
    from eideploy.model.metrics import SHARES

    for quantity, spread in layer.pop("spreads").items():
        row = {"epoch": layer["epoch"], "layer": layer["layer"], "quantity": quantity}
        shares = spread["quantiles"] or [""] * len(SHARES)
        row |= {f"q{share:g}": value for share, value in zip(SHARES, shares, strict=True)}
        counts = " ".join(map(str, spread["counts"]))
        yield row | {"low": spread["low"], "high": spread["high"], "counts": counts}


def _csv(rows: Sequence[dict[str, Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()

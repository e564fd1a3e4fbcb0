"""The charts of one inference: its input, its spikes, its output."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eideploy.backends.digital.validate.raster import Inference, Logits, Picture
from eideploy.report.canvas import C1, C2, C4, Chart
from eideploy.report.charts import legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ON, OFF = (0.84, 0.37, 0.0), (0.0, 0.45, 0.7)  # red, green and blue of events
COLOURS = 3  # channels of a colour picture
MOST_PANELS = 4
MOST_COLUMNS = 32  # classes up to which logits are columns
SHOWN = (("both", "spikes", C1), ("float only", "missing", C4), ("integer only", "extra", C2))


@dataclass(frozen=True)
class InputPicture(Chart):
    """The input: colours, one channel in grey, or the first two on and off events."""

    height: ClassVar[float] = 270
    picture: Picture

    def draw(self, axis: "Axes") -> None:
        """Draw it, a row of values as steps."""
        x = np.array(self.picture.values) / self.picture.high
        axis.grid(visible=False)
        if len(x) == COLOURS:
            axis.imshow(np.moveaxis(x, 0, -1).clip(0, 1), interpolation="nearest")
        elif len(x) > 1:
            axis.imshow(_on_and_off(x), interpolation="nearest")
        elif x.shape[1] == 1:
            axis.stairs(x[0, 0], color=C1, fill=True, alpha=0.6)
            axis.set(xlabel="input", ylabel="value, of the largest")
        else:
            axis.imshow(x[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if x.shape[1] > 1:
            axis.set(xlabel="x, pixels", ylabel="y, pixels")


def _on_and_off(x: Any) -> Any:  # noqa: ANN401 - arrays
    """Return a picture of the first two channels, in the colour of the larger."""
    picture = np.zeros((*x.shape[1:], 4))
    both = x[:2] / max(x[:2].max(), 1e-9)
    picture[..., :3] = np.where(
        (both[0] >= both[1])[..., None], (0.84, 0.37, 0.0), (0.0, 0.45, 0.7)
    )
    picture[..., 3] = both.max(0)
    return picture


@dataclass(frozen=True)
class Raster(Chart):
    """A tick for every spike, a panel for every layer."""

    height: ClassVar[float] = 290
    inference: Inference

    def compose(self, figure: "Figure") -> None:
        """Draw the first layer, the last, and some between."""
        layers, steps = self.inference.layers, self.inference.steps
        drawn = np.unique(np.linspace(0, len(layers) - 1, MOST_PANELS).astype(int))
        axes = figure.subplots(1, len(drawn), squeeze=False)[0]
        for axis, layer in zip(axes, (layers[i] for i in drawn), strict=True):
            for name, kind, colour in SHOWN:
                _ticks(axis, getattr(layer, kind), colour, name)
            axis.set(xlim=(0.4, steps + 0.6), ylim=(layer.shown, -1))
            axis.set_title(layer.name)
            axis.set_xticks(sorted({1, steps}))
            axis.set_yticks([])
            axis.grid(visible=False)
        axes[0].set_ylabel("neurons")
        figure.supxlabel("time step", fontsize=10.5)
        handles, names = axes[0].get_legend_handles_labels()
        figure.legend(
            handles, names, loc="outside upper left", ncols=3, handlelength=0.8, columnspacing=1.2
        )


def _ticks(axis: "Axes", spikes: Sequence[Sequence[int]], colour: str, name: str) -> None:
    """Draw all ticks as one path, which keeps the page small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    axis.plot([], [], color=colour, label=name, lw=2)
    if spikes:
        at = np.array(spikes, float) + np.array([1, 0])
        half = np.array([0.36, 0])
        ends = np.stack([at - half, at + half], 1).reshape(-1, 2)
        codes = [Path.MOVETO, Path.LINETO] * len(at)
        axis.add_patch(PathPatch(Path(ends, codes), edgecolor=colour, fill=False, lw=1.6))


@dataclass(frozen=True)
class Output(Chart):
    """The logits of every class, float beside integer."""

    logits: Logits

    def draw(self, axis: "Axes") -> None:
        """Draw columns, of many classes lines."""
        integer, floating = self.logits.integer, self.logits.float
        x = np.arange(len(integer))
        if len(x) > MOST_COLUMNS:
            axis.plot(x, floating, color=C1, lw=1.2, label="float")
            axis.plot(x, integer, color=C2, lw=1.2, label="integer")
        else:
            axis.bar(x - 0.2, floating, 0.4, color=C1, alpha=0.6, label="float")
            axis.bar(x + 0.2, integer, 0.4, color=C2, label="integer")
            axis.set_xticks(x)
        axis.set(xlabel="class", ylabel="logit")
        legend(axis)

"""The figures of one inference: its input, its spikes, its output."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from eideploy.report.canvas import C1, C2, C4, drawing
from eideploy.report.charts import legend
from eideploy.validate.raster import Inference, Logits, Picture

COLOURS = 3  # channels of a colour picture


def picture(found: Picture) -> str:
    """Draw the input: colours, one channel in grey, or the first two on and off events."""
    x = np.array(found.values) / found.high
    with drawing(height=270) as made:
        axis = made.axes()
        axis.grid(visible=False)
        if len(x) == COLOURS:
            axis.imshow(np.moveaxis(x, 0, -1).clip(0, 1), interpolation="nearest")
        elif len(x) > 1:
            shown = np.zeros((*x.shape[1:], 4))
            both = x[:2] / max(x[:2].max(), 1e-9)
            shown[..., :3] = np.where(
                (both[0] >= both[1])[..., None], (0.84, 0.37, 0.0), (0.0, 0.45, 0.7)
            )
            shown[..., 3] = both.max(0)
            axis.imshow(shown, interpolation="nearest")
        elif x.shape[1] == 1:
            axis.stairs(x[0, 0], color=C1, fill=True, alpha=0.6)
            axis.set(xlabel="input", ylabel="value, of the largest")
        else:
            axis.imshow(x[0], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        if x.shape[1] > 1:
            axis.set(xlabel="x, pixels", ylabel="y, pixels")
    return made.svg


def raster(found: Inference) -> str:
    """Draw a tick for every spike, a panel for every layer."""
    layers = found.layers
    shown = [layers[i] for i in np.unique(np.linspace(0, len(layers) - 1, 4).astype(int))]
    with drawing(height=290) as made:
        axes = made.axes(1, len(shown), squeeze=False)[0]
        for place, (axis, layer) in enumerate(zip(axes, shown, strict=True)):
            for name, kind, colour in (
                ("both", "spikes", C1),
                ("float only", "missing", C4),
                ("integer only", "extra", C2),
            ):
                _ticks(axis, getattr(layer, kind), colour, name)
            axis.set(xlim=(0.4, found.steps + 0.6), ylim=(layer.shown, -1))
            axis.set_title(layer.name)
            axis.set_xticks(sorted({1, found.steps}))
            axis.set_yticks([])
            axis.grid(visible=False)
            if place == 0:
                axis.set_ylabel("neurons")
        made.figure.supxlabel("time step", fontsize=10.5)
        handles, names = axes[0].get_legend_handles_labels()
        made.figure.legend(
            handles, names, loc="outside upper left", ncols=3, handlelength=0.8, columnspacing=1.2
        )
    return made.svg


def _ticks(axis: Any, spikes: Sequence[Sequence[int]], colour: str, name: str) -> None:  # noqa: ANN401
    """Draw all ticks as one path, which keeps the page small."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    if not spikes:
        axis.plot([], [], color=colour, label=name, lw=2)
        return
    at = np.array(spikes, float) + np.array([1, 0])
    half = np.array([0.36, 0])
    ends = np.stack([at - half, at + half], 1).reshape(-1, 2)
    codes = [Path.MOVETO, Path.LINETO] * len(at)
    axis.add_patch(PathPatch(Path(ends, codes), edgecolor=colour, fill=False, lw=1.6))
    axis.plot([], [], color=colour, label=name, lw=2)


def output(found: Logits) -> str:
    """Draw the logits of every class, float beside integer."""
    ours, theirs = found.integer, found.float
    with drawing() as made:
        axis = made.axes()
        x = np.arange(len(ours))
        if len(x) > 2 * 16:
            axis.plot(x, theirs, color=C1, lw=1.2, label="float")
            axis.plot(x, ours, color=C2, lw=1.2, label="integer")
        else:
            axis.bar(x - 0.2, theirs, 0.4, color=C1, alpha=0.6, label="float")
            axis.bar(x + 0.2, ours, 0.4, color=C2, label="integer")
            axis.set_xticks(x)
        axis.set(xlabel="class", ylabel="logit")
        legend(axis, 2)
    return made.svg

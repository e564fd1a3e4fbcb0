"""Charts are drawn the same each time and can be read: labels do not lie over each other."""

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from eideploy.report.canvas import POINTS, WIDTH, drawn
from eideploy.report.charts import Steps


def test_a_chart_is_drawn_the_same_each_time():
    chart = Steps(series={"float": (np.arange(4), np.array([1.0, 3.0, 2.0]))}, across="I_div")
    assert drawn(chart) == drawn(chart)


@pytest.mark.parametrize("most", [0.0225, 0.7, 14.9, 66.0, 123456.0])
def test_labels_below_a_histogram_stand_apart(most):
    edges = np.linspace(0, most, 50)
    chart = Steps(series={"float": (edges, np.ones(49))}, across="I_div")
    figure = Figure(figsize=(WIDTH / POINTS, chart.tall / POINTS), layout="constrained")
    canvas = FigureCanvasAgg(figure)
    chart.compose(figure)
    canvas.draw()
    (axis,) = figure.axes
    boxes = [
        label.get_window_extent(canvas.get_renderer())
        for label in axis.get_xticklabels()
        if label.get_text() and axis.get_xlim()[0] <= label.get_position()[0] <= axis.get_xlim()[1]
    ]
    assert len(boxes) > 2
    assert all(left.x1 + 2 < right.x0 for left, right in pairwise(boxes))

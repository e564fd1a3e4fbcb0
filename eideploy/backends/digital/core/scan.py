"""The event scanner and the address generator of the digital core."""

from dataclasses import dataclass
from types import EllipsisType

import numpy as np

from eideploy.backends.digital.core.layout import map_of, windows
from eideploy.backends.digital.program import Program, Route, Stage, require_static
from eideploy.circuit import Array
from eideploy.execute.integer import quantize_input
from eideploy.execute.samples import over_time
from eideploy.numeric.fixed import Int

Word = tuple[int, int, int, int]  # y, x, channel, value
Tap = tuple[int, int, int]  # oy, ox, and which input (c, ky, kx) of the weights


@dataclass(kw_only=True)
class Source:
    """A route as the scanner sees it.

    base           its first row in the spike memory, -1 for the input port
    height, width  of its map, before pooling
    flat           its events are features of a fully connected stage
    is_blank       it has no events: spikes of the step before the first one
    """

    route: Route
    base: int
    groups: int
    height: int
    width: int
    flat: bool
    is_blank: bool = False


@dataclass(kw_only=True)
class Row:
    """What the scanner holds: the events (channel, value) of a position that were not yet taken."""

    source: Source
    y: int
    x: int
    events: list[tuple[int, int]]


class Scanner:
    """Fetches the rows of a stage's sources, one source after the other, position by position.

    What is scanned by windows comes window by window: its rows are added up, group by group.
    """

    def __init__(
        self, program: Program, stage: Stage, spike: Int, port: list[Word], step: int
    ) -> None:
        self.spike, self.port = spike, port
        flat = not program.layer(stage).is_conv
        self.sources = [_source(program, route, step, flat=flat) for route in stage.routes]
        self.y = self.x = self.group = self.line = self.column = 0
        self.counts: Int | None = None

    def fetch(self) -> Row | EllipsisType | None:
        """Return the next row of spikes or word of the port; None beyond the last source.

        The word that ends the port's step is a row without events. Of a window ... stands for all
        rows but its last one, which comes with what they add up to.
        """
        if not self.sources:
            return None
        source = self.sources[0]
        if source.base < 0:
            if not self.port:
                del self.sources[0]
                return Row(source=source, y=0, x=0, events=[])
            y, x, channel, value = self.port.pop(0)
            return Row(source=source, y=y, x=x, events=[(channel, value)])
        y, x, group = self.y, self.x, self.group
        at = (y + self.line) * source.width + x + self.column
        row = self.spike[source.base + at * source.groups + group]
        self.counts = row if self.counts is None else self.counts + row
        if not self._ends_window(source.route.window):
            return ...
        counts, self.counts = self.counts, None
        first = group * len(counts)
        self._advance(source)
        lanes = np.flatnonzero(counts).tolist()
        events = [(first + lane, int(counts[lane])) for lane in lanes if not source.is_blank]
        return Row(source=source, y=y, x=x, events=events)

    def _ends_window(self, window: int) -> bool:
        """Go on by a row within a window; return whether it was the last one of its group."""
        self.column += 1
        if self.column == window:
            self.column, self.line = 0, self.line + 1
        self.line %= window
        return self.line == self.column == 0

    def _advance(self, source: Source) -> None:
        window = source.route.window
        self.group += 1
        if self.group == source.groups:
            self.group, self.x = 0, self.x + window
        if self.x == source.width // window * window:
            self.x, self.y = 0, self.y + window
        if self.y == source.height // window * window:
            self.y = 0
            del self.sources[0]


def _source(program: Program, route: Route, step: int, *, flat: bool) -> Source:
    height, width = map_of(program, route)
    if not route.source:
        return Source(route=route, base=-1, groups=1, height=height, width=width, flat=flat)
    stage = program.stage(route.source)
    return Source(
        route=route,
        base=stage.spike_base + (step + route.is_late) % 2 * stage.spike_bank,
        groups=stage.groups_e,
        height=height,
        width=width,
        flat=flat,
        is_blank=route.is_late and step == 0,
    )


def taps_of(stage: Stage, row: Row, channel: int) -> list[Tap]:
    """Return the taps of an event in the order in which they are worked on; it may have none."""
    pool, first = row.source.route.pool, row.source.route.first
    height, width = row.source.height // pool, row.source.width // pool
    y, x = row.y // pool, row.x // pool
    if y >= height or x >= width:  # the border that pooling drops
        return []
    if row.source.flat:
        return [(0, 0, first + (channel * height + y) * width + x)]
    k = stage.kernel
    channel += first
    return [
        (oy, ox, (channel * k + y + stage.padding - oy * stage.stride) * k + kx)
        for oy in windows(stage, y, stage.height)
        for ox in windows(stage, x, stage.width)
        for kx in [x + stage.padding - ox * stage.stride]
    ]


def words_of(x: Int) -> list[Word]:
    """Return the input port's words of one time step, x (channels, height, width) or (n,)."""
    maps = x if x.ndim == 3 else x[:, None, None]
    return [
        (int(y), int(column), int(channel), int(maps[channel, y, column]))
        for y, column, channel in np.argwhere(maps.transpose(1, 2, 0))
    ]


def port_words(program: Program, samples: Array) -> list[list[list[Word]]]:
    """Return the input port's words of every sample and of every time step that it takes.

    Raises:
        UsageError: sequences, for a core that takes a sample once.
    """
    circuit = program.circuit
    x = quantize_input(circuit, over_time(circuit, samples))
    require_static(program, x)
    return [
        [words_of(x[step % len(x), sample]) for step in range(program.port_steps)]
        for sample in range(x.shape[1])
    ]

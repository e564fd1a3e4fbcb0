"""What rounding and clipping of the input change in the layers that read it, measured."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from eideploy.circuit import Array, Circuit, Conv, Factored, InputRange, Layer, Neurons, Node
from eideploy.execute.float_reference import run_float
from eideploy.execute.samples import channels_first, patches
from eideploy.execute.trace import Trace
from eideploy.neurons import PerNeuron

MOST_FRAMES, MOST_ROWS, MOST_ENTRIES = 64, 512, 1 << 15  # of a layer and batch, looked at
PER_OCTAVE = 4  # steps and full scales that are tried
STEPS, SCALES = 16 * PER_OCTAVE, 8 * PER_OCTAVE  # of them, from the largest value down
MOST_BITS = 16  # of a level of the input
FAINTEST = 1 << 24  # part of what an input may be: below, nothing is looked for
BEYOND = 1e30  # every input

Change = Callable[[Array, float], Array]


class InputScale:
    """Keeps windows of the input over batches, and measures what a grid would make of them."""

    def __init__(self, circuit: Circuit) -> None:
        self.input, self.largest = circuit.input, 0.0
        self.readers = _readers(circuit)
        self.rng = np.random.default_rng(0)

    def add(self, trace: Trace) -> None:
        """Add a batch, of which the trace has inputs."""
        x = trace.inputs[self.input.name]
        self.largest = max(self.largest, float(x.max()))
        for reader in self.readers:
            reader.add(x, self.rng)

    def range(self) -> InputRange:
        """Return what was measured."""
        top = np.log2(max(self.largest, self.input.high / FAINTEST))
        bits = np.arange(1, MOST_BITS + 1)
        powers = 2.0 ** (np.ceil(top) - np.arange(STEPS) / PER_OCTAVE)
        steps = -np.unique(-np.concatenate([powers, self.input.high / (2.0**bits - 1)]))
        scales = 2.0 ** (top - np.arange(SCALES) / PER_OCTAVE)
        return InputRange(
            largest=self.largest,
            steps=steps,
            rounding=self._errors(_rounded, steps),
            scales=scales,
            clipping=self._errors(np.minimum, scales),
        )

    def _errors(self, change: Change, by: Array) -> Array:
        errors = (reader.errors(change, by) for reader in self.readers)
        return np.asarray(sum(errors, np.zeros(len(by))))


@dataclass(frozen=True, kw_only=True, eq=False)
class _Reader:
    """The first layer of a path from the input, and windows of what it read.

    alone      the layer at a single position if it reads the input itself, and is a convolution;
               else the path, which takes whole frames
    window     the layer, if `alone` has it at a single position
    threshold  of the neurons that integrate its current, one or (n,); None of a readout
    """

    alone: Circuit
    window: Layer | None
    threshold: PerNeuron | None
    rows: list[Array]

    def add(self, x: Array, rng: np.random.Generator) -> None:
        """Keep some windows of the input x (T, B, ...), none that is empty."""
        size, rows = self.alone.input.size, _some(x.reshape(-1, *x.shape[2:]), MOST_FRAMES, rng)
        if not len(rows):
            return
        if self.window is not None:
            rows = channels_first(self.window, patches(self.window, rows[None]))
            rows = rows.reshape(-1, *size)
        self.rows.append(_some(rows, min(MOST_ROWS, max(1, MOST_ENTRIES // prod(size))), rng))

    def errors(self, change: Change, by: Array) -> Array:
        """Return the mean magnitude of what changing the input by each of `by` does to currents.

        Currents count in thresholds, and within 0 to 1: beyond, no spike depends on them. Logits,
        of which the largest decides, count as parts of the window's largest.
        """
        if not self.rows:
            return np.zeros(len(by))
        rows = np.concatenate(self.rows)
        exact = self._currents(rows)
        changed = (self._currents(change(rows, value)) for value in by)
        return np.array([float(np.abs(currents - exact).mean()) for currents in changed])

    def _currents(self, rows: Array) -> Array:
        currents = run_float(self.alone, rows).totals
        if self.threshold is not None:
            threshold = np.reshape(self.threshold, (-1, *(1,) * (currents.ndim - 2)))
            return np.asarray(np.clip(currents / threshold, 0, 1))
        largest = np.abs(currents).max(1, keepdims=True)
        return np.asarray(currents / np.where(largest > 0, largest, 1))


def _some(rows: Array, most: int, rng: np.random.Generator) -> Array:
    """Return at most so many of the rows (n, ...) that are not zero, in their order."""
    full = np.flatnonzero(rows.any(axis=tuple(range(1, rows.ndim))))
    chosen: Array = rows[np.sort(rng.choice(full, min(most, len(full)), replace=False))]
    return chosen


def _rounded(x: Array, step: float) -> Array:
    return np.asarray(np.rint(x / step) * step)


def _readers(circuit: Circuit) -> list[_Reader]:
    """Return the first layer of every path from the input, with nothing read yet."""
    first, path, readers = circuit.input, list[Node](), []
    for node in circuit.nodes[1:]:
        known = {n.name for n in (first, *path)}
        now = [name for name in node.inputs if name not in node.delayed]
        if not now or not set(now) <= known:
            continue
        if isinstance(node, Layer):
            readers.append(_reader(circuit, path, _without_late(circuit, node)))
        else:
            path.append(node)
    return readers


def _without_late(circuit: Circuit, node: Layer) -> Layer:
    """Return a layer that reads what it does before there were spikes of a step before."""
    if not node.delayed:
        return node
    sizes = [circuit.shapes[name][0] for name in node.inputs]
    keeps = np.repeat([name not in node.delayed for name in node.inputs], sizes)
    w = node.projection
    cut = (
        replace(w, w_ee=w.w_ee[:, keeps], w_ie=w.w_ie[:, keeps])
        if isinstance(w, Factored)
        else replace(
            w, w_num=w.w_num[:, keeps], w_den=None if w.w_den is None else w.w_den[:, keeps]
        )
    )
    now = tuple(name for name in node.inputs if name not in node.delayed)
    return replace(node, inputs=now, delayed=(), projection=cut)


def _reader(circuit: Circuit, path: list[Node], node: Layer) -> _Reader:
    source = replace(circuit.input, high=BEYOND)  # rounding may pass what an input may be
    neurons = [n for n in circuit.consumers(node.name) if isinstance(n, Neurons)]
    window = node if node.is_conv and node.inputs == (source.name,) else None
    nodes: tuple[Node, ...] = (source, *path, node)
    if window is not None:
        source = replace(source, size=node.weights[0].shape[1:])
        nodes = source, replace(window, geometry=Conv())
    return _Reader(
        alone=Circuit(nodes=nodes, steps=1),
        window=window,
        threshold=neurons[0].float_model.threshold if neurons else None,
        rows=[],
    )

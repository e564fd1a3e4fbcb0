"""Layers that read several nodes side by side whose integers stand for different values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eideploy.circuit import Array, Circuit, Folded, InputRange, Layer, LayerRange, Neurons, Ranges
from eideploy.neurons import PerNeuron

EVEN = 12.0  # the square of a width over the variance of what is even over it


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixed:
    """A layer that reads the input beside spikes, with one grid for the weights of both.

    rows       (n, fan_in), its weights
    square     (fan_in,): the mean square of what each of them reads, at most
    of_input   (fan_in,): whether that is the input
    threshold  of its neurons; one of a readout
    top        the largest level of a weight
    """

    rows: Array
    square: Array
    of_input: Array
    threshold: PerNeuron
    top: int

    def of_weights(self, step: float) -> float:
        """Return the root mean square, in thresholds, of what rounding the weights does.

        Their errors are taken as even over a step of theirs, which their largest fixes once those
        of the input are multiplied by its `step`. The mean over neurons.
        """
        factor = np.where(self.of_input, step, 1.0)
        grid = (np.abs(self.rows) * factor).max(1) / self.top
        return self._in_thresholds(grid * np.sqrt((self.square / factor**2).sum() / EVEN))

    def of_input_rounded(self, step: float) -> float:
        """Return likewise what rounding the input to its `step` does, which is even, too."""
        noise = np.minimum(step**2 / EVEN, self.square) * self.of_input
        return self._in_thresholds(np.sqrt(self.rows**2 @ noise))

    def _in_thresholds(self, noise: Array) -> float:
        return float((noise / self.threshold).mean())


def mixed(circuit: Circuit, ranges: Ranges, tops: Mapping[str, int]) -> list[Mixed]:
    """Return the layers that read the input beside spikes."""
    largest = {n.name: float(n.model.most_spikes) for n in circuit.of(Neurons)}
    if ranges.input is not None:
        largest[circuit.input.name] = ranges.input.largest
    spiking, source = {n.name for n in circuit.of(Neurons)}, circuit.input.name
    layers = []
    for node in circuit.layers:
        if source not in node.inputs or not spiking & {*node.inputs}:
            continue
        readers = [n for n in circuit.consumers(node.name) if isinstance(n, Neurons)]
        mean = ranges.layers[node.name].mean_input
        mean = np.repeat(mean, node.fan_in // len(mean))
        layers.append(
            Mixed(
                rows=node.weights[0].reshape(node.n_e, -1).astype(np.float64),
                square=mean * columns(node, circuit, largest),
                of_input=columns(node, circuit, {source: 1.0}, other=0.0).astype(bool),
                threshold=readers[0].float_model.threshold if readers else 1.0,
                top=tops[node.name],
            )
        )
    return layers


def shared_step(observed: InputRange, layers: Sequence[Mixed], high: float, most: int) -> float:
    """Return the step of an input of levels up to `most` that is read beside spikes.

    A fine step leaves small weights of the input on a grid that those of spikes fix, a coarse one
    rounds the input: of the steps that were tried the one by which both err least. What was seen of
    an input that keeps to a step is not rounded by it.
    """
    reach = min(high, observed.largest)
    tried = [
        (step, rounding > 0)
        for step, rounding in zip(observed.steps, observed.rounding, strict=True)
        if reach <= step * most and step <= high
    ]

    def error(step: float, rounds: bool) -> float:  # noqa: FBT001
        weights = sum(layer.of_weights(step) for layer in layers)
        return weights + rounds * sum(layer.of_input_rounded(step) for layer in layers)

    return float(min(tried, key=lambda one: error(*one))[0])


def columns(
    node: Layer, circuit: Circuit, values: Mapping[str, float], *, other: float = 1.0
) -> Array:
    """Return a node's value for every weight of a row, by what the weight reads, (fan_in,)."""
    channels = [circuit.shapes[name][0] for name in node.inputs]
    each = np.repeat([values.get(name, other) for name in node.inputs], channels)
    return np.repeat(each, node.fan_in // len(each))


def in_one_unit(
    node: Layer, observed: LayerRange, of_weight: Array, unit: float
) -> tuple[Layer, LayerRange]:
    """Return a folded layer, and what it saw, as if all that it reads were in units of `unit`.

    Weights are multiplied by what the integers that they read stand for, in that unit.

    of_weight  (fan_in,): what an integer stands for that a weight of a row reads
    """
    w, factor = node.projection, of_weight / unit
    assert isinstance(w, Folded)

    def scaled(weights: Array | None) -> Array | None:
        return None if weights is None else weights * factor.reshape(weights.shape[1:])

    num = scaled(w.w_num)
    assert num is not None
    blocks, m, _ = observed.second_moment.shape
    filled = np.ones(blocks * m)
    filled[: len(factor)] = 1 / factor
    by = filled.reshape(blocks, m)
    own = observed.mean_input / factor[:: len(factor) // len(observed.mean_input)]
    chosen = replace(
        observed,
        mean_input=own,
        second_moment=observed.second_moment * by[:, :, None] * by[:, None],
    )
    return replace(node, projection=Folded(w_num=num, w_den=scaled(w.w_den))), chosen

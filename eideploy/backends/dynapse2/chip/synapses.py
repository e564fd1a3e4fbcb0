"""The network as one list of synapses, sources with the same synapses taken together.

Sources and neurons are numbered through, population after population, as the network lists them.
Two sources of one population whose synapses are the same, all of them, can share a tag: then one
CAM hears both.
"""

from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.network import ChipNetwork
from eideploy.backends.dynapse2.chip.spec import RECEPTORS


@dataclass(frozen=True, kw_only=True, eq=False)
class Synapses:
    """Weights that are not zero, one row (rows,) each.

    channel     of the source: sources of one channel share their synapses
    target      number of the neuron
    receptor    index into RECEPTORS; projection: index into the network's
    weight      ampere
    channel_of  (sources and neurons,): the channel of each; -1: it has no synapse
    """

    channel: Array
    target: Array
    receptor: Array
    projection: Array
    weight: Array
    channel_of: Array

    def __post_init__(self) -> None:
        whole = ("channel", "target", "receptor", "projection", "channel_of")
        freeze(self, weight=np.float64, **dict.fromkeys(whole, np.int64))

    @property
    def channels(self) -> int:
        """How many channels there are."""
        return int(self.channel_of.max(initial=-1)) + 1

    def per_target(self, size: int) -> Array:
        """Return how many synapses every neuron has: (size,)."""
        return np.asarray(np.bincount(self.target, minlength=size))


def offsets(network: ChipNetwork) -> dict[str, int]:
    """Return the number of every population's first source or neuron."""
    starts = np.cumsum([0, *(p.size for p in network.populations)])
    return {p.name: int(at) for p, at in zip(network.populations, starts, strict=False)}


def gather(network: ChipNetwork) -> Synapses:
    """Return the synapses of a network, each channel's once."""
    start = offsets(network)
    columns: list[list[Array]] = [[], [], [], [], []]
    for which, projection in enumerate(network.projections):
        targets, sources = np.nonzero(projection.weight)
        for column, values in zip(
            columns,
            (
                sources + start[projection.source],
                targets + start[projection.target],
                np.full(len(sources), RECEPTORS.index(projection.dendrite)),
                np.full(len(sources), which),
                projection.weight[targets, sources],
            ),
            strict=True,
        ):
            column.append(values)
    flat = [np.concatenate(c) if c else np.zeros(0) for c in columns]
    order = np.lexsort((flat[2], flat[3], flat[1], flat[0]))
    weight = flat[4][order]
    source, target, receptor, number = (c[order].astype(np.int64) for c in flat[:4])
    channel_of, first = _channels(
        source, (target, receptor, number, weight), sum(p.size for p in network.populations)
    )
    is_first = first[source]
    return Synapses(
        channel=channel_of[source][is_first],
        target=target[is_first],
        receptor=receptor[is_first],
        projection=number[is_first],
        weight=weight[is_first],
        channel_of=channel_of,
    )


def _channels(source: Array, columns: tuple[Array, ...], size: int) -> tuple[Array, Array]:
    """Return the channel of every source, and whether it is its channel's first."""
    channel_of = np.full(size, -1)
    first = np.zeros(size, np.bool_)
    ends = np.searchsorted(source, np.arange(size + 1))
    number_of: dict[bytes, int] = {}
    for row in np.unique(source):
        rows = slice(ends[row], ends[row + 1])
        mark = b"".join(column[rows].tobytes() for column in columns)
        first[row] = mark not in number_of
        channel_of[row] = number_of.setdefault(mark, len(number_of))
    return channel_of, first

"""Tags: every channel gets one on the cores that hear it, the same on all of a chip if it can.

A tag is local to a core, so channels that no core hears together share tags. Channels heard by most
cores come first, and each takes the lowest tag that is free on all of its cores; where there is
none, its cores get a tag each. With defective CAMs a tag's half decides which CAMs can hear it: the
half with more room at the neurons concerned is taken, and if a neuron then runs out, the halves of
all channels are chosen at once by a mixed-integer programme.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.defects import Defects
from eideploy.backends.dynapse2.chip.seats import Seats
from eideploy.backends.dynapse2.chip.solve import Programme

NONE = -1
SECONDS = 20.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Heard:
    """Who hears a channel on one chip: synapses (rows,) of its channel, and its cores."""

    channel: int
    chip: int
    cores: Array  # numbers
    targets: Array  # a neuron as often as it has synapses


def heard(channel: Array, target: Array, seats: Seats) -> list[Heard]:
    """Return who hears what, by channel and chip, from rows of synapses."""
    chip = seats.chip[target]
    order = np.lexsort((target, chip, channel))
    channel, target, chip = channel[order], target[order], chip[order]
    key = np.stack([channel, chip], 1)
    _, starts = np.unique(key, axis=0, return_index=True)
    return [
        Heard(
            channel=int(channel[rows[0]]),
            chip=int(chip[rows[0]]),
            cores=np.unique(seats.core[target[rows]]),
            targets=target[rows],
        )
        for rows in np.split(np.arange(len(channel)), starts[1:])
        if len(rows)
    ]


def assign(
    groups: Sequence[Heard], seats: Seats, defects: Defects
) -> tuple[list[dict[int, int]], list[str]]:
    """Return the tag of every group by core, and what finds none."""
    if not defects.cams.any():
        return _assign(groups, defects, None, None)
    balance = _Balance(seats)
    tags, faults = _assign(groups, defects, None, balance)
    if balance.violated() and not faults:
        halves = _solve(groups, seats, defects)
        if halves is not None:
            return _assign(groups, defects, halves, None)
    return tags, faults


class _Balance:
    """How many synapses of either tag half every neuron has already, against its CAMs."""

    def __init__(self, seats: Seats) -> None:
        self.room = np.stack([seats.low + seats.both, seats.high + seats.both], 1)
        self.used = np.zeros_like(self.room)

    def prefer(self, targets: Array) -> int:
        """Return the half with most room at the tightest of the targets."""
        left = (self.room - self.used)[targets]
        return int(np.argmax(left.min(0)))

    def take(self, targets: Array, half: int) -> None:
        np.add.at(self.used[:, half], targets, 1)

    def violated(self) -> bool:
        return bool((self.used > self.room).any())


def _assign(
    groups: Sequence[Heard], defects: Defects, halves: Array | None, balance: _Balance | None
) -> tuple[list[dict[int, int]], list[str]]:
    free = ~defects.tags
    offered = free.sum(-1)
    tags: list[dict[int, int]] = [{} for _ in groups]
    without = np.zeros(free.shape[:2], np.int64)
    middle = free.shape[-1] // 2
    for i in sorted(range(len(groups)), key=lambda g: -len(groups[g].cores)):
        group = groups[i]
        half = None if halves is None else int(halves[i])
        if balance is not None:
            half = balance.prefer(group.targets)
        common = _lowest(free[group.chip, group.cores].all(0), half, middle)
        parts = [group.cores] if common != NONE else [np.array([k]) for k in group.cores]
        for cores in parts:
            tag = _lowest(free[group.chip, cores].all(0), half, middle)
            if tag == NONE:
                without[group.chip, cores] += 1
                continue
            free[group.chip, cores, tag] = False
            tags[i] |= dict.fromkeys(map(int, cores), tag)
        if balance is not None and tags[i]:
            balance.take(group.targets, int(min(tags[i].values()) >= middle))
    return tags, [
        f"core {core} of chip {chip} hears {offered[chip, core] + without[chip, core]} sources, "
        f"{offered[chip, core]} of its tags work"
        for chip, core in np.argwhere(without)
    ]


def _lowest(free: Array, half: int | None, middle: int) -> int:
    """Return the lowest free tag, of `half` if it has one."""
    if half is not None:
        part = free[:middle] if half == 0 else free[middle:]
        if part.any():
            return int(part.argmax()) + half * middle
    return int(free.argmax()) if free.any() else NONE


def _solve(groups: Sequence[Heard], seats: Seats, defects: Defects) -> Array | None:
    """Return a tag half for every group such that each neuron's CAMs suffice, or None."""
    p = Programme()
    high = p.binary(len(groups))
    lacking = p.whole(1, high=1 << 20, cost=1.0)
    rows: dict[int, dict[int, int]] = {}
    cores: dict[tuple[int, int], list[int]] = {}
    for i, group in enumerate(groups):
        for target, count in zip(*np.unique(group.targets, return_counts=True), strict=True):
            rows.setdefault(int(target), {})[int(high[i])] = int(count)
        for core in group.cores:
            cores.setdefault((group.chip, int(core)), []).append(int(high[i]))
    for target, counts in rows.items():
        index, times = list(counts), np.array(list(counts.values()))
        p.at_most(
            [*index, int(lacking[0])], [*times, -1], int(seats.high[target] + seats.both[target])
        )
        least = times.sum() - int(seats.low[target] + seats.both[target])
        p.at_most([*index, int(lacking[0])], [*-times, -1], -int(least))
    middle = defects.tags.shape[-1] // 2
    for (chip, core), listed in cores.items():
        works = ~defects.tags[chip, core]
        p.at_most(listed, 1, int(works[middle:].sum()))
        p.at_most(listed, -1, int(works[:middle].sum()) - len(listed))
    values = p.solve(SECONDS)
    return None if values is None or values[lacking[0]] > 0.5 else values[high].round()

"""Populations on cores, by what biases they need; neurons in the slots of a core.

Greedy first: the largest population first, on the compatible core nearest to its partners that
holds it whole. Where that splits a population that would fit, finds no place, or spreads targets
over more chips than a neuron has destinations, a mixed-integer programme places all at once: it
keeps within the destinations, then splits least, then uses the fewest chips (HiGHS, by scipy).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, permutations, product

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.needs import Needs
from eideploy.backends.dynapse2.chip.solve import Programme

SECONDS = 20.0  # for the solver
ROUNDING = 1e-9  # of shares of neurons
TRIED = 24  # orders of cores: all of one chip's


@dataclass(frozen=True, kw_only=True, eq=False)
class Room:
    """What cores offer, and what is asked of them.

    slots     (cores of all chips, 1 + most CAMs): how many neurons have at least so many CAMs
    tags      (cores of all chips,): how many of its tags work
    per_chip  cores a chip; destinations: SRAM entries of a neuron
    """

    slots: Array
    tags: Array
    per_chip: int
    destinations: int

    def chip(self, core: int) -> int:
        """Return the chip of a core."""
        return core // self.per_chip


@dataclass(frozen=True, kw_only=True, eq=False)
class Wish:
    """A population to place.

    demand    (1 + most CAMs,): how many of its neurons take at least so many CAMs; [0]: all
    reserved  destinations that it must keep free
    targets   the populations that hear it
    """

    needs: Needs
    demand: Array
    reserved: int
    targets: tuple[str, ...]

    @property
    def name(self) -> str:
        """The population's name."""
        return self.needs.name

    @property
    def size(self) -> int:
        """How many neurons it has."""
        return int(self.demand[0])

    @property
    def share(self) -> Array:
        """The part of its neurons that takes at least so many CAMs: (1 + most CAMs,)."""
        return np.asarray(self.demand / self.size)


@dataclass(frozen=True, kw_only=True, eq=False)
class Places:
    """How many neurons of every population each core holds: (populations, cores)."""

    counts: Array

    def __post_init__(self) -> None:
        freeze(self, counts=np.int64)


Counts = dict[str, Array]


def place(wishes: Sequence[Wish], room: Room) -> tuple[Places | None, list[str]]:
    """Return where every population goes, or why that cannot be."""
    if faults := _hopeless(wishes, room):
        return None, faults
    greedy, unplaced = _greedy(wishes, room)
    if not unplaced and _cost(greedy, wishes, room) <= _least(wishes, room):
        return _packed(greedy, wishes), []
    solved = _solve(wishes, room)
    if solved is not None and (unplaced or _worse(greedy, solved, wishes, room)):
        return _packed(solved, wishes), []
    if unplaced:
        return None, unplaced
    return _packed(greedy, wishes), []


def exchanged(
    places: Places, sources: Array, wishes: Sequence[Wish], room: Room
) -> Iterator[Places]:
    """Yield the places, and those with the cores of one chip exchanged, as far as all fit.

    What a core holds goes where there are the CAMs and the tags for it; `sources` (cores,) of the
    places given hear so many. The given places come first if they fit.
    """
    share = np.stack([wish.share for wish in wishes])
    load = places.counts.T @ share  # (cores, 1 + most CAMs)
    chips = len(room.slots) // room.per_chip
    order = np.arange(len(room.slots)).reshape(chips, room.per_chip)
    fits = (load[:, None] <= room.slots[None] + ROUNDING).all(2)
    fits &= (sources[:, None] <= room.tags) | (load[:, :1] == 0)
    by_chip = [
        [p for p in map(list, permutations(own)) if fits[own, p].all()] for own in order.tolist()
    ]
    for choice in islice(product(*by_chip), TRIED):
        moved = np.empty_like(places.counts)
        moved[:, np.concatenate(choice)] = places.counts
        yield Places(counts=moved)


def _packed(counts: Counts, wishes: Sequence[Wish]) -> Places:
    return Places(counts=np.stack([counts[w.name] for w in wishes]))


def _hopeless(wishes: Sequence[Wish], room: Room) -> list[str]:
    neurons, offered = sum(w.size for w in wishes), int(room.slots[:, 0].sum())
    faults = []
    if neurons > offered:
        faults.append(f"{neurons} neurons, the board has {offered} that work")
    apart = _apart(wishes)
    if len(apart) > len(room.slots):
        faults.append(
            f"{len(apart)} populations need biases of their own ({', '.join(apart)}), "
            f"the board has {len(room.slots)} cores"
        )
    return faults


def _apart(wishes: Sequence[Wish]) -> list[str]:
    """Return populations none of which can share a core with another."""
    apart: list[Wish] = []
    for wish in wishes:
        if all(wish.needs.conflict(other.needs) for other in apart):
            apart.append(wish)
    return [wish.name for wish in apart]


def _greedy(wishes: Sequence[Wish], room: Room) -> tuple[Counts, list[str]]:
    cores = len(room.slots)
    counts = {w.name: np.zeros(cores, np.int64) for w in wishes}
    by_name = {w.name: w for w in wishes}
    faults = []
    waiting = list(wishes)
    while waiting:
        wish = max(waiting, key=lambda w: (w.size, _near(w, counts, by_name, room).max()))
        waiting.remove(wish)
        left = wish.size
        while left:
            free = _free(wish, counts, by_name, room)
            if not free.any():
                faults.append(_no_room(wish, left, counts, by_name, room))
                break
            whole = np.flatnonzero(free >= left)
            choices = whole if len(whole) else np.flatnonzero(free == free.max())
            near = _near(wish, counts, by_name, room)
            core = min(
                choices, key=lambda k: (-near[room.chip(int(k))], room.chip(int(k)), free[k], k)
            )
            part = min(left, int(free[core]))
            counts[wish.name][core] += part
            left -= part
    return counts, faults


def _free(wish: Wish, counts: Counts, by_name: Mapping[str, Wish], room: Room) -> Array:
    """Return how many neurons more of a population every core can hold: (cores,)."""
    left = room.slots.astype(np.float64)
    for name, count in counts.items():
        left -= count[:, None] * by_name[name].share
        if name != wish.name and wish.needs.conflict(by_name[name].needs):
            left[count > 0] = 0
    needed = wish.share > 0
    rooms: Array = np.floor((left[:, needed] / wish.share[needed]).min(1) + ROUNDING).astype(
        np.int64
    )
    return np.maximum(rooms, 0)


def _near(wish: Wish, counts: Counts, by_name: Mapping[str, Wish], room: Room) -> Array:
    """Return how many neurons of partners every chip holds: (chips,)."""
    partners = {*wish.targets, *(w.name for w in by_name.values() if wish.name in w.targets)}
    neurons = sum(
        (counts[name] for name in partners | {wish.name}), np.zeros(len(room.slots), np.int64)
    )
    chips: Array = np.asarray(neurons).reshape(-1, room.per_chip).sum(1)
    return chips


def _no_room(wish: Wish, left: int, counts: Counts, by_name: Mapping[str, Wish], room: Room) -> str:
    why = {}
    for name, count in counts.items():
        role = wish.needs.conflict(by_name[name].needs)
        if role and count.any():
            why[name] = role
    conflicts = "".join(f"; {name} needs another {role}" for name, role in why.items())
    most = int(np.flatnonzero(wish.demand)[-1])
    suited = int(room.slots[:, most].sum())
    return (
        f"{left} of {wish.size} neurons of population {wish.name} find no core "
        f"({suited} neurons of the board have the {most} CAMs that the largest takes{conflicts})"
    )


def _cost(counts: Counts, wishes: Sequence[Wish], room: Room) -> tuple[int, int, int]:
    """Return destinations beyond those offered, cores taken by population, chips by population."""
    chips = {name: count.reshape(-1, room.per_chip).any(1) for name, count in counts.items()}
    beyond = 0
    for wish in wishes:
        reached = np.zeros(len(room.slots) // room.per_chip, np.bool_)
        for target in wish.targets:
            reached |= chips[target]
        beyond += max(0, int(reached.sum()) + wish.reserved - room.destinations)
    parts = sum(int((count > 0).sum()) for count in counts.values())
    return beyond, parts, sum(int(c.sum()) for c in chips.values())


def _least(wishes: Sequence[Wish], room: Room) -> tuple[int, int, int]:
    """Return what no placement can be better than."""
    largest = int(room.slots[:, 0].max())
    chip = int(room.slots[:, 0].reshape(-1, room.per_chip).sum(1).max())
    return (
        0,
        sum(-(-w.size // largest) for w in wishes),
        sum(-(-w.size // chip) for w in wishes),
    )


def _worse(greedy: Counts, solved: Counts, wishes: Sequence[Wish], room: Room) -> bool:
    return _cost(greedy, wishes, room) > _cost(solved, wishes, room)


def _solve(wishes: Sequence[Wish], room: Room) -> Counts | None:
    """Place all populations at once; None: impossible, or not found in time."""
    cores, chips = len(room.slots), len(room.slots) // room.per_chip
    names = [w.name for w in wishes]
    p = Programme()
    size = p.whole(len(wishes), cores, high=int(room.slots[:, 0].max()))
    used = p.binary(len(wishes), cores, cost=1.0)
    on = p.binary(len(wishes), chips, cost=2.0)
    reached = p.binary(len(wishes), chips)
    beyond = p.whole(len(wishes), 1, high=chips, cost=1000.0)
    thresholds = _thresholds(wishes)
    for k in range(cores):
        for n in thresholds:
            p.at_most(size[:, k], [w.share[n] for w in wishes], int(room.slots[k, n]))
    for i, wish in enumerate(wishes):
        p.exactly(size[i], 1, wish.size)
        for k in range(cores):
            p.at_most([size[i, k], used[i, k]], [1, -int(room.slots[k, 0])], 0)
            p.at_most([used[i, k], on[i, room.chip(k)]], [1, -1], 0)
        for j in range(i):
            if wish.needs.conflict(wishes[j].needs):
                for k in range(cores):
                    p.at_most([used[i, k], used[j, k]], 1, 1)
        for target in wish.targets:
            for c in range(chips):
                p.at_most([on[names.index(target), c], reached[i, c]], [1, -1], 0)
        row = [*reached[i], beyond[i, 0]]
        p.at_most(row, [1] * chips + [-1], room.destinations - wish.reserved)
    values = p.solve(SECONDS)
    if values is None:
        return None
    return {name: values[size[i]].round().astype(np.int64) for i, name in enumerate(names)}


def _thresholds(wishes: Sequence[Wish]) -> list[int]:
    """Return the numbers of CAMs at which the wishes' demands differ."""
    table = np.stack([w.demand for w in wishes])
    last = np.any(table[:, :-1] != table[:, 1:], axis=0)
    return [0, *(int(n) for n in np.flatnonzero(last) if n), table.shape[1] - 1]

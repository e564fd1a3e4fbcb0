"""What is mapped on the chip: populations with currents, projections with weights in ampere.

The strength of a synapse is (gain / tau) * weight * (1 - exp(-t_pulse / tau)), its dendrite's gain
and tau currents being those of the target population.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ROLES
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, write_tensors
from eideploy.typed import typed

KIND, VERSION = "eideploy chip network", 1
FILE = "chip_network.safetensors"  # in a run that was trained for a chip
Role = Literal["input", "excitatory", "inhibitory", "output"]
Spacing = Literal["regular", "poisson"]


@dataclass(frozen=True, kw_only=True)
class Population:
    """Neurons that share their biases, or the sources of input events.

    currents  by ROLES, in ampere: all of them for neurons, none for an input
    """

    name: str
    size: int
    role: Role
    currents: Mapping[str, float]

    def __post_init__(self) -> None:
        faults = []
        if self.role not in get_args(Role):
            faults.append(f"role {self.role!r} is none of {', '.join(get_args(Role))}")
        if type(self.size) is not int or self.size < 1:
            faults.append(f"size {self.size!r} is not a positive whole number")
        needed = set() if self.role == "input" else set(ROLES)
        faults += [f"current {role} is missing" for role in sorted(needed - set(self.currents))]
        faults += [f"current {role} is unknown" for role in sorted(set(self.currents) - needed)]
        faults += [
            f"current {role} = {value!r} A is not a finite number >= 0"
            for role, value in self.currents.items()
            if not 0 <= value < np.inf
        ]
        _refuse(faults, f"population {self.name}")
        object.__setattr__(self, "currents", {k: float(v) for k, v in self.currents.items()})


@dataclass(frozen=True, kw_only=True, eq=False)
class Projection:
    """Synapses of one dendrite from one population to another.

    weight  (targets, sources) >= 0, ampere of weight current; 0: no synapse. A weight above the sum
            of the base currents takes several CAMs.
    """

    name: str
    source: str
    target: str
    dendrite: str
    weight: Array

    def __post_init__(self) -> None:
        freeze(self, weight=np.float64)
        faults = []
        if self.dendrite not in RECEPTORS:
            faults.append(f"dendrite {self.dendrite!r} is none of {', '.join(RECEPTORS)}")
        if self.weight.ndim != 2 or not (np.isfinite(self.weight) & (self.weight >= 0)).all():
            faults.append("weight is not a matrix of finite numbers >= 0")
        _refuse(faults, f"projection {self.name}")


@dataclass(frozen=True, kw_only=True)
class Coding:
    """How a sample becomes events: x in 0..1 gives x * peak_rate_hz events a second."""

    peak_rate_hz: float
    duration_s: float
    spacing: Spacing = "regular"

    def __post_init__(self) -> None:
        faults = [
            f"{name} = {value!r} is not a positive number"
            for name, value in (
                ("peak_rate_hz", self.peak_rate_hz),
                ("duration_s", self.duration_s),
            )
            if not 0 < value < np.inf
        ]
        if self.spacing not in get_args(Spacing):
            faults.append(f"spacing {self.spacing!r} is none of {', '.join(get_args(Spacing))}")
        _refuse(faults, "coding")


@dataclass(frozen=True, kw_only=True, eq=False)
class ChipNetwork:
    """A network within the chip's vocabulary.

    classes        of the output populations' neurons, in their order: (outputs,) of 0..
    base_currents  by population, 4 ampere each, where the training fixed them; else the compiler
                   chooses them. Populations that share a core share theirs.
    """

    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    classes: Array
    coding: Coding
    base_currents: Mapping[str, Array]

    def __post_init__(self) -> None:
        freeze(self, classes=np.int64)
        object.__setattr__(self, "base_currents", _frozen(self.base_currents))
        _refuse([*_names(self), *_shapes(self), *_outputs(self)], "chip network")

    def __getitem__(self, name: str) -> Population:
        """Return the population called `name`."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> Mapping[str, Population]:
        return {p.name: p for p in self.populations}

    @property
    def inputs(self) -> tuple[Population, ...]:
        """The populations of input events, in order."""
        return tuple(p for p in self.populations if p.role == "input")

    @property
    def neurons(self) -> tuple[Population, ...]:
        """The populations that are placed on cores, in order."""
        return tuple(p for p in self.populations if p.role != "input")

    @property
    def outputs(self) -> tuple[Population, ...]:
        """The populations whose spikes decide the class, in order."""
        return tuple(p for p in self.populations if p.role == "output")

    @property
    def synapses(self) -> int:
        """How many weights are not zero."""
        return sum(int(np.count_nonzero(p.weight)) for p in self.projections)


def save(network: ChipNetwork, path: Path) -> None:
    """Write the network to `path`, atomically."""
    arrays = {"classes": network.classes}
    arrays |= {f"weight/{p.name}": p.weight for p in network.projections}
    arrays |= {f"base/{name}": base for name, base in network.base_currents.items()}
    content = {
        "populations": [asdict(p) for p in network.populations],
        "projections": [
            {key: getattr(p, key) for key in ("name", "source", "target", "dendrite")}
            for p in network.projections
        ],
        "base_currents": list(network.base_currents),
        "coding": asdict(network.coding),
    }
    write_tensors(path, arrays, kind=KIND, version=VERSION, content=content)


def load(path: Path) -> ChipNetwork:
    """Read a network.

    Raises:
        FormatError: missing, damaged, of another kind or version, or contradictory.
    """
    arrays, content = read_tensors(path, kind=KIND, version=VERSION)
    try:
        return _network(typed(_Header, content, where="header", error=FormatError), arrays)
    except (TypeError, ValueError) as error:  # of arrays of other types or shapes
        raise FormatError(
            f"the network is malformed: {type(error).__name__} {error}",
            where=str(path),
            fix=RESTORE,
        ) from error
    except FormatError as error:
        raise FormatError(error.what, where=f"{path}, {error.where}", fix=RESTORE) from error


@dataclass(frozen=True, kw_only=True)
class _Link:
    """A projection without its weights."""

    name: str
    source: str
    target: str
    dendrite: str


@dataclass(frozen=True, kw_only=True)
class _Header:
    """What stands beside the arrays; of base currents the populations."""

    populations: tuple[Population, ...]
    projections: tuple[_Link, ...]
    base_currents: tuple[str, ...]
    coding: Coding

    @property
    def arrays(self) -> Iterator[str]:
        """The names of the arrays."""
        yield "classes"
        yield from (f"weight/{link.name}" for link in self.projections)
        yield from (f"base/{name}" for name in self.base_currents)


def _network(header: _Header, arrays: Mapping[str, Array]) -> ChipNetwork:
    _refuse([f"there is no array {name}" for name in header.arrays if name not in arrays], "header")
    return ChipNetwork(
        populations=header.populations,
        projections=tuple(
            Projection(**vars(link), weight=arrays[f"weight/{link.name}"])
            for link in header.projections
        ),
        classes=arrays["classes"],
        coding=header.coding,
        base_currents={name: arrays[f"base/{name}"] for name in header.base_currents},
    )


def _frozen(currents: Mapping[str, Array]) -> dict[str, Array]:
    frozen = {}
    for name, base in currents.items():
        frozen[name] = np.array(base, np.float64)
        frozen[name].flags.writeable = False
    return frozen


def _names(network: ChipNetwork) -> list[str]:
    faults = []
    for what, listed in (
        ("populations", [p.name for p in network.populations]),
        ("projections", [p.name for p in network.projections]),
    ):
        faults += [f"two {what} are called {n}" for n in sorted(set(listed)) if listed.count(n) > 1]
    names = {p.name for p in network.neurons}
    known = {p.name for p in network.populations}
    for p in network.projections:
        if p.source not in known:
            faults.append(f"projection {p.name} begins at {p.source}, which does not exist")
        if p.target not in names:
            faults.append(f"projection {p.name} ends at {p.target}, no population of neurons")
    faults += [
        f"base_currents of {n}, no population of neurons"
        for n in sorted(set(network.base_currents) - names)
    ]
    return faults


def _shapes(network: ChipNetwork) -> list[str]:
    size = {p.name: p.size for p in network.populations}
    faults = []
    for p in network.projections:
        expected = (size.get(p.target), size.get(p.source))
        if None not in expected and p.weight.shape != expected:
            faults.append(f"projection {p.name} has weight {p.weight.shape}, expected {expected}")
    for name, base in network.base_currents.items():
        if base.shape != (4,) or not (np.isfinite(base) & (base > 0)).all():
            faults.append(f"base_currents of {name} are not four positive currents")
    return faults


def _outputs(network: ChipNetwork) -> list[str]:
    count = sum(p.size for p in network.outputs)
    if network.classes.shape != (count,):
        return [f"classes has shape {network.classes.shape}, there are {count} output neurons"]
    if count and network.classes.min() < 0:
        return [f"classes has an entry {network.classes.min()}, below 0"]
    return []


def _refuse(faults: list[str], where: str) -> None:
    if faults:
        raise FormatError(
            "; ".join(faults),
            where=where,
            fix="fix the program that writes the network, or train it again",
        )

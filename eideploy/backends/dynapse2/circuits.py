"""Networks for the chip in a few lines: populations, projections, and what they are shown.

    chip = ChipCircuit()
    chip.inputs("in", 4)
    chip.neurons("cells", 32, tau_membrane_ms=10)
    chip.connect("in", "cells", "ampa", weight)                # (32, 4)
    spikes = chip.simulate({"in": poisson([50] * 4, 1.0)})     # by population
    chip.write("builds/mine")                                  # patch.json, load.py, tables

A weight is what a spike adds to a neuron's input current, in units of its leak, where the dendrite
is well above its gain (`dpi/units.py`); the largest one on a dendrite sets its gain.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.account import account
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.configuration import Configuration
from eideploy.backends.dynapse2.chip.mapping import Mapped, map_network
from eideploy.backends.dynapse2.chip.network import (
    ChipNetwork,
    Coding,
    Population,
    Projection,
    Role,
)
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec, load_chip
from eideploy.backends.dynapse2.config import Neuron
from eideploy.backends.dynapse2.dpi.boards import Board
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, varied
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import Wiring, decode
from eideploy.backends.dynapse2.folders import finish_chip_build
from eideploy.backends.dynapse2.training.plan import BASE_RATIOS, MOST, charge_of, currents_of
from eideploy.errors import ConfigError, UsageError

DT_S = 1e-4


@dataclass
class ChipCircuit:
    """A network that is put together by hand; `target` is a mixed-signal one, or its spec's file.

    Raises:
        ConfigError: a name that is taken or unknown, a matrix of another shape, an unknown bias.
        UsageError, SpecError: there is no such target, or it is not a mixed-signal one.
    """

    target: str = "dynapse2"
    name: str = "circuit"
    _populations: dict[str, tuple[int, Role, Neuron | None]] = field(default_factory=dict)
    _links: list[tuple[str, str, str, Array]] = field(default_factory=list)
    _classes: list[int] = field(default_factory=list)
    _whole: ChipNetwork | None = None  # of a file: nothing is added to it

    @classmethod
    def from_nir(cls, path: str | Path, *, target: str = "dynapse2") -> "ChipCircuit":
        """Return the network of a NIR file of the `ei` dialect, as `save_nir` or compile writes it.

        Raises:
            UsageError: nir is not installed; there is no such target.
            FormatError: missing, damaged, or not a network for the chip.
        """
        network = _nirfile().load_chip(Path(path))
        chip = cls(target=target, name=Path(path).stem, _whole=network)
        for p in network.populations:
            chip._populations[p.name] = p.size, p.role, None
        return chip

    def save_nir(self, path: str | Path) -> None:
        """Write the network as NIR, dialect `ei`.

        Raises:
            UsageError: nir is not installed.
        """
        _nirfile().save_chip(self.network(), Path(path))

    def inputs(self, name: str, size: int) -> None:
        """Add sources of events from outside."""
        self._add(name, size, "input", None)

    def neurons(
        self,
        name: str,
        size: int,
        *,
        role: Role = "excitatory",
        classes: Sequence[int] = (),
        **biases: Any,  # noqa: ANN401 - numbers, by the fields of Neuron
    ) -> None:
        """Add neurons of their own biases: fields of `[neuron]` in a configuration.

        An output has the `classes` that its neurons vote for, (size,).
        """
        known = {f.name for f in fields(Neuron)} - {"dendrite"}
        if unknown := sorted(biases.keys() - known):
            raise ConfigError(
                f"there is no bias {', '.join(unknown)}",
                where=f"population {name}",
                fix=f"choose from {', '.join(sorted(known))}",
            )
        if len(classes) not in (0, size) or (role == "output") != bool(len(classes)):
            raise ConfigError(
                f"{len(classes)} classes for {size} neurons of role {role}",
                where=f"population {name}",
                fix="give an output's neurons a class each, and others none",
            )
        self._add(name, size, role, Neuron(**biases))
        self._classes += [int(c) for c in classes]

    def connect(self, source: str, target: str, dendrite: str, weight: Array) -> None:
        """Add synapses: weight (targets, sources) >= 0 in leaks a spike; 0: no synapse."""
        self._refuse_whole(f"synapses from {source} to {target}")
        matrix = np.asarray(weight, np.float64)
        sizes = {name: size for name, (size, *_) in self._populations.items()}
        faults = [f"no population {name}" for name in (source, target) if name not in sizes]
        faults += [] if dendrite in RECEPTORS else [f"no dendrite {dendrite}"]
        if not faults and matrix.shape != (sizes[target], sizes[source]):
            faults = [f"a matrix of {matrix.shape}, not {(sizes[target], sizes[source])}"]
        if not faults and self._populations[target][2] is None:
            faults = [f"{target} is an input, which hears nothing"]
        if faults:
            raise ConfigError(
                "; ".join(faults),
                where=f"synapses from {source} to {target}",
                fix="name two populations and one of the dendrites "
                f"{', '.join(RECEPTORS)}, and give a matrix with a row for every target",
            )
        self._links.append((source, target, dendrite, matrix))

    def network(self, seconds: float = 1.0, peak_rate_hz: float = 200.0) -> ChipNetwork:
        """Return what is mapped; a sample in 0 to 1 would be shown so long, at most at that rate.

        Raises:
            FormatError: a matrix holds what is no number >= 0.
        """
        if self._whole is not None:
            return self._whole
        spec = self._spec()
        dac, currents, base = load_dac(spec), dict[str, dict[str, float]](), dict[str, Array]()
        for name, (_, _, neuron) in self._populations.items():
            if neuron is not None:
                currents[name] = currents_of(neuron, spec, dac)
                base[name] = np.array(BASE_RATIOS) * neuron.base_na * 1e-9
        most: dict[tuple[str, str], float] = {}
        for _, target, dendrite, weight in self._links:
            key = target, dendrite
            most[key] = max(most.get(key, 0.0), float(weight.max(initial=0.0)))
        for (target, dendrite), jump in most.items():
            own, largest = currents[target], MOST * float(base[target][0])
            charge = charge_of(largest, dendrite, own, spec.constants)
            if jump:
                own[f"{dendrite}_gain"] = jump * own["membrane_leak"] / charge
        projections = tuple(
            Projection(
                name=f"{number}: {source} to {target}, {dendrite}",
                source=source,
                target=target,
                dendrite=dendrite,
                weight=weight / max(most[target, dendrite], 1e-30) * MOST * base[target][0],
            )
            for number, (source, target, dendrite, weight) in enumerate(self._links)
        )
        return ChipNetwork(
            populations=tuple(
                Population(name=name, size=size, role=role, currents=currents.get(name, {}))
                for name, (size, role, _) in self._populations.items()
            ),
            projections=projections,
            classes=np.array(self._classes, np.int64),
            coding=Coding(peak_rate_hz=peak_rate_hz, duration_s=seconds),
            base_currents=base,
        )

    def map(self) -> Mapped:
        """Return the network on the board.

        Raises:
            CapacityError: naming every misfit.
        """
        return map_network(self.network(), self._spec())

    def write(self, out: str | Path) -> Path:
        """Write a build, as compile does: patch.json, load.py, tables; return its folder.

        Raises:
            CapacityError: it does not fit; DataError: the folder exists already.
        """
        mapped = self.map()
        used = account(mapped)
        content = {
            "run": self.name,
            "target": mapped.spec.name,
            "backend": mapped.spec.backend,
            "data": None,
            "monitor": "all",
            "operating": None,
            "mapping": asdict(used),
        }
        with folders.new_folder(Path(out), folders.BUILDS, self.name) as staged:
            finish_chip_build(staged.aside, mapped, used, content)
        return staged.final

    def simulate(
        self,
        events: Mapping[str, Array],
        *,
        mismatch: float = 0.0,
        seed: int = 0,
        board: int | None = None,
        dt: float = DT_S,
    ) -> dict[str, Array]:
        """Return the spikes that events cause on the mapped chip, under the full equation.

        Args:
            events: by input population, counts a step: (size, steps, trials).
            mismatch: CV of every current.
            seed: of the chip that is drawn.
            board: the seed of an emulated board with hidden errors, in the place of mismatch.
            dt: the step, seconds.

        Returns:
            By population of neurons (size, steps, trials), in 0 and 1.

        Raises:
            ConfigError: events of another population or shape; options without effect.
        """
        if board is not None and (mismatch or seed):
            raise ConfigError(
                "mismatch and seed have no effect on an emulated board, which has its own",
                where="board",
                fix="leave them out, or leave out board",
            )
        mapped = self.map()
        spec, c = mapped.spec, mapped.configuration
        if board is None:
            wiring = varied(decode(c, spec), Mismatch.uniform(mismatch), seed)
        else:
            wiring = Board(spec, board).wiring(c)
        return _run(wiring, c, self._given(events), dt)

    def _given(self, events: Mapping[str, Array]) -> Array:
        sizes = {n: size for n, (size, role, _) in self._populations.items() if role == "input"}
        shapes = {name: np.shape(listed) for name, listed in events.items()}
        times = {shape[1:] for shape in shapes.values()}
        if {n: s[:1] for n, s in shapes.items()} != {n: (k,) for n, k in sizes.items()} or (
            len(times) != 1 or len(next(iter(times))) != 2
        ):
            raise ConfigError(
                f"events of {shapes}",
                where="events",
                fix=f"give (size, steps, trials) for each of {sizes}, all as long",
            )
        return np.concatenate([np.asarray(events[name], np.uint8) for name in sizes])

    def _spec(self) -> ChipSpec:
        return load_chip(self.target)

    def _refuse_whole(self, where: str) -> None:
        if self._whole is not None:
            raise ConfigError(
                "the network was read from a file, to which nothing is added",
                where=where,
                fix="put it together in Python, or simulate and write it as it is",
            )

    def _add(self, name: str, size: int, role: Role, neuron: Neuron | None) -> None:
        self._refuse_whole(name)
        if name in self._populations:
            raise ConfigError(
                f"there is a population {name} already", where=name, fix="choose another name"
            )
        self._populations[name] = size, role, neuron


def _nirfile() -> "ModuleType":
    """Return what reads and writes NIR, which is an optional dependency."""
    if find_spec("nir") is None:
        raise UsageError(
            "nir is not installed", where="NIR files", fix="pip install 'eideploy[nir]'"
        )
    return import_module("eideploy.backends.dynapse2.nirfile")


def _run(wiring: Wiring, c: Configuration, events: Array, dt: float) -> dict[str, Array]:
    spikes = Chip(wiring, step_of(wiring, dt)).run(events, keep_spikes=True).spikes
    assert spikes is not None  # they were asked for
    spikes_of = {}
    for number, name in enumerate(c.populations):
        rows = np.flatnonzero(c.neurons.population == number)
        if len(rows):
            spikes_of[name] = spikes[rows[np.argsort(c.neurons.index[rows])]]
    return spikes_of


def poisson(
    rate_hz: Array, seconds: float, *, trials: int = 1, seed: int = 0, dt: float = DT_S
) -> Array:
    """Return random events of sources (n,) or (n, steps) at rates in Hz: (n, steps, trials)."""
    rng, steps = np.random.default_rng(seed), round(seconds / dt)
    rows = np.asarray(rate_hz, np.float64).reshape(len(rate_hz), -1)
    rate = np.broadcast_to(rows, (len(rows), steps))
    return (rng.random((*rate.shape, trials)) < rate[:, :, None] * dt).astype(np.uint8)

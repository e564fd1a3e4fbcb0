"""Samna's object tree with a simulated board behind it, for the loader's very own code.

Names and calls are those that public code for boards uses. A seed draws the board's hidden errors
(`dpi/boards.py`); what is configured decides what it does, what is sent when it does it. A board
starts every trial at rest, as one whose capacitors were drained.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import (
    Cams,
    Configuration,
    Inputs,
    Neurons,
    Srams,
)
from eideploy.backends.dynapse2.chip.spec import BACKEND, ChipSpec, read_spec
from eideploy.backends.dynapse2.dpi.boards import Board, Spread
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.patch import read_patch
from eideploy.errors import EideployError
from eideploy.shipped import folder

__all__ = ["EideployError", "emulated"]

STEP_US = 100
SETTLED_US = 1_000_000  # that pass while a configuration settles
ANSWER_US = 1_000  # that a marker takes
WRAP_US = 2**31
TAIL_US = 20_000  # that is simulated after the last event
REFUSED = 8  # the configuration that a board with that fault refuses, counted from 1
BAD = {  # boards on which more is wrong than is assumed of all
    "neurons": Spread(silent=0.03, hot=0.03),
    "cams": Spread(dead=0.02, flaky=0.1),
}


@dataclass
class Dynapse2Destination:
    """Where an event goes."""

    core: list[bool] = field(default_factory=lambda: [False] * 4)
    x_hop: int = 0
    y_hop: int = 0
    tag: int = 0


@dataclass
class Dynapse2Synapse:
    """One CAM."""

    dendrite: int = 0
    stp: bool = False
    weight: list[bool] = field(default_factory=lambda: [False] * 4)
    precise_delay: bool = False
    mismatched_delay: bool = False
    tag: int = 0


@dataclass
class NormalGridEvent:
    """An event, and when it is sent or was seen, in microseconds."""

    event: Dynapse2Destination = field(default_factory=Dynapse2Destination)
    timestamp: int = 0


def emulated(patch: Path, seed: int, fault: str | None) -> tuple[Any, Any]:
    """Return what stands for the modules samna and samna.dynapse2.

    patch  the file that the loader reads: its spec lies beside its folder. What the board does
           follows from the tree that is applied alone
    fault  refuse: one configuration is refused; wrap: the clock is about to wrap; marker: the
           markers of a trial's end get lost; neurons: some never fire, some fire without input;
           cams: some never hear an event, some miss events now and then; None: none of these

    Raises:
        FormatError, SpecError: the patch or its spec is damaged.
    """
    own = patch.resolve().parent.parent / folders.SPEC
    spec = read_spec(own if own.is_file() else folder("targets") / BACKEND / "spec.toml")
    board = _Live(spec, read_patch(patch, spec), seed, fault)
    listed = [
        SimpleNamespace(serial_number="speck", device_type_name="Speck2fDevKit"),
        SimpleNamespace(serial_number=f"emulated {seed}", device_type_name="Dynapse2Stack"),
    ]
    device = SimpleNamespace(get_unopened_devices=lambda: listed, open_device=lambda _: board)
    tree = SimpleNamespace(
        Dynapse2Destination=Dynapse2Destination,
        Dynapse2Synapse=Dynapse2Synapse,
        NormalGridEvent=NormalGridEvent,
        Dendrite=SimpleNamespace(**{name: d.code for name, d in spec.dendrites.items()}),
        ResetType=SimpleNamespace(PowerCycle=0),
    )
    return SimpleNamespace(device=device), tree


class _Live:
    """A board that is open; its model, too."""

    def __init__(self, spec: ChipSpec, base: Configuration, seed: int, fault: str | None) -> None:
        self.spec, self.base, self.fault = spec, base, fault
        self.board = Board(spec, seed, BAD.get(fault or "", Spread()))
        self.applied, self.sent, self.queue = 0, list[NormalGridEvent](), list[NormalGridEvent]()
        self.tree: Any = None
        self.clock = WRAP_US - 12 * SETTLED_US if fault == "wrap" else 0
        self.resets = 0
        self._kept: dict[str, tuple[list[Any], dict[str, Array]]] = {}

    def reset_fpga(self) -> None:
        """Set the clock to zero, but for the first time where it is about to wrap."""
        self.resets += 1
        if self.resets > 2 or self.fault != "wrap":
            self.clock = 0

    def get_model(self) -> "_Live":
        """Return what configurations are applied to."""
        return self

    def reset(self, kind: int, mask: int) -> None:  # noqa: ARG002 - samna's own
        """Forget what was configured."""
        self.tree = None

    def get_configuration(self) -> Any:  # noqa: ANN401 - samna's tree
        """Return the tree as it is after a reset."""
        size = self.spec.chip

        def neuron() -> SimpleNamespace:
            return SimpleNamespace(
                synapses=[Dynapse2Synapse()] * size.cams,
                destinations=[Dynapse2Destination()] * size.destinations,
                **{f"latch_{name}": False for name in self.spec.latches},
            )

        def code() -> SimpleNamespace:
            return SimpleNamespace(coarse_value=0, fine_value=0)

        def chip() -> SimpleNamespace:
            return SimpleNamespace(
                cores=[
                    SimpleNamespace(
                        neurons=[neuron() for _ in range(size.neurons)],
                        parameters={name: code() for name in self.spec.bias_names},
                        neuron_monitoring_on=False,
                        monitored_neuron=0,
                    )
                    for _ in range(size.cores)
                ],
                **{
                    group: {name: code() for name in names}
                    for group, names in self.spec.chip_biases.items()
                },
            )

        return SimpleNamespace(chips=[chip() for _ in range(self.spec.chips)])

    def apply_configuration(self, tree: Any) -> bool:  # noqa: ANN401 - samna's tree
        """Take a configuration, and say whether it was taken."""
        self.applied += 1
        self.clock += SETTLED_US
        if self.fault == "refuse" and self.applied == REFUSED:
            return False
        self.tree = tree
        return True

    def input_interface_write_events(self, bus: int, events: list[NormalGridEvent]) -> None:  # noqa: ARG002 - samna's own
        """Take events; once a marker of the end comes, all before it are simulated."""
        marker = self.spec.monitor.marker
        ends = [e for e in events if e.event.tag == marker and e.event.y_hop < 0]
        self.sent += [e for e in events if e not in ends]
        if not ends:
            return
        self.clock = max(self.clock + ANSWER_US, ends[0].timestamp)
        if self.sent:
            self.queue += self._spikes()
            self.sent = []
            if self.fault == "marker":
                self.fault = None
                return
        back = NormalGridEvent(Dynapse2Destination(tag=marker, y_hop=-1), self.clock)
        self.queue += [back] * len(ends)

    def grid_bus_write_events(self, events: list[NormalGridEvent]) -> None:
        """Take events by the call that older loaders make."""
        self.input_interface_write_events(0, events)

    def read_events(self) -> list[NormalGridEvent]:
        """Return what came from the chips since it was read last."""
        events, self.queue = self.queue, []
        return events

    def _spikes(self) -> list[NormalGridEvent]:
        """Return what the neurons send to the host on the events that are waiting."""
        start = min(e.timestamp for e in self.sent)
        lasts = max(e.timestamp for e in self.sent) - start + TAIL_US
        ways = dict[tuple[int, ...], int]()
        rows = list[tuple[int, int]]()
        for e in self.sent:
            bits = sum(on << k for k, on in enumerate(e.event.core))
            way = bits, e.event.x_hop, e.event.y_hop, e.event.tag
            rows.append((ways.setdefault(way, len(ways)), (e.timestamp - start) // STEP_US))
        counts = np.zeros((len(ways), -(-lasts // STEP_US), 1), np.uint8)
        np.add.at(counts[:, :, 0], tuple(np.array(rows).T), 1)
        live = self._configuration(list(ways))
        wiring = self.board.wiring(live)
        ran = Chip(wiring, step_of(wiring, STEP_US * 1e-6)).run(counts, keep_spikes=True)
        assert ran.spikes is not None  # they were asked for
        seats = live.neurons
        place = seats.chip, seats.core, seats.neuron
        monitored = live.srams.x_hop[place] == self.spec.monitor.x_hop
        monitored &= (live.srams.cores[place] > 0) & ~live.latches["soif_kill"][place][:, None]
        tags = live.srams.tag[place]
        arrivals = []
        for neuron, step in zip(*np.nonzero(ran.spikes[:, :, 0]), strict=True):
            x, _ = self.spec.position(int(seats.chip[neuron]))
            for slot in np.flatnonzero(monitored[neuron]):
                destination = Dynapse2Destination(
                    x_hop=self.spec.monitor.seen_x + x,
                    y_hop=self.spec.monitor.y_hop,
                    tag=int(tags[neuron, slot]),
                )
                arrivals.append(NormalGridEvent(destination, start + (int(step) + 1) * STEP_US))
        return sorted(arrivals, key=lambda e: e.timestamp)

    def _configuration(self, ways: list[tuple[int, ...]]) -> Configuration:
        """Return the tree that was applied: its living neurons, and a source for every `way`.

        ways  of events from the host: bits of cores, hops, tag
        """
        spec = self.spec
        cores = [core for chip in self.tree.chips for core in chip.cores]
        shape = (spec.chips, spec.chip.cores)
        rows = [neuron for core in cores for neuron in core.neurons]
        cams = Cams(
            **self._tables(
                "synapses",
                [n.synapses for n in rows],
                {name: name for name in Cams.__annotations__} | {"mask": "weight"},
            )
        )
        srams = Srams(
            **self._tables(
                "destinations",
                [n.destinations for n in rows],
                {"cores": "core", "x_hop": "x_hop", "y_hop": "y_hop", "tag": "tag"},
            )
        )
        latches = {
            name: np.array([getattr(n, f"latch_{name}") for n in rows]).reshape(*shape, -1)
            for name in spec.latches
        }
        chip, number, neuron = np.nonzero(~latches["soif_kill"] & (cams.mask > 0).any(-1))
        biases = [
            [
                (core.parameters[name].coarse_value, core.parameters[name].fine_value)
                for name in spec.bias_names
            ]
            for core in cores
        ]
        bits, x_hop, y_hop, tag = np.array(ways).T
        x, y = (
            at + hop
            for at, hop in zip(spec.position(spec.board.entry), (x_hop, y_hop), strict=True)
        )
        here = (x >= 0) & (x < spec.board.columns) & (y >= 0) & (y < spec.board.rows)
        nobody = np.full(len(chip), -1)
        return replace(
            self.base,
            populations=("host", "neurons"),
            sizes=(len(ways), len(chip)),
            cams=cams,
            srams=srams,
            biases=np.array(biases).reshape(*shape, -1, 2),
            latches=latches,
            inputs=Inputs(
                population=np.zeros(here.sum()),
                index=np.flatnonzero(here),
                chip=(y * spec.board.columns + x)[here],
                cores=bits[here],
                x_hop=x_hop[here],
                y_hop=y_hop[here],
                tag=tag[here],
            ),
            neurons=Neurons(
                population=np.ones(len(chip)),
                index=np.arange(len(chip)),
                chip=chip,
                core=number,
                neuron=neuron,
                monitor_tag=nobody,
                output_class=nobody,
            ),
        )

    def _tables(self, kind: str, lists: list[Any], names: dict[str, str]) -> dict[str, Array]:
        """Return a memory of all neurons, by field; read anew where a neuron's was replaced."""
        before, tables = self._kept.get(kind, ([], {}))
        if len(before) != len(lists) or any(
            one is not other for one, other in zip(before, lists, strict=True)
        ):
            tables = {}
            for name, attribute in names.items():
                whole = np.array([[getattr(entry, attribute) for entry in each] for each in lists])
                if whole.ndim == 3:  # flags of bits
                    whole = (whole << np.arange(whole.shape[2])).sum(2)
                size = self.spec.chip
                tables[name] = whole.reshape(self.spec.chips, size.cores, size.neurons, -1)
            self._kept[kind] = list(lists), tables
        return tables

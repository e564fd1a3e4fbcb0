"""The dynamics compiled from `kernel.cpp`, image by image in lanes; in numpy without a compiler."""

import ctypes
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from eideploy import native
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi import definition
from eideploy.backends.dynapse2.dpi.units import Step
from eideploy.backends.dynapse2.dpi.wiring import Wiring

LANES = 16  # as in membrane.h
SOURCE = Path(__file__).with_name("kernel.cpp")
HEADERS = (SOURCE.with_name("membrane.h"),)
FLAGS = (*native.FLAGS, "-Wno-psabi", f"-I{SOURCE.parent}")
OF_NEURON = ("h", "reset", "threshold", "refractory", "floor", "direct", "gate", "adaptation")
SIZES = ("inputs", "neurons", "steps", "linear", "first", "seed")
Precision = Literal["float32", "float64"]


class SimulationCall(ctypes.Structure):
    """The sizes of a call."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in SIZES),
        *((name, ctypes.c_double) for name in ("dt", "lost", "doubled", "spacing")),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Ran:
    """What a batch did: counts (neurons, batch), and spikes (neurons, steps, batch) if kept."""

    counts: Array
    spikes: Array | None


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None, after one line on stderr, where there can be none."""
    flags = (*FLAGS, *native.native_flags())
    instead = "simulating in numpy, far slower"
    return native.load(SOURCE, HEADERS, flags, name="DPI kernel", instead=instead)


@dataclass(frozen=True, eq=False)
class Chip:
    """One chip ready to run in time steps of step.dt."""

    wiring: Wiring
    step: Step
    precision: Precision = "float32"

    def run(self, events: Array, *, keep_spikes: bool = False) -> Ran:
        """Return what input events (inputs, steps, batch), counts of up to 255, cause."""
        kernel = library()
        if kernel is None:
            all_of = definition.run(self.wiring, self.step, events)
            spikes = all_of if keep_spikes else None
            return Ran(counts=all_of.sum(1, dtype=np.int32), spikes=spikes)
        parts = [
            self._group(kernel, events[:, :, at : at + LANES], at, keep_spikes=keep_spikes)
            for at in range(0, events.shape[2], LANES)
        ]
        spiked = [p.spikes for p in parts if p.spikes is not None]
        spikes = np.concatenate(spiked, 2) if spiked else None
        return Ran(counts=np.concatenate([p.counts for p in parts], 1), spikes=spikes)

    @functools.cached_property
    def _tables(self) -> tuple[Array | None, ...]:
        """Return what a call reads: neurons, and by source its synapses' targets and strengths.

        Behind them how often their CAMs miss an event, and the CAMs' numbers; None where none does.
        """
        wiring, step = self.wiring, self.step
        columns = [getattr(step, name)[:, None] for name in OF_NEURON]
        tables = (step.decay, step.mean, step.scale, step.rest)
        neurons = np.ascontiguousarray(np.hstack([*columns, *(table.T for table in tables)]))
        order = np.argsort(wiring.source, kind="stable")
        sources = np.arange(wiring.inputs + wiring.neurons + 1)
        first = np.searchsorted(wiring.source[order], sources).astype(np.int64)
        target = (wiring.target * len(RECEPTORS) + wiring.receptor)[order].astype(np.int32)
        strength = np.ascontiguousarray(step.strength[order])
        cam = wiring.cam[order]
        of_cams = (wiring.fails[cam], cam) if len(wiring.fails) else (None, None)
        return neurons, first, target, strength, *of_cams

    def _group(self, called: ctypes.CDLL, events: Array, at: int, *, keep_spikes: bool) -> Ran:
        n, (inputs, steps, batch) = self.wiring.neurons, events.shape
        lanes = np.zeros((inputs, steps, LANES), np.uint8)
        lanes[:, :, :batch] = events
        counts = np.zeros((n, LANES), np.int32)
        spikes = np.zeros((n, steps, LANES), np.uint8) if keep_spikes else None
        job = SimulationCall(
            inputs=inputs,
            neurons=n,
            steps=steps,
            linear=self.step.dendrite == "linear",
            first=at,
            dt=self.step.dt,
            **vars(self.step.events),
        )
        entry = called.dpi_run32 if self.precision == "float32" else called.dpi_run64
        arrays = (*self._tables, lanes, spikes, counts)
        entry(ctypes.byref(job), *(None if x is None else _address(x) for x in arrays))
        return Ran(
            counts=counts[:, :batch], spikes=None if spikes is None else spikes[:, :, :batch]
        )


def _address(array: Array) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)

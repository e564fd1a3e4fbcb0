"""Call `dynamics.cpp`: groups of images through a feed-forward network of DPI neurons, and back."""

import ctypes
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eideploy import native
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi import kernel
from eideploy.backends.dynapse2.dpi.units import Step
from eideploy.errors import UsageError

LANES = kernel.LANES
SOURCE = Path(__file__).with_name("dynamics.cpp")
TRAINED = ("ampa", "gaba", "shunt")  # in the order of dynamics.cpp
KEPT = 7  # as in dynamics.cpp
ROWS = [RECEPTORS.index(name) for name in TRAINED]


class TrainingCall(ctypes.Structure):
    """The sizes of a call, and what is said of the gradient."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in ("sources", "neurons", "steps", "linear")),
        ("slope", ctypes.c_float),
        ("dead", ctypes.c_float),
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Wires:
    """Synapses by target: ranges (neurons + 1,), and source and dendrite of each."""

    first: Array
    source: Array
    dendrite: Array


@functools.cache
def library() -> ctypes.CDLL:
    """Return the compiled kernel.

    Raises:
        UsageError: there is no compiler, or it fails.
    """
    flags = (*kernel.FLAGS, *native.native_flags())
    loaded = native.load(
        SOURCE, kernel.HEADERS, flags, name="chip training", instead="it needs the compiled kernel"
    )
    if loaded is None:
        raise UsageError(
            "training for a mixed-signal chip needs a C++ compiler",
            where="g++, clang++, or $CXX",
            fix="install one, or train where there is one",
        )
    return loaded


def wires(target: Array, source: Array, receptor: Array, neurons: int) -> Wires:
    """Return synapses, sorted by target, as the kernel takes them."""
    of_receptor = np.full(len(RECEPTORS), len(TRAINED))
    of_receptor[ROWS] = np.arange(len(TRAINED))
    return Wires(
        first=np.searchsorted(target, np.arange(neurons + 1)).astype(np.int64),
        source=source.astype(np.int32),
        dendrite=of_receptor[receptor].astype(np.uint8),
    )


class Workspace:
    """Memory for one group at a time; its arrays are overwritten by the next call.

    Shapes   spikes, of_spikes: (inputs + neurons, steps, LANES)
    """

    def __init__(self, inputs: int, neurons: int, steps: int, *, slope: float, dead: float) -> None:
        self.job = TrainingCall(
            sources=inputs, neurons=neurons, steps=steps, slope=slope, dead=dead
        )
        self.spikes = _aligned((inputs + neurons, steps, LANES))
        self.of_spikes = _aligned((inputs + neurons, steps, LANES))
        self.kept = _aligned((neurons, KEPT, steps, LANES))

    def forward(self, events: Array, step: Step, strength: Array, wires: Wires) -> Array:
        """Return the spikes of the neurons (neurons, steps, LANES)."""
        self.job.linear = step.dendrite == "linear"
        self.spikes[: self.job.sources] = events
        self._neurons, self._wires = _packed(step), wires
        self._strength = np.ascontiguousarray(strength, np.float32)
        library().dynapse2_forward(
            ctypes.byref(self.job), *_addresses((*self._given, self.spikes, self.kept))
        )
        return np.asarray(self.spikes[self.job.sources :])

    def backward(self, of_neurons: Array) -> Array:
        """Return the loss's gradient by strength, from that by the neurons' spikes.

        Shapes   of_neurons: broadcasts to (neurons, steps, LANES); result: (synapses,)
        """
        self.of_spikes[: self.job.sources] = 0
        self.of_spikes[self.job.sources :] = of_neurons
        gradient = np.zeros(len(self._strength), np.float32)
        arrays = (*self._given, self.spikes, self.kept, self.of_spikes, gradient)
        library().dynapse2_backward(ctypes.byref(self.job), *_addresses(arrays))
        return gradient

    @property
    def _given(self) -> tuple[Array, ...]:
        wires = self._wires
        return self._neurons, wires.first, wires.source, wires.dendrite, self._strength


def _packed(step: Step) -> Array:
    """Return the constants of the neurons as `struct Neuron`: (neurons, 20)."""
    nmda = RECEPTORS.index("nmda")  # without synapses, its dark current flows
    n = len(step.h)
    columns = [
        step.h / step.dt,
        np.full(n, step.dt),
        step.reset,
        step.threshold,
        step.refractory,
        step.floor,
        step.direct,
        step.rest[nmda].astype(np.float32) * step.scale[nmda].astype(np.float32),
        *step.decay[ROWS],
        *step.mean[ROWS],
        *step.scale[ROWS],
        *step.rest[ROWS],
    ]
    return np.ascontiguousarray(np.stack(columns, 1), np.float32)


def _aligned(shape: Sequence[int]) -> Array:
    """Return zeros (...) of float32 that begin at a multiple of 64 bytes, as vectors ask."""
    count = int(np.prod(shape))
    room = np.zeros(4 * count + 64, np.uint8)
    start = -room.ctypes.data % 64
    return room[start : start + 4 * count].view(np.float32).reshape(shape)


def _addresses(arrays: Sequence[Array]) -> list[ctypes.c_void_p]:
    return [ctypes.c_void_p(array.ctypes.data) for array in arrays]

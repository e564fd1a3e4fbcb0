"""Layers of the integer simulator compiled from `kernel.cpp`; in numpy without a compiler.

A layer runs compiled where its proven widths let the kernel's sums be exact, it divides by a table
or not at all, and its neurons are LIF. Whatever else there is runs in numpy; either equals the
definition.
"""

import ctypes
import functools
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eideploy import native
from eideploy.circuit import Array, Circuit, Factored, Layer, Neurons
from eideploy.circuit.limits import LayerLimits, peaks
from eideploy.divisions import Undivided
from eideploy.execute.quotients import Quotients
from eideploy.execute.samples import maps
from eideploy.neurons.lif import IntegerLIF
from eideploy.numeric.fixed import EXACT_FLOAT64, top

SOURCE = Path(__file__).with_name("kernel.cpp")
FLAGS = ("-pthread", "-fno-strict-aliasing", "-ffp-contract=fast")
LANES = 32  # as in kernel.cpp
MOST_WORD = (1 << 31) - 1
MOST_ENTRY = 255  # of what a layer reads
SIZES = (
    *("batch", "given", "steps", "channels", "height", "width", "kernel", "stride", "padding"),
    *(
        "out_height",
        "out_width",
        "n_e",
        "n_i",
        "columns",
        "flush",
        "binary",
        "is_signed",
        "hidden",
        "divides",
    ),
    *("by_floor", "below", "mask", "leak", "to_zero", "membrane_limit", "threads"),
)
ARRAYS = (
    *("x", "weights", "up", "through", "gained", "den_unit", "patterns", "floor", "bias"),
    *("threshold", "membranes", "spikes", "inhibition", "numerators", "counts"),
)


class LayerCall(ctypes.Structure):
    """What a call takes; `kernel.cpp` says what the fields mean."""

    _fields_ = (
        *((name, ctypes.c_int64) for name in SIZES),
        ("current_limit", ctypes.c_double),
        *((name, ctypes.c_void_p) for name in ARRAYS),
    )


@functools.cache
def library() -> ctypes.CDLL | None:
    """Return the compiled kernel, or None, after one line on stderr, where there can be none."""
    vectors = native.native_flags()
    # every number is exact, so that a product and a sum may be one operation
    fused = ("-mfma",) if vectors and "fma" in native.processor() else ()
    flags = (
        *native.FLAGS,
        "-pthread",
        "-fno-strict-aliasing",
        "-ffp-contract=fast",
        *vectors,
        *fused,
    )
    instead = "simulating in numpy, slower"
    return native.load(SOURCE, (), flags, name="simulator's kernel", instead=instead)


def threads() -> int:
    """Return how many threads run samples: what OMP_NUM_THREADS says, else one a core."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Ran:
    """What a hidden layer and its neurons did.

    spikes      (T, B, n_E, ...), uint8
    membranes   (B, n_E, ...), after the last step
    inhibition  s_I, (S, B, positions, n_I), where it was asked for
    zeros, currents, membranes_clipped  counts, the first two over the S steps that were given
    """

    spikes: Array
    membranes: Array
    inhibition: Array | None
    zeros: int
    currents: int
    membranes_clipped: int


class Kernel:
    """One layer of a circuit as the kernel takes it; see `kernel_of`."""

    def __init__(
        self, circuit: Circuit, layer: Layer, neurons: Neurons | None, quotients: Quotients | None
    ) -> None:
        self.layer, self.neurons, self.circuit = layer, neurons, circuit
        w, peak = layer.projection, max(peaks(circuit)[name] or 1 for name in layer.inputs)
        self.divides = quotients is not None
        parts = layer.weights if isinstance(w, Factored) or self.divides else layer.weights[:1]
        rows = np.concatenate([_by_tap(part) for part in parts], axis=-1)
        width = rows.shape[-1]
        columns = -(-width // LANES) * LANES
        self.arrays: dict[str, Array] = {
            "weights": np.zeros((*rows.shape[:-1], columns), np.int16),
            "up": np.ones(layer.n_e),
            "counts": np.zeros(3, np.int64),
        }
        self.arrays["weights"][..., :width] = rows
        largest = max(int(np.abs(rows).max()), 1)
        self.sizes = {
            "n_e": layer.n_e,
            "n_i": w.n_i if isinstance(w, Factored) else 0,
            "kernel": layer.kernel,
            "stride": layer.geometry.stride,
            "padding": layer.geometry.padding,
            "columns": columns,
            "flush": _most_short(layer) // (peak * largest),
            "binary": peak == 1,
            "is_signed": layer.is_folded,
            "hidden": neurons is not None,
            "divides": self.divides,
        }
        if neurons is not None:
            self._hidden(layer, neurons, quotients)
        of_num = self.arrays["up"].copy()
        if isinstance(w, Factored):
            self.arrays["up"] *= np.ldexp(1.0, w.shift)
            self.arrays["through"] = np.ascontiguousarray((w.w_ei * of_num[:, None]).T)
            if quotients is not None and w.g_i is not None:
                gained = w.w_ei * w.g_i * quotients.of_den[:, None]
                self.arrays["gained"] = np.ascontiguousarray(gained.T)

    def _hidden(self, layer: Layer, neurons: Neurons, quotients: Quotients | None) -> None:
        current, model = layer.integer_current, neurons.integer_model
        assert isinstance(model, IntegerLIF)  # kernel_of has seen to it
        self.limit = float(top(current.current_bits))
        self.sizes |= {
            "leak": model.leak,
            "to_zero": model.reset == "zero",
            "membrane_limit": 1 << (model.membrane_bits - 1),
        }
        self.arrays |= {
            "bias": current.bias.astype(np.int32),
            "threshold": model.threshold.astype(np.int32),
        }
        if quotients is None:
            self.arrays["up"] = np.ldexp(1.0, current.fraction)
            return
        self.sizes |= {
            "by_floor": quotients.floor is not None,
            "below": int(quotients.below),
            "mask": int(quotients.index_mask),
        }
        self.arrays |= {
            "up": quotients.of_num.copy(),
            "den_unit": quotients.of_den,
            "patterns": quotients.patterns,
        }
        if quotients.floor is not None:
            self.arrays["floor"] = quotients.floor

    @property
    def neurons_name(self) -> str:
        """The node of the neurons; "" of a readout."""
        return self.neurons.name if self.neurons else ""

    def run(self, x: Array, steps: int, before: Array | None, *, inhibition: bool) -> Ran:
        """Run a hidden layer and its neurons over `steps`.

        Args:
            x: (S, B, ...), uint8; S is `steps`, or 1 of what does not change.
            steps: how many.
            before: membranes (B, n_E, ...), None of neurons at rest.
            inhibition: whether s_I is wanted.
        """
        shape = self.circuit.shapes[self.layer.name]
        positions, batch = int(np.prod(shape[1:])), x.shape[1]
        rows = (batch, positions, self.layer.n_e)
        membranes = np.zeros(rows, np.int32)
        if before is not None:
            membranes[...] = np.moveaxis(before.reshape(batch, self.layer.n_e, positions), 1, 2)
        spikes = np.empty((steps, *rows), np.uint8)
        wanted = inhibition and self.sizes["n_i"]
        s = np.empty((len(x), batch, positions, self.sizes["n_i"]), np.int32) if wanted else None
        counts = self._call(x, steps, membranes=membranes, spikes=spikes, inhibition=s)
        return Ran(
            spikes=maps(spikes, shape),
            membranes=maps(membranes[None], shape)[0],
            inhibition=s,
            zeros=int(counts[0]),
            currents=int(counts[1]),
            membranes_clipped=int(counts[2]),
        )

    def sums(self, x: Array) -> Array:
        """Return NUM of a readout, (S, B, positions, n_E), of x (S, B, ...), uint8."""
        shape = self.circuit.shapes[self.layer.name]
        num = np.empty((*x.shape[:2], int(np.prod(shape[1:])), self.layer.n_e))
        self._call(x, len(x), numerators=num)
        return num

    def _call(self, x: Array, steps: int, **own: Array | None) -> Array:
        found = library()
        assert found is not None  # kernel_of has seen to it
        dense = np.ascontiguousarray(np.moveaxis(x, 2, -1))
        height, width = x.shape[3:] if self.layer.is_conv else (1, 1)
        shape = self.circuit.shapes[self.layer.name]
        out_height, out_width = shape[1:] if self.layer.is_conv else (1, 1)
        counts = np.zeros(3, np.int64)
        arrays = self.arrays | {n: a for n, a in own.items() if a is not None}
        arrays |= {"x": dense, "counts": counts}
        call = LayerCall(
            **self.sizes,
            batch=x.shape[1],
            given=len(x),
            steps=steps,
            channels=x.shape[2],
            height=height,
            width=width,
            out_height=out_height,
            out_width=out_width,
            threads=threads(),
            current_limit=getattr(self, "limit", 0.0),
            **{name: array.ctypes.data for name, array in arrays.items()},
        )
        found.run_layer(ctypes.byref(call))
        return counts


def kernel_of(
    circuit: Circuit,
    layer: Layer,
    reach: LayerLimits,
    quotients: Quotients | None,
    current: type | None,
) -> Kernel | None:
    """Return a layer as the kernel takes it; None where numpy is to compute it.

    Args:
        circuit: of the layer.
        layer: hidden, or the readout.
        reach: of its sums.
        quotients: its division in floats, where that is exact.
        current: the type of its currents and membranes; None of a readout.
    """
    peak = max(peaks(circuit)[name] or 1 for name in layer.inputs)
    weights = max(int(np.abs(part).max()) for part in layer.weights)
    sums = max(reach.excitation, reach.inhibition, reach.high, -reach.low, reach.subtracted)
    divisor = 0 if isinstance(layer.projection, Factored) else reach.divisor
    fits = peak <= MOST_ENTRY and peak * max(weights, 1) <= _most_short(layer)
    fits = fits and max(reach.excitation, reach.inhibition, divisor) <= MOST_WORD
    fits = fits and sums < EXACT_FLOAT64 >> 1
    if isinstance(layer.projection, Factored) is False:
        fits = fits and sums <= MOST_WORD
    neurons = None
    if not layer.is_readout:
        readers = circuit.consumers(layer.name)
        neurons = readers[0] if len(readers) == 1 and isinstance(readers[0], Neurons) else None
        known = neurons is not None and type(neurons.integer_model) is IntegerLIF
        division = layer.integer_current.division
        plain = division is not None and type(division.divider) is Undivided
        fits = fits and known and current is np.int32 and (plain or quotients is not None)
    if not fits or library() is None:
        return None
    return Kernel(circuit, layer, neurons, quotients)


def _most_short(layer: Layer) -> int:
    """Return what the kernel's sums of 16 bits hold: weights of a population have one sign."""
    return (1 << 15) - 1 if layer.is_folded else (1 << 16) - 1


def _by_tap(weights: Array) -> Array:
    """Return (n, n_in) or (n, channels, k, k) as (taps, channels, n)."""
    by_tap = weights.reshape(*weights.shape[:2], -1)
    return np.moveaxis(by_tap, (2, 1), (0, 1))

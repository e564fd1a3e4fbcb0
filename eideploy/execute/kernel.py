"""Layers of the integer simulator compiled from `kernel.cpp`; in numpy without a compiler.

A layer runs compiled where its proven widths let the kernel's sums be exact, and its division and
its neurons are eideploy's own. Whatever else there is runs in numpy; either equals the definition.
"""

import ctypes
import functools
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from eideploy import native
from eideploy.circuit import Array, Circuit, Factored, Layer, Neurons, Shape
from eideploy.circuit.limits import LayerLimits
from eideploy.divisions import Constant, Exact, Mitchell, Undivided
from eideploy.execute.quotients import MANTISSA_BITS, Quotients, Units
from eideploy.execute.samples import maps
from eideploy.execute.walk import State
from eideploy.neurons import IntegerGeneralLIF, IntegerNeuron
from eideploy.neurons.lif import IntegerLIF
from eideploy.numeric.fixed import EXACT_FLOAT64, top

SOURCE = Path(__file__).with_name("kernel.cpp")
FLAGS = ("-pthread", "-fno-strict-aliasing", "-ffp-contract=fast")
LANES, EIGHT = 32, 8  # as in kernel.cpp
MOST_WORD = (1 << 31) - 1
MOST_ENTRY = 255  # of what a layer reads
FEW_EVENTS = 8  # where 16 bits hold fewer products, entries may be multiplied in pairs
MOST_QUAD = 64  # where entries are below it, by fours: 16 bits hold two products
ANY_EVENTS = 1 << 40
SHORTS, PATTERN_SHIFT = 256, 37  # as in kernel.cpp
MOST_SHORT = (1 << 16) - 1
METHODS = {Undivided: 0, Exact: 2, Constant: 2, Mitchell: 3}  # as in kernel.cpp
BY_TABLE = 1
RESETS = ("subtract", "zero", "value", "none")
DELAYS = ("none", "reset", "spike")
SIZES = (
    *("batch", "given", "steps", "channels", "height", "width", "kernel", "stride", "padding"),
    *("out_height", "out_width", "n_e", "n_i", "padded", "columns", "flush", "binary"),
    *("is_signed", "bytes", "run", "word_columns", "method", "by_floor", "below", "mask", "least"),
    "is_general",
    *("leak", "reset", "delay", "is_above", "max_spikes", "synapse_fraction", "membrane_limit"),
    *("pool", "threads"),
)
ARRAYS = (
    *("x", "weights", "words", "up", "through", "den_unit", "instead", "patterns"),
    "shorts",
    *("floor", "bias", "threshold", "leaks", "synapse", "rest", "low"),
    *("membranes", "synapses", "spikes", "pooled", "inhibition", "numerators", "counts"),
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
    known = native.processor() if vectors else ()
    more = {"fma": "-mfma"} | ({"avx512_vnni": "-mavx512vnni"} if len(vectors) > 1 else {})
    fused = tuple(flag for name, flag in more.items() if name in known)
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
    limit = os.environ.get("OMP_NUM_THREADS", "")
    if limit.isdecimal() and int(limit) > 0:
        return int(limit)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Ran:
    """What a hidden layer and its neurons did.

    spikes      (T, B, n_E, ...), uint8, where they were asked for
    pooled      (T, B, n_E, ...), uint8, where a kernel of the pooling was given
    membranes   (B, n_E, ...), after the last step, where they were asked for
    synapses    likewise, of neurons that have them
    inhibition  s_I, (S, B, positions, n_I), where it was asked for
    zeros, currents, membranes_clipped  counts, the first two over the S steps that were given
    """

    spikes: Array | None
    pooled: Array | None
    membranes: Array | None
    synapses: Array | None
    inhibition: Array | None
    zeros: int
    currents: int
    membranes_clipped: int


class Kernel:
    """One layer of a circuit as the kernel takes it; see `kernel_of`."""

    def __init__(
        self,
        shape: Shape,
        layer: Layer,
        neurons: Neurons | None,
        units: Units | None,
        reach: LayerLimits,
        peak: int,
    ) -> None:
        self.layer, self.neurons, self.shape = layer, neurons, shape
        w = layer.projection
        parts = layer.weights if isinstance(w, Factored) or units else layer.weights[:1]
        rows = np.concatenate([_by_tap(part) for part in parts], axis=-1)
        self.arrays: dict[str, Array] = {"weights": _padded(rows, LANES, np.int16)}
        largest, short = max(int(np.abs(rows).max()), 1), _most_short(layer)
        sums = max(reach.excitation, reach.inhibition, reach.divisor if layer.is_folded else 0,
                   reach.subtracted if layer.is_folded else 0)  # fmt: skip
        self.sizes = {
            "n_e": layer.n_e,
            "n_i": w.n_i if isinstance(w, Factored) else 0,
            "padded": -(-layer.n_e // EIGHT) * EIGHT,
            "kernel": layer.kernel,
            "stride": layer.geometry.stride,
            "padding": layer.geometry.padding,
            "columns": self.arrays["weights"].shape[-1],
            "flush": ANY_EVENTS if sums <= short else short // (peak * largest),
            "binary": peak == 1,
            "is_signed": layer.is_folded,
        }
        fits_bytes = peak < MOST_QUAD and not layer.is_folded and largest <= MOST_ENTRY
        fits_pairs = self.sizes["flush"] < FEW_EVENTS and largest <= MOST_SHORT >> 1
        if fits_bytes or fits_pairs:
            words = _words(rows, layer.kernel, np.uint8 if fits_bytes else np.int16)
            self.arrays["words"] = words
            self.sizes |= {"run": words.shape[1], "word_columns": words.shape[2]}
            self.sizes["bytes"] = words.itemsize
        of_num = np.ones(layer.n_e)
        if neurons is not None:
            self._of_neurons(neurons)
            of_num = self._of_currents(layer, units)
        self.arrays["up"] = of_num
        if isinstance(w, Factored):
            self._of_inhibition(w, of_num, units)
            self.arrays["up"] = of_num * np.ldexp(1.0, w.shift)
        for name in self.arrays.keys() - {"weights", "words", "patterns", "through"}:
            array = self.arrays[name]
            self.arrays[name] = _padded(array, EIGHT, array.dtype)
        behind = {"threshold": MOST_WORD, "floor": 1, "instead": 1}  # it neither fires nor divides
        for name in behind.keys() & self.arrays.keys():
            self.arrays[name][layer.n_e :] = behind[name]

    def _of_currents(self, layer: Layer, units: Units | None) -> Array:
        """Set what divides; return what one of NUM is, (n_E,)."""
        current, divider = layer.integer_current, layer.division.divider
        self.limit = float(top(current.current_bits))
        self.arrays["bias"] = current.bias.astype(np.int32)
        self.sizes["method"] = METHODS.get(type(divider), BY_TABLE)
        if units is None:
            return np.asarray(np.ldexp(1.0, current.fraction))
        self.arrays["den_unit"] = units.of_den
        self.sizes["by_floor"] = units.floor is not None
        if units.floor is not None:
            self.arrays["floor"] = units.floor
        if isinstance(units, Quotients):
            self.arrays["patterns"] = units.patterns
            self.sizes |= {"below": int(units.below), "mask": int(units.index_mask)}
            self._of_short_table(units.patterns)
        if isinstance(divider, Mitchell):
            self.sizes["mask"] = (1 << (MANTISSA_BITS - divider.index_bits)) - 1
        instead = divider.instead(current.constant)
        if instead is not None:
            self.arrays["instead"] = instead * units.of_den
        return np.asarray(units.of_num)

    def _of_short_table(self, patterns: Array) -> None:
        """Set the table as a few numbers of 16 bits, where it is so small."""
        least = int(patterns.min())
        shorts = (patterns - least) >> PATTERN_SHIFT
        same = np.array_equal((shorts << PATTERN_SHIFT) + least, patterns)
        if same and len(shorts) <= SHORTS and int(shorts.max()) <= MOST_SHORT:
            self.sizes["least"] = least
            self.arrays["shorts"] = _padded(shorts, SHORTS, np.uint16)

    def _of_inhibition(self, w: Factored, of_num: Array, units: Units | None) -> None:
        through = _padded((w.w_ei * of_num[:, None]).T, EIGHT, np.float64)
        if units is not None and w.g_i is not None:
            gained = _padded((w.w_ei * w.g_i * units.of_den[:, None]).T, EIGHT, np.float64)
            both = (matrix.reshape(w.n_i, -1, EIGHT) for matrix in (through, gained))
            through = np.stack(tuple(both), axis=2)
        self.arrays["through"] = through

    def _of_neurons(self, neurons: Neurons) -> None:
        model = neurons.integer_model
        self.arrays["threshold"] = model.threshold.astype(np.int32)
        self.sizes["membrane_limit"] = 1 << (model.membrane_bits - 1)
        self.sizes["max_spikes"] = model.most_spikes
        if isinstance(model, IntegerLIF):
            self.sizes |= {"leak": model.leak, "reset": RESETS.index(model.reset)}
            return
        assert isinstance(model, IntegerGeneralLIF)  # kernel_of has seen to it
        self.sizes |= {
            "is_general": True,
            "leak": model.leak_fraction,
            "reset": RESETS.index(model.reset),
            "delay": DELAYS.index(model.delay),
            "is_above": model.fires == ">",
            "synapse_fraction": model.synapse_fraction,
        }
        own = {"leaks": model.leak, "synapse": model.synapse_leak}
        own |= {"rest": model.v_reset, "low": model.v_min}
        self.arrays |= {name: a.astype(np.int32) for name, a in own.items() if a is not None}

    @property
    def neurons_name(self) -> str:
        """The node of the neurons; "" of a readout."""
        return self.neurons.name if self.neurons else ""

    def run(
        self, x: Array, steps: int, before: State, *, wanted: frozenset[str], pool: int = 0
    ) -> Ran:
        """Run a hidden layer and its neurons over `steps`.

        Args:
            x: (S, B, ...), uint8; S is `steps`, or 1 of what does not change.
            steps: how many.
            before: what the neurons had; of those that are not there, they are at rest.
            wanted: some of "spikes", "states" (after the last step) and "inhibition".
            pool: the kernel of a pooling of the spikes, or 0.
        """
        shape = self.shape
        rows = (x.shape[1], int(np.prod(shape[1:])), self.layer.n_e)
        states, has_synapse = "states" in wanted, "synapse" in self.arrays
        membranes = self._state(before.membranes, rows, states=states)
        synapses = self._state(before.synapses, rows, states=states) if has_synapse else None
        spikes = np.empty((steps, *rows), np.uint8) if "spikes" in wanted else None
        pooled, smaller = None, shape
        if pool:
            smaller = (shape[0], *(size // pool for size in shape[1:]))
            pooled = np.empty((steps, rows[0], int(np.prod(smaller[1:])), rows[2]), np.uint8)
        s = None
        if "inhibition" in wanted and self.sizes["n_i"]:
            s = np.empty((len(x), *rows[:2], self.sizes["n_i"]), np.int32)
        counts = self._call(
            x, steps, pool=pool, membranes=membranes, synapses=synapses, spikes=spikes,
            pooled=pooled, inhibition=s,
        )  # fmt: skip

        def as_maps(state: Array | None) -> Array | None:
            return None if state is None else maps(state[None], shape)[0]

        return Ran(
            spikes=None if spikes is None else maps(spikes, shape),
            pooled=None if pooled is None else maps(pooled, smaller),
            membranes=as_maps(membranes),
            synapses=as_maps(synapses),
            inhibition=s,
            zeros=int(counts[0]),
            currents=int(counts[1]),
            membranes_clipped=int(counts[2]),
        )

    def _state(
        self, before: Mapping[str, Array], rows: tuple[int, ...], *, states: bool
    ) -> Array | None:
        """Return a state (B, positions, n_E) to begin with; None at rest, where none is wanted."""
        earlier = before.get(self.neurons_name)
        if earlier is None and not states:
            return None
        state = np.zeros(rows, np.int32)
        if earlier is not None:
            batch, positions, n_e = rows
            state[...] = np.moveaxis(earlier.reshape(batch, n_e, positions), 1, 2)
        return state

    def sums(self, x: Array) -> Array:
        """Return NUM of a readout, (S, B, positions, n_E), of x (S, B, ...), uint8."""
        num = np.empty((*x.shape[:2], int(np.prod(self.shape[1:])), self.layer.n_e))
        self._call(x, len(x), numerators=num)
        return num

    def _call(self, x: Array, steps: int, *, pool: int = 0, **own: Array | None) -> Array:
        compiled = library()
        assert compiled is not None  # kernel_of has seen to it
        dense = np.ascontiguousarray(np.moveaxis(x, 2, -1))
        height, width = x.shape[3:] if self.layer.is_conv else (1, 1)
        shape = self.shape
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
            pool=pool,
            threads=threads(),
            current_limit=getattr(self, "limit", 0.0),
            **{name: array.ctypes.data for name, array in arrays.items()},
        )
        compiled.run_layer(ctypes.byref(call))
        return counts


def kernel_of(
    circuit: Circuit,
    layer: Layer,
    reach: LayerLimits,
    peak: int,
    quotients: Quotients | None,
    current: type | None,
) -> Kernel | None:
    """Return a layer as the kernel takes it; None where numpy is to compute it.

    Args:
        circuit: of the layer.
        layer: hidden, or the readout.
        reach: of its sums.
        peak: the largest value that it reads.
        quotients: its division by a table in floats, where that is exact.
        current: the type of its currents and membranes; None of a readout.
    """
    weights = max(int(np.abs(part).max()) for part in layer.weights)
    sums = max(reach.excitation, reach.inhibition, reach.high, -reach.low, reach.subtracted)
    divisor = 0 if isinstance(layer.projection, Factored) else reach.divisor
    fits = peak <= MOST_ENTRY and peak * max(weights, 1) <= _most_short(layer)
    fits = fits and max(reach.excitation, reach.inhibition, divisor) <= MOST_WORD
    fits = fits and sums < EXACT_FLOAT64 >> 1
    if isinstance(layer.projection, Factored) is False:
        fits = fits and sums <= MOST_WORD
    neurons, units = None, None
    if not layer.is_readout:
        readers = circuit.consumers(layer.name)
        neurons = readers[0] if len(readers) == 1 and isinstance(readers[0], Neurons) else None
        fits = fits and neurons is not None and _has_neurons(neurons.integer_model)
        units = quotients or _units(layer, reach)
        division = layer.integer_current.division
        plain = division is not None and type(division.divider) is Undivided
        fits = fits and current is np.int32 and (plain or units is not None)
    if not fits or library() is None:
        return None
    return Kernel(circuit.shapes[layer.name], layer, neurons, units, reach, peak)


def _has_neurons(model: IntegerNeuron) -> bool:
    """Return whether the kernel has such neurons."""
    if type(model) is IntegerLIF:
        return True
    leaks = (getattr(model, name, None) for name in ("leak", "synapse_leak"))
    return type(model) is IntegerGeneralLIF and all(
        leak is None or int(leak.max(initial=0)) <= MOST_WORD for leak in leaks
    )


def _units(layer: Layer, reach: LayerLimits) -> Units | None:
    """Return the units of a division that the kernel has and no table, None of any other."""
    current = layer.integer_current
    if current.division is None or METHODS.get(type(current.division.divider)) in (None, 0):
        return None
    most = max(reach.divisor, int(current.floor.max()), int(current.constant.max()))
    return Units(layer) if most < EXACT_FLOAT64 else None


def _most_short(layer: Layer) -> int:
    """Return what the kernel's sums of 16 bits hold: weights of a population have one sign."""
    return MOST_SHORT >> 1 if layer.is_folded else MOST_SHORT


def _by_tap(weights: Array) -> Array:
    """Return (n, n_in) or (n, channels, k, k) as (taps, channels, n)."""
    by_tap = weights.reshape(*weights.shape[:2], -1)
    return np.moveaxis(by_tap, (2, 1), (0, 1))


def _words(rows: Array, kernel: int, kind: type[np.generic]) -> Array:
    """Return (taps, channels, n) as (kernel, run, columns, entries of four bytes) of `kind`."""
    together = 4 // np.dtype(kind).itemsize
    by_row = rows.reshape(kernel, -1, rows.shape[-1])
    by_row = np.pad(by_row, ((0, 0), (0, -by_row.shape[1] % together), (0, 0)))
    by_word = by_row.reshape(kernel, -1, together, by_row.shape[-1])
    return np.ascontiguousarray(np.moveaxis(_padded(by_word, LANES // 2, kind), 2, 3))


def _padded(array: Array, to: int, kind: DTypeLike) -> Array:
    """Return an array whose last axis has zeros behind, up to a multiple of `to`."""
    width = array.shape[-1]
    padded = np.zeros((*array.shape[:-1], -(-width // to) * to), kind)
    padded[..., :width] = array
    return padded

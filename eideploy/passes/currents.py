"""What an integer layer divides and adds: fractions, aligned divisors, biases (A20..A23, A31)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from eideploy.circuit import Array, LayerRange
from eideploy.circuit.folded import PlainLayer
from eideploy.circuit.integer import MAX_BITS, IntegerCurrent
from eideploy.circuit.limits import layer_reach
from eideploy.circuit.nodes import Current
from eideploy.scheme import Bits

LARGEST_DIVISOR = 1 << (MAX_BITS - 1)  # beyond, every quotient is zero anyway
LOWEST_FRACTION = -40  # below it a current of 40 bits rounds to zero


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """What of the network a layer's integers depend on.

    threshold  of the layer's LIF neurons
    seen       what calibration saw
    bits       the scheme's
    unit       value of one step of the layer's input
    peak       largest level of the layer's input
    steps      T
    """

    threshold: float
    seen: LayerRange
    bits: Bits
    unit: float
    peak: int
    steps: int


def integer_current(
    node: Current | PlainLayer,
    kind: type[IntegerCurrent],
    weights: Mapping[str, Any],
    around: Surroundings,
    *,
    of_den: Array,
    ratio: Array | float,
) -> tuple[IntegerCurrent, Array]:
    """Return the integer layer of `kind`, and its membrane LSB per unit of current, (n_E,).

    weights  the fields of `kind` that hold weights
    of_den   (n_E,): what one of DEN stands for, in units of the input's step
    ratio    that, over what one of NUM stands for: num / den = NUM / (ratio DEN)
    """
    bits, seen = around.bits, around.seen
    align = np.rint(np.log2(of_den / of_den.min())).astype(np.int64)
    fields = {
        **weights,
        "align": align,
        "floor": _levels_of(seen.divisor_floor, of_den * around.unit),
        "constant": _levels_of(seen.constant_divisor, of_den * around.unit),
        "current_bits": bits.current,
    }
    zero = np.zeros(node.n_e, np.int64)
    reach = layer_reach(kind(**fields, fraction=zero, bias=zero), around.peak, around.steps).limits
    most = MAX_BITS - 2 - reach.accumulator_bits - int(align.max())
    fraction, per_unit = _membrane(node, ratio, around, most)
    limit = (1 << (bits.current - 1)) - 1
    bias = np.clip(np.rint(node.b_e * per_unit), -limit, limit).astype(np.int64)
    return kind(**fields, fraction=fraction, bias=bias), per_unit


def _membrane(
    node: Current | PlainLayer, ratio: Array | float, around: Surroundings, most: int
) -> tuple[Array, Array]:
    """Choose 2^fraction so that the threshold has `threshold` bits (A21); return LSB per unit."""
    highest = float((1 << around.bits.threshold) - 1)
    g_e = node.g_e.astype(np.float64)
    with np.errstate(divide="ignore"):
        ideal = np.floor(np.log2(highest * g_e / (ratio * around.threshold)))
    fraction = np.clip(ideal, LOWEST_FRACTION, most)
    live = ideal >= LOWEST_FRACTION  # a gain of zero: the current is the bias alone
    safe_gain = np.where(live, g_e, 1.0)
    per_unit = np.where(live, 2.0**fraction * ratio / safe_gain, highest / around.threshold)
    return fraction.astype(np.int64), per_unit


def _levels_of(divisor: Array | float, unit: Array) -> Array:
    """Return a divisor of every channel in units of DEN, at least 1 (A22, A23)."""
    return np.clip(np.rint(divisor / unit), 1, LARGEST_DIVISOR).astype(np.int64)

"""What an integer layer divides and adds: fractions, aligned divisors, biases (A20..A23, A31)."""

from dataclasses import dataclass

import numpy as np

from eideploy.circuit import Array, Factored, Folded, IntegerCurrent, Layer, LayerRange
from eideploy.circuit.limits import projection_reach
from eideploy.circuit.projection import MAX_BITS
from eideploy.errors import CapacityError
from eideploy.neurons import PerNeuron
from eideploy.numeric.fixed import top
from eideploy.scheme import Bits
from eideploy.target import Widths

LOWEST_FRACTION = -40  # below it a current of 40 bits rounds to zero
HELD = MAX_BITS - 3  # bits of 2^(fraction + align) |NUM|: a sign, a bit to round, half a divisor
FINE_THRESHOLD = 8  # bits of a threshold that neither shift nor align may take


@dataclass(frozen=True, kw_only=True, eq=False)
class Surroundings:
    """What of the network and the target a layer's integers depend on.

    threshold  of the layer's neurons, one for all or (n_E,)
    seen       what calibration saw
    bits       the scheme's
    widths     the target's
    unit       value of one step of the layer's input
    peak       largest level of the layer's input
    steps      T
    """

    threshold: PerNeuron
    seen: LayerRange
    bits: Bits
    widths: Widths
    unit: float
    peak: int
    steps: int


def integer_current(
    layer: Layer,
    levels: Factored | Folded,
    around: Surroundings,
    *,
    of_den: Array,
    ratio: Array | float,
) -> tuple[IntegerCurrent, Array]:
    """Return the integer current of a float layer, and its membrane LSB per unit, (n_E,).

    levels   the layer's weights
    of_den   (n_E,): what one of DEN stands for, in units of the input's step
    ratio    that, over what one of NUM stands for: num / den = NUM / (ratio DEN)

    Raises:
        CapacityError: a neuron whose threshold would be less than one LSB.
    """
    observed, widths = around.seen, around.widths
    reach = projection_reach(levels, around.peak, 1).numerator
    used = np.array([n.bit_length() for n in reach])
    room = HELD - used - _least_fraction(layer, ratio, around)
    ideal = np.rint(np.log2(of_den / of_den.min()))  # (A22)
    align = np.minimum(ideal, np.clip(room, 0, (1 << widths.align) - 1)).astype(np.int64)
    fraction, per_unit = _membrane(layer, ratio, around, HELD - used - align)
    current = IntegerCurrent(
        fraction=fraction,
        align=align,
        floor=_levels_of(observed.divisor_floor, of_den * around.unit, widths),
        constant=_levels_of(observed.constant_divisor, of_den * around.unit, widths),
        bias=np.rint(layer.float_current.b_e * per_unit).astype(np.int64),
        current_bits=around.bits.current,
    )
    return current, per_unit


def numerator_bits(layer: Layer, ratio: Array | float, around: Surroundings) -> Array:
    """Return how many bits |NUM| may have, (n_E,).

    As many as the accumulator holds and the fraction leaves at which thresholds have
    FINE_THRESHOLD bits.
    """
    bits = HELD - _least_fraction(layer, ratio, around)
    return np.asarray(np.minimum(around.widths.accumulator - 1, bits))


def least_ratio(layer: Layer, around: Surroundings) -> Array:
    """Return num / den over NUM / DEN at which thresholds have FINE_THRESHOLD bits, (n_E,).

    Of a NUM of one bit; of one of n bits it is 2^n of that.
    """
    bits = min(FINE_THRESHOLD, around.bits.threshold)
    return np.asarray(
        _finest(layer, around, bits) * layer.float_current.g_e.astype(np.float64) * 2.0**-HELD
    )


def _least_fraction(layer: Layer, ratio: Array | float, around: Surroundings) -> Array:
    """Return the fraction at which thresholds have FINE_THRESHOLD bits, but 0 if it is less."""
    bits = min(FINE_THRESHOLD, around.bits.threshold)
    fraction = np.ceil(_fraction(layer, ratio, _finest(layer, around, bits)))
    return np.asarray(np.maximum(fraction, 0), np.int64)


def _membrane(
    layer: Layer, ratio: Array | float, around: Surroundings, most: Array
) -> tuple[Array, Array]:
    """Choose 2^fraction so that the threshold has `threshold` bits (A21); return LSB per unit.

    It has fewer where the bias would not fit a current's width, and where 2^fraction NUM would not
    fit the simulator's.
    """
    finest = _finest(layer, around, around.bits.threshold)
    ideal = np.floor(_fraction(layer, ratio, finest))
    live = ideal >= LOWEST_FRACTION  # a gain of zero: the current is the bias alone
    fraction = np.clip(np.minimum(ideal, most), LOWEST_FRACTION, None)
    gain = np.where(live, layer.float_current.g_e.astype(np.float64), 1.0)
    per_unit = np.where(live, 2.0**fraction * ratio / gain, finest)
    _require_thresholds(layer, around, per_unit, live & (most < LOWEST_FRACTION))
    return fraction.astype(np.int64), per_unit


def _finest(layer: Layer, around: Surroundings, bits: int) -> Array:
    """Return the most LSB per unit at which `bits` hold a threshold, and a current the bias."""
    bias = np.abs(layer.float_current.b_e.astype(np.float64))
    with np.errstate(divide="ignore"):
        return np.asarray(np.minimum(((1 << bits) - 1) / around.threshold, _largest(around) / bias))


def _fraction(layer: Layer, ratio: Array | float, per_unit: Array) -> Array:
    """Return log2 of the factor of NUM / DEN that makes so many LSB of a unit of current."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log2(per_unit * layer.float_current.g_e.astype(np.float64) / ratio))


def _largest(around: Surroundings) -> int:
    """Return the largest bias that the scheme's currents and the target's biases hold."""
    return top(min(around.bits.current, around.widths.bias))


def _require_thresholds(layer: Layer, around: Surroundings, per_unit: Array, beyond: Array) -> None:
    """Refuse neurons whose threshold is less than one LSB, and those `beyond` any fraction."""
    levels = around.threshold * per_unit
    faulty = np.flatnonzero((np.rint(levels) < 1) | beyond)
    if not faulty.size:
        return
    neuron = int(faulty[0])
    threshold = float(np.broadcast_to(around.threshold, levels.shape)[neuron])
    bias, largest = abs(float(layer.float_current.b_e[neuron])) / threshold, _largest(around)
    factor = 1 / float(levels[neuron])
    if bias > largest:
        what = f"the bias is {bias:.3g} thresholds, {largest} LSB are offered"
        fix = f"bring it within {largest} thresholds, or choose a scheme with more bits of current"
    elif beyond[neuron]:
        what = f"NUM needs more than {MAX_BITS} bits"
        fix = "choose a scheme with fewer bits, or a network that adds up fewer branches"
    else:
        of = "gain g_E" if layer.projection.divides else "weights"
        what = f"2^fraction NUM needs more than {MAX_BITS} bits for a threshold of one LSB"
        fix = f"lower its {of} by a factor of {factor:.3g}, or choose a scheme with fewer bits"
    more = f", and {len(faulty) - 1} more" if len(faulty) > 1 else ""
    raise CapacityError(what, where=f"node {layer.name}, neuron {neuron}{more}", fix=fix)


def _levels_of(divisor: Array | float, unit: Array, widths: Widths) -> Array:
    """Return a divisor of every channel in units of DEN, at least 1 (A22, A23).

    One that is wider than any divisor of the target becomes the widest of these.
    """
    return np.clip(np.rint(divisor / unit), 1, (1 << widths.divisor) - 1).astype(np.int64)

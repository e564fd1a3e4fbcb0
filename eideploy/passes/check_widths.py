"""Prove that no accumulator of the target can overflow."""

import numpy as np

from eideploy.circuit import Array, Circuit, IntegerInput, IntegerLIF
from eideploy.circuit.folded import IntegerFolded, IntegerFoldedLayer
from eideploy.circuit.integer import MAX_BITS, IntegerCurrent, IntegerEILayer, IntegerSynapses
from eideploy.circuit.limits import LayerLimits, limits, too_high
from eideploy.circuit.proof import prove
from eideploy.errors import CapacityError
from eideploy.numeric.fixed import signed_bits, unsigned_bits
from eideploy.passes.contract import contract, has_dividers
from eideploy.target import Widths


@contract(needs=(has_dividers,), gives=(has_dividers,))
def check_widths(circuit: Circuit, *, widths: Widths) -> Circuit:
    """Compare what every number can reach (A13) with the target's widths.

    Keeps    the circuit, node for node
    Gives    no accumulator, inhibitory sum, divisor or input exceeds its width, whatever the
             input; and no weight, gain, shift, threshold, bias, fraction or floor does

    Raises:
        CapacityError: naming every number that needs more bits than there are.
    """
    faults = [fault for node in circuit.nodes for fault in _faults(node, widths)]
    for name, reach in limits(circuit).items():
        faults += [f"{name}: {f}" for f in _reach_faults(reach, widths)]
    faults += [
        f"{name}: {n.role} reaches {n.bits} bits, {MAX_BITS} offered by the simulator"
        for name, numbers in prove(circuit).items()
        for n in numbers
        if n.saturates is None and n.bits > MAX_BITS
    ]
    faults += too_high(circuit, MAX_BITS, by="the simulator")
    if faults:
        raise CapacityError(
            "; ".join(faults),
            where="the target's [widths]",
            fix="choose a scheme with fewer bits, or a target with wider ones",
        )
    return circuit


def _faults(node: object, widths: Widths) -> list[str]:
    asked: dict[str, tuple[int, int]] = {}
    if isinstance(node, IntegerInput):
        asked["input values"] = (unsigned_bits(node.top), widths.input)
    if isinstance(node, IntegerSynapses):
        largest = max(int(w.max()) for w in (node.w_ee, node.w_ie, node.w_ei))
        asked["weights"] = (unsigned_bits(largest), widths.weight)
        asked["shifts"] = (unsigned_bits(int(node.shift_ee.max())), widths.shift)
    if isinstance(node, IntegerFolded):
        asked["signed weights"] = (_signed(node.w_num), widths.weight)
    if isinstance(node, IntegerFoldedLayer):
        asked["weights"] = (unsigned_bits(int(node.w_den.max())), widths.weight)
    if isinstance(node, IntegerEILayer):
        asked["gains"] = (unsigned_bits(int(node.gain.max())), widths.gain)
    if isinstance(node, IntegerCurrent):
        asked["currents"] = (node.current_bits, widths.current)
        divider = node.division.divider if node.division else None
        asked["table entries"] = (divider.fraction_bits if divider else 0, widths.table_entry)
        asked["biases"] = (_signed(node.bias), widths.bias)
        asked["floors"] = (unsigned_bits(int(node.stand_in.max())), widths.divisor)
        asked["aligns"] = (unsigned_bits(int(node.align.max())), widths.align)
        # The core keeps the fraction less the bits of a table entry.
        kept = node.fraction - (divider.fraction_bits if divider else 0)
        asked["fractions"] = (_signed(np.append(kept, node.fraction)), widths.fraction)
    if isinstance(node, IntegerLIF):
        asked["membranes"] = (node.membrane_bits, widths.membrane)
        asked["thresholds"] = (unsigned_bits(int(node.threshold.max())), widths.threshold)
    name = getattr(node, "name", "")
    return [
        f"{name}: {what} of {n} bits, {of} offered" for what, (n, of) in asked.items() if n > of
    ]


def _signed(values: Array) -> int:
    return signed_bits(int(values.min()), int(values.max()))


def _reach_faults(reach: LayerLimits, widths: Widths) -> list[str]:
    offered = {
        "accumulators": widths.accumulator,
        "inhibitory sums": widths.inhibition,
        "divisors": widths.divisor,
    }
    return [
        f"{what} reach {n} bits, {offered[what]} offered"
        for what, n in reach.bits.items()
        if n > offered[what]
    ]

"""Prove that no accumulator of the target can overflow."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eideploy.circuit import Array, Circuit, IntegerInput, IntegerLIF, Node
from eideploy.circuit.folded import IntegerFolded, IntegerFoldedLayer
from eideploy.circuit.integer import MAX_BITS, IntegerCurrent, IntegerEILayer, IntegerSynapses
from eideploy.circuit.limits import Reach, reaches, too_high
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
        CapacityError: naming every number that needs more bits than there are, and the neuron that
            needs most.
    """
    needs = [need for node in circuit.nodes for need in _needs(node)]
    needs += [need for name, reach in reaches(circuit).items() for need in _sums(name, reach)]
    missing = [need for need in needs if need.bits > getattr(widths, need.width)]
    faults = [need.text(getattr(widths, need.width)) for need in missing]
    wide = [
        f"{name}: {n.role} reaches {n.bits} bits, {MAX_BITS} offered by the simulator"
        for name, numbers in prove(circuit).items()
        for n in numbers
        if n.saturates is None and n.bits > MAX_BITS
    ]
    wide += too_high(circuit, MAX_BITS, by="the simulator")
    if faults or wide:
        raise CapacityError(
            "; ".join(faults + wide),
            where="the target's [widths]",
            fix="choose a scheme with fewer bits" + ("" if wide else _wider(missing)),
        )
    return circuit


@dataclass(frozen=True, kw_only=True)
class _Need:
    """How many bits a number of a node takes.

    width   the key of the target's [widths] that offers them
    neuron  the one that takes most; None where all do, or none in particular
    """

    node: str
    what: str
    bits: int
    width: str
    neuron: int | None = None

    def text(self, offered: int) -> str:
        """Return what is missing, as a sentence."""
        where = "" if self.neuron is None else f" in neuron {self.neuron}"
        return f"{self.node}: {self.what} {self.bits} bits{where}, {offered} offered"


def _wider(missing: list[_Need]) -> str:
    """Return what a target would have to offer."""
    most: dict[str, int] = {}
    for need in missing:
        most[need.width] = max(need.bits, most.get(need.width, 0))
    return ", or a target with " + ", ".join(f"{key} = {bits}" for key, bits in most.items())


def _needs(node: Node) -> Iterator[_Need]:
    """Yield the widths of the numbers that a node holds."""

    def need(what: str, width: str, bits: int, neuron: int | None = None) -> _Need:
        return _Need(node=node.name, what=f"{what} of", width=width, bits=bits, neuron=neuron)

    def unsigned(what: str, width: str, values: Array, *, by_neuron: bool = False) -> _Need:
        neuron = int(values.argmax()) if by_neuron else None
        return need(what, width, unsigned_bits(int(values.max())), neuron)

    def signed(what: str, width: str, values: Array) -> _Need:
        bits = [signed_bits(int(x), int(x)) for x in (values.min(), values.max())]
        neuron = int(values.argmin() if bits[0] > bits[1] else values.argmax())
        return need(what, width, max(bits), neuron)

    if isinstance(node, IntegerInput):
        yield need("input values", "input", unsigned_bits(node.top))
    if isinstance(node, IntegerSynapses):
        largest = max(int(w.max()) for w in (node.w_ee, node.w_ie, node.w_ei))
        yield need("weights", "weight", unsigned_bits(largest))
        yield unsigned("shifts", "shift", node.shift_ee, by_neuron=True)
    if isinstance(node, IntegerFolded):
        low, high = int(node.w_num.min()), int(node.w_num.max())
        yield need("signed weights", "weight", signed_bits(low, high))
    if isinstance(node, IntegerFoldedLayer):
        yield unsigned("weights", "weight", node.w_den)
    if isinstance(node, IntegerEILayer):
        yield unsigned("gains", "gain", node.gain)
    if isinstance(node, IntegerCurrent):
        entry = node.division.divider.fraction_bits if node.division else 0
        yield need("currents", "current", node.current_bits)
        yield need("table entries", "table_entry", entry)
        yield signed("biases", "bias", node.bias)
        yield unsigned("floors", "divisor", node.stand_in, by_neuron=True)
        yield unsigned("aligns", "align", node.align, by_neuron=True)
        # The core keeps the fraction less the bits of a table entry.
        yield max(
            (signed("fractions", "fraction", f) for f in (node.fraction - entry, node.fraction)),
            key=lambda found: found.bits,
        )
    if isinstance(node, IntegerLIF):
        yield need("membranes", "membrane", node.membrane_bits)
        yield unsigned("thresholds", "threshold", node.threshold, by_neuron=True)


def _sums(name: str, reach: Reach) -> Iterator[_Need]:
    """Yield the widths of a layer's sums."""
    low, high = (reach.low * reach.times).tolist(), (reach.high * reach.times).tolist()
    sums = {
        "accumulator": ("accumulators", list(map(signed_bits, low, high))),
        "inhibition": ("inhibitory sums", [reach.limits.inhibition_bits]),
        "divisor": ("divisors", [unsigned_bits(den) for den in reach.divisor.tolist()]),
    }
    for width, (what, bits) in sums.items():
        neuron = None if width == "inhibition" else int(np.argmax(bits))
        yield _Need(node=name, what=f"{what} reach", width=width, bits=max(bits), neuron=neuron)

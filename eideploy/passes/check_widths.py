"""Prove that no accumulator of the target can overflow."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from eideploy.circuit import (
    Array,
    Circuit,
    Folded,
    IntegerCurrent,
    IntegerInput,
    Layer,
    Neurons,
    Node,
)
from eideploy.circuit.limits import Reach, reaches, too_high
from eideploy.circuit.projection import MAX_BITS
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
    needs = _all_needs(circuit)
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


def least_widths(circuit: Circuit) -> dict[str, int]:
    """Return the bits of every width of the target's [widths] that some number of `circuit` takes.

    They are the least that `check_widths` lets pass.
    """
    least: dict[str, int] = {}
    for need in _all_needs(circuit):
        least[need.width] = max(need.bits, least.get(need.width, 0))
    return least


def _all_needs(circuit: Circuit) -> "list[_Need]":
    needs = [need for node in circuit.nodes for need in _needs(node)]
    return needs + [need for name, reach in reaches(circuit).items() for need in _sums(name, reach)]


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
    match node:
        case IntegerInput():
            yield _need(node, "input values", "input", unsigned_bits(node.top))
        case Layer():
            yield from _of_weights(node)
            if isinstance(node.current, IntegerCurrent):
                yield from _of_current(node, node.current)
        case Neurons():
            model = node.integer_model
            yield _need(node, "membranes", "membrane", model.membrane_bits)
            yield _unsigned(node, "thresholds", "threshold", model.threshold, by_neuron=True)


def _of_weights(node: Layer) -> Iterator[_Need]:
    w = node.projection
    if isinstance(w, Folded):
        low, high = int(w.w_num.min()), int(w.w_num.max())
        yield _need(node, "signed weights", "weight", signed_bits(low, high))
        if w.w_den is not None:
            yield _unsigned(node, "weights", "weight", w.w_den)
        return
    largest = max(int(levels.max()) for levels in w.by_name.values())
    yield _need(node, "weights", "weight", unsigned_bits(largest))
    yield _unsigned(node, "shifts", "shift", w.shift, by_neuron=True)
    if w.g_i is not None:
        yield _unsigned(node, "gains", "gain", w.g_i)


def _of_current(node: Layer, current: IntegerCurrent) -> Iterator[_Need]:
    entry = node.division.divider.fraction_bits
    yield _need(node, "currents", "current", current.current_bits)
    yield _need(node, "table entries", "table_entry", entry)
    yield _signed(node, "biases", "bias", current.bias)
    yield _unsigned(node, "floors", "divisor", current.stand_in, by_neuron=True)
    yield _unsigned(node, "aligns", "align", current.align, by_neuron=True)
    # The core keeps the fraction less the bits of a table entry.
    fractions = (current.fraction - entry, current.fraction)
    yield max(
        (_signed(node, "fractions", "fraction", f) for f in fractions), key=lambda need: need.bits
    )


def _need(node: Node, what: str, width: str, bits: int, neuron: int | None = None) -> _Need:
    return _Need(node=node.name, what=f"{what} of", width=width, bits=bits, neuron=neuron)


def _unsigned(
    node: Node, what: str, width: str, values: Array, *, by_neuron: bool = False
) -> _Need:
    neuron = int(values.argmax()) if by_neuron else None
    return _need(node, what, width, unsigned_bits(int(values.max())), neuron)


def _signed(node: Node, what: str, width: str, values: Array) -> _Need:
    bits = [signed_bits(int(x), int(x)) for x in (values.min(), values.max())]
    neuron = int(values.argmin() if bits[0] > bits[1] else values.argmax())
    return _need(node, what, width, max(bits), neuron)


def _sums(name: str, reach: Reach) -> Iterator[_Need]:
    """Yield the widths of a layer's sums."""
    sums_over_time = reach.kept
    sums = {
        "accumulator": (
            "accumulators",
            list(map(signed_bits, sums_over_time.total_low, sums_over_time.total_high)),
        ),
        "inhibition": ("inhibitory sums", [reach.limits.inhibition_bits]),
        "divisor": ("divisors", [unsigned_bits(den) for den in reach.divisor.tolist()]),
    }
    for width, (what, bits) in sums.items():
        neuron = None if width == "inhibition" else int(np.argmax(bits))
        yield _Need(node=name, what=f"{what} reach", width=width, bits=max(bits), neuron=neuron)

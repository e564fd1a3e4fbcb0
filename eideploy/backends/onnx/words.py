"""Whether an integer program can be written in 32-bit integers, by the proof of its widths."""

from collections.abc import Iterator

import numpy as np

from eideploy.backends.onnx.graph import NARROW, WIDE, Words
from eideploy.circuit import Circuit, Layer, Neurons
from eideploy.circuit.limits import limits
from eideploy.circuit.proof import Number, prove


def words_of(circuit: Circuit) -> tuple[Words, str]:
    """Return the integers that a program's model computes with, and why they are wide.

    They are narrow where no number, not even one between two operators, can reach 2^22: then every
    operator is exact also in a runtime that computes with int32 in float32, as OpenVINO does.
    """
    for place, role, largest in _numbers(circuit):
        if largest >= 1 << NARROW.highest:
            bits = largest.bit_length()
            return WIDE, f"{role} of {place} may have {bits} bits, {NARROW.highest} are exact"
    return NARROW, ""


def _numbers(circuit: Circuit) -> Iterator[tuple[str, str, int]]:
    """Yield node, role and largest magnitude of all that a model computes."""
    reach = limits(circuit)
    currents: dict[str, int] = {}
    for name, numbers in prove(circuit).items():
        node = circuit.node(name)
        for number in numbers:
            if number.saturates is None:
                yield name, number.role, _largest(number)
        if name in reach:
            yield name, "W_EI S", reach[name].subtracted
            yield name, "a leak's product", reach[name].product
        if isinstance(node, Layer) and not node.is_readout:
            yield from _of_division(node)
            currents[name] = _largest(numbers[-1])
        if isinstance(node, Neurons):
            yield from _of_neurons(node, currents[node.inputs[0]])


def _of_neurons(node: Neurons, current: int) -> Iterator[tuple[str, str, int]]:
    model = node.integer_model
    membrane = 1 << model.membrane_bits - 1
    yield node.name, "u", membrane + max(current, membrane if model.has_synapse else 0)
    if model.product_bits:
        yield node.name, "a leak's product", membrane << model.product_bits
    if model.most_spikes > 1:
        yield node.name, "what spikes lower", 2 * membrane


def _largest(number: Number) -> int:
    return max(-number.low, number.high)


def _of_division(layer: Layer) -> Iterator[tuple[str, str, int]]:
    current = layer.integer_current
    yield layer.name, "the limit of c", 1 << current.current_bits - 1
    if (instead := layer.division.divider.instead(current.constant)) is not None:
        yield layer.name, "the divisor", int(np.max(instead))
        return
    yield layer.name, "the floor of DEN", int(current.floor.max())

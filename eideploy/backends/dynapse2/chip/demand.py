"""Why a circuit that was not trained for the chip cannot be mapped as it is, in numbers."""

from collections.abc import Iterator

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.circuit import AvgPool, Circuit, EIReadout, Input
from eideploy.circuit.nodes import EILayer, Synapses


def reasons(circuit: Circuit, spec: ChipSpec) -> list[str]:
    """Return what stands between a float circuit and a board, a line each."""
    found = [*_neurons(circuit, spec)]
    for node in circuit.nodes:
        if isinstance(node, Synapses):
            found += _fan_in(node, spec)
        if isinstance(node, EILayer):
            found += _own_values(node)
        if isinstance(node, EIReadout):
            found.append(f"{node.name} reads out currents, the chip's host sees spikes alone")
        if isinstance(node, AvgPool):
            found.append(f"{node.name} averages spikes, the chip has no neuron that does")
        if isinstance(node, Input):
            pixels = int(np.prod(circuit.shapes[node.name]))
            found.append(f"{node.name} gives {pixels} values, the chip takes events")
    return found


def _neurons(circuit: Circuit, spec: ChipSpec) -> Iterator[str]:
    excitatory = inhibitory = 0
    for node in circuit.nodes:
        if isinstance(node, Synapses):
            shape = circuit.shapes[node.name]
            positions = int(np.prod(shape[1:]))
            excitatory += node.n_e * positions
            inhibitory += node.n_i * positions
    offered = spec.chips * spec.chip.cores * spec.chip.neurons
    if excitatory + inhibitory > offered:
        yield (
            f"the network has {excitatory} excitatory and {inhibitory} inhibitory neurons, "
            f"the board has {offered}"
        )
    if inhibitory:
        yield f"{inhibitory} inhibitory neurons have graded outputs, the chip's spike"


def _fan_in(node: Synapses, spec: ChipSpec) -> Iterator[str]:
    excitation, inhibition = _inputs(node.w_ee), _inputs(node.w_ei)
    divided = isinstance(node, EILayer)
    total = excitation + inhibition * (2 if divided else 1)
    if total.max() > spec.chip.cams:
        worst = int(total.argmax())
        both = f"2 x {inhibition[worst]}" if divided else str(inhibition[worst])
        yield (
            f"neuron {worst} of {node.name} takes {total[worst]} synapses "
            f"({excitation[worst]} excitatory, {both} inhibitory), a neuron has "
            f"{spec.chip.cams} CAMs; {int((total > spec.chip.cams).sum())} of {node.n_e} take more"
        )
    own = _inputs(node.w_ie)
    if own.max() > spec.chip.cams:
        yield (
            f"inhibitory neuron {int(own.argmax())} of {node.name} takes {own.max()} synapses, a "
            f"neuron has {spec.chip.cams} CAMs; {int((own > spec.chip.cams).sum())} of {node.n_i} "
            "take more"
        )


def _inputs(weights: Array) -> Array:
    """Return how many weights of every output are not zero."""
    found: Array = np.count_nonzero(weights.reshape(len(weights), -1), axis=1)
    return found


def _own_values(node: EILayer) -> Iterator[str]:
    for name, values, shared in (
        ("bias", node.b_e, "constant current"),
        ("gain", node.g_e, "gain"),
    ):
        if (count := len(np.unique(values))) > 1:
            yield f"{node.name} has {count} values of {name}, a core has one {shared}"

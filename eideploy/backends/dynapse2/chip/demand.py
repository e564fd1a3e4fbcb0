"""Why a circuit that was not trained for the chip cannot be mapped as it is, in numbers."""

from collections.abc import Iterator

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.circuit import AvgPool, Circuit, Factored, FloatCurrent, Input, Layer


def reasons(circuit: Circuit, spec: ChipSpec) -> list[str]:
    """Return what stands between a float circuit and a board, a line each."""
    faults = [*_neurons(circuit, spec)]
    faults += [f"the chip has no edge {edge}" for edge in circuit.special_edges]
    for node in circuit.nodes:
        if isinstance(node, Layer) and isinstance(node.projection, Factored):
            faults += _fan_in(node, node.projection, spec)
        if isinstance(node, Layer) and isinstance(node.current, FloatCurrent):
            faults += _own_values(node.name, node.current)
        if isinstance(node, Layer) and node.is_readout:
            faults.append(f"{node.name} reads out currents, the chip's host sees spikes alone")
        if isinstance(node, AvgPool):
            faults.append(f"{node.name} averages spikes, the chip has no neuron that does")
        if isinstance(node, Input):
            pixels = int(np.prod(circuit.shapes[node.name]))
            faults.append(f"{node.name} gives {pixels} values, the chip takes events")
    return faults


def _neurons(circuit: Circuit, spec: ChipSpec) -> Iterator[str]:
    excitatory = inhibitory = 0
    for layer in circuit.layers:
        positions = int(np.prod(circuit.shapes[layer.name][1:]))
        excitatory += layer.n_e * positions
        if isinstance(layer.projection, Factored):
            inhibitory += layer.projection.n_i * positions
    offered = spec.chips * spec.chip.cores * spec.chip.neurons
    if excitatory + inhibitory > offered:
        yield (
            f"the network has {excitatory} excitatory and {inhibitory} inhibitory neurons, "
            f"the board has {offered}"
        )
    if inhibitory:
        yield f"{inhibitory} inhibitory neurons have graded outputs, the chip's spike"


def _fan_in(node: Layer, w: Factored, spec: ChipSpec) -> Iterator[str]:
    excitation, inhibition = _inputs(w.w_ee), _inputs(w.w_ei)
    total = excitation + inhibition * (2 if w.divides else 1)
    if total.max() > spec.chip.cams:
        worst = int(total.argmax())
        both = f"2 x {inhibition[worst]}" if w.divides else str(inhibition[worst])
        yield (
            f"neuron {worst} of {node.name} takes {total[worst]} synapses "
            f"({excitation[worst]} excitatory, {both} inhibitory), a neuron has "
            f"{spec.chip.cams} CAMs; {int((total > spec.chip.cams).sum())} of {node.n_e} take more"
        )
    own = _inputs(w.w_ie)
    if own.max() > spec.chip.cams:
        yield (
            f"inhibitory neuron {int(own.argmax())} of {node.name} takes {own.max()} synapses, a "
            f"neuron has {spec.chip.cams} CAMs; {int((own > spec.chip.cams).sum())} of {w.n_i} "
            "take more"
        )


def _inputs(weights: Array) -> Array:
    """Return how many weights of every output are not zero."""
    return np.asarray(np.count_nonzero(weights.reshape(len(weights), -1), axis=1))


def _own_values(name: str, current: FloatCurrent) -> Iterator[str]:
    for what, values, shared in (
        ("bias", current.b_e, "constant current"),
        ("gain", current.g_e, "gain"),
    ):
        if (count := len(np.unique(values))) > 1:
            yield f"{name} has {count} values of {what}, a core has one {shared}"

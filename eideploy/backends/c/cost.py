"""How many instructions a network takes on a controller, by counting what samples make it do.

An estimate: every thing that net.c does often, times what the controller's spec says of it. The
instructions that a machine in QEMU really takes are counted by `--executor c-arm` and `c-riscv`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import numpy as np

from eideploy.backends.c.constants import Packed
from eideploy.backends.c.controller import Instructions
from eideploy.backends.c.plan import Way, plan_of
from eideploy.backends.digital.counts import Cycles, StageCycles
from eideploy.backends.digital.program import Program
from eideploy.circuit import Array, Circuit, Conv, Factored, Layer
from eideploy.circuit.limits import LayerLimits, limits
from eideploy.divisions import Exact, Undivided
from eideploy.execute.trace import Trace
from eideploy.numeric.fixed import Int

WHOLE = 8  # bits of a weight that needs no unpacking


def counted(program: Program, trace: Trace, costs: Instructions) -> Cycles:
    """Return the instructions of the run of `program` that `trace` recorded with CYCLE_KINDS."""
    circuit, plan, reach = program.circuit, plan_of(program), limits(program.circuit)
    steps, batch = circuit.steps, len(trace.totals)
    x = trace.inputs[circuit.input.name]
    stays = bool((x == x[:1]).all())
    stages = {}
    for layer in circuit.layers:
        way = plan.of(layer.name)
        phases = _phases(circuit, layer, reach[layer.name], trace.inputs[layer.name], costs, way)
        if way.kept and stays:
            phases = _once(phases, prod(circuit.shapes[layer.name]) * costs.again)
        whole = {
            name: np.broadcast_to(np.rint(value).astype(np.int64), (steps, batch))
            for name, value in phases.items()
        }
        none = np.zeros((steps, batch), np.int64)
        stages[layer.name] = StageCycles(
            phases=whole, events=none, row_operations=none, active=none, useful=none,
            offered=none + 1,
        )  # fmt: skip
    return Cycles(stages=stages)


def _once(phases: Mapping[str, Array], again: float) -> Mapping[str, Array]:
    """Return the instructions of a layer whose currents are kept: `again` in all but one step."""
    steps = max(len(value) for value in phases.values())
    first = np.arange(steps)[:, None] == 0
    return {
        name: np.where(first, value, again if name == "update" else 0)
        for name, value in phases.items()
    }


def _phases(
    circuit: Circuit, layer: Layer, reach: LayerLimits, x: Array, costs: Instructions, way: Way
) -> Mapping[str, Array]:
    """Return the instructions of the parts of a layer, each (T, B) or broadcasting to it."""
    work = work_of(circuit, layer)
    update = work.neurons * _update(layer, costs)
    product = (
        costs.product if max(reach.subtracted, reach.divisor) < 1 << 31 else (costs.long_product)
    )
    if way.dense:
        rows = prod(circuit.shapes[layer.name][1:]) * layer.kernel**2
        multiplied = rows * (
            sum(map(len, _summed(layer))) * costs.event
            + layer.weights[0].shape[1] * _added(layer, costs, costs.dense)
        )
        products = {"dense": np.full(x.shape[:2], multiplied)}
    else:
        events = _taps(circuit, layer, x)  # (T, B)
        scan = np.full(events.shape, prod(x.shape[2:]) * costs.entry)
        products = {
            "scan": scan,
            "events": events * (costs.event + _added(layer, costs, costs.add)),
        }
    through = work.products * product + work.passes * costs.through
    return {
        **products,
        "inhibition": np.full((1, 1), through),
        "update": np.full((1, 1), update),
    }


def _update(layer: Layer, costs: Instructions) -> float:
    """Return the instructions of one neuron, or of one class's sum, after its events."""
    if layer.is_readout or isinstance(layer.division.divider, Undivided):
        return costs.plain
    is_exact = isinstance(layer.division.divider, Exact)
    return costs.neuron + (costs.quotient if is_exact else costs.division)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a layer does in a step.

    neurons   that are updated
    passes    of neurons through their row of W_EI
    products  with W_EI
    """

    neurons: int
    passes: int
    products: int


def work_of(circuit: Circuit, layer: Layer) -> Work:
    """Return what a layer does in a step."""
    w, neurons = layer.projection, prod(circuit.shapes[layer.name])
    divides = not layer.is_readout and layer.division.divider.reads_divisor
    if isinstance(w, Factored):
        gained = divides and w.g_i is not None  # both sums in a pass, the smallest divisor's in one
        passes, products = (2, 3) if gained else (1, 1)
        return Work(neurons=neurons, passes=neurons * passes, products=neurons * products * w.n_i)
    return Work(neurons=neurons, passes=0, products=0)


def _added(layer: Layer, costs: Instructions, one: float) -> float:
    """Return the instructions that add a weight of every neuron, `one` each where it is whole."""
    whole = {True: one, False: one + costs.unpack}
    return sum(
        len(weights) * whole[Packed(name="", values=weights).bits == WHOLE]
        for weights in _summed(layer)
    )


def _summed(layer: Layer) -> tuple[Array, ...]:
    """Return the weights of the sums that a layer makes of what it reads."""
    divides = not layer.is_readout and layer.division.divider.reads_divisor
    return layer.weights if not layer.is_folded or divides else layer.weights[:1]


def _taps(circuit: Circuit, layer: Layer, x: Array) -> Int:
    """Return how many positions read the entries of x (T, B, ...) that are not zero, (T, B)."""
    active = x > 0
    geometry = layer.geometry
    if not isinstance(geometry, Conv):
        return np.asarray(active.reshape(*x.shape[:2], -1).sum(2), np.int64)
    outputs = circuit.shapes[layer.name][1:]
    along = [
        _axis(size, out, layer.kernel, geometry)
        for size, out in zip(x.shape[3:], outputs, strict=True)
    ]
    return np.asarray(np.einsum("tbchw,h,w->tb", active.astype(np.int64), *along), np.int64)


def _axis(size: int, out: int, kernel: int, geometry: Conv) -> Int:
    """Return how many windows hold each of `size` entries along an axis of `out` windows."""
    offset = np.arange(size)[:, None] + geometry.padding - np.arange(out) * geometry.stride
    return np.asarray(((offset >= 0) & (offset < kernel)).sum(1))

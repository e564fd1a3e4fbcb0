"""The arithmetic of a compiled network, in plain integers and in the order of docs/arithmetic.md.

One sample and one time step at a time, for reading and not for speed. Arrays hold Python integers,
which neither overflow nor round; a method of division and a model of a neuron have theirs in plain
integers, too (`Divider.scalar`, `IntegerNeuron.scalar`). Whatever else computes a network (the fast
simulator, the core, ONNX) is compared with this file.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Circuit,
    Conv,
    Flatten,
    Folded,
    IntegerCurrent,
    IntegerInput,
    IntegerIntegrator,
    Layer,
    Logits,
    Neurons,
)
from eideploy.errors import InvariantError
from eideploy.neurons import IntegerNeuron


@dataclass(frozen=True, kw_only=True)
class State:
    """What a network keeps from one time step to the next, by node.

    membranes  v of neurons, and of a readout with an integrator
    synapses   s, of those whose current goes through a filter
    spikes     of the step before
    """

    membranes: Mapping[str, Array]
    synapses: Mapping[str, Array]
    spikes: Mapping[str, Array]


@dataclass(frozen=True, kw_only=True)
class Moment:
    """What a network did in one time step, by node.

    outputs    X of the input, I of a layer, spikes of a LIF node, NUM of the readout or its
               integrator's v; whole arrays
    divisors   DEN of a layer, before zeros are replaced
    inhibition S of an E-I layer
    saturated  how many values of the input, currents c, or membranes u, were clipped
    """

    outputs: dict[str, Array] = field(default_factory=dict)
    divisors: dict[str, Array] = field(default_factory=dict)
    inhibition: dict[str, Array] = field(default_factory=dict)
    saturated: dict[str, int] = field(default_factory=dict)


def init(circuit: Circuit) -> State:
    """Return the state before the first time step: every membrane is zero, and nothing spikes."""
    zeros = {node.name: np.full(circuit.shapes[node.name], 0, object) for node in circuit.nodes}
    spikes = {n.name: zeros[n.name] for n in circuit.of(Neurons)}
    filtered = {n.name: zeros[n.name] for n in circuit.of(Neurons) if n.model.has_synapse}
    integrating = [circuit.output.name] if circuit.logits.integrator else []
    of_output = {name: zeros[name] for name in integrating}
    return State(membranes=spikes | of_output, synapses=filtered | of_output, spikes=spikes)


def step(circuit: Circuit, state: State, x: Array) -> tuple[State, Moment]:
    """Advance a network by one time step, in which it reads the floats x (...)."""
    moment, membranes, synapses = Moment(), dict(state.membranes), dict(state.synapses)
    outputs = moment.outputs
    for node in circuit.nodes:
        inputs = [
            (state.spikes if name in node.delayed else outputs)[name] for name in node.inputs
        ] or [x]
        first = inputs[0]
        match node:
            case IntegerInput():
                output = quantized(node, first)
                highest = np.rint(first.astype(np.float64) / node.step)
                moment.saturated[node.name] = int((highest > node.top).sum())
            case Layer():
                num, den = balance(node, np.concatenate(inputs), moment)
                match node.current:
                    case IntegerCurrent():
                        output = current(node, num, den, moment)
                    case Logits(integrator=IntegerIntegrator() as by):
                        v, s = membranes[node.name], synapses[node.name]
                        membranes[node.name], synapses[node.name] = integrated(by, v, s, num)
                        output = membranes[node.name]
                    case _:
                        output = num
            case Neurons(model=IntegerNeuron() as model):
                beyond = 0
                if model.has_synapse:
                    first, beyond = through(model, synapses[node.name], first)
                    synapses[node.name] = first
                v, output, clipped = fire(model, membranes[node.name], first)
                membranes[node.name], moment.saturated[node.name] = v, clipped + beyond
            case AvgPool():
                output = pooled(node, first)
            case Add():
                output = inputs[0] + inputs[1]
            case Flatten():
                output = first.reshape(-1)
            case _:
                raise InvariantError(
                    f"a {node.kind} has no integer form",
                    where=f"node {node.name}", fix="quantize the circuit first",
                )  # fmt: skip
        outputs[node.name] = output
    spikes = {name: outputs[name] for name in state.spikes}
    return State(membranes=membranes, synapses=synapses, spikes=spikes), moment


def totals(circuit: Circuit, moments: list[Moment]) -> Array:
    """Return the sum over time of the readout's NUM (A12); of v where it integrates, by (A38)."""
    outputs = [moment.outputs[circuit.output.name] for moment in moments]
    integrator = circuit.logits.integrator
    if integrator is not None and integrator.read != "mean":
        return np.max(outputs, 0) if integrator.read == "max" else outputs[-1]
    return np.asarray(sum(outputs))


def quantized(node: IntegerInput, x: Array) -> Array:
    """Return X = clip(round(x / step), 0, top), ties to even (A1)."""
    return integers([min(max(round(float(v) / node.step), 0), node.top) for v in x.flat], x.shape)


def balance(node: Layer, x: Array, moment: Moment) -> tuple[Array, Array]:
    """Return NUM and DEN of a layer, (n_E,) or (n_E, h', w'); a readout's DEN has no meaning."""
    w = node.projection
    if isinstance(w, Folded):
        num = weighted(node, w.w_num, x)  # (A26)
        return num, num if w.w_den is None else weighted(node, w.w_den, x)  # (A27)
    p = weighted(node, w.w_ee, x)  # (A2)
    s = weighted(node, w.w_ie, x)  # (A3)
    moment.inhibition[node.name] = s
    w_ei = w.w_ei.astype(object)
    num = (p << each(w.shift, p)) - np.tensordot(w_ei, s, 1)  # (A4)
    return num, num if w.g_i is None else np.tensordot(w_ei, each(w.g_i, s) * s, 1)  # (A5)


def weighted(node: Layer, weights: Array, x: Array) -> Array:
    """Return the sums of inputs times weights, (n,) of (n_in,) or (n, h', w') of (c, h, w).

    Windows of a convolution lie `stride` apart, the first of them `padding` beyond the upper left
    corner; what lies outside is zero, and a remainder below or on the right is not read.
    """
    w = weights.astype(object)
    if not isinstance(node.geometry, Conv):
        return np.asarray(w @ x)
    kernel, stride, pad = node.kernel, node.geometry.stride, node.geometry.padding
    channels, height, width = x.shape
    padded = np.full((channels, height + 2 * pad, width + 2 * pad), 0, object)
    padded[:, pad : pad + height, pad : pad + width] = x
    outputs = [node.geometry.windows(size, kernel) for size in (height, width)]
    sums = np.full((len(w), *outputs), 0, object)
    for row, column in np.ndindex(sums.shape[1:]):
        top, left = row * stride, column * stride
        window = padded[:, top : top + kernel, left : left + kernel]
        sums[:, row, column] = (w * window).sum((1, 2, 3))
    return sums


def current(node: Layer, num: Array, den: Array, moment: Moment) -> Array:
    """Return I = c + B of a layer, c = NUM / DEN divided, rounded and saturated (A6..A9)."""
    by, divider = node.integer_current, node.division.divider
    most = (1 << (by.current_bits - 1)) - 1
    fraction = np.broadcast_to(each(by.fraction, num), num.shape)
    instead = divider.instead(by.constant)
    moment.divisors[node.name] = den
    if instead is None:
        silent = not any(den.flat)
        den, fraction = without_zeros(node, den, fraction)
    else:
        silent = False
        den = np.broadcast_to(each(instead, num), num.shape)
    c, saturated = [], 0
    for numerator, divisor, power in zip(num.flat, den.flat, fraction.flat, strict=True):
        magnitude = 0 if silent else divider.scalar(abs(numerator), divisor, power)  # (A7)
        saturated += magnitude > most
        c.append(min(magnitude, most) * (-1 if numerator < 0 else 1))  # (A8)
    moment.saturated[node.name] = saturated
    return integers(c, num.shape) + each(by.bias, num)  # (A9)


def without_zeros(node: Layer, den: Array, fraction: Array) -> tuple[Array, Array]:
    """Return divisors and fractions with every zero divisor replaced (A6).

    Where no divisor is positive they are left as they are: the current is then the bias alone.
    """
    by, zero = node.integer_current, den == 0
    if node.division.zero_policy == "floor":
        return np.where(zero, each(by.floor, den), den), fraction
    align = each(by.align, den)
    least = min((d for d in (den << align).flat if d > 0), default=0)
    return np.where(zero, least, den), np.where(zero, fraction + align, fraction)


def through(model: IntegerNeuron, s: Array, i: Array) -> tuple[Array, int]:
    """Return the next filtered currents after a current i, and how many clipped (A33)."""
    each_own = of_each(model, s)
    after = [
        model.scalar_filtered(before, now, own)
        for before, now, own in zip(s.flat, i.flat, each_own, strict=True)
    ]
    return integers([one for one, _ in after], s.shape), sum(clipped for _, clipped in after)


def integrated(by: IntegerIntegrator, v: Array, s: Array, num: Array) -> tuple[Array, Array]:
    """Return the next v and s of an integrator after the sums NUM (A38)."""
    if by.synapse_leak is not None:
        num = s - (each(by.synapse_leak, s) * s >> by.synapse_fraction) + num
    return v - (each(by.leak, v) * v >> by.leak_fraction) + num, num


def fire(model: IntegerNeuron, v: Array, i: Array) -> tuple[Array, Array, int]:
    """Return the next membranes and the spikes after a current i, and how many clipped (A10)."""
    membranes, spikes, clipped = [], [], 0
    for before, now, own in zip(v.flat, i.flat, of_each(model, v), strict=True):
        after, spike, beyond = model.scalar(before, now, own)
        membranes.append(after)
        spikes.append(spike)
        clipped += beyond
    return integers(membranes, v.shape), integers(spikes, v.shape), clipped


def of_each(model: IntegerNeuron, like: Array) -> list[dict[str, int]]:
    """Return what every neuron has of a model's arrays, by field."""
    names = model.per_neuron
    arrays = [(each(getattr(model, name), like) + 0 * like).flat for name in names]
    return [dict(zip(names, numbers, strict=True)) for numbers in zip(*arrays, strict=True)]


def pooled(node: AvgPool, x: Array) -> Array:
    """Return the sums over windows side by side; a remainder at the border is dropped (A11)."""
    k = node.kernel
    c, h, w = x.shape[0], x.shape[1] // k, x.shape[2] // k
    windows = x[:, : h * k, : w * k].reshape(c, h, k, w, k)
    return np.asarray(windows.sum((2, 4)))


def each(per_neuron: Array, like: Array) -> Array:
    """Return one number a neuron (channel), (n,), in a shape that broadcasts with (n, ...)."""
    return per_neuron.astype(object).reshape(-1, *(1,) * (like.ndim - 1))


def integers(values: object, shape: tuple[int, ...]) -> Array:
    """Return numbers as an array of Python integers."""
    return np.array(values, object).reshape(shape) + 0

"""The fast integer simulator: what definition.py defines, batched over samples and steps.

A layer runs over all time steps at once, and products of matrices in floats where proven widths
make every sum exact. Tests compare it with the definition for every node and division.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import singledispatchmethod
from math import prod
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Circuit,
    Factored,
    Flatten,
    Folded,
    IntegerInput,
    Layer,
    Logits,
    Neurons,
    Node,
    require_circuit,
)
from eideploy.circuit.limits import LayerLimits, peaks, require_held
from eideploy.circuit.projection import MAX_BITS
from eideploy.divisions import divide
from eideploy.errors import InvariantError
from eideploy.execute.kernel import Kernel, Ran, kernel_of
from eideploy.execute.quotients import Quotients, has_quotients
from eideploy.execute.samples import flattened, maps, over_time, patches, pooled, weight_rows
from eideploy.execute.trace import Trace
from eideploy.execute.walk import WHOLE, Walk
from eideploy.numeric.fixed import exact_type, finite_matmul
from eideploy.numeric.operators import InArrays

INNER = frozenset({"currents", "divisors", "membranes"})  # what a kernel keeps to itself
NONE = np.iinfo(np.int64).max  # above every divisor
IN_CACHE = 1 << 15  # entries of the input that are rounded together


def run_integer(circuit: Circuit, samples: Array, *, keep: frozenset[str] = frozenset()) -> Trace:
    """Run samples (B, ...) or (B, T, ...) of floats through an integer circuit.

    Raises:
        DataError: samples that do not fit the input.
        InvariantError: a layer whose division was not lowered.
        CapacityError: sums that 62 bits do not hold.
    """
    require_circuit(circuit)
    if circuit not in PREPARED:
        PREPARED[circuit] = Prepared.of(circuit)
    simulator = IntegerSimulator(circuit, PREPARED[circuit])
    return simulator.sequence(samples, keep, circuit.logit_unit)  # (A12)


def logits_of(circuit: Circuit, totals: Array) -> Array:
    """Return the logits of the readout's totals (A12)."""
    return totals * circuit.logit_unit


def quantize_input(circuit: Circuit, x: Array) -> Array:
    """Return X = clip(round(x / step), 0, top), ties to even (A1)."""
    node = integer_input(circuit)
    return np.clip(_rounded(node, x), 0, node.top).astype(np.int64)


def _rounded(node: IntegerInput, x: Array) -> Array:
    return np.asarray(np.rint(x.astype(np.float64) / node.step))


def integer_input(circuit: Circuit) -> IntegerInput:
    """Return the input of an integer circuit.

    Raises:
        InvariantError: the circuit is a float one.
    """
    node = circuit.input
    if not isinstance(node, IntegerInput):
        raise InvariantError(
            "a float circuit was given to the integer simulator",
            where=f"node {node.name}", fix="quantize it first",
        )  # fmt: skip
    return node


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """What is made of a circuit once, for any samples, by node; it does not refer to the circuit.

    kinds        the type of what leaves a node
    quotients    divisions by a table in floats, of the layers where that is exact
    weights      of every layer
    of_currents  the type of a hidden layer's currents and its neurons' membranes
    kernels      layers as compiled code takes them, None where numpy computes
    """

    kinds: Mapping[str, np.dtype[Any]]
    quotients: Mapping[str, Quotients]
    weights: Mapping[str, "_Weights"]
    of_currents: Mapping[str, type[np.signedinteger[Any]]]
    kernels: Mapping[str, Kernel | None]

    @classmethod
    def of(cls, circuit: Circuit) -> "Prepared":
        """Return what is made of a circuit.

        Raises:
            InvariantError, CapacityError: as of `run_integer`.
        """
        integer_input(circuit)
        bounds = require_held(circuit, MAX_BITS, by="the simulator")
        most = peaks(circuit)
        quotients = {
            n.name: Quotients(n) for n in circuit.hidden if has_quotients(n, bounds[n.name])
        }
        of_currents = {n.name: _current_type(circuit, n) for n in circuit.hidden}
        return cls(
            kinds={name: np.min_scalar_type(peak) for name, peak in most.items()},
            quotients=quotients,
            weights={
                n.name: _Weights(n.projection, bounds[n.name], quotients.get(n.name))
                for n in circuit.layers
            },
            of_currents=of_currents,
            kernels={
                n.name: kernel_of(
                    circuit,
                    n,
                    bounds[n.name],
                    max(most[name] or 1 for name in n.inputs),
                    quotients.get(n.name),
                    of_currents.get(n.name),
                )
                for n in circuit.layers
            },
        )


PREPARED: WeakKeyDictionary[Circuit, Prepared] = WeakKeyDictionary()


class IntegerSimulator(Walk):
    """The rule of every node; what leaves one is of the least unsigned type that holds it."""

    number = np.uint8

    def __init__(self, circuit: Circuit, prepared: Prepared | None = None) -> None:
        super().__init__(circuit)
        ready = prepared or Prepared.of(circuit)
        self.kinds, self.quotients, self.weights = ready.kinds, ready.quotients, ready.weights
        self.of_currents, self.kernels = ready.of_currents, ready.kernels

    def entered(self, samples: Array) -> Array:
        """Return X, and count what saturates (A1)."""
        node = integer_input(self.circuit)
        by_step = over_time(self.circuit, samples)
        x = np.empty(by_step.shape, self.kinds[node.name])
        saturated = entries = 0
        some = max(1, IN_CACHE // prod(node.size))
        for t, start in itertools.product(range(len(by_step)), range(0, by_step.shape[1], some)):
            part = t, slice(start, start + some)
            rounded = _rounded(node, by_step[part])
            saturated += int(np.count_nonzero(rounded > node.top))
            entries += int(np.count_nonzero(by_step[part]))
            x[part] = np.clip(rounded, 0, node.top, out=rounded)
        self.recorder.count("saturated", node.name, saturated, x)
        self.recorder.count("entries", node.name, entries, x)
        return x

    def apply_chain(self, chain: Sequence[Node], *inputs: Array) -> Array:
        """Return the output of the last of nodes, a layer and its neurons compiled where it can."""
        kernel = self._kernel(chain)
        if kernel is None:
            return super().apply_chain(chain, *inputs)
        (x,) = inputs
        layer, record, rest = kernel.layer, self.recorder, chain[2:]
        record.array("inputs", layer.name, x)
        pooling = rest[0] if rest and isinstance(rest[0], AvgPool) else None
        is_short = pooling is not None and self.kinds[pooling.name] == np.uint8
        pool = pooling.kernel if pooling is not None and is_short else 0
        wanted = record.keep & {"inhibition", "spikes"}
        wanted |= {"states"} if self.kept is not None else set()
        wanted |= set() if pool else {"spikes"}
        ran = kernel.run(x, record.steps, self.before, wanted=wanted, pool=pool)
        if ran.inhibition is not None:
            self.keep_inhibition(layer, ran.inhibition)
        self.keep_counts(kernel, ran, x)
        value, rest = (ran.pooled, rest[1:]) if pool else (ran.spikes, rest)
        assert value is not None
        for node in rest:
            value = self.apply(node, value)
        return value

    def keep_counts(self, kernel: Kernel, ran: Ran, x: Array) -> None:
        """Record what a kernel counted, and the spikes and membranes."""
        record, layer, name = self.recorder, kernel.layer, kernel.neurons_name
        shape = (x.shape[1], *self.circuit.shapes[layer.name])
        currents, spikes = (
            np.broadcast_to(np.uint8(0), (n, *shape)) for n in (len(x), record.steps)
        )
        if divides(layer):
            record.count("zeros", layer.name, ran.zeros, currents)
        record.count("saturated", layer.name, ran.currents, currents)
        record.count("entries", layer.name, currents.size, currents)
        if ran.spikes is not None:
            truths = kernel.sizes["max_spikes"] == 1
            record.array("spikes", name, ran.spikes.view(bool) if truths else ran.spikes)
        record.count("saturated", name, ran.membranes_clipped, spikes)
        record.count("entries", name, spikes.size, spikes)
        if self.kept is not None:
            for kind, state in (("membranes", ran.membranes), ("synapses", ran.synapses)):
                if state is not None:
                    self.kept[kind].setdefault(name, []).append(state)

    def _parts(self, chain: Sequence[Node], inputs: Sequence[Array]) -> Iterator[slice]:
        """Yield all samples where a kernel, which keeps no patches, runs the nodes."""
        return super()._parts(chain, inputs) if self._kernel(chain) is None else iter((WHOLE,))

    def _kernel(self, chain: Sequence[Node]) -> Kernel | None:
        """Return what runs the first nodes of a chain compiled, and keeps what is asked for."""
        kernel = self.kernels.get(chain[0].name)
        if kernel is None or len(chain) < 2 or self.recorder.keep & INNER:
            return None
        return kernel

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Array) -> Array:
        """Return the output of a node."""
        raise NotImplementedError(node.kind)

    @apply.register
    def _apply_layer(self, node: Layer, x: Array) -> Array:
        kernel = self.kernels[node.name] if node.is_readout else None
        if kernel is not None and "inhibition" not in self.recorder.keep:
            self.recorder.array("inputs", node.name, x)
            return maps(kernel.sums(x).astype(np.int64), self.circuit.shapes[node.name])
        num, den = self._balance(node, x)
        if isinstance(node.current, Logits):
            return maps(num.astype(np.int64), self.circuit.shapes[node.name])
        return self._current(node, num, den)

    def _current(self, node: Layer, num: Array, den: Array) -> Array:
        """Return I of NUM and DEN, (S, B, n_E, ...) (A6..A9)."""
        kind, quotients = self.of_currents[node.name], self.quotients.get(node.name)
        if quotients is None:
            num, den = num.astype(np.int64), den.astype(np.int64)
            if divides(node):
                self.keep_divisor(node, den)
            c, saturated = divided(node, num, den)
        else:
            self.keep_divisor(node, den, unit=quotients.of_den)
            c, saturated = quotients.divided(num, den, kind)
        c = c.astype(kind, copy=False)
        c += node.integer_current.bias.astype(kind)  # (A9)
        return self.keep_current(node, c, saturated)

    @apply.register
    def _apply_neurons(self, node: Neurons, current: Array) -> Array:
        model, do = node.integer_model, InArrays(node.integer_model.membrane_bits)

        def step(v: Array, i: Array) -> tuple[Array, Array, int]:
            return model.step(v, i, do)  # (A10, A34..A36)

        def through(s: Array, i: Array) -> tuple[Array, int]:
            return model.filtered(s, i, do)  # (A33)

        filters = through if model.has_synapse else None
        return self.over_time(node, current, step, filters).view(np.uint8)

    @apply.register
    def _apply_avg_pool(self, node: AvgPool, x: Array) -> Array:
        return pooled(x, node.kernel, self.kinds[node.name])  # (A11)

    @apply.register
    def _apply_add(self, node: Add, x: Array, y: Array) -> Array:
        return np.add(x, y, dtype=self.kinds[node.name])

    @apply.register
    def _apply_flatten(self, node: Flatten, x: Array) -> Array:
        del node
        return flattened(x)

    def _balance(self, node: Layer, x: Array) -> tuple[Array, Array]:
        """Return NUM and DEN, each (S, B, positions, n_E) (A2..A5, folded A26, A27).

        They are whole numbers of a type that holds them; of a layer with quotients in their units.
        """
        self.recorder.array("inputs", node.name, x)
        weights, n_e = self.weights[node.name], node.n_e
        sums = _product(patches(node, x, weights.of_input.dtype), weights.of_input)
        p, s = sums[..., :n_e], sums[..., n_e:]
        if node.is_folded:
            return p.astype(weights.kind), s.astype(weights.kind)
        if "inhibition" in self.recorder.keep:
            self.keep_inhibition(node, s.astype(np.int64))
        both = _product(s, weights.of_inhibition)
        num = p.astype(weights.kind)
        num -= both[..., :n_e].astype(weights.kind, copy=False)
        return num, both[..., n_e:].astype(weights.kind)


class _Weights:
    """A layer's weights, each product of one type in which all its sums are exact.

    of_input       [Q_EE << shift_ee; Q_IE]^T, (fan_in, n_E + n_I); folded: [Q_num; Q_den]^T
    of_inhibition  [Q_EI; Q_EI diag(gain)]^T, (n_I, 2 n_E); a readout has no gain, and n_E columns;
                   a folded layer has none
    kind           of NUM and DEN

    A factor 2^n of a row of weights costs a float no bit: shifts and the units of quotients are in
    the weights.
    """

    def __init__(
        self, w: Factored | Folded, reach: LayerLimits, quotients: Quotients | None
    ) -> None:
        self.kind: type[Any] = np.int64 if quotients is None else np.float64
        of_num, of_den = (quotients.of_num, quotients.of_den) if quotients else (1, 1)
        if isinstance(w, Folded):
            kind = exact_type(max(reach.excitation + reach.subtracted, reach.divisor))
            parts = [_scaled(m, of) for m, of in zip(w.weights, (of_num, of_den), strict=False)]
            self.of_input = np.concatenate(parts).astype(kind).T
            self.of_inhibition = self.of_input[:0]
            return
        kind = exact_type(max(reach.excitation, reach.inhibition))
        up = (1 << w.shift) * of_num
        rows = [_scaled(w.w_ee, up), weight_rows(w.w_ie)]
        self.of_input = np.concatenate(rows).astype(kind).T
        kind = exact_type(max(reach.subtracted, reach.divisor))
        parts = [_scaled(w.w_ei, of_num)]
        if w.g_i is not None:
            parts.append(_scaled(w.w_ei * w.g_i, of_den))
        self.of_inhibition = np.concatenate(parts).astype(kind).T


def _scaled(weights: Array, unit: Array | int) -> Array:
    """Return rows of weights, each times its unit (n,)."""
    return np.asarray(weight_rows(weights) * np.reshape(unit, (-1, 1)))


def _current_type(circuit: Circuit, node: Layer) -> type[np.signedinteger[Any]]:
    """Return the type that holds a layer's current and its neurons' membranes at every moment."""
    readers = (n.integer_model for n in circuit.of(Neurons) if node.name in n.inputs)
    membranes = [model.membrane_bits + model.product_bits for model in readers]
    current = node.integer_current
    most = 1 << current.current_bits
    most += int(np.abs(current.bias).max()) + sum(1 << b for b in membranes)
    return np.int32 if most <= np.iinfo(np.int32).max else np.int64


def _product(rows: Array, weights: Array) -> Array:
    """Return rows (..., n) @ weights, as one product of matrices of the weights' type."""
    flat = rows.reshape(-1, rows.shape[-1]).astype(weights.dtype, copy=False)
    return finite_matmul(flat, weights).reshape(*rows.shape[:-1], -1)


def divides(layer: Layer) -> bool:
    """Return whether a layer divides by its inhibition at all."""
    division = layer.integer_current.division
    return division is None or division.divider.divides


def divided(layer: Layer, num: Array, den: Array) -> tuple[Array, int]:
    """Return sat(round(2^fraction NUM / DEN)) and how many saturated (A6..A8).

    Shapes   num, den: (S, B, positions, n_E)
    """
    current, division = layer.integer_current, layer.division
    fraction, bits = current.fraction, current.current_bits
    other = division.divider.instead(current.constant)
    den = den if other is None else other
    zero = den == 0
    if not zero.any():
        c, saturated = divide(num, den, fraction, division.divider, bits=bits)
        return c, int(np.count_nonzero(saturated))
    if division.zero_policy == "minimum":
        aligned = den << current.align
        np.putmask(aligned, zero, NONE)
        replacement = aligned.min((2, 3), keepdims=True)
        positive = replacement < NONE
        fraction = fraction + zero * current.align
    else:
        replacement, positive = current.floor, (~zero).any((2, 3), keepdims=True)
    safe = np.where(zero, np.where(positive, replacement, 1), den)
    c, saturated = divide(num, safe, fraction, division.divider, bits=bits)
    return c * positive, int(np.count_nonzero(saturated & positive))

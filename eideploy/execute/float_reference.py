"""The float executor: the circuit in float64, as docs/method.md states it (M1..M9)."""

from functools import singledispatchmethod

import numpy as np

from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Circuit,
    Flatten,
    FloatCurrent,
    Folded,
    Layer,
    Neurons,
    Node,
)
from eideploy.errors import UsageError
from eideploy.execute.samples import flattened, maps, over_time, patches, pooled, weight_rows
from eideploy.execute.trace import Trace
from eideploy.execute.walk import Walk
from eideploy.numeric.operators import InArrays


def run_float(circuit: Circuit, samples: Array, *, keep: frozenset[str] = frozenset()) -> Trace:
    """Run samples (B, ...) or (B, T, ...) through a float circuit.

    Raises:
        DataError: samples that do not fit the input.
        UsageError: an integer circuit.
    """
    return FloatReference(circuit).sequence(samples, keep, circuit.logit_unit)


class FloatReference(Walk):
    """The rule of every node."""

    number = np.float64

    def __init__(self, circuit: Circuit) -> None:
        super().__init__(circuit)
        if circuit.is_integer:
            raise UsageError(
                "an integer circuit was given to the float reference",
                where=f"node {circuit.input.name}",
                fix="give the float circuit, or run it with run_integer",
            )

    def entered(self, samples: Array) -> Array:
        """Return the samples."""
        return over_time(self.circuit, samples).astype(np.float64)

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Array) -> Array:
        """Return the output of a node."""
        raise NotImplementedError(node.kind)

    @apply.register
    def _apply_layer(self, node: Layer, x: Array) -> Array:
        balanced, divisor = self._balance(node, x)
        if not isinstance(node.current, FloatCurrent):
            return maps(balanced, self.circuit.shapes[node.name])
        if divisor is not None:
            self.keep_divisor(node, divisor)
            balanced = balanced / replace_zeros(divisor)
        return self.keep_current(node, node.current.g_e * balanced + node.current.b_e, 0)  # (M5)

    @apply.register
    def _apply_neurons(self, node: Neurons, current: Array) -> Array:
        model, do = node.float_model, InArrays(0)  # no float saturates

        def step(v: Array, i: Array) -> tuple[Array, Array, int]:
            return *model.step(v, i, do), 0  # (M7, M22..M24)

        def through(s: Array, i: Array) -> tuple[Array, int]:
            return model.filtered(s, i, do), 0  # (M21)

        filters = through if model.has_synapse else None
        return self.over_time(node, current, step, filters).astype(np.float64)

    @apply.register
    def _apply_avg_pool(self, node: AvgPool, x: Array) -> Array:
        return pooled(x, node.kernel, x.dtype) / node.kernel**2

    @apply.register
    def _apply_add(self, node: Add, x: Array, y: Array) -> Array:
        del node
        return x + y

    @apply.register
    def _apply_flatten(self, node: Flatten, x: Array) -> Array:
        del node
        return flattened(x)

    def _balance(self, node: Layer, x: Array) -> tuple[Array, Array | None]:
        """Return I_EE - I_EI and I_div as (S, B, positions, n_E) (M1..M4); a readout has no I_div.

        They are products of one matrix each where the layer is folded (A26, A27).
        """
        self.recorder.array("inputs", node.name, x)
        columns, w = patches(node, x), node.projection
        p, *others = (columns @ weight_rows(m).astype(np.float64).T for m in w.weights)
        if isinstance(w, Folded):
            return p, others[0] if others else None
        s = others[0]
        self.keep_inhibition(node, s)
        divisor = None if w.g_i is None else (s * w.g_i) @ w.w_ei.T
        return p - s @ w.w_ei.astype(np.float64).T, divisor


def replace_zeros(divisor: Array) -> Array:
    """Return (S, B, positions, n) with every zero replaced by its sample's smallest positive entry.

    Where a sample has none, its zeros become infinity (M6).
    """
    positive = np.where(divisor > 0, divisor, np.inf)
    least = positive.min((2, 3), keepdims=True)
    return np.where(divisor == 0, least, divisor)

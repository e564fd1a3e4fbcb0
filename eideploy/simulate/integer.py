"""The integer simulator: the definition of the arithmetic (docs/arithmetic.md, A1..A12).

Integers only, batched over samples. Every other implementation is compared with this one.
"""

from functools import partial, singledispatchmethod

import numpy as np

from eideploy.circuit import Array, Circuit, IntegerInput, IntegerLIF, IntegerReadout, Node, SumPool
from eideploy.circuit.integer import IntegerEILayer, IntegerSynapses
from eideploy.circuit.limits import limits
from eideploy.errors import InvariantError
from eideploy.numeric.division import divide
from eideploy.numeric.fixed import exact_matmul
from eideploy.numeric.lif import lif_step
from eideploy.simulate.samples import maps, over_time, windows_of
from eideploy.simulate.trace import Recorder, Trace
from eideploy.simulate.walk import Walk


def run_integer(circuit: Circuit, samples: Array, *, keep: frozenset[str] = frozenset()) -> Trace:
    """Run samples (B, ...) or (B, T, ...) of floats through an integer circuit.

    Raises:
        DataError: samples that do not fit the input.
        InvariantError: a layer whose division was not lowered.
    """
    recorder = Recorder(keep, circuit.steps)
    walk = _Integer(circuit, recorder)
    totals = walk.run(quantize_input(circuit, over_time(circuit, samples)), walk.apply)  # (A12)
    return recorder.trace(logits_of(circuit, totals), totals)


def logits_of(circuit: Circuit, totals: Array) -> Array:
    """Return the logits of the readout's sums over time (A12)."""
    step = circuit.output.logit_step if isinstance(circuit.output, IntegerReadout) else 1.0
    return totals * (step / circuit.steps)


def quantize_input(circuit: Circuit, x: Array) -> Array:
    """Return X = clip(round(x / step), 0, top), ties to even (A1)."""
    node = circuit.input
    if not isinstance(node, IntegerInput):
        raise InvariantError(
            "a float circuit was given to the integer simulator",
            where=f"node {node.name}", fix="quantize it first",
        )  # fmt: skip
    return np.clip(np.rint(x.astype(np.float64) / node.step), 0, node.top).astype(np.int64)


class _Integer(Walk):
    """The rule of every node."""

    def __init__(self, circuit: Circuit, recorder: Recorder) -> None:
        super().__init__(circuit, recorder)
        self.limits = limits(circuit)

    @singledispatchmethod
    def apply(self, node: Node, *inputs: Array) -> Array:
        raise NotImplementedError(type(node).__name__)

    @apply.register
    def _(self, node: IntegerEILayer, x: Array) -> Array:
        num, s = self._balance(node, x)
        bound = self.limits[node.name].divisor
        den = exact_matmul(s * node.gain, node.w_ei.T, bound=bound)  # (A5)
        c, saturated = divided(node, num, den)
        return self.keep_current(node, c + node.bias, den, saturated)  # (A9)

    @apply.register
    def _(self, node: IntegerReadout, x: Array) -> Array:
        return maps(self._balance(node, x)[0], self.circuit.shapes[node.name])

    @apply.register
    def _(self, node: IntegerLIF, current: Array) -> Array:
        threshold = node.threshold.reshape(-1, *(1,) * (current.ndim - 3))
        step = partial(
            lif_step, threshold=threshold, leak=node.leak, bits=node.membrane_bits
        )  # (A10)
        return self.over_time(node.name, current, step).astype(np.int64)

    @apply.register
    def _(self, node: SumPool, x: Array) -> Array:
        return np.asarray(windows_of(x, node.kernel).sum((4, 6)))  # (A11)

    def _balance(self, node: IntegerSynapses, x: Array) -> tuple[Array, Array]:
        """Return NUM and s_I as (S, B, positions, n) (A2..A4)."""
        reach = self.limits[node.name]
        columns = self.columns(node, x)
        w_ee, w_ie = (w.reshape(len(w), -1).T for w in (node.w_ee, node.w_ie))
        p = exact_matmul(columns, w_ee, bound=reach.excitation)
        s = exact_matmul(columns, w_ie, bound=reach.inhibition)
        self.keep_inhibition(node, s)
        subtracted = exact_matmul(s, node.w_ei.T, bound=reach.subtracted)
        return (p << node.shift_ee) - subtracted, s


def divided(node: IntegerEILayer, num: Array, den: Array) -> tuple[Array, int]:
    """Return sat(round(2^fraction NUM / DEN)) and how many saturated (A6..A8).

    Shapes   num, den: (S, B, positions, n_E)
    """
    if node.division is None:
        raise InvariantError(
            "the layer has no divider", where=f"node {node.name}", fix="run lower_division first"
        )
    divider = node.division.divider
    if divider.method == "constant":
        c, saturated = divide(num, node.constant, node.fraction, divider, bits=node.current_bits)
        return c, int(np.count_nonzero(saturated))
    zero = den == 0
    positive = (~zero).any((2, 3), keepdims=True)
    if node.division.zero_policy == "minimum":
        aligned = np.where(zero, np.iinfo(np.int64).max, den << node.align)
        replacement = aligned.min((2, 3), keepdims=True)
        fraction = node.fraction + np.where(zero, node.align, 0)
    else:
        replacement, fraction = node.floor, np.broadcast_to(node.fraction, den.shape)
    safe = np.where(zero, np.where(positive, replacement, 1), den)
    c, saturated = divide(num, safe, fraction, divider, bits=node.current_bits)
    return np.where(positive, c, 0), int(np.count_nonzero(saturated & positive))

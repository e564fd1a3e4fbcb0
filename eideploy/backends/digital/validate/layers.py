"""Layer by layer: spikes, currents, divisors and the division's error, float beside integer."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.digital.program import Program
from eideploy.backends.digital.validate.compare import LayerComparison
from eideploy.circuit import Circuit, Factored, Layer, Neurons
from eideploy.circuit.limits import limits
from eideploy.execute.integer import divides
from eideploy.execute.samples import patches, weight_rows
from eideploy.execute.trace import Trace
from eideploy.numeric.fixed import Int
from eideploy.validate.distribution import Histogram, histogram, rounded, some, span

Share = float
KEEP_FLOAT = frozenset({"spikes", "currents", "divisors"})
KEEP_INTEGER = KEEP_FLOAT | {"inhibition", "inputs"}


@dataclass(frozen=True, kw_only=True)
class Currents:
    """The divided currents of the float circuit and of the program, in one unit."""

    unit: str
    float: Histogram
    integer: Histogram


@dataclass(frozen=True, kw_only=True)
class Divisors:
    """The float circuit's I_div, the share of it that is 0, and how many DEN take how many bits.

    proven_bits, offered_bits  that DEN can take at most, and that the target has for it
    """

    float: Histogram
    zeros: Share
    bits: Sequence[int]
    proven_bits: int
    offered_bits: int


@dataclass(frozen=True, kw_only=True)
class DivisionError:
    """The division's relative error on what was divided, beside its bound."""

    bound: float
    largest: float
    histogram: Histogram


@dataclass(frozen=True, kw_only=True)
class LayerStudy(LayerComparison):
    """What a hidden layer did; by step, fractions of spikes.

    name, layer       of the neurons, and of what drives them
    division_error    None where nothing is divided, or without a bound
    """

    layer: str
    neurons: int
    mismatch_by_step: Sequence[float]
    rate_by_step: Sequence[float]
    currents: Currents
    divisors: Divisors | None
    division_error: DivisionError | None


def layer_studies(
    comparisons: Sequence[LayerComparison],
    circuit: Circuit,
    program: Program,
    reference: Trace,
    trace: Trace,
) -> tuple[LayerStudy, ...]:
    """Return the figures of every hidden layer.

    Args:
        comparisons: what comparing all samples gave, layer by layer.
        circuit: the float circuit.
        program: what it was compiled to.
        reference: what the float circuit made of some samples, with KEEP_FLOAT.
        trace: what the program made of them, with KEEP_INTEGER.
    """
    lifs = program.circuit.of(Neurons)
    return tuple(
        _layer(comparison, circuit, program, lif, reference, trace)
        for comparison, lif in zip(comparisons, lifs, strict=True)
    )


def _layer(
    comparison: LayerComparison,
    circuit: Circuit,
    program: Program,
    lif: Neurons,
    reference: Trace,
    trace: Trace,
) -> LayerStudy:
    name = lif.inputs[0]
    node, float_lif = program.circuit.node(name), circuit.node(lif.name)
    assert isinstance(node, Layer)  # place() has refused anything else
    assert isinstance(float_lif, Neurons)
    spikes, others = trace.spikes[lif.name], reference.spikes[lif.name]
    threshold = lif.integer_model.threshold.reshape(-1, *(1,) * (trace.currents[name].ndim - 3))
    ours, theirs = (
        some(trace.currents[name] / threshold),
        some(reference.currents[name] / float_lif.float_model.threshold),
    )
    reach = span(ours, theirs)
    currents = Currents(
        unit="thresholds", float=histogram(theirs, reach), integer=histogram(ours, reach)
    )
    return LayerStudy(
        **vars(comparison),
        layer=name,
        neurons=int(np.prod(circuit.shapes[lif.name])),
        mismatch_by_step=rounded((spikes != others).mean(tuple(range(1, spikes.ndim)))),
        rate_by_step=rounded(spikes.mean(tuple(range(1, spikes.ndim)))),
        currents=currents,
        divisors=_divisors(program, node, reference, trace) if divides(node) else None,
        division_error=_error(node, trace),
    )


def _divisors(program: Program, node: Layer, reference: Trace, trace: Trace) -> Divisors:
    """Return the distribution of I_div, and of the bits that DEN takes."""
    values, den = reference.divisors[node.name], trace.divisors[node.name]
    positive = some(values[values > 0])
    bits = np.ceil(np.log2(some(den) + 1)).astype(int)  # of an unsigned number that holds it
    offered = program.target.widths.divisor
    return Divisors(
        float=histogram(positive, span(positive)),
        zeros=float((values == 0).mean()),
        bits=[int(n) for n in np.bincount(bits, minlength=offered + 1)],
        proven_bits=limits(program.circuit)[node.name].divisor_bits,
        offered_bits=offered,
    )


def _error(node: Layer, trace: Trace) -> DivisionError | None:
    """Return the division's relative error on what was divided; None where there is no such."""
    divider = node.division.divider
    if divider.bound is None or not divides(node):
        return None
    den = trace.divisors[node.name].reshape(-1)
    num = np.abs(_numerators(node, trace)).reshape(-1)
    both = (num > 0) & (den > 0)
    error = divider.relative_error(num[both], den[both])
    reach = (-divider.bound, divider.bound) if divider.bound else (-0.5, 0.5)
    return DivisionError(
        bound=divider.bound,
        largest=float(np.abs(error).max(initial=0.0)),
        histogram=histogram(some(error), reach),
    )


def _numerators(node: Layer, trace: Trace) -> Int:
    """Return NUM (A2..A4, folded A26) in the order of the divisors of a trace."""
    x = trace.inputs[node.name].astype(np.int64)
    num = patches(node, x) @ weight_rows(node.weights[0]).T
    w = node.projection
    if isinstance(w, Factored):
        s = trace.inhibition[node.name]
        s = np.moveaxis(s.reshape(*s.shape[:3], -1), 2, 3)
        num = (num << w.shift) - s @ w.w_ei.T
    shape = trace.divisors[node.name].shape
    return np.asarray(num.swapaxes(2, 3).reshape(shape), np.int64)

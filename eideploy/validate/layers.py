"""Layer by layer: spikes, currents, divisors and the division's error, float beside integer."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from eideploy.circuit import LIF, Circuit, Factored, IntegerLIF, Layer
from eideploy.circuit.limits import limits
from eideploy.numeric.fixed import Int
from eideploy.program import Program
from eideploy.simulate.integer import divides
from eideploy.simulate.samples import patches, weight_rows
from eideploy.simulate.trace import Trace
from eideploy.validate.distribution import histogram, rounded, some, span

KEEP_FLOAT = frozenset({"spikes", "currents", "divisors"})
KEEP_INTEGER = KEEP_FLOAT | {"inhibition", "inputs"}


def layer_studies(
    circuit: Circuit, program: Program, reference: Trace, trace: Trace
) -> list[dict[str, Any]]:
    """Return the figures of every hidden layer, JSON-able.

    Args:
        circuit: the float circuit.
        program: what it was compiled to.
        reference: what the float circuit made of some samples, with KEEP_FLOAT.
        trace: what the program made of them, with KEEP_INTEGER.
    """
    return [_layer(circuit, program, lif, reference, trace) for lif in _lifs(program)]


def _lifs(program: Program) -> Iterator[IntegerLIF]:
    yield from program.circuit.of(IntegerLIF)


def _layer(
    circuit: Circuit, program: Program, lif: IntegerLIF, reference: Trace, trace: Trace
) -> dict[str, Any]:
    name = lif.inputs[0]
    node, float_lif = program.circuit.node(name), circuit.node(lif.name)
    assert isinstance(node, Layer)  # place() has refused anything else
    assert isinstance(float_lif, LIF)
    spikes, others = trace.spikes[lif.name], reference.spikes[lif.name]
    threshold = lif.threshold.reshape(-1, *(1,) * (trace.currents[name].ndim - 3))
    ours, theirs = (
        some(trace.currents[name] / threshold),
        some(reference.currents[name] / float_lif.threshold),
    )
    reach = span(ours, theirs)
    return {
        "name": lif.name,
        "layer": name,
        "neurons": int(np.prod(circuit.shapes[lif.name])),
        "mismatch_by_step": rounded((spikes != others).mean(tuple(range(1, spikes.ndim)))),
        "rate_by_step": rounded(spikes.mean(tuple(range(1, spikes.ndim)))),
        "currents": {
            "unit": "thresholds",
            "float": histogram(theirs, reach),
            "integer": histogram(ours, reach),
        },
        "divisors": _divisors(program, node, reference, trace) if divides(node) else None,
        "division_error": _error(node, trace),
    }


def _divisors(program: Program, node: Layer, reference: Trace, trace: Trace) -> dict[str, Any]:
    """Return the distribution of I_div, and of the bits that DEN takes."""
    values, den = reference.divisors[node.name], trace.divisors[node.name]
    positive = some(values[values > 0])
    bits = np.ceil(np.log2(some(den) + 1)).astype(int)  # of an unsigned number that holds it
    offered = program.target.widths.divisor
    return {
        "float": histogram(positive, span(positive)),
        "zeros": float((values == 0).mean()),
        "bits": [int(n) for n in np.bincount(bits, minlength=offered + 1)],
        "proven_bits": limits(program.circuit)[node.name].divisor_bits,
        "offered_bits": offered,
    }


def _error(node: Layer, trace: Trace) -> dict[str, Any] | None:
    """Return the division's relative error on what was divided; None where there is no such."""
    divider = node.division.divider
    if divider.bound is None or not divides(node):
        return None
    den = trace.divisors[node.name].reshape(-1)
    num = np.abs(_numerators(node, trace)).reshape(-1)
    both = (num > 0) & (den > 0)
    error = divider.relative_error(num[both], den[both])
    reach = (-divider.bound, divider.bound) if divider.bound else (-0.5, 0.5)
    return {
        "bound": divider.bound,
        "largest": float(np.abs(error).max(initial=0.0)),
        "histogram": histogram(some(error), reach),
    }


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

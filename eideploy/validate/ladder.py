"""After every pass: the float circuit beside what it has become, on a few samples."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Annotated

import numpy as np

from eideploy.circuit import Array, Circuit, Division, IntegerInput, Layer
from eideploy.divisions import exact
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import divides, quantize_input, run_integer
from eideploy.execute.observe import batches
from eideploy.options.choices import ZeroPolicy
from eideploy.typed import Within

SPIKES = frozenset({"spikes"})
MOST_SAMPLES = 64
MOST_PRODUCTS = 1 << 33  # of weights and inputs, over all samples: some seconds a rung
Share = Annotated[float, Within(0, 1)]


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A circuit after a pass, beside the float circuit; fractions of spikes, by LIF node.

    accuracy         None without labels
    first_diverging  the first layer of which a spike differs
    """

    after: str
    accuracy: Share | None
    agreement: Share
    mismatch: Mapping[str, Share]
    first_diverging: str | None


def affordable(circuit: Circuit, most: int = MOST_SAMPLES) -> int:
    """Return how many samples are worth the time: `most`, of large networks fewer, at least 4."""
    return max(4, min(most, MOST_PRODUCTS // products(circuit)))


def products(circuit: Circuit) -> int:
    """Return how many products of weights and inputs a sample takes, at all its steps."""
    return circuit.steps * sum(
        sum(w.size for w in layer.weights) * prod(circuit.shapes[layer.name][1:])
        for layer in circuit.layers
    )


def climb(
    circuit: Circuit,
    integer: Circuit,
    samples: Array,
    labels: Array | None,
    policy: ZeroPolicy,
    *,
    folded: Circuit,
) -> tuple[Rung, ...]:
    """Return what every pass that changes numbers has changed, over `samples` (B, ...).

    Each rung has the changes of those before it; that of folding is there if `folded`, the float
    circuit after it, has layers that are. What quantization costs is told apart: the float
    circuit on the input's levels; then all integers, which divide exactly, so that the divider's
    cost stands by itself. Passes that change no number (calibrate, check_widths, place) have none.
    """
    division = Division(divider=exact(), zero_policy=policy)
    exactly = integer.rewrite(
        Layer,
        lambda layer: (
            layer if layer.is_readout or not divides(layer) else layer.divided_by(division)
        ),
    )
    stages = (
        ("float", circuit, samples),
        *((("fold", folded, samples),) if _folded_layers(folded) > _folded_layers(circuit) else ()),
        ("quantize: input", folded, _on_levels(integer, samples)),
        ("quantize: weights", exactly, samples),
        ("lower_division", integer, samples),
    )
    rungs = []
    for after, stage, inputs in stages:
        classes, fired = _run(stage, inputs)
        if after == "float":
            reference, spikes = classes, fired
        mismatch = {name: float((fired[name] != spikes[name]).mean()) for name in fired}
        rungs.append(
            Rung(
                after=after,
                accuracy=None if labels is None else float((classes == labels).mean()),
                agreement=float((classes == reference).mean()),
                mismatch=mismatch,
                first_diverging=next((name for name, part in mismatch.items() if part > 0), None),
            )
        )
    return tuple(rungs)


def _folded_layers(circuit: Circuit) -> int:
    return sum(layer.is_folded for layer in circuit.layers)


def _on_levels(integer: Circuit, samples: Array) -> Array:
    """Return samples as the integer circuit's input rounds them, in the float circuit's units."""
    node = integer.input
    assert isinstance(node, IntegerInput)
    return np.minimum(quantize_input(integer, samples) * node.step, node.high)


def _run(circuit: Circuit, samples: Array) -> tuple[Array, dict[str, Array]]:
    """Return the classes (B,) and the spikes (T, B, ...) of every LIF node."""
    run = run_integer if circuit.is_integer else run_float
    traces = [run(circuit, batch, keep=SPIKES) for batch in batches(samples)]
    names = traces[0].spikes
    spikes = {name: np.concatenate([t.spikes[name] for t in traces], axis=1) for name in names}
    return np.concatenate([trace.totals.argmax(1) for trace in traces]), spikes

"""Job: NeuroBench's counts of a program, beside our own."""

from importlib.util import find_spec
from typing import Any

import numpy as np

from eideploy.circuit import Array, Circuit
from eideploy.errors import UsageError
from eideploy.execute.integer import run_integer
from eideploy.report.text import counted, table
from eideploy.validate.synops import KEEP, Counts, count, fields, geometry, stored, uses

INSTALL = "pip install 'eideploy[neurobench]' (with torchaudio; --no-deps neurobench does without)"
CLOSE = 1e-9  # relative, of a fraction that the harness sums batch by batch
ROUNDED = 1e-4  # connection sparsity, to four digits


def require_neurobench() -> None:
    """Refuse before the work where the package is not installed.

    Raises:
        UsageError: naming how to install it.
    """
    missing = [name for name in ("neurobench", "snntorch") if find_spec(name) is None]
    if missing:
        raise UsageError(f"{missing[0]} is not installed", where="--neurobench", fix=INSTALL)


def benchmarked(circuit: Circuit, samples: Array) -> dict[str, Any]:
    """Return what NeuroBench's harness counts of an integer circuit, and what we count.

    All numbers but footprint and sparsities are of one inference, averaged over the samples.
    """
    from eideploy.model import neurobench

    own = Counts()

    def play(batch: Array) -> neurobench.Played:
        nonlocal own
        trace = run_integer(circuit, batch, keep=KEEP)
        own += count(circuit, trace)
        inputs: dict[str, list[Array]] = {}
        for use in uses(circuit, trace):
            x = use.x
            if use.weight.ndim == 2 and x.ndim == 5:  # between the channels of a position
                x = np.moveaxis(x, 2, -1)
            inputs.setdefault(use.name, []).append(x)
        return neurobench.Played(inputs=inputs, spikes=trace.spikes, totals=trace.totals)

    projections = {
        f"{node.name}.{field}": neurobench.Projection(weight=weight, **geometry(node, field))
        for node in circuit.layers
        for field, weight in fields(node)
    }
    parameters = {name: neurobench.least(value) for name, value in stored(circuit).items()}
    results = neurobench.harness(projections, parameters, play, samples)
    harness = _of_harness(results)
    weights = [p.weight for p in projections.values()]
    ours = _of_ours(own, len(samples), weights, list(parameters.values()))
    return {
        "samples": len(samples),
        "harness": harness,
        "own": ours,
        "divisions": own.divisions / len(samples),
        "agrees": all(_alike(name, harness[name], ours[name]) for name in harness),
    }


def neurobench_text(results: dict[str, Any]) -> str:
    """Return the counts as a table, NeuroBench's beside ours."""
    rows = [
        [label, *(_shown(results[who][name]) for who in ("harness", "own"))]
        for name, label in SAID.items()
    ]
    rows.append(["divisions", "-", _shown(results["divisions"])])
    head = [f"NeuroBench, {counted(results['samples'], 'sample')}", "harness", "own count"]
    verdict = "equal" if results["agrees"] else "the harness and our own counters DIFFER"
    return f"{table(head, rows)}\n  {verdict}; operations are of one inference, on average"


SAID = {
    "footprint": "footprint, bytes",
    "connection_sparsity": "connection sparsity",
    "activation_sparsity": "activation sparsity",
    "macs": "synaptic operations, MACs",
    "acs": "synaptic operations, ACs",
    "dense": "synaptic operations, dense",
}


def _shown(number: float) -> str:
    return f"{number:.4f}" if 0 < number < 1 else f"{number:,.1f}".removesuffix(".0")


def _of_harness(results: dict[str, Any]) -> dict[str, float]:
    operations = results["SynapticOperations"]
    return {
        "footprint": results["Footprint"],
        "connection_sparsity": results["ConnectionSparsity"],
        "activation_sparsity": results["ActivationSparsity"],
        "macs": operations["Effective_MACs"],
        "acs": operations["Effective_ACs"],
        "dense": operations["Dense"],
    }


def _of_ours(
    own: Counts, samples: int, weights: list[Array], parameters: list[Array]
) -> dict[str, float]:
    from eideploy.model.neurobench import least

    zeros = sum(weight.size - int(np.count_nonzero(weight)) for weight in weights)
    return {
        "footprint": sum(least(value).nbytes for value in (*weights, *parameters)),
        "connection_sparsity": zeros / sum(weight.size for weight in weights),
        "activation_sparsity": 1 - own.spikes / own.neurons,
        "macs": own.macs / samples,
        "acs": own.acs / samples,
        "dense": own.dense / samples,
    }


def _alike(name: str, one: float, other: float) -> bool:
    if name == "connection_sparsity":
        return abs(one - other) <= ROUNDED
    if name == "activation_sparsity":
        return abs(one - other) <= CLOSE
    return one == other  # counts

"""What a build says of its numbers: the width proof, and what calibration and rounding chose."""

from dataclasses import asdict
from typing import Any

import numpy as np

from eideploy.circuit import Array, Circuit, IntegerInput
from eideploy.circuit.proof import Number, prove
from eideploy.report.text import table


def proof_content(circuit: Circuit) -> dict[str, list[dict[str, Any]]]:
    """Return every number of every node as a JSON-able table (A13, A25)."""
    return {
        name: [asdict(n) | {"bits": n.bits, "can_saturate": n.can_saturate} for n in numbers]
        for name, numbers in prove(circuit).items()
    }


def proof_text(circuit: Circuit) -> str:
    """Return the width proof as a table, a line a number."""
    rows = [
        [name, n.role, f"{n.low}", f"{n.high}", f"{n.bits}", _kept(n)]
        for name, numbers in prove(circuit).items()
        for n in numbers
    ]
    return table(["what any input can reach", "number", "from", "to", "bits", "kept in"], rows)


def _kept(number: Number) -> str:
    if number.saturates is None:
        return f"{number.bits}"
    return f"{number.saturates}, saturates" if number.can_saturate else f"{number.saturates}"


def calibration_content(circuit: Circuit) -> dict[str, Any]:
    """Return what calibration saw and what quantization chose from it, as a JSON-able table."""
    ranges = circuit.ranges
    if ranges is None:
        return {}
    source = circuit.input
    assert isinstance(source, IntegerInput)
    layers: dict[str, dict[str, Any]] = {}
    for name, layer in ranges.layers.items():
        layers[name] = {
            "zero_divisors": layer.zero_divisors,
            "divisor_floor": layer.divisor_floor,
            "mean_input": float(np.mean(layer.mean_input)),
        }
        if layer.chosen is not None:
            layers[name] |= {
                "full_scale_ee": _spread(layer.chosen.full_scale_ee),
                "rounding_error": _spread(layer.chosen.error),
            }
            if layer.chosen.full_scale_ie.size:  # a folded readout has no such rows
                layers[name]["full_scale_ie"] = _spread(layer.chosen.full_scale_ie)
    return {
        "samples": ranges.samples,
        "largest_input": None if ranges.input is None else ranges.input.largest,
        "input_step": source.step,
        "input_top": source.top,
        "layers": layers,
    }


def _spread(values: Array) -> dict[str, float]:
    return {
        "least": float(values.min()),
        "median": float(np.median(values)),
        "most": float(values.max()),
    }

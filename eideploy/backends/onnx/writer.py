"""Writes both models of a build, and what they say about themselves."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from onnx import ModelProto

from eideploy.backends.onnx import FLOAT, INTEGER
from eideploy.backends.onnx.float_model import FloatNetwork
from eideploy.backends.onnx.graph import model
from eideploy.backends.onnx.integer_model import TOTALS, IntegerNetwork
from eideploy.backends.onnx.words import words_of
from eideploy.circuit import Circuit, IntegerInput
from eideploy.files import sha256, write_atomic
from eideploy.version import __version__

FLOAT_KIND, INTEGER_KIND = "eideploy float network", "eideploy integer program"
FACTS = ("run", "scheme", "division", "division_bound", "zero_policy")


def emit(circuit: Circuit, integer: Circuit, folder: Path, facts: Mapping[str, Any]) -> None:
    """Write both models beside the files that they were made from.

    model.onnx      the float circuit: input to logits, in float64 (docs/onnx.md says why)
    model.int.onnx  the integer program: input to totals, in integer operators

    Args:
        circuit: the float circuit.
        integer: what it was compiled to.
        folder: where circuit.safetensors and integer.safetensors lie already.
        facts: of the build's manifest; those of `FACTS` go into the models' metadata.
    """
    known = {key: _text(facts[key]) for key in FACTS if key in facts}
    for name in ("circuit", "integer"):
        known[f"{name}_sha256"] = sha256(folder / f"{name}.safetensors")
    for name, written in (
        (FLOAT, float_model(circuit, known)),
        (INTEGER, integer_model(integer, known)),
    ):
        write_atomic(folder / name, written.SerializeToString(deterministic=True))


def float_model(
    circuit: Circuit, facts: Mapping[str, str], *, kind: type[np.floating[Any]] = np.float64
) -> ModelProto:
    """Return the model of a float circuit; its arithmetic and its logits are of `kind`."""
    graph = FloatNetwork(circuit, kind).build("float_network", "logits")
    metadata = {**facts, "kind": FLOAT_KIND, **_of_time(circuit)}
    return model(graph, version=__version__, metadata=metadata)


def integer_model(circuit: Circuit, facts: Mapping[str, str]) -> ModelProto:
    """Return the model of an integer circuit whose division was lowered."""
    graph = IntegerNetwork(circuit).build("integer_program", TOTALS)
    metadata = {**facts, "kind": INTEGER_KIND, **_of_time(circuit)}
    _, reason = words_of(circuit)
    if reason:
        metadata["wide_integers"] = reason
    if isinstance(circuit.input, IntegerInput):
        metadata |= {
            "input_step": repr(circuit.input.step),
            "input_top": str(circuit.input.top),
        }
    metadata["logit_step"] = repr(circuit.logit_step)
    return model(graph, version=__version__, metadata=metadata)


def _of_time(circuit: Circuit) -> dict[str, str]:
    """Return the steps, and what is read of membranes over them, if they are read."""
    integrator = circuit.logits.integrator
    readout = {} if integrator is None else {"readout": integrator.read}
    return {"steps": str(circuit.steps), **readout}


def _text(fact: object) -> str:
    return fact if isinstance(fact, str) else json.dumps(fact, sort_keys=True)

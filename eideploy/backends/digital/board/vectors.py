"""Samples as a board's serial line takes them, with the logits that it is to give."""

from pathlib import Path
from typing import Any

from eideploy.backends.digital.board.driver import Word
from eideploy.backends.digital.board.files import link_of
from eideploy.backends.digital.core.scan import words_of
from eideploy.backends.digital.program import Program
from eideploy.circuit import Array
from eideploy.execute.integer import quantize_input, run_integer
from eideploy.execute.samples import over_time
from eideploy.files import write_json

VECTORS = "vectors.json"
STORED = 16


def steps_of(program: Program, samples: Array) -> list[list[list[Word]]]:
    """Return the events of every sample and time step, (B, T, events)."""
    circuit = program.circuit
    x = quantize_input(circuit, over_time(circuit, samples))
    return [
        [words_of(x[step % len(x), sample]) for step in range(circuit.steps)]
        for sample in range(x.shape[1])
    ]


def vectors(program: Program, samples: Array, network: str) -> dict[str, Any]:
    """Return what a self-test plays."""
    expected = run_integer(program.circuit, samples).totals.tolist()
    return {
        "format": 1,
        "network": network,
        "samples": [
            {"words": words, "logits": logits}
            for words, logits in zip(steps_of(program, samples), expected, strict=True)
        ],
    }


def write_vectors(program: Program, samples: Array, folder: Path) -> None:
    """Write the vectors of the first samples into a build."""
    content = vectors(program, samples[:STORED], link_of(program).network)
    write_json(folder / VECTORS, content)

"""Samples as a board's serial line takes them, with the logits that it is to give."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal

from eideploy.backends.digital.board.files import link_of
from eideploy.backends.digital.core.scan import port_words
from eideploy.backends.digital.program import Program
from eideploy.circuit import Array
from eideploy.errors import FormatError
from eideploy.execute.integer import run_integer
from eideploy.files import read_json, write_json
from eideploy.typed import Within, typed

VECTORS = "vectors.json"
STORED = 16
Byte = Annotated[int, Within(0, 255)]
Event = tuple[Byte, Byte, Annotated[int, Within(0, 65535)], Byte]  # a `Word`, within its bytes


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A stored sample.

    words   its events by time step
    logits  that the board is to give
    """

    words: tuple[tuple[Event, ...], ...]
    logits: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """What stands in the file: the network that it is of, as the board says it, and samples."""

    format: Literal[1]
    network: str
    samples: tuple[Sample, ...]


def vectors(program: Program, samples: Array, network: str) -> dict[str, Any]:
    """Return what a self-test plays."""
    expected = run_integer(program.circuit, samples).totals.tolist()
    return {
        "format": 1,
        "network": network,
        "samples": [
            {"words": words, "logits": logits}
            for words, logits in zip(port_words(program, samples), expected, strict=True)
        ],
    }


def write_vectors(program: Program, samples: Array, folder: Path) -> None:
    """Write the vectors of the first samples into a build."""
    content = vectors(program, samples[:STORED], link_of(program).network)
    write_json(folder / VECTORS, content)


def read_vectors(program: Program, folder: Path) -> dict[str, Any]:
    """Return the vectors of a build, as a self-test takes them.

    Raises:
        FormatError: damaged, without a sample, of another network than the program's, or of other
            steps or outputs.
    """
    where, circuit = str(folder / VECTORS), program.circuit
    content: dict[str, Any] = read_json(folder / VECTORS)
    stored = typed(Vectors, content, where=where, error=FormatError)
    form = program.port_steps, prod(circuit.shapes[circuit.output.name])
    own, fault = link_of(program).network, ""
    if not stored.samples:
        fault = "there are no stored samples"
    elif {(len(one.words), len(one.logits)) for one in stored.samples} != {form}:
        fault = f"not every stored sample has the events of {form[0]} steps and {form[1]} logits"
    elif stored.network != own:
        fault = f"the samples are of network {stored.network}, the build is {own}"
    if fault:
        raise FormatError(fault, where=where, fix="compile the run again")
    return content

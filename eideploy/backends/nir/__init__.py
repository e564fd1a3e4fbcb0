"""NIR: a float circuit as a graph that other tools read, and back (docs/nir.md)."""

import io
from pathlib import Path

import nir

from eideploy.backends.nir.extension import EIDivision, register
from eideploy.backends.nir.read import load, parse
from eideploy.backends.nir.write import graph
from eideploy.circuit import Circuit
from eideploy.files import write_atomic

MODEL = "model.nir"
__all__ = ["MODEL", "EIDivision", "graph", "load", "parse", "register", "save"]


def save(circuit: Circuit, path: Path) -> None:
    """Write the circuit in the `ei` dialect, atomically, once it reads back as what was written.

    Raises:
        InvariantError: no float circuit, or two nodes of one name.
    """
    buffer = io.BytesIO()
    nir.write(buffer, graph(circuit))
    data = buffer.getvalue()
    parse(data, where=str(path))
    write_atomic(path, data)

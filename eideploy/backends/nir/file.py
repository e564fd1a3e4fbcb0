"""NIR files of ours, written once they read back."""

import io
from pathlib import Path

import h5py
import nir
import numpy as np

from eideploy.backends.nir.read import parse
from eideploy.backends.nir.write import graph
from eideploy.circuit import Circuit
from eideploy.errors import UsageError
from eideploy.files import write_atomic

OLD = "1.0.4"  # the last release of nir without v_reset


def save(circuit: Circuit, path: Path, *, compat: str | None = None) -> None:
    """Write the circuit, atomically, once it reads back as what was written.

    Args:
        circuit: a float circuit; its nodes say which dialect the file is of.
        path: the file.
        compat: an older release of nir that shall read it, of `OLD`.

    Raises:
        InvariantError: no float circuit, or two nodes of one name.
        UsageError: neurons that NIR, or that release, has not.
    """
    buffer = io.BytesIO()
    nir.write(buffer, graph(circuit))
    if compat is not None:
        _drop_resets(buffer)
    parse(buffer.getvalue(), where=str(path))
    write_atomic(path, buffer.getvalue())


def _drop_resets(buffer: io.BytesIO) -> None:
    """Take v_reset, which is zero throughout, out of a file: nir 1.0.4 fails where it stands."""
    with h5py.File(buffer, "r+") as file:
        file["version"][()] = OLD
        for name, node in file["node/nodes"].items():
            if "v_reset" in node:
                if np.any(node["v_reset"][()]):
                    raise UsageError(
                        f"nir {OLD} has no v_reset, and that of {name} is not zero",
                        where=f"--nir-compat {OLD}",
                        fix="leave it out",
                    )
                del node["v_reset"]

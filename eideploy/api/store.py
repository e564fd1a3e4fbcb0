"""Runs, builds and circuits from where they lie."""

from pathlib import Path

from eideploy import folders
from eideploy.backends.digital import build
from eideploy.backends.digital.build import Build
from eideploy.circuit import Circuit, store
from eideploy.folders import Run
from eideploy.options import PathLike, text_of


def load_run(folder: PathLike) -> Run:
    """Read a finished run: its float circuit, and what its manifest says.

    Raises:
        FormatError: unfinished, damaged, of another kind or version, or of no E-I circuit.
    """
    return folders.load_run(Path(text_of(folder, "folder")))


def load_build(folder: PathLike) -> Build:
    """Read a finished build for a digital core: float circuit, program, manifest.

    Raises:
        FormatError, SpecError: damaged, of another kind or version.
    """
    return build.load_build(Path(text_of(folder, "folder")))


def load_circuit(path: PathLike) -> Circuit:
    """Read a circuit, float or integer, from a .safetensors file.

    Raises:
        FormatError: missing, damaged, of another kind or version, or not a well-formed circuit.
    """
    return store.load(Path(text_of(path, "path")))


def save_circuit(circuit: Circuit, path: PathLike) -> None:
    """Write a circuit to a .safetensors file, which is there whole or not at all."""
    store.save(circuit, Path(text_of(path, "path")))


def circuit_text(circuit: Circuit) -> str:
    """Return the circuit as text, e.g. `lif1 = LIF(conv1) -> 16x8x8  tau=2.0 threshold=1.0`."""
    return circuit.in_full()

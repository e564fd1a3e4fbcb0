"""Where a build comes from, so that its report can be told from any other."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from math import prod
from pathlib import Path
from typing import Any

from eideploy import native
from eideploy.circuit import Circuit, Layer, Neurons
from eideploy.files import MANIFEST, sha256
from eideploy.progress import note
from eideploy.version import __version__

NUMERIC = "numpy", "matplotlib"


def build_marks(folder: Path, manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return which build this is, of which run, who made it and who reports on it."""
    return {
        "build": folder.resolve().name,
        "made": manifest.get("created"),
        "made_by": manifest.get("eideploy"),
        "reported": now(),
        "versions": versions(),
        "run": manifest.get("run"),
        "sha256": {
            "run manifest": manifest.get("run_sha256"),
            "build manifest": sha256(folder / MANIFEST),
            **manifest["files"],
        },
    }


def network(circuit: Circuit) -> dict[str, Any]:
    """Return what a circuit is, in a few numbers."""
    layers = circuit.layers
    return {
        "layers": [
            {
                "name": node.name,
                "kind": node.kind,
                "shape": list(circuit.shapes[node.name]),
                "weights": _count(node),
            }
            for node in layers
        ],
        "input": list(circuit.input.size),
        "steps": circuit.steps,
        "neurons": sum(prod(circuit.shapes[node.name]) for node in circuit.of(Neurons)),
        "weights": sum(map(_count, layers)),
    }


def _count(node: Layer) -> int:
    """Return how many weights a layer has, those between its own neurons too."""
    return sum(w.size for w in node.projection.by_name.values())


def versions() -> dict[str, str]:
    """Return what computed the report."""
    numeric = {name: version(name) for name in NUMERIC}
    return {"eideploy": __version__, "python": platform.python_version(), **numeric}


def note_other_conditions(before: Mapping[str, str], now: Mapping[str, str]) -> None:
    """Say that a training goes on under conditions that give other bits than before."""
    from eideploy.model.conditions import differences

    note(f"resuming under other conditions, which give other bits: {differences(before, now)}")


def machine(conditions: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return what a training ran on, and what compiled its kernel; neither affects its bits."""
    from eideploy.nn.compiled import compiled_by

    fused = any(entry.get("kernel") == "fused" for entry in conditions)
    compiler = {"compiler": compiled_by()} if fused else {}
    return {"processor": native.processor_name(), **compiler}


def now() -> str:
    """Return the time, to the second, as an ISO date."""
    return datetime.now(UTC).isoformat(timespec="seconds")

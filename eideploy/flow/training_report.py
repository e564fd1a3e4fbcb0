"""What a run's log says: the numbers of its report, read from the files that training wrote."""

import csv
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

from eideploy import folders
from eideploy.config import Config, load_config
from eideploy.data.pipelines import PIPELINES
from eideploy.errors import FormatError
from eideploy.files import MANIFEST, RESTORE, read_json, read_text, sha256
from eideploy.finished import METRICS
from eideploy.flow.provenance import now, versions
from eideploy.flow.training_advice import training_advice
from eideploy.flow.training_log import GRADIENTS, HEALTH, SPREADS
from eideploy.flow.training_page import run_page
from eideploy.model.metrics import SHARES
from eideploy.report.sections import Page
from eideploy.report.text import counted, percent
from eideploy.tables import MOST_TOML
from eideploy.validate.distribution import Bins
from eideploy.version import __version__

MOST_BYTES = 64 << 20
LARGEST = 1e30  # a gradient that overflowed is shown as this large
T = TypeVar("T")


def numbers(folder: Path) -> dict[str, Any]:
    """Return every number of a run's report.

    Raises:
        FormatError: no log, as of an imported run, or a damaged one.
    """
    if not (folder / METRICS).is_file():
        raise FormatError(
            f"the run has no {METRICS}, so there is no training to report on",
            where=str(folder),
            fix="compile it, and report on the build: an imported run was trained elsewhere",
        )
    epochs = read_rows(folder / METRICS, _epoch)
    if not epochs:
        raise FormatError(
            "no epoch has ended yet",
            where=str(folder / METRICS),
            fix="wait for the first epoch to end",
        )
    health = read_rows(folder / HEALTH, _health) if (folder / HEALTH).is_file() else []
    spreads = read_rows(folder / SPREADS, _spread) if (folder / SPREADS).is_file() else []
    first = read_rows(folder / GRADIENTS, _gradient) if (folder / GRADIENTS).is_file() else []
    manifest = {} if folders.is_unfinished(folder) else read_json(folder / MANIFEST)
    content: dict[str, Any] = {
        "format": 1,
        "kind": "eideploy report of a run",
        "provenance": run_provenance(folder, manifest),
        "classes": list(map(str, manifest.get("classes", []))),
        "augmented": _augmented(folder),
        "epochs": epochs,
        "layers": _by_layer(health),
        "distributions": spreads,
        "gradients": first,
    }
    return content | {"advice": [asdict(notice) for notice in training_advice(content)]}


def page(content: Mapping[str, Any]) -> Page:
    """Return the page that shows the numbers."""
    return run_page(content)


def text(content: Mapping[str, Any]) -> str:
    """Return the numbers in a few lines."""
    last, provenance = content["epochs"][-1], content["provenance"]
    return (
        f"report on run {provenance['run']}, "
        f"{counted(last['epoch'], 'epoch')} of {last['epochs']}\n"
        f"test accuracy  {percent(last['test_accuracy'])}"
    )


def initial_currents(build: Mapping[str, Any], layers: Sequence[str]) -> dict[str, Bins] | None:
    """Return the currents before training of a build's `layers`, by name, as its run logged them.

    None where that run is not at hand under its name, is another one, or has no such log.
    """
    folder = folders.RUNS / str(build.get("run"))
    log = folder / SPREADS
    try:
        if not log.is_file() or sha256(folder / MANIFEST) != build.get("run_sha256"):
            return None
        rows = read_rows(log, _spread)
    except (FormatError, OSError):
        return None
    currents = [r for r in rows if r["epoch"] == 0 and r["quantity"] == "current" and r["counts"]]
    if len(currents) != len(layers):
        return None
    return {layer: _histogram(row) for layer, row in zip(layers, currents, strict=True)}


def _histogram(row: Mapping[str, Any]) -> Bins:
    """Return a logged histogram in the form of a report's."""
    bins = len(row["counts"])
    width = (row["high"] - row["low"]) / bins
    edges = [row["low"] + i * width for i in range(bins + 1)]
    return Bins(edges=edges, counts=row["counts"], values=sum(row["counts"]))


def _augmented(folder: Path) -> bool:
    """Return whether a run's training samples were changed."""
    data = load_config(folder / folders.CONFIG).data
    return data.moves or (data.augmentation == "published" and data.name in PIPELINES)


def run_provenance(
    folder: Path,
    manifest: Mapping[str, Any],
    kind: type[Any] = Config,
) -> dict[str, Any]:
    """Return where a run comes from; `kind` is what its configuration is.

    Raises:
        FormatError: the configuration is damaged.
    """
    path = folder / folders.CONFIG
    try:
        config = read_text(path, most=MOST_TOML)
    except (OSError, ValueError) as error:
        raise FormatError(
            f"cannot read the configuration: {error}", where=str(path), fix=RESTORE
        ) from error
    return {
        "run": folder.resolve().name,
        "data": kind.of_toml(config, where=str(path)).data.name,
        "config": config,
        "finished": bool(manifest),
        "made": manifest.get("created"),
        "made_by": manifest.get("eideploy", __version__),
        "reported": now(),
        "versions": versions(),
        "sha256": dict(manifest.get("files", {})),
    }


def _by_layer(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    layers: dict[str, dict[str, Any]] = {}
    for row in rows:
        own = layers.setdefault(row["layer"], {"name": row["layer"]})
        for key, value in row.items():
            if key not in ("epoch", "layer"):
                own.setdefault(key, []).append(value)
    return list(layers.values())


def read_rows(path: Path, make: Callable[[Mapping[str, str]], T]) -> list[T]:
    """Return the rows of a CSV file.

    Raises:
        FormatError: it is damaged.
    """
    try:
        lines = read_text(path, most=MOST_BYTES).splitlines()
        return [make(row) for row in csv.DictReader(lines, strict=True)]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, csv.Error) as error:
        raise FormatError(f"the file is damaged: {error}", where=str(path), fix=RESTORE) from error


def _epoch(row: Mapping[str, str]) -> dict[str, Any]:
    whole = {key: count(row[key]) for key in ("epoch", "epochs")}
    shares = {key: share(row[key]) for key in ("train_accuracy", "test_accuracy")}
    return {**whole, "rate": finite(row["rate"]), "loss": finite(row["loss"]), **shares}


def _health(row: Mapping[str, str]) -> dict[str, Any]:
    shares = {key: share(row[key]) for key in ("silent", "saturated", "zero_divisor")}
    if "dying" in row:  # older runs know neither
        shares["dying"] = share(row["dying"])
    if "gradient" in row:
        norm = float(row["gradient"])
        shares["gradient"] = norm if isfinite(norm) else LARGEST
    return {"epoch": count(row["epoch"]), "layer": row["layer"], **shares}


def _spread(row: Mapping[str, str]) -> dict[str, Any]:
    known = [row[f"q{share:g}"] for share in SHARES]
    return {
        "epoch": count(row["epoch"]),
        "layer": row["layer"],
        "quantity": row["quantity"],
        "quantiles": [finite(q) for q in known] if all(known) else [],
        "low": finite(row["low"]),
        "high": finite(row["high"]),
        "counts": [count(n) for n in row["counts"].split()],
    }


def _gradient(row: Mapping[str, str]) -> dict[str, Any]:
    norms = {key: float(row[key]) for key in ("gradient", "norm")}
    bounded = {key: norm if isfinite(norm) else LARGEST for key, norm in norms.items()}
    return {"layer": row["layer"], "parameter": row["parameter"], **bounded}


def finite(text: str) -> float:
    """Return a number of a log that can be drawn; raises ValueError."""
    if not abs(number := float(text)) <= LARGEST:
        raise ValueError(f"{text[:20]} is not a number that a training has")
    return number


def share(text: str) -> float:
    """Return a fraction of a log; raises ValueError."""
    if not 0 <= (fraction := float(text)) <= 1:
        raise ValueError(f"{text[:20]} is not a share")
    return fraction


def count(text: str) -> int:
    """Return a whole number of a log; raises ValueError."""
    if not 0 <= (number := int(text)) <= LARGEST:
        raise ValueError(f"{text[:20]} is not a count")
    return number

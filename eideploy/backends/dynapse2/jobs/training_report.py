"""The numbers of a report on a training for a mixed-signal chip."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eideploy.backends.dynapse2.config import ChipConfig
from eideploy.backends.dynapse2.folders import load_chip_run
from eideploy.backends.dynapse2.jobs.report import share
from eideploy.backends.dynapse2.report.run_page import chip_run_page
from eideploy.errors import FormatError
from eideploy.finished import METRICS
from eideploy.flow.result import Reported
from eideploy.flow.training_report import count, finite, read_rows, run_provenance
from eideploy.flow.training_report import share as fraction
from eideploy.report.text import counted, percent


def numbers(folder: Path) -> dict[str, Any]:
    """Return every number of such a run's report.

    Raises:
        FormatError: a damaged run, or one without a log.
    """
    run = load_chip_run(folder)
    epochs = read_rows(folder / METRICS, _epoch)
    if not epochs:
        raise FormatError(
            "the log has no finished epoch",
            where=str(folder / METRICS),
            fix="train the network again",
        )
    return {
        "format": 1,
        "kind": "eideploy report of a run for a mixed-signal chip",
        "provenance": run_provenance(folder, run.content, ChipConfig),
        "epochs": epochs,
        "test_accuracy": share(run.content.get("test_accuracy")),
        "float_accuracy": share(run.content.get("float_accuracy")),
    }


def report(folder: Path) -> Reported:
    """Return the report of such a run."""
    content = numbers(folder)
    return Reported(content=content, text=_text(content), page=chip_run_page(content))


def _text(content: Mapping[str, Any]) -> str:
    """Return the numbers in a few lines."""
    accuracy, epochs = content["test_accuracy"], counted(len(content["epochs"]), "epoch")
    return (
        f"report on run {content['provenance']['run']}, {epochs}\n"
        f"test accuracy  {'unknown' if accuracy is None else percent(accuracy)} (mapped and "
        "simulated without mismatch; no board has run it)"
    )


def _epoch(row: Mapping[str, str]) -> dict[str, Any]:
    whole = {key: count(row[key]) for key in ("epoch", "synapses")}
    reals = {key: finite(row[key]) for key in ("loss", "rate_hz")}
    return {**whole, **reals, "accuracy": fraction(row["accuracy"])}

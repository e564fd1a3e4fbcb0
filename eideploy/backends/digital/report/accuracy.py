"""What a build's accuracy is, from the float network to every executor."""

from collections.abc import Mapping
from typing import Any

from eideploy.backends.digital.validate.study import Accuracy, Study
from eideploy.report.charts import Confusion
from eideploy.report.sections import Bar, Cell, Figure, Section, Table
from eideploy.report.text import counted, percent

Numbers = Mapping[str, Any]


def accuracy_section(study: Study, content: Numbers) -> Section:
    """Return the ladder, every executor, and the confusion matrix."""
    parts: list[Table | Figure] = []
    if content["ladder"] is not None:
        parts.append(_ladder(content["ladder"]))
    parts.append(_executors(study, content))
    if study.confusion is not None:
        parts.append(
            Figure(
                title="Confusion matrix of the integer program",
                chart=Confusion(counts=study.confusion),
                key="confusion",
                samples=study.samples,
                caption="mistakes in orange",
            )
        )
    return Section(
        id="accuracy",
        title="Accuracy, from float to every executor",
        text="Each pass by itself beside the float network, on calibration samples; then the "
        "finished program, and every file of the build in every other program, on test samples.",
        parts=parts,
    )


def accuracy_text(study: Study) -> str:
    """Return in a line what the page says of all samples."""
    accuracy, agree = study.accuracy, f"{percent(study.accuracy.agreement)} of predictions agree"
    if accuracy.float is None or accuracy.integer is None:
        return f"the build, on {counted(study.samples, 'sample')}: {agree}"
    return (
        f"the build, on {counted(study.samples, 'sample')}: accuracy {percent(accuracy.float)} in "
        f"floats and {percent(accuracy.integer)} in integers; {agree}"
    )


def _ladder(ladder: Numbers) -> Table:
    rungs = ladder["passes"]
    rows: list[list[Cell]] = [
        [
            rung["after"],
            "-"
            if rung["accuracy"] is None
            else Bar(text=percent(rung["accuracy"]), share=rung["accuracy"]),
            percent(rung["agreement"]),
            percent(max(rung["mismatch"].values(), default=0.0), 3),
            rung["first_diverging"] or "none",
        ]
        for rung in rungs
    ]
    return Table(
        title="After every pass",
        head=["pass", "accuracy", "agreement", "spikes differ, worst layer", "first diverging"],
        rows=rows,
        key="ladder.passes",
        caption=f"{counted(ladder['samples'], 'calibration sample')}; every row has the changes "
        "of those above it",
    )


def _executors(study: Study, content: Numbers) -> Table:
    accuracy = study.accuracy

    def share_of(value: float | None) -> Cell:
        return "-" if value is None else Bar(text=percent(value), share=value)

    samples = str(study.samples)
    rows: list[list[Cell]] = [
        ["float network", "float reference", samples, share_of(accuracy.float), "-", "-"],
        [
            "integer program",
            "integer simulator",
            samples,
            share_of(accuracy.integer),
            "the definition",
            "-",
        ],
    ]
    for row in content["executors"]:
        ran = row["result"] != "not run"
        rows.append(
            [
                row["artefact"],
                row["executor"],
                str(row["samples"]) if ran else "-",
                share_of(row["accuracy"]),
                row["result"],
                "-" if row["difference"] is None else f"{row['difference']:.3g}",
            ]
        )
    return Table(
        title="Every executor",
        head=["what", "run by", "samples", "accuracy", "result", "largest difference"],
        rows=rows,
        key="executors",
        caption="Sums are compared with the integer simulator's, exactly; logits of float models "
        f"with the float reference's, to 1e-5. {_agreement(accuracy)}",
    )


def _agreement(accuracy: Accuracy) -> str:
    if accuracy.constant:
        return (
            "The logits are the same for all samples, so that predictions that agree say nothing."
        )
    return (
        f"{percent(accuracy.agreement)} of the integer program's predictions are those of the "
        "float network."
    )

"""The page of a training for a mixed-signal chip: its curves under mismatch."""

from collections.abc import Mapping
from typing import Any

from eideploy.flow.training_page import facts
from eideploy.report.charts import Lines
from eideploy.report.sections import Figure, Page, Section, Tile, footer
from eideploy.report.text import counted, percent

Numbers = Mapping[str, Any]
CURVES = {
    "accuracy": ("Accuracy", "accuracy of training samples, as augmented, under mismatch"),
    "loss": ("Loss", "cross-entropy, nats"),
    "rate_hz": ("Rate of the excitatory neurons", "Hz"),
    "synapses": ("Synapses of all neurons", "synapses"),
}


def chip_run_page(content: Numbers) -> Page:
    """Return the page that shows `content`, the whole of such a run's report.json."""
    provenance, epochs, last = content["provenance"], content["epochs"], content["epochs"][-1]
    accuracy = content["test_accuracy"]
    before = content["float_accuracy"]
    tiles = [
        *(
            []
            if accuracy is None
            else [Tile(value=percent(accuracy), name="test accuracy, mapped and simulated")]
        ),
        *(
            []
            if before is None
            else [Tile(value=percent(before), name="of the run that it was distilled from")]
        ),
        Tile(value=percent(last["accuracy"]), name="training accuracy under mismatch"),
        Tile(value=f"{last['synapses']:,}", name="synapses"),
        Tile(value=f"{last['epoch']}", name="epochs"),
    ]
    figures = [
        Figure(
            title=title,
            key=f"epochs.{key}",
            caption="" if key != "accuracy" else words,
            chart=Lines(
                lines={title: [epoch[key] for epoch in epochs]},
                across="epoch",
                up="accuracy" if key == "accuracy" else words,
                fractions=key == "accuracy",
                ordered=False,
            ),
        )
        for key, (title, words) in CURVES.items()
    ]
    curves = Section(
        id="curves",
        title="Curves",
        parts=figures,
        text="Every group of samples is shown to a chip of its own, whose circuits are drawn at "
        "random; synapses are pruned on the way. The test accuracy is that of the network as it is "
        "mapped, by a simulator of the chip's equations; no board has run it.",
    )
    return Page(
        title=provenance["run"],
        subtitle=f"A training on {provenance['data']} for a mixed-signal chip, "
        f"{counted(last['epoch'], 'epoch')}",
        tiles=tiles,
        notices=[],
        sections=[curves, facts(content)],
        footer=footer(provenance),
    )

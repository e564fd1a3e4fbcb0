"""The page of a training run: curves, activity, distributions, gradients."""

from collections.abc import Mapping, Sequence
from typing import Any

from eideploy.flow.training_charts import Bands, Ridges
from eideploy.report.charts import Lines
from eideploy.report.sections import Figure, Notice, Page, Section, Table, Tile, footer, hash_table
from eideploy.report.text import counted, percent

Numbers = Mapping[str, Any]
HEALTH = {
    "silent": "never fire",
    "saturated": "fire at nearly every step",
    "zero_divisor": "divisors that are 0",
    "dying": "have almost no inhibition left",
}


def run_page(content: Numbers) -> Page:
    """Return the page that shows `content`, the whole of a run's report.json."""
    provenance, last = content["provenance"], content["epochs"][-1]
    sections = [_curves(content), _activity(content), *_distributed(content), facts(content)]
    return Page(
        title=provenance["run"],
        subtitle=f"A training on {provenance['data']}, {counted(last['epoch'], 'epoch')} of "
        f"{last['epochs']}" + ("" if provenance["finished"] else ", not finished"),
        tiles=[
            Tile(value=percent(last["test_accuracy"]), name="test accuracy, last epoch"),
            Tile(
                value=percent(last["train_accuracy"]),
                name="training accuracy" + (", as augmented" if content["augmented"] else ""),
            ),
            Tile(value=f"{last['loss']:.4g}", name="training loss"),
            Tile(value=f"{last['epoch']} of {last['epochs']}", name="epochs"),
        ],
        notices=[Notice(**entry) for entry in content["advice"]],
        sections=[section for section in sections if section is not None],
        footer=footer(provenance),
    )


def _column(content: Numbers, key: str) -> list[float]:
    return [epoch[key] for epoch in content["epochs"]]


def _curves(content: Numbers) -> Section:
    return Section(
        id="curves",
        title="Curves",
        text=f"The training accuracy is measured {'on augmented samples ' * content['augmented']}"
        "while the network changes, so it may be below the test accuracy. The accuracy of a run "
        "is that of its last epoch.",
        parts=[
            Figure(
                title="Accuracy",
                key="epochs",
                chart=Lines(
                    lines={
                        "test": _column(content, "test_accuracy"),
                        "training": _column(content, "train_accuracy"),
                    },
                    across="epoch",
                    up="accuracy",
                    fractions=True,
                    ordered=False,
                ),
            ),
            Figure(
                title="Loss",
                key="epochs",
                chart=Lines(
                    lines={"training": _column(content, "loss")},
                    across="epoch",
                    up="cross-entropy, nats",
                    ordered=False,
                ),
            ),
            Figure(
                title="Learning rate",
                key="epochs",
                caption="of the last batch of every epoch",
                chart=Lines(
                    lines={"rate": _column(content, "rate")},
                    across="epoch",
                    up="learning rate",
                    ordered=False,
                ),
            ),
        ],
    )


def _activity(content: Numbers) -> Section | None:
    layers = content["layers"]
    if not layers:
        return None
    parts: list[Table | Figure] = [
        Figure(
            title=f"Neurons that {words}" if key != "zero_divisor" else "Divisors that are 0",
            chart=Lines(
                lines={layer["name"]: layer[key] for layer in layers},
                across="epoch",
                up="share",
                fractions=True,
            ),
            key=f"layers.{key}",
        )
        for key, words in HEALTH.items()
        if key in layers[0]  # older runs know fewer
    ]
    if all(any(layer.get("gradient", [])) for layer in layers):
        parts.append(
            Figure(
                title="Norm of the gradient",
                chart=Lines(
                    lines={layer["name"]: layer["gradient"] for layer in layers},
                    across="epoch",
                    up="norm",
                    logarithmic=True,
                ),
                key="layers.gradient",
                caption="of the last batch of every epoch, all parameters of a layer together",
            )
        )
    parts += _first(content["gradients"])
    return Section(
        id="activity",
        title="Activity",
        text="On the first test samples, at most 64, after every epoch.",
        parts=parts,
    )


def _first(rows: Sequence[Numbers]) -> list[Table]:
    """Return the table of the first gradients, if they are known."""
    if not rows:
        return []
    names = list(dict.fromkeys(row["parameter"] for row in rows))
    layers = list(dict.fromkeys(row["layer"] for row in rows))
    cells = {(row["layer"], row["parameter"]): _norms(row) for row in rows}
    return [
        Table(
            title="Gradients of the first iteration",
            head=["layer", *names],
            rows=[[layer, *(cells.get((layer, name), "") for name in names)] for layer in layers],
            key="gradients",
            caption="norm before clipping, and beside it in units of the parameter's own norm",
        )
    ]


def _norms(row: Numbers) -> str:
    ratio = f" ({row['gradient'] / row['norm']:.2g})" if row["norm"] else ""
    return f"{row['gradient']:.3g}{ratio}"


def _distributed(content: Numbers) -> list[Section]:
    rows = content["distributions"]
    if not rows:
        return []
    layers = list(dict.fromkeys(row["layer"] for row in rows))
    currents: list[Figure] = []
    parameters: list[Figure] = []
    for layer in layers:
        own = [row for row in rows if row["layer"] == layer]
        for quantity in dict.fromkeys(row["quantity"] for row in own):
            of_quantity = [row for row in own if row["quantity"] == quantity]
            figures = currents if any(row["counts"] for row in of_quantity) else parameters
            figures += _figures(layer, quantity, of_quantity)
    return [
        Section(
            id="currents",
            title="Currents and divisors",
            text="What drives the neurons, in thresholds, and what it was divided by: at the "
            "beginning (epoch 0), on the way, and at the end. The paper's figure 4: Gaussian at "
            "initialisation, bimodal after training.",
            parts=currents,
        ),
        Section(
            id="parameters",
            title="Parameters",
            text="Quantiles of all entries over the epochs: the line is the median, the bands "
            "hold 50, 90 and 98 %.",
            parts=parameters,
        ),
    ]


def _figures(layer: str, quantity: str, rows: Sequence[Numbers]) -> list[Figure]:
    unit = {"current": "current, thresholds"}.get(quantity, quantity)
    figures = []
    if any(row["counts"] for row in rows):
        figures.append(
            Figure(
                title=f"{layer}: {quantity}",
                chart=Ridges(rows=rows, across=unit),
                key="distributions",
            )
        )
    if any(row["quantiles"] for row in rows):
        figures.append(
            Figure(
                title=f"{layer}: {quantity} over the epochs",
                chart=Bands(rows=rows, up=unit),
                key="distributions",
            )
        )
    return figures


def _classes(names: Sequence[str]) -> list[Table]:
    """Return the names of classes by number, where they are not their numbers."""
    if not names or all(name == str(number) for number, name in enumerate(names)):
        return []
    rows = [[str(number), name] for number, name in enumerate(names)]
    return [Table(title="Classes", head=["number", "name"], rows=rows, key="classes")]


def facts(content: Numbers) -> Section:
    """Return the section of the configuration and the hashes."""
    provenance = content["provenance"]
    lines = [line for line in provenance["config"].splitlines() if line.strip()]
    settings, table = [], ""
    for line in lines:
        if line.startswith("["):
            table = line.strip("[] ") + "."
        elif "=" in line:
            key, _, value = line.partition("=")
            settings.append([table + key.strip(), value.strip()])
    return Section(
        id="facts",
        title="What was trained",
        parts=[
            Table(title="Configuration", head=["", ""], rows=settings, key="provenance.config"),
            *_classes(content.get("classes", [])),
            hash_table(provenance["sha256"]),
        ],
    )

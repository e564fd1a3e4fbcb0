"""Jobs: list the data sets by name, and say what the user's own data hold."""

import re
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from eideploy.data import BUNDLED, DATASETS, Dataset
from eideploy.data.dataset import extremes
from eideploy.data.own import ReadAs, read_own
from eideploy.data.own.read import holds_recordings
from eideploy.data.sources import SOURCES
from eideploy.errors import ConfigError, DataError
from eideploy.flow.data_sheet import write_sheet
from eideploy.flow.own_network import LARGE, SMALL_TRAINING, choice_for
from eideploy.flow.requests.data import CheckData, ListData
from eideploy.flow.result import Result
from eideploy.flow.samples import require_place
from eideploy.options import as_path, refuse_idle
from eideploy.report.text import table


def show(_: ListData) -> Result:
    """List the data sets by name."""
    rows = [
        {"name": name, "url": SOURCES[name].url, "folder": SOURCES[name].folder}
        if name not in BUNDLED
        else {"name": name, "url": "", "folder": ""}
        for name in DATASETS
    ]
    cells = [[row["name"], row["folder"] or "bundled", row["url"]] for row in rows]
    text = "\n".join(
        "  ".join([name.ljust(15), folder.ljust(22), url]).rstrip() for name, folder, url in cells
    )
    return Result(text=text, content={"data_sets": rows})


def check(request: CheckData) -> Result:
    """Say what a file or folder of the user's holds.

    Raises:
        ConfigError: a size that is none.
        DataError: missing, damaged, or not samples with classes; a sheet that cannot be written.
    """
    path, sheet = Path(request.path), as_path(request.sheet)
    if sheet is not None:
        require_place(sheet, inputs=[path])
    if not holds_recordings(path):
        refuse_idle(request, (), here=f"on {path}")
    how = ReadAs(size=request.size, sensor=request.sensor, framing=request.framing)
    try:
        dataset = read_own(path, how, steps=request.steps)
    except (ConfigError, DataError) as error:  # what trainings set are options here
        fix = re.sub(r"--set (?:data|network)\.(\w+)=", r"--\1 ", error.fix)
        raise type(error)(error.what, where=error.where, fix=fix) from error
    content = _content(path, dataset)
    text = _text(path, dataset, content)
    if sheet is not None:
        write_sheet(sheet, dataset)
        content, text = content | {"sheet": str(sheet)}, f"{text}\nsheet    {sheet}"
    return Result(text=text, content=content)


def _content(path: Path, dataset: Dataset) -> dict[str, Any]:
    parts = {"train": dataset.train_y, "test": dataset.test_y}
    counts = {part: np.bincount(y, minlength=dataset.classes) for part, y in parts.items()}
    bounds = [extremes(x) for x in (dataset.train_x, dataset.test_x)]
    return {
        "path": str(path),
        "shape": list(dataset.input_shape),
        "frames": dataset.steps,
        "kept_as": str(dataset.train_x.dtype),
        "lowest": min(low for low, _ in bounds),
        "highest": max(high for _, high in bounds),
        "scaling": {"offset": dataset.offset, "divisor": dataset.divisor, "high": dataset.high},
        "classes": [
            {"name": name, **{part: int(count[number]) for part, count in counts.items()}}
            for number, name in enumerate(dataset.class_names)
        ],
        "notes": list(dataset.notes),
        "sha256": dataset.sha256,
        "preset": choice_for(dataset).preset,
        "network": choice_for(dataset).described,
    }


def _smaller(path: Path, preset: str) -> list[str]:
    """Return the training of a network for small boards, where the one that is chosen is not."""
    named = SMALL_TRAINING.replace("PATH", quote(str(path)))
    return [f"         (for a small board: {named})"] if preset == LARGE.preset else []


def _text(path: Path, dataset: Dataset, content: dict[str, Any]) -> str:
    frames = f"{dataset.steps} frames of " if dataset.steps else ""
    rows = [[row["name"], str(row["train"]), str(row["test"])] for row in content["classes"]]
    return "\n".join(
        [
            f"{path}: {len(dataset.train)} training samples, {len(dataset.test)} test samples",
            f"samples  {frames}{'x'.join(map(str, dataset.input_shape))} (channels, height, width)",
            f"values   {content['lowest']:g} to {content['highest']:g}, {content['kept_as']}",
            *(f"note     {remark}" for remark in dataset.notes),
            f"network  that of {content['network']}, unless train is given another",
            *_smaller(path, content["preset"]),
            "",
            table(["class", "training", "test"], rows),
        ]
    )

"""Job: keep a circuit that was made in Python as a run, which every later command takes."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from eideploy import folders
from eideploy.circuit import Circuit, Flatten, Input, Node
from eideploy.config import Config
from eideploy.data import Dataset
from eideploy.data.origin import OWN
from eideploy.errors import DataError
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.flow.kept_samples import keep as keep_samples
from eideploy.flow.origins import origin_of, trained_on
from eideploy.flow.requests.train import Samples, Train
from eideploy.flow.result import Result
from eideploy.progress import bar, note
from eideploy.report.text import counted, percent

FEATURES = "features"


def keep(circuit: Circuit, data: Samples, *, name: str, out: Path | None) -> Result:
    """Write a run of a circuit and of the data that it was trained on.

    Its test accuracy in floats is measured, which tells whether the data are those.

    Raises:
        DataError: the data are none, or do not fit the circuit; `out` exists already.
    """
    request = Train(data=data)
    settings, place = Config().with_overrides(request.settings()).data, request.place()
    dataset = origin_of(settings).load(place, steps=circuit.steps)
    for remark in dataset.notes:
        note(f"{settings.name}: {remark}")
    circuit = _of_maps(circuit)
    accuracy = _accuracy(circuit, dataset)
    content = {**trained_on(settings, dataset), "name": name, "float_accuracy": accuracy}
    with folders.new_folder(out, folders.RUNS, name) as staged:
        if OWN in content:
            keep_samples(dataset, staged.aside)
        folders.finish_run(staged.aside, circuit, content)
    text = (
        f"kept {name}: {counted(len(circuit.layers), 'layer')}, {counted(circuit.steps, 'step')}\n"
        f"test accuracy  {percent(accuracy)} (float circuit, {len(dataset.test)} samples)\n"
        f"run            {staged.final}"
    )
    return Result(text=text, content={"run": str(staged.final), **content})


def _accuracy(circuit: Circuit, dataset: Dataset) -> float:
    classes = circuit.shapes[circuit.output.name][0]
    if classes != dataset.classes:
        raise DataError(
            f"the circuit has {counted(classes, 'output')}, the data {dataset.classes} classes",
            where=dataset.name,
            fix="give the data that the network was trained on",
        )
    right = 0
    with bar("check", len(dataset.test)) as advance:
        for rows in batches(np.arange(len(dataset.test))):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            logits = run_float(circuit, dataset.test.batch(part)).logits
            right += int((logits.argmax(1) == dataset.test_y[part]).sum())
            advance(len(rows), "")
    return right / len(dataset.test)


def _of_maps(circuit: Circuit) -> Circuit:
    """Return the circuit that takes features as channels of one pixel, as data sets have them."""
    source = circuit.input
    if len(source.size) == 3:
        return circuit
    nodes: list[Node] = [
        Input(name=source.name, size=(*source.size, 1, 1), high=source.high),
        Flatten(name=FEATURES, inputs=(source.name,)),
    ]
    for node in circuit.nodes[1:]:
        reads = tuple(FEATURES if one == source.name else one for one in node.inputs)
        nodes.append(replace(node, inputs=reads))
    return replace(circuit, nodes=tuple(nodes))

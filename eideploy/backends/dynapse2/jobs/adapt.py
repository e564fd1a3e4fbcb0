"""Job: distil a run into a network within the limits of a mixed-signal chip."""

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.config import CHIP_PRESET, load_chip_config
from eideploy.backends.dynapse2.jobs.samples import load_images, require_images
from eideploy.circuit import Circuit
from eideploy.config.reading import toml_value
from eideploy.config.sections import IN_MEMORY
from eideploy.data import Dataset
from eideploy.data.origin import Origin, Place
from eideploy.errors import DataError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.files import MANIFEST, read_json, sha256
from eideploy.flow.requests.shared import READING
from eideploy.flow.requests.train import BEGUN, FINETUNED, Train
from eideploy.flow.requests.train import DISTILLED as DISTILLING
from eideploy.flow.result import Result
from eideploy.flow.samples import read_samples
from eideploy.folders import DISTILLED, Run, load_run
from eideploy.options import as_path, refuse_idle
from eideploy.progress import bar, note
from eideploy.report.text import percent

FEWEST = 5  # images that something can be distilled on: four, and one to test by

if TYPE_CHECKING:
    from collections.abc import Mapping


def adapt(
    run: Run,
    spec: ChipSpec,
    *,
    place: Place,
    out: Path | None = None,
    overrides: "Mapping[str, str] | None" = None,
    images: Path | None = None,
) -> Path:
    """Return the folder of a new run whose network keeps within the chip's limits.

    The network is the preset's; it learns what the run predicts on its own training data, or on
    `images`, which have no classes: what is measured then is how often it agrees with the run.

    Raises:
        DataError: the run's data set is unknown, missing, or not of images.
        CapacityError: samples of more values than the chip has sources for.
    """
    from eideploy.backends.dynapse2.jobs.train import finish, fit, new_run, plan_for

    if run.data is not None and images is None:
        require_images(run.data)
    _require_room(run, spec, overrides or {})
    if images is None:
        origin = images_of(run)
        dataset = load_images(origin, place)
    else:
        origin = Origin(name=IN_MEMORY, own=True)
        dataset = decided_by(run, images)
    data = {f"data.{key}": toml_value(value) for key, value in origin.settings.items()}
    config = load_chip_config(CHIP_PRESET).with_overrides({**data, **(overrides or {})})
    plan_for(config, spec, dataset)  # refused now rather than after the predictions
    aims, before = _predictions(run.circuit, dataset)
    name = run.folder.resolve().name
    with new_run(out, f"{name}-{spec.name}") as staged:
        trained = fit(config, spec, dataset, aims)
        content: dict[str, Any] = {
            "target": spec.name,
            DISTILLED: name,
            "adapted_sha256": sha256(run.folder / MANIFEST),
            "float_accuracy": before,
        }
        if images is not None:
            content |= {"data": None, "float_accuracy": None, "test_accuracy": None}
            content |= {"agreement": trained.accuracy, "distilled_on": sha256(images)}
        finish(staged.aside, config, trained, content)
    reached = f"{percent(trained.accuracy)} of {staged.final} as mapped and simulated"
    told = f"test accuracy {percent(before)} of the run, " if images is None else "agreement "
    note(f"adapted in {trained.seconds:.0f} s: {told}{reached}")
    return staged.final


def decided_by(run: Run, images: Path) -> Dataset:
    """Return images with the classes that a run decides for; a fifth of them, the last, for a test.

    Raises:
        DataError: no images that the run takes, or too few.
    """
    samples = read_samples(images, run.circuit)
    if samples.ndim != len(run.circuit.input.size) + 1 or len(samples) < FEWEST:
        raise DataError(
            f"the file holds samples of shape {samples.shape}",
            where=str(images),
            fix=f"give at least {FEWEST} still images, one after the other",
        )
    x = np.asarray(samples, np.float32)
    y = np.concatenate([run_float(run.circuit, some).logits.argmax(1) for some in batches(x)])
    most = len(x) - len(x) // FEWEST
    return Dataset(
        name=images.name,
        train_x=x[:most],
        train_y=y[:most],
        test_x=x[most:],
        test_y=y[most:],
        classes=len(run.class_names),
        names=run.class_names,
        high=run.circuit.input.high,
    )


def _require_room(run: Run, spec: ChipSpec, overrides: "Mapping[str, str]") -> None:
    """Refuse a run whose inputs or classes exceed the chip, before its data are asked for.

    Raises:
        CapacityError: they do.
    """
    from eideploy.backends.dynapse2.training.plan import plan_of

    config = load_chip_config(CHIP_PRESET).with_overrides(overrides)
    inputs = int(np.prod(run.circuit.input.size))
    plan_of(config, spec, load_dac(spec), inputs=inputs, classes=len(run.class_names))


def distil(request: Train, spec: ChipSpec) -> Result:
    """Adapt a run to a chip: what compile does in passing, as a job of its own.

    Raises:
        FormatError: a damaged run, or one that was trained for the chip already.
        UsageError: options that have no effect.
        DataError, CapacityError: as `adapt`.
    """
    here = "on a run that is distilled for a chip"
    refuse_idle(request, (READING, BEGUN, FINETUNED, DISTILLING), here=here)
    images = as_path(request.distil_on)
    if images is not None and request.place() != Place():
        raise UsageError(
            "the run's data set is not read where images are given",
            where="--distil-on",
            fix="leave out --data-dir and --data, or --distil-on",
        )
    assert request.finetune is not None  # it is what is distilled
    folder = Path(request.finetune)
    made = adapt(
        load_run(folder),
        spec,
        place=request.place(),
        out=as_path(request.out),
        overrides=request.settings(),
        images=images,
    )
    content = read_json(made / MANIFEST)
    keys = ("data", "target", DISTILLED, "float_accuracy", "test_accuracy", "seconds")
    measured = (
        f"test accuracy  {percent(content['float_accuracy'])} before, "
        f"{percent(content['test_accuracy'])}"
        if images is None
        else f"agreement with {folder}  {percent(content['agreement'])}"
    )
    text = (
        f"distilled {folder} for {spec.name} in {content['seconds']:.0f} s\n"
        f"{measured} as mapped and simulated without mismatch\n"
        f"run            {made}"
    )
    return Result(text=text, content={"run": str(made), **{key: content[key] for key in keys}})


def images_of(run: Run) -> Origin:
    """Return the data set that a run can be distilled on.

    Raises:
        DataError: the run knows none, or one that the chip cannot be shown.
    """
    if run.origin is None:
        raise DataError(
            "the run does not say which data set it was trained on, so nothing can be distilled",
            where=str(run.folder / MANIFEST),
            fix="give images in its input range, --distil-on X.npy: eideploy train --finetune "
            f"{quote(str(run.folder))} --target dynapse2 --distil-on X.npy",
        )
    require_images(run.origin.name)
    return run.origin


def _predictions(circuit: Circuit, dataset: Dataset) -> tuple[Array, float]:
    """Return the run's probabilities (training samples, classes), and its test accuracy."""
    with bar("predict", len(dataset.train) + len(dataset.test)) as advance:

        def logits(samples: Array) -> Array:
            found = []
            for batch in batches(samples):
                found.append(run_float(circuit, batch).logits)
                advance(len(batch), "")
            return np.concatenate(found)

        shown = logits(dataset.train.batch(np.arange(len(dataset.train))))
        decided = logits(dataset.test.batch(np.arange(len(dataset.test)))).argmax(1)
    powers = np.exp(shown - shown.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True), float((decided == dataset.test_y).mean())

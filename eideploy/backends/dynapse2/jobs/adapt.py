"""Job: distil a run into a network within the limits of a mixed-signal chip."""

from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from shlex import quote
from typing import Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.defects import load_defects
from eideploy.backends.dynapse2.chip.spec import ChipSpec, called, load_chip
from eideploy.backends.dynapse2.config import CHIP_PRESET, ChipConfig, load_chip_config
from eideploy.backends.dynapse2.emit import fingerprint
from eideploy.backends.dynapse2.jobs.samples import load_images, require_images
from eideploy.backends.dynapse2.jobs.teacher import Teacher, keep, kept
from eideploy.circuit import Circuit
from eideploy.config.reading import toml_value
from eideploy.config.sections import IN_MEMORY
from eideploy.data import Dataset
from eideploy.data.origin import Origin, Place
from eideploy.errors import DataError, EideployError, StoppedError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.files import MANIFEST, read_json, sha256, write_atomic
from eideploy.flow.origins import origin_of
from eideploy.flow.requests.shared import READING
from eideploy.flow.requests.train import BEGUN, FINETUNED, Train
from eideploy.flow.requests.train import DISTILLED as DISTILLING
from eideploy.flow.result import Result
from eideploy.flow.samples import read_samples
from eideploy.folders import (
    CONFIG,
    DISTILLED,
    Run,
    discard,
    is_unfinished,
    load_run,
    sole_training,
    unfinished,
)
from eideploy.options import as_path, refuse_idle
from eideploy.progress import bar, note
from eideploy.report.text import percent

ANEW = "eideploy train --finetune RUN --target dynapse2"
FEWEST = 5  # images that something can be distilled on: four, and one to test by


def adapt(
    run: Run,
    spec: ChipSpec,
    *,
    place: Place,
    out: Path | None = None,
    overrides: Mapping[str, str] | None = None,
    images: Path | None = None,
) -> Path:
    """Return the folder of a new run whose network keeps within the chip's limits.

    The network is the preset's; it learns what the run predicts on its own training data, or on
    `images`, which have no classes: what is measured then is how often it agrees with the run.

    One that was begun before and stopped is gone on with, unless `out` names another folder, or
    another process is training it.

    Raises:
        UsageError: `overrides` names a target, which `spec` is.
        DataError: the run's data set is unknown, missing, or not of images.
        StoppedError: the user pressed Ctrl-C; a checkpoint of the last whole epoch is kept.
        CapacityError: samples of more values than the chip has sources for.
        FormatError: a file that the spec names is missing or damaged.
    """
    from eideploy.backends.dynapse2.jobs.train import new_run, plan_for

    if "target" in (overrides or {}):
        raise UsageError(
            "target has no effect on a run that is distilled, for the chip of --target",
            where="--set target",
            fix="leave it out",
        )
    if run.origin is not None and images is None:
        require_images(run.origin)
    _require_room(run, spec, overrides or {})
    chip = fingerprint(spec)
    if images is None:
        origin = images_of(run)
        dataset = load_images(origin, place)
    else:
        origin = Origin(name=IN_MEMORY, own=True)
        dataset = decided_by(run, images)
    data = {f"data.{key}": toml_value(value) for key, value in origin.settings.items()}
    settings = {**data, **(overrides or {}), "target": toml_value(called(spec))}
    config = load_chip_config(CHIP_PRESET).with_overrides(settings)
    plan_for(config, spec, dataset)  # refused now rather than after the predictions
    aims, before = _predictions(run.circuit, dataset)
    manifest: dict[str, Any] = {
        "target": spec.name,
        DISTILLED: run.folder.resolve().name,
        "adapted_sha256": sha256(run.folder / MANIFEST),
        "float_accuracy": before,
    }
    if images is not None:
        manifest |= {"data": None, "float_accuracy": None, "test_accuracy": None}
        manifest |= {"distilled_on": sha256(images)}
    teacher = Teacher(aims=aims, run=run.folder, images=images, spec_sha256=chip, said=manifest)
    with ExitStack() as stack:
        begun = None if out is not None else _begun(config, teacher, stack)
        if begun is not None:
            note(f"going on with {begun}, which was stopped before it was finished")
            _learn(begun, config, spec, dataset, teacher, is_new=False)
            return begun
        with new_run(out, f"{manifest[DISTILLED]}-{spec.name}") as staged:
            write_atomic(staged.aside / CONFIG, config.to_toml().encode())
            keep(teacher, staged.aside)
            stack.enter_context(sole_training(staged.aside))  # before others can find it
        _learn(staged.final, config, spec, dataset, teacher, is_new=True)
        return staged.final


def resume(request: Train, folder: Path) -> Result:
    """Continue a distillation that was interrupted, from its last whole epoch, bit for bit.

    Raises:
        FormatError: its checkpoint, or what it learns from, is damaged.
        DataError: the images, the run that it learns from or the chip's spec have changed since.
        SpecError: the chip's spec is gone.
        UsageError: an option that has no effect; another process is training it.
    """
    from eideploy.backends.dynapse2.jobs.train import refuse_tensorboard

    refuse_tensorboard(request)
    config, teacher = load_chip_config(str(folder / CONFIG)), kept(folder)
    assert teacher is not None  # whoever asks has looked
    spec = load_chip(config.target)
    if fingerprint(spec) != teacher.spec_sha256:
        raise DataError(
            "the chip's spec, or a file that it names, is not what the run was started for",
            where=str(spec.source),
            fix=f"restore it, or distil again: {ANEW}",
        )
    if teacher.images is None:
        dataset = load_images(origin_of(config.data), request.place())
    else:
        _require_unchanged(teacher.images, teacher.said.get("distilled_on"))
        _require_unchanged(teacher.run / MANIFEST, teacher.said.get("adapted_sha256"))
        dataset = decided_by(load_run(teacher.run), teacher.images)
    if teacher.aims.shape != (len(dataset.train), dataset.classes):
        raise DataError(
            f"the data have {len(dataset.train)} training samples of {dataset.classes} classes, "
            f"the run learns probabilities of shape {teacher.aims.shape}",
            where=str(folder),
            fix="restore the data that it was started on, or distil again",
        )
    with sole_training(folder):
        _learn(folder, config, spec, dataset, teacher, is_new=False)
    return _result(folder, teacher.run, teacher.images)


def _begun(config: ChipConfig, teacher: Teacher, stack: ExitStack) -> Path | None:
    """Return the latest run that was begun so and stopped, if there is one, held alone."""
    for folder in unfinished():
        # A neighbour that is damaged, being trained or going away is left alone.
        with suppress(EideployError, FileNotFoundError):
            before = kept(folder)
            if (
                before is not None
                and (before.said, before.spec_sha256) == (teacher.said, teacher.spec_sha256)
                and (folder / CONFIG).read_text(encoding="utf-8") == config.to_toml()
            ):
                stack.enter_context(sole_training(folder))
                if is_unfinished(folder):  # still, now that nobody else trains it
                    return folder
    return None


def _learn(
    folder: Path,
    config: ChipConfig,
    spec: ChipSpec,
    dataset: Dataset,
    teacher: Teacher,
    *,
    is_new: bool,
) -> None:
    """Train, in a folder that is held alone, from where its checkpoint ends.

    After an error a folder that `is_new`, made by this very command, goes if it has no checkpoint.

    Raises:
        StoppedError: the user pressed Ctrl-C; a checkpoint of the last whole epoch is kept.
    """
    from eideploy.backends.dynapse2.jobs.train import finish, fit
    from eideploy.backends.dynapse2.training import checkpoint

    try:
        trained = fit(config, spec, dataset, teacher.aims, folder)
        learned = {} if teacher.images is None else {"agreement": trained.accuracy}
        finish(folder, config, trained, {**teacher.said, **learned})
    except KeyboardInterrupt as stop:
        if not is_unfinished(folder):
            raise
        raise StoppedError(
            "stopped before the network for the chip was trained; its whole epochs are kept",
            where=str(folder),
            fix=f"continue with eideploy train --resume {quote(str(folder))}; compiling "
            f"{quote(str(teacher.run))} again also continues from there",
        ) from stop
    except EideployError:
        if is_new and not (folder / checkpoint.FILE).exists():
            discard(folder)
        raise
    before = teacher.said["float_accuracy"]
    measured = (
        f"test accuracy {percent(before)} of the run, " if before is not None else "agreement "
    )
    reached = f"{percent(trained.accuracy)} of {folder} as mapped and simulated"
    note(f"adapted in {trained.seconds:.0f} s: {measured}{reached}")


def _require_unchanged(path: Path, digest: object) -> None:
    there = path.is_file()
    if not there or sha256(path) != digest:
        fault = "not what the run was started with" if there else "not where it was"
        raise DataError(
            f"the file is {fault}", where=str(path), fix=f"restore it, or distil again: {ANEW}"
        )


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


def _require_room(run: Run, spec: ChipSpec, overrides: Mapping[str, str]) -> None:
    """Refuse a run whose inputs or classes exceed the chip, before its data are asked for.

    Raises:
        CapacityError: they do.
        FormatError: a file that the spec names is missing or damaged.
    """
    from eideploy.backends.dynapse2.training.plan import plan_of

    load_defects(spec)  # which is asked for only once the network is trained
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
    run = adapt(
        load_run(folder),
        spec,
        place=request.place(),
        out=as_path(request.out),
        overrides=request.settings(),
        images=images,
    )
    return _result(run, folder, images)


def _result(run: Path, folder: Path, images: Path | None) -> Result:
    """Return what is said of a run that was distilled."""
    content = read_json(run / MANIFEST)
    keys = ("data", "target", DISTILLED, "float_accuracy", "test_accuracy", "seconds")
    measured = (
        f"test accuracy  {percent(content['float_accuracy'])} before, "
        f"{percent(content['test_accuracy'])}"
        if images is None
        else f"agreement with {folder}  {percent(content['agreement'])}"
    )
    text = (
        f"distilled {folder} for {content['target']} in {content['seconds']:.0f} s\n"
        f"{measured} as mapped and simulated without mismatch\n"
        f"run            {run}"
    )
    return Result(text=text, content={"run": str(run), **{key: content[key] for key in keys}})


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
    require_images(run.origin)
    return run.origin


def _predictions(circuit: Circuit, dataset: Dataset) -> tuple[Array, float]:
    """Return the run's probabilities (training samples, classes), and its test accuracy."""
    with bar("predict", len(dataset.train) + len(dataset.test)) as advance:

        def logits(samples: Array) -> Array:
            parts = []
            for batch in batches(samples):
                parts.append(run_float(circuit, batch).logits)
                advance(len(batch), "")
            return np.concatenate(parts)

        scores = logits(dataset.train.batch(np.arange(len(dataset.train))))
        decided = logits(dataset.test.batch(np.arange(len(dataset.test)))).argmax(1)
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True), float((decided == dataset.test_y).mean())

"""Jobs: train a network for a mixed-signal chip, or distil a run into one."""

import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.network import FILE, ChipNetwork, save
from eideploy.backends.dynapse2.chip.spec import ChipSpec, called, load_chip
from eideploy.backends.dynapse2.config import ChipConfig, load_chip_config
from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.wiring import Wiring, decode
from eideploy.backends.dynapse2.folders import RATES
from eideploy.backends.dynapse2.jobs.samples import load_images
from eideploy.data import Dataset
from eideploy.errors import DataError, EideployError, StoppedError, UsageError
from eideploy.files import write_atomic
from eideploy.finished import METRICS
from eideploy.flow.origins import origin_of, trained_on
from eideploy.flow.provenance import machine, note_other_conditions
from eideploy.flow.requests.shared import READING
from eideploy.flow.requests.train import BEGUN, NEW, Train
from eideploy.flow.result import Result
from eideploy.options import as_path, refuse_idle
from eideploy.progress import bar, note
from eideploy.report.text import percent
from eideploy.staging import Staged

if TYPE_CHECKING:
    from eideploy.backends.dynapse2.training.plan import Plan
    from eideploy.backends.dynapse2.training.training import Epoch, Progress

RATED = 256  # training samples, for the rates that operating points are computed from
SAID_EVERY = 10  # epochs, where there is no bar


@dataclass(frozen=True, kw_only=True, eq=False)
class Trained:
    """A network for the chip, and how it came about.

    accuracy    on the test split, of the emitted configuration without mismatch, at classify.DT_S
    rates       by population, its neurons' or sources' events a second on some training samples
    seconds     that the training took
    conditions  what its bits depended on, an entry for every change
    data        what the manifest tells of the data
    """

    network: ChipNetwork
    accuracy: float
    rates: Mapping[str, float]
    epochs: tuple["Epoch", ...]
    seconds: float
    conditions: tuple[Mapping[str, str], ...]
    data: Mapping[str, Any]


def train_for_chip(request: Train, preset: str) -> Result:
    """Train a preset for a mixed-signal chip, or the configuration in a .toml file, into a run.

    Raises:
        ConfigError: a configuration that makes no sense.
        DataError: the data set is missing or does not fit; or `out` exists already.
        CapacityError: the network does not fit the chip, with the numbers.
        UsageError: there is no C++ compiler.
        StoppedError: the user pressed Ctrl-C; a checkpoint of the last whole epoch is kept.
    """
    refuse_idle(request, (READING, NEW, BEGUN), here="in a training for a mixed-signal chip")
    config = load_chip_config(preset).with_overrides(request.settings())
    place = request.place()
    dataset = load_images(origin_of(config.data), place)  # first: without it no folder is left
    spec = load_chip(config.target)
    config = replace(config, target=called(spec))  # which is found from any folder
    with new_run(as_path(request.out), Path(preset).stem) as staged:
        write_atomic(staged.aside / folders.CONFIG, config.to_toml().encode())
    try:
        return _run(staged.final, config, spec, dataset)
    except StoppedError:
        raise
    except EideployError:
        folders.discard_if_empty(staged.final)
        raise


def resume_for_chip(request: Train, folder: Path) -> Result:
    """Continue a training that was interrupted, from its last whole epoch, bit for bit.

    Raises:
        FormatError: its checkpoint is damaged.
        ConfigError, DataError, UsageError: as `train_for_chip`.
    """
    refuse_tensorboard(request)
    config = load_chip_config(str(folder / folders.CONFIG))
    dataset = load_images(origin_of(config.data), request.place())
    return _run(folder, config, load_chip(config.target), dataset)


def _run(folder: Path, config: ChipConfig, spec: ChipSpec, dataset: Dataset) -> Result:
    """Train, alone in the folder, from where its checkpoint ends."""
    aims = np.eye(dataset.classes)[dataset.train_y]
    try:
        with folders.sole_training(folder):
            trained = fit(config, spec, dataset, aims, folder)
            finish(folder, config, trained, {})
    except KeyboardInterrupt as stop:
        if not folders.is_unfinished(folder):
            raise
        raise StoppedError(
            "stopped before the training was finished; its whole epochs are kept",
            where=str(folder),
            fix=f"continue with eideploy train --resume {quote(str(folder))}",
        ) from stop
    return Result(text=_text(trained, folder), content=_content(config, trained, folder))


def refuse_tensorboard(request: Train) -> None:
    """Refuse --tensorboard, for which nothing is written.

    Raises:
        UsageError: it is asked for.
    """
    if request.tensorboard:
        raise UsageError(
            "--tensorboard has no effect on a run for a mixed-signal chip",
            where="--tensorboard",
            fix="leave it out; metrics.csv holds the same numbers",
        )


def new_run(out: Path | None, stem: str) -> AbstractContextManager[Staged]:
    """Return a new run folder, which is there once all is written."""
    return folders.new_folder(out, folders.RUNS, stem)


def fit(
    config: ChipConfig,
    spec: ChipSpec,
    dataset: Dataset,
    aims: Array,
    folder: Path | None = None,
) -> Trained:
    """Train towards `aims` (training samples, classes) and simulate what would be emitted.

    With a folder the training goes on from the checkpoint there, and keeps its own in it.

    Raises:
        FormatError: the checkpoint is damaged.
        CapacityError: the network does not fit the chip.
    """
    from eideploy.backends.dynapse2.training import checkpoint
    from eideploy.backends.dynapse2.training.augmentation import augmentation
    from eideploy.backends.dynapse2.training.conditions import chip_conditions
    from eideploy.backends.dynapse2.training.export import chip_network
    from eideploy.backends.dynapse2.training.training import Task, train
    from eideploy.model.conditions import added

    augment = augmentation(config.data)  # first: what bits depend on is found with one thread
    plan = plan_for(config, spec, dataset)
    samples = dataset.train.batch(np.arange(len(dataset.train))) / dataset.high
    past = checkpoint.Past() if folder is None else checkpoint.load(folder, plan)
    conditions = added(past.conditions, chip_conditions(), note_other_conditions)
    began = time.perf_counter() - past.seconds
    epochs = () if past.progress is None else past.progress.epochs
    with bar(f"train for {spec.name}", config.training.epochs) as advance:
        advance(len(epochs), "")

        def on_epoch(progress: "Progress") -> None:
            nonlocal epochs
            epochs, seconds = progress.epochs, time.perf_counter() - began
            if folder is not None:
                checkpoint.save(progress, folder, seconds=seconds, conditions=conditions)
            last = epochs[-1]
            message = f"loss {last.loss:.3f}, {percent(last.accuracy, 1)} under mismatch"
            advance(1, message)
            if last.epoch % SAID_EVERY == 0 or last.epoch == 1:
                note(f"epoch {last.epoch} of {config.training.epochs}: {message}, {seconds:.0f} s")

        task = Task(samples=samples, aims=aims, augment=augment)
        learned = train(config, plan, task, on_epoch=on_epoch, begun=past.progress)
    network = chip_network(config, plan, learned)
    seconds = time.perf_counter() - began
    configuration = map_network(network, spec).configuration
    wiring = decode(configuration, spec, dendrite=config.neuron.dendrite)
    response = classify.show(wiring, samples[:RATED], network.coding)
    return Trained(
        network=network,
        accuracy=_accuracy(wiring, network, dataset),
        rates=classify.rates(response, configuration),
        epochs=epochs,
        seconds=seconds,
        conditions=conditions,
        data=trained_on(config.data, dataset),
    )


def plan_for(config: ChipConfig, spec: ChipSpec, dataset: Dataset) -> "Plan":
    """Return the plan of a network for the images of a data set.

    Raises:
        CapacityError: the network does not fit the chip.
        DataError: fewer samples than a batch.
    """
    from eideploy.backends.dynapse2.training.plan import plan_of

    if (samples := len(dataset.train)) < config.training.batch:
        raise DataError(
            f"{samples} training samples are fewer than the {config.training.batch} of a batch",
            where=dataset.name,
            fix="give more, or set a smaller training.batch",
        )
    inputs = int(np.prod(dataset.input_shape))
    return plan_of(config, spec, load_dac(spec), inputs=inputs, classes=dataset.classes)


def finish(folder: Path, config: ChipConfig, trained: Trained, more: Mapping[str, Any]) -> None:
    """Write a run's files and, last, its manifest."""
    write_atomic(folder / folders.CONFIG, config.to_toml().encode())
    rows = [asdict(epoch) for epoch in trained.epochs]
    lines = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    write_atomic(folder / METRICS, ("\n".join(lines) + "\n").encode())
    save(trained.network, folder / FILE)
    folders.finish_run(folder, None, {**_content(config, trained, None), **more})


def _accuracy(wiring: Wiring, network: ChipNetwork, dataset: Dataset) -> float:
    samples = dataset.test.batch(np.arange(len(dataset.test))) / dataset.high
    decided = classify.show(wiring, samples, network.coding).decided
    return float((decided == dataset.test_y).mean())


def _content(config: ChipConfig, trained: Trained, folder: Path | None) -> dict[str, Any]:
    return {
        **({} if folder is None else {"run": str(folder)}),
        **trained.data,
        "seed": config.seed,
        "target": config.target,
        "test_accuracy": trained.accuracy,
        RATES: dict(trained.rates),
        "dt_s": classify.DT_S,
        "seconds": trained.seconds,
        "conditions": [dict(entry) for entry in trained.conditions],
        "machine": machine(trained.conditions),
    }


def _text(trained: Trained, folder: Path) -> str:
    return (
        f"trained {len(trained.epochs)} epochs in {trained.seconds:.0f} s\n"
        f"test accuracy  {percent(trained.accuracy)} (mapped on the chip and simulated at "
        f"{classify.DT_S * 1e3:g} ms without mismatch; no board has run it)\n"
        f"run            {folder}"
    )

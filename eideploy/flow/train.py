"""Jobs: train a network, and import one that the paper's published code trained."""

import os
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from eideploy import folders
from eideploy.backends import families
from eideploy.config import DEFAULT_PRESET, Config, load_config, parse_config
from eideploy.config.sections import IN_MEMORY
from eideploy.data import Dataset
from eideploy.data.origin import OWN, Place
from eideploy.data.own.files import SAVE
from eideploy.errors import EideployError, FormatError, StoppedError, UsageError
from eideploy.files import MANIFEST, exists, read_text, sha256, write_atomic
from eideploy.flow import finetuned
from eideploy.flow.kept_samples import keep
from eideploy.flow.origins import origin_of, trained_on
from eideploy.flow.own_network import chosen
from eideploy.flow.probe import probe
from eideploy.flow.provenance import machine, note_other_conditions
from eideploy.flow.requests.shared import READING
from eideploy.flow.requests.train import LOGGED, Callbacks, Train, as_texts
from eideploy.flow.result import Result
from eideploy.flow.training_log import TrainingLog, summary, training_log, write_csv
from eideploy.flow.warning import with_warnings
from eideploy.options import as_path, refuse_idle
from eideploy.options.option import area
from eideploy.progress import bar, note
from eideploy.report.text import counted, percent
from eideploy.tables import MOST_TOML

if TYPE_CHECKING:
    from eideploy.model.metrics import EpochMetrics


@dataclass(frozen=True, kw_only=True, eq=False)
class Job:
    """A training in its folder, which is there already.

    longer     whether its epochs are more than it was begun with, and it may be finished
    callbacks  called after every epoch with its metrics
    """

    config: Config
    folder: Path
    load: Callable[[], Dataset]
    tensorboard: bool
    longer: bool = False
    callbacks: Callbacks = ()


def train(
    preset: str | None = None,
    *,
    overrides: Mapping[str, str] | None = None,
    out: Path | None = None,
    place: Place = Place(),  # noqa: B008 - it is frozen
    suited: bool = False,
    tensorboard: bool = False,
    callbacks: Callbacks = (),
) -> Result:
    """Train a preset, or the configuration in a .toml file, into a new run folder.

    Without a preset it is the default one, or, `suited`, that which suits the data. `place` says
    where these lie; `tensorboard` asks for its log. Where torchrun started several processes,
    the first does all this and the others train with it.

    Raises:
        ConfigError: a configuration that does not exist or makes no sense.
        DataError: the data set is missing or damaged; or `out` exists already.
        StoppedError: the user pressed Ctrl-C; a checkpoint of the last batch is kept.
    """
    if _follows():
        return _follow(place)
    config, dataset, name = _configured(preset, overrides or {}, place, suited=suited)
    if tensorboard:
        _require_tensorboard()
    config = _with_rate(config, dataset)
    _note_warmup(config, dataset)
    with folders.new_folder(out, folders.RUNS, name) as staged:
        write_atomic(staged.aside / folders.CONFIG, config.to_toml().encode())
    try:
        job = Job(
            config=config,
            folder=staged.final,
            load=lambda: dataset,
            tensorboard=tensorboard,
            callbacks=callbacks,
        )
        return run(job)
    except StoppedError:
        raise
    except EideployError:
        folders.discard_if_empty(staged.final)
        raise


def resume(request: Train) -> Result:
    """Continue a training that was interrupted, bit for bit as if it had not been.

    With more epochs than it has, a finished one goes on, too.

    Raises:
        UsageError: there is no unfinished run; or no more epochs.
        FormatError: its configuration or its checkpoint is damaged.
    """
    place = request.place()
    if _follows():
        return _follow(place)
    folder = None if isinstance(request.resume, bool) else as_path(request.resume)
    unfinished = folder or folders.latest_unfinished()
    if unfinished is None:
        raise UsageError(
            "there is no unfinished run to resume",
            where=f"folder {folders.RUNS}",
            fix="name the folder of an interrupted run, or begin one with eideploy train",
        )
    kind = folders.kind_of(unfinished, wanted=[folders.RUN])
    more = as_texts(request.overrides)
    _require_trained(unfinished, kind)
    if kind != folders.RUN or not (more or folders.is_unfinished(unfinished)):
        raise UsageError(
            f"the folder has a {MANIFEST}, so the run is finished",
            where=str(unfinished),
            fix="name the folder of an interrupted run, or give this one more epochs with --set "
            "training.epochs=N",
        )
    if folder is None:
        note(f"resuming {unfinished}, the latest unfinished run")
    path = unfinished / folders.CONFIG
    if trainer := families.trainer_of(str(path)):
        refuse_idle(request, (READING, LOGGED), here="on a run for a mixed-signal chip")
        request.refuse_callbacks()
        return trainer.resume(request, unfinished)
    try:
        text = read_text(path, most=MOST_TOML)
    except (OSError, ValueError) as error:
        raise FormatError(
            f"cannot read the configuration: {error}",
            where=str(path),
            fix="restore the file, or train again",
        ) from error
    begun = parse_config(text, where=str(path))
    config = begun.with_overrides(more)
    if more:
        _require_more(config, begun, unfinished)
    job = Job(
        config=config,
        folder=unfinished,
        load=lambda: _load(config, place),
        tensorboard=request.tensorboard,
        longer=bool(more),
        callbacks=request.callbacks,
    )
    return run(job)


def _require_trained(folder: Path, kind: str | None) -> None:
    """Refuse a run that has no training to go on with, as it came from elsewhere."""
    if kind == folders.RUN and not exists(folder / folders.CONFIG):
        raise UsageError(
            "the run was not trained by eideploy train, so there is no training to continue",
            where=str(folder),
            fix="continue where it was trained, and keep or import the result as a new run",
        )


def _require_more(config: Config, begun: Config, folder: Path) -> None:
    """Refuse epochs that are no more than a run has, or that it would not get to."""
    from eideploy.model.checkpoint import FILE

    epochs, known = config.training.epochs, begun.training.epochs
    if epochs <= known:
        raise UsageError(
            f"the run has {counted(known, 'epoch')} already, {epochs} is not more",
            where="--set training.epochs",
            fix=f"set training.epochs above {known}",
        )
    if begun.training.max_iterations or not (folder / FILE).is_file():
        raise UsageError(
            "the run ends at its training.max_iterations"
            if begun.training.max_iterations
            else "the run has no checkpoint to go on from",
            where=str(folder),
            fix="train again, without training.max_iterations",
        )


def _lengthened(job: Job, dataset: Dataset) -> Dataset:
    """Make of a run that has more epochs an unfinished one, once its data are there."""
    if job.longer:
        (job.folder / MANIFEST).unlink(missing_ok=True)
        write_atomic(job.folder / folders.CONFIG, job.config.to_toml().encode())
    return dataset


def import_checkpoint(path: Path, *, size: str = "", out: Path | None = None) -> Result:
    """Turn a checkpoint of the paper's published code into a run.

    The run knows its data set where it is one that `eideploy.data` reads.

    Raises:
        FormatError: not such a checkpoint, damaged, or of an architecture that is not known.
        DataError: `out` exists already, or cannot be written.
    """
    from eideploy.model.authors import file_of, known_data, name_of, read_checkpoint

    path = file_of(path)
    circuit, description = read_checkpoint(path, area(size))
    name = name_of(path)
    content = {
        "name": name,
        "data": known_data(description, circuit.input.size),
        "source": {"file": path.name, "sha256": sha256(path), **description},
    }
    with folders.new_folder(out, folders.RUNS, name) as staged:
        folders.finish_run(staged.aside, circuit, content)
    described = ", ".join(f"{key} {value}" for key, value in description.items())
    text = f"imported {path.name} ({described})\nrun  {staged.final}"
    result = Result(text=text, content={"run": str(staged.final), **content})
    return with_warnings(result, probe(circuit))


def _require_tensorboard() -> None:
    from eideploy.model.tensorboard import require_tensorboard

    require_tensorboard()


def _configured(
    preset: str | None, overrides: Mapping[str, str], place: Place, *, suited: bool
) -> tuple[Config, Dataset, str]:
    """Return what to train on which data, and what its run is called.

    The data are read first, so that missing ones leave no folder behind.
    """
    if preset is None and suited:
        config, dataset = chosen(overrides, place)
        return _located(config), dataset, Path(config.data.name).stem
    preset = preset or DEFAULT_PRESET
    config = load_config(preset).with_overrides(overrides)
    return _located(config), _load(config, place), Path(preset).stem


def _located(config: Config) -> Config:
    """Return a configuration that finds data of the user's from any folder."""
    if not config.data.path:
        return config
    return replace(config, data=replace(config.data, path=str(Path(config.data.path).resolve())))


def _with_rate(config: Config, dataset: Dataset) -> Config:
    """Return a configuration whose rate is a number, found on a part of the training samples."""
    if not isinstance(config.training.rate, str):
        return config
    from eideploy.model.rate_finder import BATCHES, CANDIDATES, find_rate

    with bar("find a rate", BATCHES * len(CANDIDATES)) as advance:
        rate, trials = find_rate(config, dataset, lambda _: advance(1, ""))
    accuracies = ", ".join(f"{trial.rate:g} {percent(trial.accuracy, 1)}" for trial in trials)
    note(f"training.rate = {rate:g}, found on a part of the training samples: {accuracies}")
    return replace(config, training=replace(config.training, rate=rate))


def _note_warmup(config: Config, dataset: Dataset) -> None:
    """Say where the warm-up is shorter than was asked for."""
    from eideploy.model.batches import batch_counts, warmup_batches

    training, (per_epoch, _) = config.training, batch_counts(config, dataset)
    epochs, rising = training.warmup_epochs, warmup_batches(training, len(dataset.train))
    if rising < epochs * per_epoch:
        note(
            f"the rate rises for a third of the training, {counted(rising, 'batch', 'batches')}, "
            f"not for {counted(epochs, 'epoch')}, as training.warmup_epochs says"
        )


def _load(config: Config, place: Place) -> Dataset:
    return origin_of(config.data).load(place, steps=config.network.steps)


def _follows() -> bool:
    """Return whether torchrun started this process, and as another than the first."""
    return int(os.environ.get("RANK", "0")) > 0


def _follow(place: Place) -> Result:
    """Train as process 0 says; what is wrong it says alone, before any other has begun."""
    from eideploy.model.processes import joined
    from eideploy.model.training import train as train_network

    with joined() as group:
        config = parse_config(group.send(b"").decode(), where="process 0")
        train_network(config, _load(config, place), None, group=group)
    text = f"process {group.rank} of {group.size} is done; process 0 has the run"
    return Result(text=text, content={"process": group.rank, "processes": group.size})


def run(job: Job) -> Result:
    """Train, alone in its folder, from where its checkpoint ends."""
    try:
        with folders.sole_training(job.folder):
            return _train_alone(job, _lengthened(job, job.load()))
    except KeyboardInterrupt as stop:
        if not folders.is_unfinished(job.folder):
            raise
        raise _stopped("stopped before the run was finished", job.folder, job.config) from stop


def _train_alone(job: Job, dataset: Dataset) -> Result:
    from eideploy.model.batches import batch_counts
    from eideploy.model.checkpoint import BEST
    from eideploy.model.export import export
    from eideploy.model.metrics import best_of
    from eideploy.model.processes import joined
    from eideploy.model.training import train as train_network

    config, folder = job.config, job.folder
    per_epoch, batches = batch_counts(config, dataset)
    epochs_done, batches_done = _done(folder)
    goal = finetuned.load(folder)
    with (
        joined() as group,
        training_log(
            folder,
            batches=batches,
            done=(epochs_done, epochs_done * per_epoch + batches_done),
            tensorboard=job.tensorboard,
        ) as log,
    ):
        group.send(config.to_toml().encode())
        try:
            result = train_network(
                config,
                dataset,
                folder,
                on_other=note_other_conditions,
                on_epoch=lambda metrics: _after_epoch(metrics, log, job.callbacks),
                on_batch=log.on_batch,
                on_setback=log.on_setback,
                resume=True,
                group=group,
                **({} if goal is None else goal.of(dataset)),
            )
        except KeyboardInterrupt as stop:
            raise _stopped(_how_far(folder, config.training.epochs), folder, config) from stop
    write_csv(folder, result.metrics)
    last = result.metrics[-1]
    baseline = config.network.normalization == "batch"
    departures = result.network.departures
    content = {
        **trained_on(config.data, dataset),
        "seed": config.seed,
        "metrics": summary(last),
        "best": summary(best_of(result.metrics)),
        "setbacks": [asdict(setback) for setback in result.setbacks],
        "baseline": baseline,
        "departures": list(departures),
        "conditions": [dict(entry) for entry in result.conditions],
        "machine": machine(result.conditions),
    }
    shape, high = dataset.input_shape, dataset.high
    circuit = None if baseline or departures else export(result.network, shape, high=high)
    if goal is not None and circuit is not None:
        circuit, content = goal.calibrated(circuit), content | {"finetuned": goal.goal.table}
    if OWN in content:
        keep(dataset, folder)
    folders.finish_run(folder, circuit, content)
    best = best_of(result.metrics)
    text = (
        f"trained {counted(last.epoch, 'epoch')}, seed {config.seed}\n"
        f"test accuracy  {percent(last.test_accuracy)} (last epoch, "
        f"{len(dataset.test)} test samples)\n"
        f"best epoch     {best.epoch}, {percent(best.test_accuracy)} (kept in {BEST}; "
        "eideploy import makes a run of it)\n"
        f"run            {folder}"
    )
    return _judged(Result(text=text, content={"run": str(folder), **content}), last, job, dataset)


def _after_epoch(
    metrics: "tuple[EpochMetrics, ...]", log: TrainingLog, callbacks: Callbacks
) -> None:
    log.on_epoch(metrics)
    for callback in callbacks:
        callback(metrics[-1])


def _judged(result: Result, last: "EpochMetrics", job: Job, dataset: Dataset) -> Result:
    """Return a result with exit code 1 where the training ended at chance; not where it was cut."""
    from eideploy.model.collapse import is_chance

    results = (last.test_accuracy, dataset.test_y), (last.train_accuracy, dataset.train_y)
    if job.config.training.max_iterations or not all(is_chance(*one) for one in results):
        return result
    warning = (
        f"the training ended at chance: {percent(last.test_accuracy)} of the test samples is "
        "within two standard errors of always saying their most frequent class; lower "
        "training.rate, or give it more epochs"
    )
    return replace(with_warnings(result, [warning]), exit_code=1)


def _done(folder: Path) -> tuple[int, int]:
    """Return the epochs that the checkpoint holds, and the batches of the next one."""
    from eideploy.model.checkpoint import FILE, load_state

    if not (folder / FILE).exists():
        return 0, 0
    state = load_state(folder)
    return len(state.metrics), 0 if state.partial is None else state.partial.batches


def _how_far(folder: Path, epochs: int) -> str:
    done, batches = _done(folder)
    more = f" and {counted(batches, 'batch', 'batches')} of the next" if batches else ""
    return f"stopped after {done} of {epochs} epochs{more}"


def _stopped(what: str, folder: Path, config: Config) -> StoppedError:
    fix = f"continue with eideploy train --resume {quote(str(folder))}"
    if config.data.name == IN_MEMORY:
        fix = f"save the data, {SAVE}, and {fix} --data mine.npz"
    return StoppedError(what, where=str(folder), fix=fix)

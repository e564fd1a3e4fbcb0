"""Jobs: train a network, and import one that the paper's published code trained."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from eideploy import folders
from eideploy.config import DEFAULT_PRESET, Config, load_config, parse_config
from eideploy.data import Dataset
from eideploy.data import load as load_data
from eideploy.errors import EideployError, FormatError, StoppedError, UsageError
from eideploy.files import MANIFEST, sha256, write_atomic
from eideploy.flow.result import Result
from eideploy.progress import bar, note
from eideploy.report.text import counted, percent

if TYPE_CHECKING:
    from eideploy.model.checkpoint import EpochMetrics


def train(
    preset: str = DEFAULT_PRESET,
    *,
    overrides: Mapping[str, str] | None = None,
    out: Path | None = None,
    data_dir: Path | None = None,
) -> Result:
    """Train a preset, or the configuration in a .toml file, into a new run folder.

    `data_dir` holds the data sets that are not bundled.

    Raises:
        ConfigError: a configuration that does not exist or makes no sense.
        DataError: the data set is missing or damaged; or `out` exists already.
        StoppedError: the user pressed Ctrl-C; the checkpoint of the last whole epoch is kept.
    """
    config = load_config(preset).with_overrides(overrides or {})
    dataset = _load(config, data_dir)  # first, so that a missing data set leaves no folder behind
    with folders.new_folder(out, folders.RUNS, Path(preset).stem) as staged:
        write_atomic(staged.aside / folders.CONFIG, config.to_toml().encode())
    try:
        return _train(config, staged.final, lambda: dataset)
    except StoppedError:
        raise
    except EideployError:
        folders.discard_if_empty(staged.final)
        raise


def resume(folder: Path | None = None, *, data_dir: Path | None = None) -> Result:
    """Continue a training that was interrupted, bit for bit as if it had not been.

    Raises:
        UsageError: there is no unfinished run.
        FormatError: its configuration or its checkpoint is damaged.
    """
    found = folder or folders.latest_unfinished()
    if found is None:
        raise UsageError(
            "there is no unfinished run to resume",
            where=f"folder {folders.RUNS}",
            fix="name the folder of an interrupted run, or begin one with eideploy train",
        )
    if folders.kind_of(found) != folders.RUN or not folders.is_unfinished(found):
        raise UsageError(
            f"the folder has a {MANIFEST}, so nothing in it is unfinished",
            where=str(found),
            fix="name the folder of an interrupted run, or begin one with eideploy train",
        )
    if folder is None:
        note(f"resuming {found}, the latest unfinished run")
    path = found / folders.CONFIG
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(
            f"cannot read the configuration: {error}",
            where=str(path),
            fix="restore the file, or train anew",
        ) from error
    config = parse_config(text, where=str(path))
    return _train(config, found, lambda: _load(config, data_dir))


def import_checkpoint(path: Path, *, out: Path | None = None) -> Result:
    """Turn a checkpoint of the paper's published code into a run.

    Raises:
        FormatError: not such a checkpoint, damaged, or of an architecture that is not known.
        DataError: `out` exists already, or cannot be written.
    """
    from eideploy.model.authors import read_checkpoint

    circuit, description = read_checkpoint(path)
    content = {
        "name": path.stem,
        "data": None,
        "source": {"file": path.name, "sha256": sha256(path), **description},
    }
    with folders.new_folder(out, folders.RUNS, path.stem) as staged:
        folders.finish_run(staged.aside, circuit, content)
    described = ", ".join(f"{key} {value}" for key, value in description.items())
    text = f"imported {path.name} ({described})\nrun  {staged.final}"
    return Result(text=text, content={"run": str(staged.final), **content})


def _load(config: Config, data_dir: Path | None) -> Dataset:
    return load_data(config.data.name, data_dir, steps=config.network.steps)


def _train(config: Config, folder: Path, load: Callable[[], Dataset]) -> Result:
    try:
        with folders.sole_training(folder):
            return _train_alone(config, folder, load())
    except KeyboardInterrupt as stop:
        if not folders.is_unfinished(folder):
            raise
        raise _stopped("stopped before the run was finished", folder) from stop


def _train_alone(config: Config, folder: Path, dataset: Dataset) -> Result:
    from eideploy.model.checkpoint import FILE, load_state
    from eideploy.model.export import export
    from eideploy.model.training import train as train_network

    done = len(load_state(folder).metrics) if (folder / FILE).exists() else 0

    def on_epoch(metrics: "EpochMetrics") -> None:
        nonlocal done
        text = f"loss {metrics.loss:.3f}  test {percent(metrics.test_accuracy, 1)}"
        advance(metrics.epoch - done, text)
        done = metrics.epoch

    try:
        with bar(f"train {folder}", config.training.epochs) as advance:
            advance(done, "")
            result = train_network(config, dataset, folder, on_epoch=on_epoch, resume=True)
    except KeyboardInterrupt as stop:
        what = f"stopped after {done} of {config.training.epochs} epochs"
        raise _stopped(what, folder) from stop
    write_atomic(folder / "metrics.csv", _csv(result.metrics))
    last = result.metrics[-1]
    content = {
        "data": config.data.name,
        "seed": config.seed,
        "metrics": asdict(last),
    }
    folders.finish_run(folder, export(result.network, dataset.input_shape), content)
    text = (
        f"trained {counted(last.epoch, 'epoch')}, seed {config.seed}\n"
        f"test accuracy  {percent(last.test_accuracy)} (last epoch, {len(dataset.test)} images)\n"
        f"run            {folder}"
    )
    return Result(text=text, content={"run": str(folder), **content})


def _stopped(what: str, folder: Path) -> StoppedError:
    fix = f"continue with eideploy train --resume {folder}"
    return StoppedError(what, where=str(folder), fix=fix)


def _csv(metrics: Sequence["EpochMetrics"]) -> bytes:
    rows = [asdict(m) for m in metrics]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()

"""Job: make a run of the network that a training kept, as of its best epoch."""

from pathlib import Path

from eideploy import folders
from eideploy.data.origin import KNOWN
from eideploy.errors import UsageError
from eideploy.files import MANIFEST, sha256, write_atomic
from eideploy.flow import finetuned
from eideploy.flow.kept_samples import FILE as SAMPLES
from eideploy.flow.kept_samples import TEST
from eideploy.flow.result import Result
from eideploy.flow.training_log import summary
from eideploy.report.text import percent

SUFFIX = ".safetensors"


def holds_training(path: Path) -> bool:
    """Return whether a file lies in the folder of a training, as those that it keeps."""
    return path.suffix == SUFFIX and (path.parent / folders.CONFIG).is_file()


def import_epoch(path: Path, *, out: Path | None) -> Result:
    """Turn what the training of a finished run kept into a run of its own.

    Raises:
        UsageError: the run is not finished, or no training kept that file.
        FormatError: the run or the file is damaged, or holds no E-I circuit.
        DataError: `out` exists already, or cannot be written.
    """
    from eideploy.model.checkpoint import BEST, FILE, load_state
    from eideploy.model.export import export

    run = folders.load_run(path.parent)
    if path.name not in (BEST, FILE):
        raise UsageError(
            f"{path.name} is not a checkpoint of the training in {run.folder}",
            where=str(path),
            fix=f"name {run.folder / BEST}, the best epoch, or compile the run itself",
        )
    state, goal = load_state(run.folder, path.name), finetuned.load(run.folder)
    circuit = export(state.network, state.input_shape, high=run.circuit.input.high)
    content = {key: run.content[key] for key in (*KNOWN, "seed") if key in run.content}
    if goal is not None:
        circuit, content = goal.calibrated(circuit), content | {"finetuned": goal.goal.table}
    metrics = state.metrics[-1]
    name = f"{run.folder.resolve().name}-epoch{metrics.epoch}"
    content |= {"name": name, "metrics": summary(metrics), "epoch_of": run.folder.resolve().name}
    content["epoch_of_sha256"] = sha256(run.folder / MANIFEST)
    with folders.new_folder(out, folders.RUNS, name) as staged:
        for file in filter(run.holds, (SAMPLES, TEST)):
            write_atomic(staged.aside / file, (run.folder / file).read_bytes())
        write_atomic(staged.aside / FILE, path.read_bytes())
        folders.finish_run(staged.aside, circuit, content)
    text = (
        f"took epoch {metrics.epoch} of {metrics.epochs} of {run.folder}\n"
        f"test accuracy  {percent(metrics.test_accuracy)}"
        f"{' (chosen by the test samples, so it flatters)' * (path.name == BEST)}\n"
        f"run            {staged.final}"
    )
    return Result(text=text, content={"run": str(staged.final), **content})

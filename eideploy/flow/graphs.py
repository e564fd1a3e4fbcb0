"""Job: turn a file of an exchange format, ours or another tool's, into a run."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from eideploy import folders
from eideploy.backends import formats
from eideploy.backends.protocol import Format, Read
from eideploy.circuit import Circuit, Neurons
from eideploy.errors import UsageError
from eideploy.files import sha256
from eideploy.finished import Run
from eideploy.flow.epoch import holds_training, import_epoch
from eideploy.flow.kept_samples import FILE, Kept
from eideploy.flow.probe import probe
from eideploy.flow.requests.importing import Import
from eideploy.flow.result import Result
from eideploy.flow.train import import_checkpoint
from eideploy.flow.warning import with_warnings
from eideploy.neurons import LIF, GeneralLIF
from eideploy.options import Request, as_path, part_of, refuse_idle
from eideploy.progress import note
from eideploy.report.text import counted

WARNINGS = "warnings"  # of reading, in a run's manifest


def warned(run: Run) -> Sequence[str]:
    """Return what was warned of when a graph became this run, for who compiles it to know."""
    source = run.content.get("source")
    lines = source.get(WARNINGS, ()) if isinstance(source, Mapping) else ()
    return [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []


@contextmanager
def as_run(path: Path | None, request: Request, calibrate_on: Path | None) -> Iterator[Path | None]:
    """Give the run that a graph becomes, and any other path as it is.

    The run is removed where what is done with it fails.

    Raises:
        UsageError: no samples to calibrate on; as of the format.
        FormatError, CapacityError: as of the format.
    """
    reader = formats.reader_of(path)
    if path is None or reader is None:
        yield path
        return
    network = reader.read(path, request)
    if calibrate_on is None and network.samples is None:
        raise UsageError(
            f"a {reader.title} file has no data to calibrate on",
            where=str(path),
            fix="give samples in the network's input range with --calibrate-on samples.npy",
        )
    result = _kept(reader, path, network)
    for line in result.text.splitlines():
        note(line)
    run = Path(result.content["run"])
    try:
        yield run
    except BaseException:
        folders.discard(run)
        raise


def import_file(request: Import) -> Result:
    """Turn a graph, an epoch of a run, or a checkpoint of the paper's code, into a run.

    Raises:
        FormatError: not such a file, damaged, or of an architecture that is not known.
        CapacityError: nodes of a graph that cannot be compiled, all of them.
        UsageError: a graph without its steps; what says how graphs are read, of another file.
        DataError: `out` exists already, or cannot be written.
    """
    path, out = Path(request.checkpoint), as_path(request.out)
    reader = formats.reader_of(path)
    refuse_reading(request, path, reader)
    if reader is None and holds_training(path):
        refuse_idle(Import(path, size=request.size), (), here="on an epoch of a run")
        return import_epoch(path, out=out)
    if reader is None:
        return import_checkpoint(path, size=request.size, out=out)
    refuse_idle(Import(path, size=request.size), (), here=f"on {path}, a {reader.title} file")
    network = reader.read(path, request)
    warnings = [*network.warnings, *probe(network.circuit)]
    return with_warnings(_kept(reader, path, network, out=out), warnings)


def refuse_reading(request: Request, path: Path | None, reader: Format | None) -> None:
    """Refuse what says how a file is read where it is none of the format, or no file.

    Raises:
        UsageError: something is said.
    """
    for one in formats.every():
        if one.reading and one is not reader:
            what = "the latest run" if path is None else f"{path}, which is no {one.title} file"
            refuse_idle(part_of(request, one.reading), (), here=f"on {what}")


def _kept(reader: Format, path: Path, network: Read, out: Path | None = None) -> Result:
    """Write what was read as a run."""
    source = {"file": path.name, "sha256": sha256(path), "format": reader.name, **network.how}
    if network.warnings:
        source[WARNINGS] = [*network.warnings]
    content = {"name": path.stem, "data": None, "source": source}
    with folders.new_folder(out, folders.RUNS, path.stem) as staged:
        if network.samples is not None:
            Kept.unlabelled(network.samples).write(staged.aside / FILE)
        folders.finish_run(staged.aside, network.circuit, content)
    head = f"imported {path.name}: {_described(network.circuit)}"
    lines = [head, *network.remarks, f"run  {staged.final}"]
    return Result(text="\n".join(lines), content={"run": str(staged.final), **content})


def _described(circuit: Circuit) -> str:
    size = ", ".join(map(str, circuit.input.size))
    models = [node.model for node in circuit.of(Neurons)]
    how = {
        "zero": "to zero",
        "value": "to v_reset",
        "subtract": "by the threshold",
        "none": "never",
    }
    resets = " and ".join(
        sorted({how[m.reset] for m in models if isinstance(m, (LIF, GeneralLIF))})
    )
    return (
        f"{counted(len(models), 'layer')} of neurons{resets and f', reset {resets}'}; "
        f"{counted(circuit.steps, 'step')}\n"
        f"input: samples ({size}) in 0..{circuit.input.high:g}, shown as they are at every step; "
        f"or ({circuit.steps}, {size}), step by step"
    )

"""Job: turn a NIR file, ours or another tool's, into a run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.circuit import LIF, Circuit
from eideploy.circuit.forms import DIALECTS
from eideploy.errors import UsageError
from eideploy.files import open_plain, read_whole, sha256
from eideploy.flow.probe import probe
from eideploy.flow.requests.importing import Import, Reading
from eideploy.flow.result import Result
from eideploy.flow.train import import_checkpoint
from eideploy.flow.warning import with_warnings
from eideploy.neurons import RESETS
from eideploy.options import as_path, refuse_idle
from eideploy.options.choices import Reset
from eideploy.progress import note
from eideploy.report.text import counted

SUFFIX, MAGIC = ".nir", b"\x89HDF\r\n\x1a\n"


def is_graph(path: Path) -> bool:
    """Return whether `path` names a NIR file, which need not be there."""
    if path.suffix == SUFFIX:
        return not path.is_dir()
    try:
        with open_plain(path) as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


@contextmanager
def as_run(path: Path | None, reading: Reading, calibrate_on: Path | None) -> Iterator[Path | None]:
    """Give the run that a NIR file becomes, and any other path as it is.

    The run is removed where what is done with it fails.

    Raises:
        UsageError: what says how a graph is read, and no graph; no samples to calibrate on.
        FormatError, CapacityError: of `import_graph`.
    """
    if path is None or not is_graph(path):
        refuse_reading(reading, path)
        yield path
        return
    read = _read(path, reading)
    if calibrate_on is None:
        raise UsageError(
            "a NIR file has no data to calibrate on",
            where=str(path),
            fix="give samples in the network's input range with --calibrate-on samples.npy",
        )
    found = _kept(path, *read)
    for line in found.text.splitlines():
        note(line)
    run = Path(found.content["run"])
    try:
        yield run
    except BaseException:
        folders.discard(run)
        raise


def import_file(request: Import) -> Result:
    """Turn a NIR file, or a checkpoint of the paper's published code, into a run.

    Raises:
        FormatError: not such a file, damaged, or of an architecture that is not known.
        CapacityError: nodes of a NIR graph that cannot be compiled, all of them.
        UsageError: a NIR graph without its steps; `reading` for another file.
        DataError: `out` exists already, or cannot be written.
    """
    path, out = Path(request.checkpoint), as_path(request.out)
    reading = request.reading or Reading()
    if is_graph(path):
        return import_graph(path, reading, out=out)
    refuse_reading(reading, path)
    return import_checkpoint(path, out=out)


def import_graph(path: Path, reading: Reading, *, out: Path | None = None) -> Result:
    """Turn a NIR file into a run: one of ours, or a feed-forward network of another tool.

    Raises:
        UsageError: nir is not installed; the graph does not say its steps, and nobody else.
        FormatError: damaged, or no NIR graph.
        CapacityError: nodes that cannot be compiled, all of them.
        DataError: `out` exists already, or cannot be written.
    """
    read = _read(path, reading)
    return with_warnings(_kept(path, *read, out=out), probe(read[0]))


def _kept(
    path: Path, circuit: Circuit, how: Mapping[str, Any], said: list[str], out: Path | None = None
) -> Result:
    """Write what was read as a run."""
    source = {"file": path.name, "sha256": sha256(path), "format": "nir", **how}
    content = {"name": path.stem, "data": None, "source": source}
    with folders.new_folder(out, folders.RUNS, path.stem) as staged:
        folders.finish_run(staged.aside, circuit, content)
    lines = [f"imported {path.name}: {_described(circuit)}", *said, f"run  {staged.final}"]
    return Result(text="\n".join(lines), content={"run": str(staged.final), **content})


def refuse_reading(reading: Reading, path: Path | None) -> None:
    """Refuse what says how a NIR file is read where none is.

    Raises:
        UsageError: something is said.
    """
    what = "the latest run" if path is None else f"{path}, which is no NIR file"
    refuse_idle(reading, (), here=f"on {what}")


def _read(path: Path, reading: Reading) -> tuple[Circuit, dict[str, Any], list[str]]:
    if find_spec("nir") is None:
        raise UsageError("nir is not installed", where=str(path), fix="pip install 'eideploy[nir]'")
    from eideploy.backends import nir
    from eideploy.backends.nir import foreign

    data = read_whole(path, fix="name a NIR file that is there")
    graph = foreign.read_file(data, where=str(path))
    if _word(graph.metadata, "dialect") in DIALECTS and "circuit" in graph.metadata:
        refuse_idle(reading, (), here=f"on {path}, which eideploy wrote and which says all that")
        return nir.parse(data, where=str(path)), {"dialect": graph.metadata["dialect"]}, []
    steps = reading.steps or _steps(graph.metadata)
    reset = reading.reset or _reset(graph.metadata)
    convention = foreign.Convention(dt=reading.dt, reset=reset, nearest_tau=reading.nearest_tau)
    circuit, said = foreign.circuit_of(
        graph,
        steps=steps or 1,
        high=reading.input_high or 1.0,
        convention=convention,
        where=str(path),
    )
    if reading.dt is not None and not any(map(foreign.depends_on_step, graph.nodes.values())):
        raise UsageError(
            f"--dt has no effect on {path}, whose neurons add their inputs as they are",
            where="--dt",
            fix="leave out --dt, which has an effect on neurons that leak, or whose r is not 1",
        )
    if steps is None:  # asked for once the nodes are known to be sound
        raise UsageError(
            "a NIR graph does not say how many time steps a sample takes",
            where=str(path),
            fix="say it with --steps T, as the network was trained",
        )
    how = {"dialect": "foreign", **asdict(convention), "changed": said}
    return circuit, how, said


def _described(circuit: Circuit) -> str:
    size = ", ".join(map(str, circuit.input.size))
    lifs = circuit.of(LIF)
    how = {"zero": "to zero", "subtract": "by the threshold"}
    resets = " and ".join(sorted({how[node.reset] for node in lifs}))
    return (
        f"{counted(len(lifs), 'layer')} of neurons, reset {resets}; "
        f"{counted(circuit.steps, 'step')}\n"
        f"input: samples ({size}) in 0..{circuit.input.high:g}, shown as they are at every step; "
        f"or ({circuit.steps}, {size}), step by step"
    )


def _steps(metadata: Mapping[str, Any]) -> int | None:
    try:
        return int(metadata["steps"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def _reset(metadata: Mapping[str, Any]) -> Reset:
    return next((reset for reset in RESETS if _word(metadata, "reset") == reset), "zero")


def _word(metadata: Mapping[str, Any], key: str) -> str | None:
    found = metadata.get(key)
    return found if isinstance(found, str) else None

"""A family of boards that run the float network: what eideploy asks of any backend, once each."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, ClassVar

import numpy as np

from eideploy import folders
from eideploy.backends.protocol import Family
from eideploy.circuit import Circuit, store
from eideploy.data.origin import known
from eideploy.emitted import Emitted
from eideploy.errors import CapacityError, SpecError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.files import MANIFEST, read_manifest, sha256, write_atomic, write_manifest
from eideploy.flow.build_files import LEFT, WRITTEN
from eideploy.flow.requests.compile import Compile
from eideploy.flow.requests.report import KEPT, Report
from eideploy.flow.requests.shared import READING, WITH_INPUT, WITHOUT_INPUT
from eideploy.flow.requests.simulate import Simulate
from eideploy.flow.requests.verify import Verify
from eideploy.flow.result import Reported, Result, Row, Verified
from eideploy.flow.runs import find_run
from eideploy.flow.samples import require_savable, samples_of, write_npz
from eideploy.flow.stock import DIFFERS, EQUAL, Stock
from eideploy.folders import Run
from eideploy.options import Option, Request, as_path, part_of, refuse_idle
from eideploy.report.sections import Page, Section, Table
from eideploy.tables import read_toml
from eideploy.typed import Line, Name, Within, typed

VERSION = 1  # of spec.toml
LISTING = "board/listing.txt"
FILES = (Emitted(LISTING, "again"), Emitted("board/notes.md", "documentation"))


@dataclass(frozen=True, kw_only=True)
class Board:
    """What a spec.toml of this family says."""

    source: Path
    name: Name
    backend: Line
    description: Line
    most_steps: Annotated[int, Within(1, 1000)]


@dataclass(frozen=True, kw_only=True)
class Notes(Request):
    """What compile may be asked for a board; refused for any other target."""

    heading = "toy boards"
    notes: Annotated[str, Option(metavar="TEXT", where="for a toy board")] = ""
    """What to write into board/notes.md."""


class Toy(Family[Board]):
    """The boards, as eideploy finds them."""

    name = "toy"
    kind = "a toy board"
    options: ClassVar[Mapping[str, type[Request]]] = {"compile": Notes}
    executors: ClassVar[Mapping[str, str]] = {"toy": "a toy board, in floats"}

    def read_spec(self, path: Path) -> Board:
        """Read a spec.toml; every key that is wrong is told at once."""
        table, given = read_toml(path, VERSION), {"source": str(path)}
        return typed(Board, table, where=str(path), error=SpecError, given=given)

    def check(self, spec: Board) -> Result:
        """Say what a board offers."""
        told = f"target {spec.name} is well-formed: {spec.most_steps} time steps"
        return Result(text=told, content={"target": spec.name, "most_steps": spec.most_steps})

    def compile(self, request: Compile, spec: Board) -> Result:
        """Write the network of a run as the board reads it."""
        run = find_run(as_path(request.run))
        if run.circuit.steps > spec.most_steps:
            raise CapacityError(
                f"the network takes {run.circuit.steps} time steps, the board {spec.most_steps}",
                where=str(run.folder),
                fix="train with fewer time steps, or choose a larger board",
            )
        content = {
            "run": run.folder.name,
            "run_sha256": sha256(run.folder / MANIFEST),
            **known(run.content),
            "target": spec.name,
            "backend": self.name,
        }
        stem = f"{run.folder.resolve().name}-{spec.name}"
        with folders.new_folder(as_path(request.out), folders.BUILDS, stem) as staged:
            emit(run.circuit, staged.aside, part_of(request, Notes).notes)
            store.save(run.circuit, staged.aside / folders.CIRCUIT)
            write_atomic(staged.aside / folders.SPEC, spec.source.read_bytes())
            finish(staged.aside, content)
        told = f"compiled {run.folder} for {spec.name}\nbuild  {staged.final}"
        return Result(text=told, content={"build": str(staged.final), **content})

    def simulate(self, request: Simulate, executor: str) -> Result:
        """Run samples on the board."""
        own = WITHOUT_INPUT if request.input is None else WITH_INPUT
        refuse_idle(request, (READING, own), here="on these samples")
        folder = as_path(request.build) or folders.latest_build(self.name)
        if folder is None:
            raise UsageError(
                "there is no build for a toy board",
                where=f"folder {folders.BUILDS}",
                fix="make one with eideploy compile --target spec.toml",
            )
        build = load(folder)
        require_savable(request, build.origin)
        samples, labels = samples_of(
            build,
            input_file=as_path(request.input),
            labels_file=as_path(request.labels),
            split=request.split,
            count=request.samples,
            place=request.place(),
        )
        logits = np.concatenate([run_float(build.circuit, x).logits for x in batches(samples)])
        right = None if labels is None else float((logits.argmax(1) == labels).mean())
        content = {"executor": executor, "simulated": str(build.folder), "accuracy": right}
        if request.save is not None:
            write_npz(Path(request.save), {"logits": logits})
            content["saved"] = str(request.save)
        accuracy = "" if right is None else f": accuracy {right}"
        return Result(text=f"simulated {build.folder}{accuracy}", content=content)

    def verify(self, request: Verify, build: Path) -> Verified:
        """Write the listing again, and compare."""
        refuse_idle(request, (), here=f"on {build}, a build for a toy board")
        loaded = load(build)
        with TemporaryDirectory() as again:
            emit(loaded.circuit, Path(again), "")
            same = (Path(again) / LISTING).read_bytes() == (build / LISTING).read_bytes()
            result, reason = (EQUAL, "") if same else (DIFFERS, "it is of another network")
            row = Row(artefact=LISTING, checked_by="writing it again", result=result, reason=reason)
            stock = Stock(
                folder=build,
                listed=loaded.content["files"],
                declared=(*WRITTEN, *FILES, *LEFT),
                again=Path(again),
                comparisons=[row],
            )
            return Verified(
                said=" against its network",
                rows=[row],
                items=stock.items(),
                manifest=loaded.content,
            )

    def report(self, request: Report, build: Path) -> Reported:
        """Show what the board holds."""
        refuse_idle(request, (KEPT,), here=f"on {build}, a build for a toy board")
        loaded = load(build)
        nodes = [[node.name, type(node).__name__] for node in loaded.circuit.nodes]
        table = Table(title="Nodes", head=["name", "kind"], rows=nodes, key="nodes")
        page = Page(
            title=build.name,
            subtitle=f"compiled for {loaded.content['target']}",
            tiles=[],
            notices=[],
            sections=[Section(id="nodes", title="What the board holds", parts=[table])],
            footer="Made by eideploy-toy.",
        )
        return Reported(content={"nodes": nodes}, text=f"report on build {build}", page=page)


def emit(circuit: Circuit, build: Path, notes: str) -> None:
    """Write what the board reads."""
    (build / LISTING).parent.mkdir()
    write_atomic(build / LISTING, (circuit.in_full() + "\n").encode())
    write_atomic(build / "board/notes.md", notes.encode())


def finish(build: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest, last: it vouches for every file."""
    stamped = folders.stamped(content)
    write_manifest(build, kind=folders.BUILD, version=folders.VERSION, content=stamped)


def load(build: Path) -> Run:
    """Read a build, once its hashes are found to hold."""
    needs = (folders.CIRCUIT, folders.SPEC, LISTING)
    content = read_manifest(build, kind=folders.BUILD, version=folders.VERSION, needs=needs)
    return Run(folder=build, circuit=store.load(build / folders.CIRCUIT), content=content)

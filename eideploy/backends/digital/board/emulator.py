"""The board in Verilator behind a pseudo-terminal, which the driver talks to as to a real one."""

import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from shutil import copytree

from eideploy import cache
from eideploy.backends.digital.board.files import (
    EMULATED_DIVISOR,
    FOLDER,
    HEADER,
    link_of,
    write_board,
)
from eideploy.backends.digital.bundle import RTL, renamed, sources, write_bundle
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.rtl.build import first_complaint
from eideploy.errors import DataError
from eideploy.files import unwritable
from eideploy.progress import note

NAME, MODULE = "emulate", "eideploy_board"
FLAGS = ("-O3", "--x-assign", "unique", "--x-initial", "unique", "-Wall", "-Wno-PINCONNECTEMPTY")


@contextmanager
def emulated(program: Program, folder: Path) -> Iterator[str]:
    """Run a board's top in Verilator; yield the name of its serial line.

    Args:
        program: of a board's target.
        folder: an empty one, into which its files are written.

    Raises:
        UsageError: Verilator, make or g++ is not installed.
        DataError: it cannot be built.
    """
    tools.require(tools.VERILATE, where="--emulate")
    write_bundle(program, folder)
    write_board(program, folder)
    simulator = _simulator(program, folder)
    seed = ["+verilator+rand+reset+2", "+verilator+seed+1"]
    with subprocess.Popen(
        [str(simulator), *seed],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if not (name := process.stdout.readline().strip()):
                raise DataError(
                    "the board's simulator does not start",
                    where=str(simulator),
                    fix="it may not open a pseudo-terminal here: run it on Linux or macOS",
                )
            yield name
        finally:
            process.stdin.close()  # it ends


def _simulator(program: Program, folder: Path) -> Path:
    """Return the simulator of the board in `folder`, built if it is not in the cache."""
    parameters = link_of(program).parameters(EMULATED_DIVISOR)
    top = renamed(MODULE, program.target.core.module)
    options = ["--top-module", top, *(f"-G{name}={value}" for name, value in parameters.items())]
    parts = hashlib.sha256(" ".join([*FLAGS, *options]).encode())
    for place in (RTL, FOLDER):
        for path in sorted((folder / place).iterdir()):
            parts.update(path.name.encode() + path.read_bytes())
    for tool in ("verilator", "g++"):
        parts.update(tools.version(tool).encode())
    name = f"board/board-{parts.hexdigest()[:24]}/{NAME}"
    try:
        return cache.kept(name, partial(_made, folder, options), what="simulator of the board")
    except OSError as error:
        raise unwritable(Path(error.filename or folder), error) from error


def _made(folder: Path, options: list[str], aside: Path) -> Path:
    note("building a simulator of the board, once for this core")
    for place in (RTL, FOLDER):
        copytree(folder / place, aside / place)
    files = [
        *sources(aside / RTL),
        *sorted((aside / FOLDER).glob("*_*.sv")),
        aside / FOLDER / "emulate.cpp",
    ]
    try:
        tools.run(
            [
                *(
                    "verilator",
                    "--cc",
                    "--exe",
                    "--build",
                    *FLAGS,
                    *options,
                ),
                *("--Mdir", str(aside / "obj"), "-CFLAGS", f"-O2 -I{aside / FOLDER}"),
                *map(str, files),
                *("-o", NAME),
            ],
            folder=aside,
        )
    except subprocess.CalledProcessError as error:
        raise DataError(
            f"the board cannot be built: {first_complaint(error)}",
            where=str(folder / FOLDER),
            fix="the core or the board's files are at fault: report it",
        ) from error
    assert (aside / FOLDER / HEADER).is_file()
    return aside / "obj" / NAME

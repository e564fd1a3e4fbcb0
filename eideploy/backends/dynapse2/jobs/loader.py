"""Runs the installed loader in a separate process, which reads only data from a build."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

from eideploy.backends.dynapse2.emit import LOADER, loader_folder
from eideploy.errors import DataError, UsageError
from eideploy.flow.requests.board import EMULATED, SAMNA, OnChips
from eideploy.flow.requests.shared import READING
from eideploy.options import refuse_idle
from eideploy.progress import note

RUN = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    f"runpy.run_path(sys.path[0] + '/{LOADER[0]}', run_name='__main__')"
)
ERROR, WHERE, FIX = PARTS = "error: ", "  where: ", "  fix:   "


def loader(*flags: str) -> list[str]:
    """Return the command that the loader's arguments follow, by a Python with some flags.

    With -I or -P it finds no modules where it is called; the loader's parts lie beside it.
    """
    return [sys.executable, *flags, "-c", RUN, str(loader_folder())]


def reached(request: OnChips) -> list[str]:
    """Return the loader's options for the board that is asked for.

    Raises:
        UsageError: neither a board nor an emulated one, or both; options without effect.
    """
    if request.samna == request.emulate:
        raise UsageError(
            "two boards are named" if request.samna else "the command does not say which board",
            where="--samna, --emulate",
            fix="write --samna to import the vendor's library and use the board that it finds, "
            "or --emulate for an emulated board",
        )
    if request.emulate:
        refuse_idle(request, (EMULATED, READING), here=EMULATED)
        fault = ["--fault", request.fault] if request.fault else []
        return ["--emulate", str(request.seed), *fault]
    refuse_idle(request, (SAMNA, READING), here=SAMNA)
    named = {"--serial": request.serial, "--bitfile": request.bitfile}
    words = [word for name, value in named.items() if value for word in (name, str(value))]
    return ["--samna", *words]


def run_loader(patch: Path, words: Sequence[str]) -> str:
    """Return what the loader says in the end; what it says on its way is shown.

    Raises:
        DataError: its error.
    """
    command = [*loader("-PB"), f"--patch={patch.resolve()}", *words]
    error = dict[str, str]()
    with TemporaryFile("w+", encoding="utf-8") as output:
        with subprocess.Popen(
            command, stdout=output, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        ) as process:
            assert process.stderr is not None  # it is a pipe
            for line in map(str.rstrip, process.stderr):
                part = next((begins for begins in PARTS if line.startswith(begins)), "")
                if part == ERROR or error:
                    error.setdefault(part, line.removeprefix(part))
                else:
                    note(line)
        if process.returncode:
            raise DataError(
                error.get(ERROR, f"the loader ends with exit code {process.returncode}"),
                where=error.get(WHERE, "the board"),
                fix=error.get(FIX, "docs/dynapse2.md says in which order to check a board"),
            )
        output.seek(0)
        return output.read().strip()

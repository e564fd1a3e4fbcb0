"""The files of a program: the integer circuit, the entry of every stage, and the core itself."""

from dataclasses import asdict
from pathlib import Path

from eideploy.backends.digital import ENTRIES, INTEGER, LISTING
from eideploy.backends.digital.board.files import FOLDER as BOARD
from eideploy.backends.digital.board.files import write_board
from eideploy.backends.digital.board.vectors import VECTORS
from eideploy.backends.digital.bundle import (
    IMAGES,
    MAKEFILE,
    README,
    RTL,
    TESTBENCH,
    WORDS,
    write_bundle,
)
from eideploy.backends.digital.program import Program
from eideploy.circuit.store import save
from eideploy.emitted import Emitted
from eideploy.errors import CapacityError
from eideploy.files import write_atomic, write_json

FPGA = "fpga"
BY_MAKE = (
    "made by make in this folder, which uses it again: run make clean first if it is not yours"
)
FILES = (
    Emitted(INTEGER, "run"),
    Emitted(LISTING, "again"),
    Emitted(ENTRIES, "again"),
    Emitted(f"{RTL}/*.sv", "again"),
    Emitted(f"{TESTBENCH}/*", "again"),
    Emitted(f"{IMAGES}/*.hex", "again"),
    Emitted(WORDS, "again"),
    Emitted(MAKEFILE, "again"),
    Emitted(README, "documentation"),
    Emitted(f"{BOARD}/*", "again"),
    Emitted(VECTORS, why="samples and logits, played by eideploy board selftest"),
    Emitted(f"{FPGA}/*", why="made by eideploy board build", listed=False),
    Emitted("obj/*", why=BY_MAKE, listed=False),
    Emitted("trace/*", why=BY_MAKE, listed=False),
)


def emit(program: Program, folder: Path) -> None:
    """Write the integer circuit (as a file, and as text to read) and the program entries.

    integer.safetensors  every integer of the network and the division table
    integer.txt          its text form
    program.json         per stage: routes, geometry, and its first row or word in each memory;
                         how much of every resource is used (docs/digital_core.md)
    rtl/, tb/, images/   the core in SystemVerilog, its testbenches, what stands in its memories;
                         Makefile, README.md and words.txt to run it. A spec may ask for a core
                         that the shipped SystemVerilog cannot be: then README.md says why alone
    board/               of a board: its top, pins and clock, the serial line's end, the host's
                         driver (docs/boards.md)
    """
    try:
        write_bundle(program, folder)
        if program.target.board is not None:
            write_board(program, folder)
    except CapacityError as error:
        text = f"# No SystemVerilog for this build\n\n{error.what}\n\n{error.fix}\n"
        write_atomic(folder / README, text.encode())
    save(program.circuit, folder / INTEGER)
    write_atomic(folder / LISTING, (program.circuit.in_full() + "\n").encode())
    content = {
        "format": 1,
        "stages": [asdict(stage) for stage in program.stages],
        "uses": [asdict(use) for use in program.uses],
    }
    write_json(folder / ENTRIES, content)

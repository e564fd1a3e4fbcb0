"""The files of a build for a microcontroller."""

from collections.abc import Sequence
from pathlib import Path

from eideploy.backends.c import ARDUINO, FOLDER, INTEGER, LISTING
from eideploy.backends.c.controller import Controller
from eideploy.backends.c.emit import arduino_files, emit
from eideploy.backends.c.network import network_of
from eideploy.backends.c.place import resources_text
from eideploy.backends.digital.program import Program
from eideploy.circuit.store import save
from eideploy.files import write_atomic


def write(program: Program, folder: Path, names: Sequence[str]) -> None:
    """Write a program's files, with the names of its classes; of the same program the same bytes.

    integer.safetensors  every integer of the network and the division table
    integer.txt          its text form
    c/                   the program in C99 with a self-test, and what builds them
    arduino/             the same as a library for Arduino
    """
    controller, circuit = program.target, program.circuit
    assert isinstance(controller, Controller)
    save(circuit, folder / INTEGER)
    write_atomic(folder / LISTING, (circuit.in_full() + "\n").encode())
    (folder / FOLDER).mkdir()
    sizes = f"Sizes for {controller.name}, {controller.description}:\n\n{_indented(program)}\n\n"
    network = network_of(program)
    emit(network, folder / FOLDER, names=names, sizes=sizes)
    for name, text in arduino_files(network, names).items():
        path = folder / ARDUINO / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text.encode("ascii"))


def _indented(program: Program) -> str:
    return "\n".join(f"    {line}".rstrip() for line in resources_text(program).splitlines())

"""The core of a program as files that other tools take: SystemVerilog, images, testbenches."""

from collections.abc import Iterator
from math import prod
from pathlib import Path
from shutil import rmtree

from eideploy import shipped
from eideploy.backends.digital.images import hex_text, images
from eideploy.backends.digital.parameters import Shape, package_text, shape_of
from eideploy.backends.digital.program import Program
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_whole
from eideploy.target import MODULE

RTL, TESTBENCH, IMAGES = "rtl", "tb", "images"
PREFIX = f"{MODULE}_"  # of modules, the package and their files, as they are shipped
PACKAGE, CORE = f"{PREFIX}pkg", f"{PREFIX}core"
SHAPE_HEADER, WORDS = "shape.h", "words.txt"
MAKEFILE, README = "Makefile", "README.md"
HDL = ".sv", ".svh", ".v", ".vh"
ANY_DIGIT = bytes.maketrans(
    b"123456789abcdef", b"0" * 15
)  # what an image has in common with others


def write_bundle(program: Program, folder: Path, *, shape: Shape | None = None) -> None:
    """Write rtl/, tb/, images/, words.txt, Makefile and README.md of a program's core.

    `shape` is a core that more programs than this one fit; by default the one of this program.

    Raises:
        CapacityError: the spec asks for a core that the shipped SystemVerilog cannot be.
    """
    shape = shape or shape_of(program)
    write_core(shape, folder)
    (folder / IMAGES).mkdir(exist_ok=True)
    bits = shape.row_bits()
    for name, image in images(program, shape).items():
        (folder / IMAGES / f"{name}.hex").write_text(hex_text(image, bits[name]), "ascii")
    (folder / WORDS).write_text("".join(f"{line}\n" for line in _example(program)), "ascii")


def take_images(build: Path, bundle: Path) -> None:
    """Put the images of a build, which are its data, into the place of those in `bundle`.

    Raises:
        FormatError: one is missing, or has other rows or digits than that of the program.
    """
    for written in sorted((bundle / IMAGES).iterdir()):
        path = build / IMAGES / written.name
        image = read_whole(path, most=written.stat().st_size)
        if image.translate(ANY_DIGIT) != written.read_bytes().translate(ANY_DIGIT):
            raise FormatError(
                f"{path.name} has other rows or digits than the program's memory",
                where=str(path),
                fix=RESTORE,
            )
        written.write_bytes(image)


def take_rtl(folder: Path, bundle: Path) -> None:
    """Put SystemVerilog that a user has changed into the place of that in `bundle`.

    Its simulator is built whatever Verilator warns of.

    Raises:
        FormatError: a file of it cannot be read.
    """
    rmtree(bundle / RTL)
    (bundle / RTL).mkdir()
    for path in sorted(path for path in folder.iterdir() if path.suffix in HDL):
        (bundle / RTL / path.name).write_bytes(read_whole(path))
    makefile = bundle / MAKEFILE
    makefile.write_text(f"WARNINGS := -Wno-fatal\n{makefile.read_text('utf-8')}", "utf-8")


def write_core(shape: Shape, folder: Path) -> None:
    """Write what does not depend on the network: rtl/, tb/, Makefile and README.md."""
    source, module = shipped.folder("targets") / "digital", shape.target.core.module
    for place in (RTL, TESTBENCH):
        take(source / place, folder / place, module)
    package = renamed(package_text(shape), module)
    (folder / RTL / package_file(module)).write_text(package, "ascii")
    (folder / TESTBENCH / SHAPE_HEADER).write_text(_header(shape), "ascii")
    take(source / "bundle", folder, module)


def take(source: Path, folder: Path, module: str) -> None:
    """Copy shipped files of a core, under names that begin with `module`."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(source.iterdir()):
        text = renamed(path.read_text("utf-8"), module)
        (folder / renamed(path.name, module)).write_text(text, "utf-8")


def renamed(text: str, module: str) -> str:
    """Return shipped text with names of modules that begin with `module`."""
    return text.replace(PREFIX, f"{module}_")


def package_file(module: str) -> str:
    """Return the name of the file with the sizes of a core whose modules begin with `module`."""
    return f"{renamed(PACKAGE, module)}.sv"


def sources(rtl: Path) -> list[Path]:
    """Return the SystemVerilog files of a core in the order that tools take: its package first."""
    return sorted(rtl.iterdir(), key=lambda path: (not path.stem.endswith("_pkg"), path.name))


def _header(shape: Shape) -> str:
    """Return the sizes that the C++ testbench asks for."""
    core, memory, widths = shape.target.core, shape.target.memory, shape.target.widths
    sizes = {
        "LANES": core.lanes,
        "UPDATE_LANES": core.update_lanes,
        "SPIKE_BITS": shape.spike_bits,
        "MEMBRANE_BITS": widths.membrane,
        "ACCUMULATOR_BITS": widths.accumulator,
        "PROGRAM_ENTRIES": core.layers,
        "CLEAR_ROWS": max(memory.accumulator_rows, memory.inhibition_rows),
    }
    lines = [f"constexpr int {name} = {value};" for name, value in sizes.items()]
    return "\n".join(["#pragma once", *lines, ""])


def _example(program: Program) -> Iterator[str]:
    """Yield the words of one inference: every other entry of the input, with rising values."""
    node = program.circuit.input
    top = getattr(node, "top", 1)
    channels, height, width = node.size if len(node.size) == 3 else (*node.size, 1, 1)
    for _ in range(program.circuit.steps):
        for i in range(0, prod(node.size), 2):
            at, channel = divmod(i, channels)
            y, x = divmod(at, width)
            if y < height:
                yield f"{y:x} {x:x} {channel:x} {i % top + 1:x}"
        yield "."

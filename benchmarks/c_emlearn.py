"""Instructions and bytes of emlearn's C for an ordinary network of the size of digits-mlp.

    python -m venv /tmp/em && /tmp/em/bin/pip install --no-deps emlearn==0.23.2
    python benchmarks/c_emlearn.py /tmp/em/lib/python3.11/site-packages [--widths 64,128,64,10]

emlearn writes a network of random weights with rectified activations in floats ("inline"), which is
counted in QEMU as `c_instructions.py` counts: on a Cortex-M0 and an M4 whose compiler calls
routines for floats, and on an M4 with its unit for them. Bytes are the compiler's, of the network's
file: constants and code, and what it keeps. Its layers in fixed point have no body in this version.
"""

import argparse
import struct
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eideploy import shipped
from eideploy.backends.c.qemu import LINKED, MACHINES, QUIET

UNIT = ("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16")
BUILDS = {"cortex-m0": (), "cortex-m4": (), "cortex-m4 with floats": UNIT}
SOURCE = """
#include "platform.h"
#include "net.h"

static float x[INPUTS];
static uint32_t taken[1];
volatile int32_t found;

__attribute__((noinline)) static int counted(void)
{
    for (int i = 0; i < INPUTS; ++i) {
        x[i] = 1.0f;
    }
    start_counting();
    found = net_predict(x, INPUTS);
    taken[0] = counted_instructions();
    const uintptr_t name[3] = {(uintptr_t) "output.bin", 5u, 10u};
    const uintptr_t given[3] = {host(1u, name), (uintptr_t)taken, sizeof taken};
    return (int)host(5u, given);
}

int run(void)
{
    *(volatile uint32_t *)0xE000ED88 |= 0xFu << 20; /* CPACR: the unit for floats */
    return counted();
}
"""


def main() -> None:
    """Print a row for every build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packages", type=Path, help="the folder that emlearn is installed in")
    parser.add_argument("--widths", default="64,128,64,10")
    asked = parser.parse_args()
    sys.path.append(str(asked.packages))
    widths = [int(width) for width in asked.widths.split(",")]
    print("built for | instructions | constants and code | state")
    for name, flags in BUILDS.items():
        with TemporaryDirectory() as folder:
            written(widths, Path(folder))
            counts = counted(name.split()[0], flags, widths[0], asked.packages, Path(folder))
        print(" | ".join(map(str, (name, *counts))), flush=True)


def written(widths: list[int], folder: Path) -> None:
    """Write the network as emlearn does."""
    from emlearn import cgen, net  # type: ignore[import-not-found, unused-ignore]

    as_number = cgen.constant  # which fails on the names of activations
    cgen.constant = lambda value, dtype="float": (
        value if isinstance(value, str) else as_number(value, dtype)
    )
    rng = np.random.default_rng(0)
    shapes = list(pairwise(widths))
    weights = [rng.normal(0, 0.1, shape).astype(np.float32) for shape in shapes]
    biases = [np.zeros(shape[1], np.float32) for shape in shapes]
    activations = ["relu"] * (len(shapes) - 1) + ["softmax"]
    text = net.c_generate_net_inline(activations, weights, biases, prefix="net")
    cgen.constant = as_number
    (folder / "net.h").write_text(text)
    (folder / "run.c").write_text(SOURCE)


def counted(
    name: str, flags: tuple[str, ...], inputs: int, packages: Path, folder: Path
) -> tuple[int, int, int]:
    """Compile and run the network; return its instructions, and its bytes of flash and RAM."""
    machine, platform = MACHINES[name], shipped.folder("targets") / "c" / "bundle" / "qemu"
    common = [machine.compiler, *machine.flags, *flags, "-std=gnu99", "-O2", f"-DINPUTS={inputs}"]
    common += ["-ffunction-sections", "-fdata-sections", f"-I{packages / 'emlearn'}"]
    common += [f"-I{folder}", f"-I{platform}"]
    script, start = platform / f"{machine.platform}.ld", platform / f"{machine.platform}.c"
    for command in (
        [*common, "-c", "run.c", "-o", "run.o"],
        [*common, "-T", str(script), "-Wl,--gc-sections", "-o", "run.elf", "run.o", str(start),
         "-lm", "-lc", *LINKED],
        [machine.emulator, *machine.board, *QUIET, "-kernel", "run.elf"],
    ):  # fmt: skip
        subprocess.run(command, cwd=folder, check=True, timeout=120)
    size = subprocess.run(
        ["arm-none-eabi-size", "run.o"], cwd=folder, check=True, capture_output=True, text=True
    )
    flash, data, state = map(int, size.stdout.splitlines()[1].split()[:3])
    (taken,) = struct.unpack("<I", (folder / "output.bin").read_bytes())
    return taken, flash + data, state


if __name__ == "__main__":
    main()

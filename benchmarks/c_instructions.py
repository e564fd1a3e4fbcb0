"""Instructions, flash and memory of networks in C on microcontrollers that QEMU emulates.

    python benchmarks/c_instructions.py RUN [RUN ...] [--schemes int8,int4] [--divisions ...]

Every run is compiled for the target digital-model by each scheme and division; the C of each
classifies the first test images on each machine; spikes, membranes and sums are compared with the
integer simulator's.
Instructions are QEMU's, of the whole inference; cycles are more where a processor waits for its
flash or takes several cycles for an instruction. Bytes are the linker's; the stack is the
compiler's sum over all functions, an upper bound.
"""

import argparse
import itertools
import sys
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eideploy import compile_run
from eideploy.backends.c.qemu import MACHINES, Differing
from eideploy.backends.digital.build import load_build
from eideploy.data.origin import Place
from eideploy.flow.samples import samples_of

HEADS = (
    "run",
    "scheme",
    "division",
    "machine",
    "instructions",
    "samples",
    "differing",
    "constants",
    "code",
    "state",
    "stack",
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--schemes", default="int8,int4,pow2")
    parser.add_argument("--divisions", default="lut:8x8,shift,exact")
    parser.add_argument("--machines", default=",".join(MACHINES))
    parser.add_argument("--samples", type=int, default=20)
    asked = parser.parse_args()
    print(" | ".join(HEADS))
    for folder, scheme, division in itertools.product(
        asked.runs, asked.schemes.split(","), asked.divisions.split(",")
    ):
        with TemporaryDirectory() as name:
            build = Path(name) / "build"
            compile_run(folder, target="digital-model", scheme=scheme, division=division, out=build)
            loaded = load_build(build)
            x, _ = samples_of(
                loaded, input_file=None, split=None, count=asked.samples, place=Place()
            )
            for machine in asked.machines.split(","):
                run = Differing(loaded.integer, MACHINES[machine])
                run(x)
                size = run.emulated.size
                cells = (
                    *(folder.name, scheme, division, machine),
                    f"{np.mean(run.emulated.instructions):.0f}",
                    *(run.samples, run.differing, *astuple(size)),
                )
                print(" | ".join(map(str, cells)))
                sys.stdout.flush()


if __name__ == "__main__":
    main()

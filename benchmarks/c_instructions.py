"""Instructions, flash and memory of networks in C on microcontrollers that QEMU emulates.

    python benchmarks/c_instructions.py RUN [RUN ...] [--schemes int8,int4] [--divisions ...]

Every run is compiled for the digital target by each scheme and division; the C of each classifies
the first test images on each machine, and its sums are compared with the integer simulator's.
Instructions are QEMU's, of the whole inference; cycles are more where a processor waits for its
flash or takes several cycles for an instruction. Bytes: constants as packed, the state as declared,
code and stack as the compiler says (the stack is the sum over all functions, an upper bound).
"""

import argparse
import itertools
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eideploy import compile_run
from eideploy.backends.c.emit import network_files, self_test
from eideploy.backends.c.network import Network
from eideploy.backends.c.qemu import MACHINES, run
from eideploy.backends.digital.build import load_build
from eideploy.data.origin import Place
from eideploy.execute.integer import quantize_input, run_integer
from eideploy.flow.samples import samples_of

HEADS = (
    "run",
    "scheme",
    "division",
    "machine",
    "instructions",
    "samples equal",
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
            compile_run(folder, scheme=scheme, division=division, out=build)
            network = written(build, Path(name), asked.samples)
            for machine in asked.machines.split(","):
                counted = run(MACHINES[machine], Path(name))
                cells = (
                    *(folder.name, scheme, division, machine),
                    *(f"{np.mean(counted.instructions):.0f}", f"{sum(counted.equal)}"),
                    *(network.constant_bytes, counted.code, network.state_bytes, counted.stack),
                )
                print(" | ".join(map(str, cells)))
                sys.stdout.flush()


def written(build: Path, folder: Path, count: int) -> Network:
    """Write a build's network with test images into a folder."""
    loaded = load_build(build)
    circuit = loaded.program.circuit
    x, _ = samples_of(loaded, input_file=None, split=None, count=count, place=Place())
    totals = run_integer(circuit, x).totals
    network = Network(circuit)
    levels = quantize_input(circuit, np.asarray(x)[:, None])
    for name, text in {**network_files(network), **self_test(network, levels, totals)}.items():
        (folder / name).write_text(text, "ascii")
    return network


if __name__ == "__main__":
    main()

"""Instructions, flash and memory of networks in C on microcontrollers that QEMU emulates.

    python benchmarks/c_instructions.py RUN|BUILD [...] [--schemes int8,int4] [--divisions ...]

Every run is compiled for the target of each machine by each scheme, division and form; its C
classifies the first test images there; spikes, membranes and sums are compared with the integer
simulator's. A build is what it is, and a graph that was imported runs random sequences.
Instructions are QEMU's, of the whole inference; cycles are more where a processor waits for its
flash or takes several cycles for an instruction. Bytes are the linker's; the stack is the
compiler's sum over all functions, an upper bound.
"""

import argparse
from dataclasses import astuple
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from c_programs import built_of, programs, samples

from eideploy.backends.c.network import network_of
from eideploy.backends.c.qemu import MACHINES, Differing

HEADS = (
    "run",
    "scheme",
    "division",
    "form",
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
    parser.add_argument("--forms", default="auto")
    parser.add_argument("--machines", default="cortex-m0,cortex-m4,rv32imc")
    parser.add_argument("--target", help="of all machines, where the own of one is too small")
    parser.add_argument("--samples", type=int, default=20)
    asked = parser.parse_args()
    print(" | ".join(HEADS))
    for run, scheme, division, form in programs(asked):
        for machine in asked.machines.split(","):
            target = asked.target or machine
            with TemporaryDirectory() as name:
                build = built_of(run, Path(name) / "b", target, scheme, division, form)
                ran = Differing(network_of(build.program), MACHINES[machine])
                ran(samples(build, asked.samples))
            cells = (
                *(run.name, scheme, division, form, machine),
                f"{np.mean(ran.emulated.instructions):.0f}",
                *(ran.samples, ran.differing, *astuple(ran.emulated.size)),
            )
            print(" | ".join(map(str, cells)), flush=True)


if __name__ == "__main__":
    main()

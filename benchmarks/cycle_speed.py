"""Speed of the cycle model beside the core in Verilator; cycles and busy lanes over lanes.

    python benchmarks/cycle_speed.py RUN

RUN is a trained run of digits-conv. The figures of docs/digital_core.md are its output.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from eideploy.backends.digital.bundle import write_bundle
from eideploy.backends.digital.counts import Cycles
from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import Compiling
from eideploy.backends.digital.place import place
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.rtl.bench import OnLine, in_verilator, run_bundle
from eideploy.backends.digital.rtl.build import testbench
from eideploy.circuit import Array
from eideploy.execute.integer import run_integer
from eideploy.folders import load_run
from eideploy.target import load_target

BATCH = 256
IN_VERILATOR = 64  # samples
LANES = 4, 8, 16, 32, 64
REPEATS = 5


def main() -> None:
    """Print the speeds and the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    made = compile_in_memory(load_run(parser.parse_args().run), Compiling(), load_target("digital"))
    samples = made.samples[:BATCH]
    cycles, model = modelled(made.program, samples)
    total = int(cycles.per_inference.sum())
    core = simulated(made.program, samples[:IN_VERILATOR])
    print(f"cycle model with the integer simulator, batch {BATCH}: {model / 1e6:.0f} M cycles/s")
    print(f"Verilator, one core, {IN_VERILATOR} samples: {core / 1e6:.2f} M cycles/s")
    print(f"ratio: {model / core:.0f}, over {total / 1e6:.0f} M cycles\n")
    print("| lanes | cycles an inference | against 4 lanes | lanes busy in accumulate |")
    print("|---|---|---|---|")
    first = 0.0
    for lanes in LANES:
        cycles = at_lanes(made.program, lanes, samples)
        mean = float(cycles.per_inference.mean())
        first = first or mean
        print(f"| {lanes} | {mean:,.0f} | {first / mean:.2f} | {busy(cycles):.1%} |")


def modelled(program: Program, samples: Array) -> tuple[Cycles, float]:
    """Return the cycles of all samples, and how many of them the model counts in a second."""
    best = float("inf")
    for _ in range(REPEATS):
        begun = time.perf_counter()
        cycles = count_cycles(program, run_integer(program.circuit, samples, keep=CYCLE_KINDS))
        best = min(best, time.perf_counter() - begun)
    return cycles, int(cycles.per_inference.sum()) / best


def simulated(program: Program, samples: Array) -> float:
    """Return how many cycles the testbench simulates in a second, its start and files included."""
    spent = []

    def timed(
        folder: Path, words: Path, trace: Path, options: Sequence[str], on_line: OnLine
    ) -> None:
        begun = time.perf_counter()
        in_verilator(folder, words, trace, options, on_line)
        spent.append(time.perf_counter() - begun)

    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder)
        write_bundle(program, bundle)
        testbench(bundle)  # built before the clock runs
        for _ in range(REPEATS):
            found = run_bundle(program, bundle, samples, run=timed)
    cycles = sum(int(c.sum()) for phases in found.phases.values() for c in phases.values())
    return cycles / min(spent)


def at_lanes(program: Program, lanes: int, samples: Array) -> Cycles:
    """Return the cycles of the same network on a core of other lanes."""
    target = replace(program.target, core=replace(program.target.core, lanes=lanes))
    placed = place(program.circuit, target=target)
    return count_cycles(placed, run_integer(placed.circuit, samples, keep=CYCLE_KINDS))


def busy(cycles: Cycles) -> float:
    """Return the part of all lanes that held a weight while accumulate scanned."""
    useful = sum(int(stage.useful.sum()) for stage in cycles.stages.values())
    return useful / sum(int(stage.offered.sum()) for stage in cycles.stages.values())


if __name__ == "__main__":
    main()

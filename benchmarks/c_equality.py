"""The C of networks beside the integer simulator, over schemes, divisions, forms and compilers.

    python benchmarks/c_equality.py RUN|BUILD [...] [--samples N] [--builds gcc-O3,clang-O3,...]
        [--results FILE]

Every run is compiled for the target c by each scheme, division and form; a build is what it is. Its
C is compiled in each way and runs N test images, or all of a bundled data set where N is not given;
of a graph that was imported random sequences. Counted are spikes, membranes and sums that differ
from the integer simulator's; a build by a sanitizer ends where behaviour is undefined or an address
is bad. Rows are added to FILE, and those that it has are not run again.
"""

import argparse
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from c_programs import built_of, programs, samples

from eideploy.backends.c.executor import Compiled
from eideploy.backends.c.network import Network, network_of
from eideploy.circuit import Array
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import Trace

SANITIZED = ("-O1", "-fsanitize=undefined,address", "-fno-sanitize-recover=all")
BUILDS = {
    "gcc-O0": ("gcc", ("-O0",)),
    "gcc-O3": ("gcc", ("-O3",)),
    "clang-O0": ("clang", ("-O0",)),
    "clang-O3": ("clang", ("-O3",)),
    "gcc-sanitized": ("gcc", SANITIZED),
}
SCHEMES, FORMS = "int8,int4,pow2", "factored,folded"
DIVISIONS = "lut:8x8,shift,shift2,exact,pwl:4x12,mitchell"
WATCHED = frozenset({"spikes", "membranes"})
BATCH = 256
HEADS = ("run", "scheme", "division", "form", "built by", "samples", "differing")


def main() -> None:
    """Print a row for every program and build."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--schemes", default=SCHEMES)
    parser.add_argument("--divisions", default=DIVISIONS)
    parser.add_argument("--forms", default=FORMS)
    parser.add_argument("--builds", default=",".join(BUILDS))
    parser.add_argument("--samples", type=int)
    parser.add_argument("--results", type=Path, default=os.devnull)
    asked = parser.parse_args()
    kept = asked.results.read_text().splitlines() if asked.results.exists() else []
    known = dict(row.rpartition(" | ")[::2] for row in kept)
    differ = rows = 0
    with asked.results.open("a") as file:
        for run, scheme, division, form in programs(asked):
            with TemporaryDirectory() as name:
                build = built_of(run, Path(name) / "b", "c", scheme, division, form)
                x = samples(build, asked.samples)
                program = run.name, scheme, division, form
                begun = {
                    one: " | ".join((*program, one, str(len(x)))) for one in asked.builds.split(",")
                }
                if any(row not in known for row in begun.values()):
                    expected = run_integer(build.integer, x, keep=WATCHED)
                for built, row in begun.items():
                    if row not in known:
                        network = network_of(build.program)
                        known[row] = str(differing(network, x, expected, built, Path(name)))
                        print(f"{row} | {known[row]}", file=file, flush=True)
                    print(f"{row} | {known[row]}", flush=True)
                    differ, rows = differ + int(known[row]), rows + 1
    print(f"{rows} rows, {differ} spikes, membranes and sums differ")


def differing(network: Network, x: Array, expected: Trace, built: str, folder: Path) -> int:
    """Return how many spikes, membranes and sums differ."""
    os.environ["CC"], flags = BUILDS[built]
    program = Compiled(network, folder, flags)
    found = 0
    for start in range(0, len(x), BATCH):
        part = slice(start, start + BATCH)
        watched = program.watched(x[part])
        found += int((watched.totals != expected.totals[part]).sum())
        for what in WATCHED:
            for name, array in getattr(watched, what).items():
                found += int((array.swapaxes(0, 1) != getattr(expected, what)[name][:, part]).sum())
    return found


if __name__ == "__main__":
    main()

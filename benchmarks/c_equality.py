"""The C of networks beside the integer simulator, over schemes, divisions, forms and compilers.

    python benchmarks/c_equality.py RUN [RUN ...] [--samples N] [--builds gcc-O3,clang-O3,...]

Every run is compiled by each scheme, division and form; its C is compiled in each way and runs
the test images, or all of a bundled data set where N is not given. Counted are spikes,
membranes and sums that differ from the integer simulator's; a build by a sanitizer ends where
behaviour is undefined or an address is bad.
"""

import argparse
import itertools
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eideploy import compile_run
from eideploy.backends.c.executor import Compiled
from eideploy.backends.digital.build import load_build
from eideploy.circuit import Array, Circuit
from eideploy.data.origin import Place
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import Trace
from eideploy.flow.samples import samples_of
from eideploy.options.choices import Split

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
    asked = parser.parse_args()
    print(" | ".join(HEADS))
    programs = itertools.product(
        asked.runs, asked.schemes.split(","), asked.divisions.split(","), asked.forms.split(",")
    )
    in_all, rows = 0, 0
    for run, scheme, division, form in programs:
        with TemporaryDirectory() as name:
            build = Path(name) / "build"
            compile_run(
                run,
                target="digital-model",
                scheme=scheme,
                division=division,
                inhibition=form,
                out=build,
            )
            loaded = load_build(build)
            split: Split | None = "all" if asked.samples is None else None
            x, _ = samples_of(
                loaded, input_file=None, split=split, count=asked.samples, place=Place()
            )
            x = np.asarray(x, np.float32)
            expected = run_integer(loaded.integer, x, keep=WATCHED)
            for built in asked.builds.split(","):
                found = differing(loaded.integer, x, expected, built, Path(name))
                print(
                    " | ".join(map(str, (run.name, scheme, division, form, built, len(x), found)))
                )
                sys.stdout.flush()
                in_all, rows = in_all + found, rows + 1
    print(f"{rows} rows, {in_all} spikes, membranes and sums differ")


def differing(circuit: Circuit, x: Array, expected: Trace, built: str, folder: Path) -> int:
    """Return how many spikes, membranes and sums differ."""
    os.environ["CC"], flags = BUILDS[built]
    program = Compiled(circuit, folder, flags)
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

"""Compile the digits presets with every division, and print what each costs, as Markdown.

    python benchmarks/digits_deployment.py [--runs FOLDER] [--seeds N]

Networks that are not in FOLDER are trained into it first (2 minutes each). Every figure is a mean
over the seeds: accuracy on the 360 test images, agreement with the float network over all 1797,
spike mismatch of the worst layer, median cycles of an inference.
"""

# ruff: noqa: E402 (the imports below load numpy and torch, which ask for their loops once)
from eideploy.portable import pin

pin()  # as the commands do

import argparse
from pathlib import Path
from statistics import fmean

from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import Compiling
from eideploy.backends.digital.validate.compare import Comparison, compare
from eideploy.data import load
from eideploy.divisions import named
from eideploy.flow.train import train
from eideploy.folders import load_run
from eideploy.memory import keep_freed_memory
from eideploy.report.text import at_most
from eideploy.target import load_target

ROWS = (
    *(("int8", d) for d in ("exact", "lut:8x8", "pwl:4x12", "shift2", "mitchell", "shift")),
    ("int8", "constant"),
    ("int4", "lut:4x6"),
    ("int3", "lut:4x6"),
    ("int2", "lut:4x6"),
)


def runs(preset: str, folder: Path, seeds: int) -> list[Path]:
    """Return the run folder of every seed, trained where it was missing."""
    found = [folder / f"{preset}-{seed}" for seed in range(seeds)]
    for seed, path in enumerate(found):
        if not path.exists():
            train(preset, overrides={"seed": str(seed)}, out=path)
    return found


def measure(path: Path, scheme: str, division: str) -> tuple[Comparison, Comparison]:
    """Return the comparisons on the test images and on all images."""
    run, digits = load_run(path), load("digits")
    options = Compiling(scheme=scheme, division=named(division))
    program = compile_in_memory(run, options, load_target("digital-model")).program
    test = compare(run.circuit, program, digits.test_x, digits.test_y)
    return test, compare(run.circuit, program, digits.all_x, digits.all_y)


def row(paths: list[Path], scheme: str, division: str) -> str:
    """Return one row of the table."""
    both = [measure(path, scheme, division) for path in paths]
    bound = named(division).bound
    test, every = [b[0] for b in both], [b[1] for b in both]
    cells = [
        scheme,
        division,
        "none" if bound is None else at_most(bound),
        f"{100 * fmean(t.float_accuracy or 0 for t in test):.2f} %",
        f"{100 * fmean(t.integer_accuracy or 0 for t in test):.2f} %",
        f"{100 * fmean(e.agreement for e in every):.2f} %",
        f"{100 * fmean(max(layer.mismatch for layer in e.layers) for e in every):.2f} %",
        f"{fmean(e.cycles.median for e in every):,.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print a table a preset."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=Path, default=Path("runs/benchmark"))
    parser.add_argument("--seeds", type=int, default=3)
    args = parser.parse_args()
    keep_freed_memory()
    for preset in ("digits-conv", "digits-mlp"):
        paths = runs(preset, args.runs, args.seeds)
        print(f"\n{preset}, seeds 0-{args.seeds - 1}\n")
        print(
            "| scheme | division | bound of 1/I_div | float accuracy | integer accuracy "
            "| agreement | worst spike mismatch | cycles |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for scheme, division in ROWS:
            print(row(paths, scheme, division), flush=True)


if __name__ == "__main__":
    main()

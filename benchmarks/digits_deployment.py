"""Compile the digits presets with every division, and print what each costs, as Markdown.

    python benchmarks/digits_deployment.py [--runs FOLDER] [--seeds N]

Networks that are not in FOLDER are trained into it first (2 minutes each). Every figure is a mean
over the seeds: accuracy on the 360 test images, agreement with the float network over all 1797,
spike mismatch of the worst layer, median cycles of an inference.
"""

import argparse
from pathlib import Path
from statistics import fmean

from eideploy.circuit.integer import ZeroPolicy
from eideploy.data import load
from eideploy.flow.compile import Options, compile_in_memory
from eideploy.flow.train import train
from eideploy.folders import load_run
from eideploy.numeric.division import Divider, exact, lut, shift, shift2
from eideploy.report.compare import Comparison, compare
from eideploy.report.text import at_most

DIVIDERS = (exact(), lut(12, 12), lut(8, 8), lut(6, 6), lut(4, 4), lut(2, 2), shift2(), shift())


def runs(preset: str, folder: Path, seeds: int) -> list[Path]:
    """Return the run folder of every seed, trained where it was missing."""
    found = [folder / f"{preset}-{seed}" for seed in range(seeds)]
    for seed, path in enumerate(found):
        if not path.exists():
            train(preset, overrides={"seed": str(seed)}, out=path)
    return found


def measure(path: Path, divider: Divider, policy: ZeroPolicy) -> tuple[Comparison, Comparison]:
    """Return the comparisons on the test images and on all images."""
    run, digits = load_run(path), load("digits")
    program = compile_in_memory(run, Options(divider=divider, zero_policy=policy)).program
    test = compare(run.circuit, program, digits.test_x, digits.test_y)
    return test, compare(run.circuit, program, digits.all_x, digits.all_y)


def row(paths: list[Path], divider: Divider, policy: ZeroPolicy) -> str:
    """Return one row of the table."""
    both = [measure(path, divider, policy) for path in paths]
    test, every = [b[0] for b in both], [b[1] for b in both]
    cells = [
        divider.label,
        policy,
        at_most(divider.bound),
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
    for preset in ("digits-conv", "digits-mlp"):
        paths = runs(preset, args.runs, args.seeds)
        print(f"\n{preset}, scheme int8, seeds 0-{args.seeds - 1}\n")
        print(
            "| division | zero divisors | bound of 1/I_div | float accuracy | integer accuracy "
            "| agreement | worst spike mismatch | cycles |"
        )
        print("|---|---|---|---|---|---|---|---|")
        for divider in DIVIDERS:
            print(row(paths, divider, "minimum"), flush=True)
        print(row(paths, lut(8, 8), "floor"), flush=True)


if __name__ == "__main__":
    main()

"""Fine-tune finished runs through integers, and print accuracies before and after as table rows.

    python benchmarks/finetune.py RUN... --goals int4:shift int3:shift2 int2:shift

For every goal and run: the float network, the integer program as compiled (post-training) and after
`eideploy train --finetune` with its defaults, on the test split at the last epoch; then the means.
"""

# ruff: noqa: E402 (the imports below load numpy and torch, which ask for their loops once)
from eideploy.portable import pin

pin()  # as the commands do

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import Compiling
from eideploy.backends.digital.validate.compare import compare
from eideploy.data.origin import Place
from eideploy.divisions import named
from eideploy.flow.finetuning import finetune
from eideploy.flow.requests.train import Finetune
from eideploy.flow.samples import samples_of
from eideploy.folders import load_run
from eideploy.memory import keep_freed_memory
from eideploy.target import load_target


def accuracies(folder: Path, scheme: str, division: str) -> tuple[float, float, float]:
    """Return float accuracy, integer accuracy and worst spike mismatch of a run, in percent."""
    run = load_run(folder)
    options = Compiling(scheme=scheme, division=named(division))
    program = compile_in_memory(run, options, load_target("digital-model")).program
    x, y = samples_of(run, input_file=None, split="test", count=None, place=Place())
    found = compare(run.circuit, program, x, y)
    worst = max(layer.mismatch for layer in found.layers)
    assert found.float_accuracy is not None
    assert found.integer_accuracy is not None
    return 100 * found.float_accuracy, 100 * found.integer_accuracy, 100 * worst


def main() -> None:
    """Print a row for each run and goal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--goals", nargs="+", default=["int4:shift", "int3:shift2", "int2:shift"])
    options = parser.parse_args()
    keep_freed_memory()
    for goal in options.goals:
        scheme, division = goal.split(":", 1)
        rows = []
        for run in options.runs:
            exact, before, _ = accuracies(run, scheme, division)
            with tempfile.TemporaryDirectory() as place:
                out = Path(place) / "run"
                begun = time.perf_counter()
                made = finetune(Finetune(run, scheme=scheme, division=division, out=out))
                taken = time.perf_counter() - begun
                _, after, _ = accuracies(out, scheme, division)
            assert 100 * made.content["metrics"]["test_accuracy"] == after
            rows.append((exact, before, after))
            cells = " | ".join(f"{v:.2f}" for v in rows[-1])
            print(f"| {run.name} | {scheme} {division} | {cells} | {taken:.0f} |", flush=True)
        exact, before, after = np.mean(rows, 0)
        print(
            f"| mean of {len(rows)} | {scheme} {division} | {exact:.2f} | {before:.2f} | "
            f"**{after:.2f}** ({after - exact:+.2f}) | |",
            flush=True,
        )


if __name__ == "__main__":
    main()

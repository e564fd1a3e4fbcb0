"""Train a deep network of the digits without each part of the method. Usage: run.py [--seeds N].

Every finished training is a row of OUT/ablations.csv, and the table is OUT/ablations.md; what is in
the file already is not trained again, and what was interrupted continues.
"""

import argparse
import csv
import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from eideploy.config import Config, load_config
from eideploy.data import Dataset, load
from eideploy.errors import DivergedError
from eideploy.files import write_atomic
from eideploy.model.checkpoint import FILE, load_state
from eideploy.model.training import train

VARIANTS: Mapping[str, dict[str, str]] = {
    "whole method": {},
    "Kaiming initialisation": {"ablation.initialisation": "kaiming"},
    **{f"epsilon {e}": {"ablation.epsilon": e} for e in ("1e-8", "1e-7", "1e-6", "1e-5", "0.1")},
    "no gradient scaling": {"ablation.gradient_scaling": "false"},
    "no sign constraint": {"ablation.sign": "false"},
    "no sign constraint, Kaiming": {
        "ablation.sign": "false",
        "ablation.initialisation": "kaiming",
    },
    "no straight-through": {"ablation.straight_through": "false"},
}
PUBLISHED = {  # the paper's table 2: VGG-8 on CIFAR-10
    "whole method": "87.03",
    "Kaiming initialisation": "85.61",
    "epsilon 1e-8": "no convergence",
    "epsilon 1e-7": "no convergence",
    "epsilon 1e-6": "collapse",
    "epsilon 1e-5": "collapse",
    "no gradient scaling": "collapse",
    "no sign constraint": "no convergence",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """A finished training: accuracies in percent, of the last epoch and of the best one."""

    variant: str
    seed: int
    last: float
    best: float
    best_epoch: int
    epochs: int
    diverged: bool  # the loss was not finite any more after these epochs

    def __str__(self) -> str:
        if self.last > self.best - 5 and not self.diverged:
            return f"{self.last:.2f}"
        end = "diverged" if self.diverged else "last"
        return f"{self.last:.2f} ({end}; {self.best:.2f} in epoch {self.best_epoch})"


def measure(variant: str, config: Config, dataset: Dataset, folder: Path) -> Row:
    """Train, or continue to, in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        metrics, diverged = train(config, dataset, folder, resume=True).metrics, False
    except DivergedError:
        metrics, diverged = load_state(folder).metrics if (folder / FILE).exists() else (), True
    course = [100 * m.test_accuracy for m in metrics] or [0.0]
    best = max(course)
    return Row(
        variant=variant,
        seed=config.seed,
        last=course[-1],
        best=best,
        best_epoch=course.index(best) + 1,
        epochs=len(metrics),
        diverged=diverged,
    )


def read(path: Path) -> list[Row]:
    """Return the rows of an earlier call."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            Row(
                variant=row["variant"],
                seed=int(row["seed"]),
                last=float(row["last"]),
                best=float(row["best"]),
                best_epoch=int(row["best_epoch"]),
                epochs=int(row["epochs"]),
                diverged=row["diverged"] == "True",
            )
            for row in csv.DictReader(file)
        ]


def write(rows: list[Row], out: Path) -> None:
    """Write the rows, and the table of all variants."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, [f.name for f in fields(Row)])
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    write_atomic(out / "ablations.csv", text.getvalue().encode())
    seeds = sorted({row.seed for row in rows})
    lines = [
        f"| | {' | '.join(f'seed {s}' for s in seeds)} | mean | paper |",
        "|---" * (len(seeds) + 3) + "|",
    ]
    for variant in VARIANTS:
        own = {row.seed: row for row in rows if row.variant == variant}
        if own:
            cells = [str(own.get(seed, "")) for seed in seeds]
            mean = sum(row.last for row in own.values()) / len(own)
            cells += [f"{mean:.2f}", PUBLISHED.get(variant, "")]
            lines.append(f"| {variant} | {' | '.join(cells)} |")
    write_atomic(out / "ablations.md", ("\n".join(lines) + "\n").encode())


def main() -> None:
    """Train every variant with every seed that has no row yet, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=0, help="batches, to try it; 0: all")
    parser.add_argument("--out", type=Path, default=Path("ablations"))
    options = parser.parse_args()
    deep = load_config(Path(__file__).with_name("deep.toml"))
    dataset = load(deep.data.name)
    rows = read(options.out / "ablations.csv")
    for seed in range(options.seeds):
        for variant, switches in VARIANTS.items():
            if any((row.variant, row.seed) == (variant, seed) for row in rows):
                continue
            shorter = {"training.max_iterations": str(options.iterations)}
            config = replace(deep.with_overrides({**shorter, **switches}), seed=seed)
            folder = options.out / f"{variant.replace(' ', '-')}-{seed}"
            rows.append(measure(variant, config, dataset, folder))
            write(rows, options.out)
            print(f"seed {seed}  {variant:<28} {rows[-1]}", flush=True)
    print((options.out / "ablations.md").read_text("utf-8"))


if __name__ == "__main__":
    main()

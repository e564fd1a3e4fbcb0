"""Every example runs as its README says, on a small network."""

import csv
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eideploy.cli import main

EXAMPLES = Path(__file__).parent.parent / "examples"
SMALL = ["training.epochs=1", "training.warmup_epochs=0", 'network.widths=[8, "P", 8]']


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example") / "run"
    settings = [word for setting in SMALL for word in ("--set", setting)]
    assert main(["train", *settings, "--out", str(folder)]) == 0
    return folder


def test_walk_through_the_python_api_prints_every_division(run):
    script = EXAMPLES / "python_api" / "walk.py"
    done = subprocess.run(
        [sys.executable, script, run], capture_output=True, text=True, check=True, timeout=120
    )
    rows = [line.split("  ")[0].strip() for line in done.stdout.splitlines()]
    assert rows == ["division", "exact", "lut 8x8", "lut 4x4", "shift2", "shift"]


def test_own_target_compiles_with_the_small_table_and_refuses_the_large_one(
    run, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    shutil.copy(EXAMPLES / "own_target" / "spec.toml", tmp_path)
    assert main(["targets", "check", "spec.toml"]) == 0
    compile_run = ["compile", str(run), "--target", "spec.toml", "--out", "build"]
    assert main([*compile_run, "--lut", "8bit"]) == 1
    assert "table entries: 256 of 64" in capsys.readouterr().err
    assert main([*compile_run, "--lut", "4bit"]) == 0
    assert main(["simulate", "build", "--samples", "20"]) == 0
    assert "division  lut 4x4" in capsys.readouterr().out


def test_ablations_train_every_variant_once_and_make_a_table(tmp_path):
    script = EXAMPLES / "ablations" / "run.py"
    command = [sys.executable, script, "--seeds", "1", "--iterations", "2", "--out", tmp_path]
    options = {"capture_output": True, "text": True, "check": True, "timeout": 300}
    first = subprocess.run(command, **options).stdout
    with (tmp_path / "ablations.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["variant"] for row in rows}) == 11
    assert {row["epochs"] for row in rows} == {"1"}
    table = (tmp_path / "ablations.md").read_text("utf-8")
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == [
        f"| {row['variant']}" for row in rows
    ]
    assert first.endswith(f"{table}\n")
    assert subprocess.run(command, **options).stdout == f"{table}\n"  # nothing was trained again

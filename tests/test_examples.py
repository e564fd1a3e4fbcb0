"""Every example runs as its README says, on a small network.

Most run in the process of the test, where torch is loaded already.
"""

import csv
import re
import runpy
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from eideploy import native
from eideploy.backends.digital.build import load_build
from eideploy.cli import main
from eideploy.data import digits_events, load
from eideploy.execute.integer import run_integer
from tests.cli.support import PATIENCE_S
from tests.model.reference import golden, state_of

pytestmark = pytest.mark.no_cover  # the jobs that they call have tests of their own
EXAMPLES = Path(__file__).parent.parent / "examples"
FEW = 50  # digits, with one of each to test with
SMALL = ["training.epochs=1", "training.warmup_epochs=0", 'network.widths=[8, "P", 8]']
SMALL_CHIP = (
    "network.excitatory=60", "network.inhibitory=16", "network.output_inhibitory=6",
    "network.outputs=4", "training.epochs=2", "training.threads=1",
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("example") / "run"
    settings = [word for setting in SMALL for word in ("--set", setting)]
    assert main(["train", *settings, "--out", str(folder)]) == 0
    return folder


def test_walk_through_the_python_api_prints_every_division(run):
    script = EXAMPLES / "python_api" / "walk.py"
    done = subprocess.run(
        [sys.executable, script, run],
        capture_output=True,
        text=True,
        check=True,
        timeout=PATIENCE_S,
    )
    rows = [line.split("  ")[0].strip() for line in done.stdout.splitlines()]
    assert rows == ["division", "exact", "lut 8x8", "lut 4x4", "shift2", "shift"]


@pytest.fixture
def example(tmp_path, monkeypatch, capsys):
    """Return a function that runs a script in an empty folder, and returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(path, *words):
        script = EXAMPLES / path
        monkeypatch.setattr(sys, "argv", [str(script), *map(str, words)])
        monkeypatch.syspath_prepend(script.parent)
        try:
            runpy.run_path(str(script), run_name="__main__")
        except SystemExit as end:
            assert not end.code  # noqa: PT017 - a script may end so
        return capsys.readouterr().out

    return run


@pytest.mark.slow
def test_the_notebook_goes_from_training_to_a_report(example, tmp_path):
    script = EXAMPLES / "python_api" / "notebook.py"
    said = example("python_api/notebook.py", *SMALL)
    assert "refused: the target cannot divide by mitchell" in said
    assert (tmp_path / said.splitlines()[-1]).is_file()
    lines = script.read_text("utf-8").splitlines()
    assert lines.count("# %%") == lines.count("# %% [markdown]") == 6


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


@pytest.mark.rtl
def test_a_network_of_ones_own_becomes_rtl_that_equals_the_simulator(example, tmp_path):
    said = example("tutorials/own_module.py")
    assert "add1 = Add(lif1, lif2) -> 8x8x8" in said
    shown = dict(re.findall(r"^(agreement|test accuracy) +([\d.]+)", said, re.M))
    assert min(map(float, shown.values())) >= 95
    assert "8 samples: 0 spikes, 0 membranes, 0 logits, 0 cycle counts differ" in said
    assert {"own_module.png", "own_module_divisors.png"} <= {p.name for p in tmp_path.iterdir()}


@pytest.mark.slow
@pytest.mark.rtl
def test_digits_become_rtl_that_equals_the_simulator(example):
    said = example("digits_to_rtl/run.py", *SMALL)
    assert "SystemVerilog files in builds/digits-conv-1-digital-int8-lut8x8-1/rtl" in said
    assert "rtl: 0 logits and 0 predictions of 20 samples differ" in said


@pytest.mark.slow
def test_event_recordings_become_onnx_that_equals_the_simulator(example, monkeypatch):
    images, labels = digits_events.read()
    monkeypatch.setattr(digits_events, "read", lambda: (images[:FEW], labels[:FEW]))
    small = ["training.epochs=1", "training.warmup_epochs=0", "training.max_iterations=3"]
    said = example("events_to_onnx/run.py", *small, 'network.widths=[4, "P", "P", 8]')
    assert [line.split()[0] for line in said.splitlines()[:2]] == ["model.onnx", "model.int.onnx"]
    assert said.endswith("integer sums that differ from the simulator's: 0\n")


@pytest.mark.slow
def test_fine_tuning_wins_back_what_4_bits_and_shifts_lose(example):
    small = ("training.epochs=6", "training.batch=240", "training.rate=0.05")
    said = example("int4_and_shift/run.py", *small, "training.warmup_epochs=0")
    head, *rows = [line.split() for line in said.splitlines()]
    assert head[0] == "network"
    assert [row[:3] for row in rows] == [
        ["trained", "int8", "lut:8x8"],
        ["trained", "int4", "shift"],
        ["fine-tuned", "int4", "shift"],
    ]
    integers = [float(row[4].rstrip("%")) for row in rows]
    assert integers[2] >= integers[1] - 1
    assert integers[0] > 80


def test_a_checkpoint_of_the_authors_is_compiled(example, tmp_path):
    data = golden("c1_mlp_64_64_32_10")
    state = {name: torch.from_numpy(a) for name, a in state_of(data).items()}
    config = {"dataset": "MNIST", "type": "EI-SNN", "arch": "MLP", "T": 4, "num_layers": 3}
    torch.save({"model_state_dict": state, "config": config}, tmp_path / "mlp.pth")
    samples = data["x"].reshape(-1, 1, 1, 64)
    np.save(tmp_path / "x.npy", (samples - samples.min()) / np.ptp(samples))
    said = example("authors_checkpoint/run.py", "mlp.pth", "x.npy")
    assert "imported mlp.pth" in said
    assert "prediction agreement" in said


@pytest.mark.slow
@pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
def test_a_network_is_mapped_on_dynapse2_and_simulated(example):
    said = example("dynapse2/run.py", *SMALL_CHIP)
    assert "no board has run" in said
    assert "semantic gap" in said


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["snntorch", "snntorch-0.9", "spikingjelly", "nirtorch"])
def test_a_network_of_another_tool_keeps_its_predictions(tool, example):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what the tools call
        said = example("nir_from_another_tool/run.py", tool, "3")
    assert "division  none (the network has no shunting inhibition)" in said
    rows = [line.split("accuracy")[1].split() for line in said.splitlines()[-3:]]
    assert float(rows[1][-1].rstrip("%")) == 100
    assert float(rows[2][-1].rstrip("%")) >= 95


@pytest.mark.slow
def test_own_images_become_hardware_files(example, tmp_path):
    said = example("tutorials/own_images.py", 1)
    assert "build  builds/shapes-1-digital-int8-lut8x8-1" in said
    assert "prediction agreement" in said
    assert "shapes/bar/00.png" in said
    assert (tmp_path / "own_images.png").is_file()


@pytest.mark.slow
def test_own_events_are_trained_on_and_compiled(example, tmp_path):
    said = example("tutorials/own_events.py", 1)
    assert "of 24 samples" in said
    assert "cycles per inference" in said
    assert (tmp_path / "own_events.svg").is_file()


@pytest.mark.slow
@pytest.mark.skipif(not (shutil.which("make") and shutil.which("cc")), reason="needs make and cc")
def test_a_snntorch_network_becomes_c_that_passes_its_self_test(example):
    said = example("tutorials/snntorch_to_c.py", 3)
    assert re.search(r"agreement (9[5-9]|100)\.\d%", said)
    assert said.strip().endswith("8 of 8 equal")


@pytest.mark.slow
@pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
def test_a_checkpoint_of_the_authors_reaches_the_simulated_chip(example):
    said = example("tutorials/checkpoint_to_dynapse2.py", *SMALL_CHIP)
    assert "arch MLP" in said
    assert "agreement with runs/checkpoint-1" in said
    assert "emulated boards  accuracy" in said


@pytest.mark.parametrize(
    "name", ["own_images", "own_events", "own_module", "snntorch_to_c", "checkpoint_to_dynapse2"]
)
def test_the_page_of_a_tutorial_is_that_of_its_script(name):
    """Its code and words; what it prints is written by render.py."""
    script = (EXAMPLES / f"tutorials/{name}.py").read_text("utf-8")
    page = (EXAMPLES / f"tutorials/{name}.md").read_text("utf-8")
    render = runpy.run_path(str(EXAMPLES / "tutorials/render.py"))
    at = 0
    for kind, body in render["cells"](script):
        part = body if kind == "markdown" else f"```python\n{body}\n```"
        assert part in page[at:], part
        at = page.index(part, at) + len(part)


def test_every_example_has_a_readme_and_stands_in_the_list():
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    here = Path(__file__)
    elsewhere = "cli/test_own_backend.py", "backends/dynapse2/test_circuits.py"
    files = here, *(here.parent / name for name in elsewhere)
    tested = "".join(path.read_text("utf-8") for path in files)
    for name in folders - {"__pycache__"}:
        assert (EXAMPLES / name / "README.md").is_file()
        assert f"]({name})" in listed
        assert re.search(f'"{name}["/]', tested)


def test_ablations_train_every_variant_once_and_make_a_table(example, tmp_path):
    words = ["--seeds", "1", "--iterations", "2", "--out", tmp_path]
    first = example("ablations/run.py", *words)
    with (tmp_path / "ablations.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({row["variant"] for row in rows}) == 11
    assert {row["epochs"] for row in rows} == {"1"}
    table = (tmp_path / "ablations.md").read_text("utf-8")
    assert [line.split(" | ")[0] for line in table.splitlines()[2:]] == [
        f"| {row['variant']}" for row in rows
    ]
    assert first.endswith(f"{table}\n")
    assert example("ablations/run.py", *words) == f"{table}\n"  # nothing was trained again


def test_the_method_is_seen_up_close(example, tmp_path):
    head, *rows = example("up_close/run.py", "gradients").splitlines()
    assert head.split()[:2] == ["layer", "d"]
    for row in rows:
        _, d, _, _, unscaled, scaled = row.split()
        assert float(scaled) == pytest.approx(float(unscaled) / int(d), rel=0.01)
    assert len(rows) == 7
    words = ["--seeds", "1", "--epochs", "1"]
    unscaled, scaled = example("up_close/run.py", "scaling", *words, "--powers", "0,1").split()[
        -3::2
    ]
    assert float(scaled) > float(unscaled) + 20  # without scaling it stays near chance
    assert "maps.svg" in example("up_close/run.py", "maps", *words)
    assert (tmp_path / "maps.svg").is_file()


def test_events_are_classified_as_they_come(run, example, tmp_path):
    """Without a lead that decides, the answer is the simulator's; with one it comes earlier."""
    assert main(["compile", str(run), "--target", "c", "--out", "build"]) == 0
    source = EXAMPLES / "streaming/stream.c"
    command = [native.program("CC", "cc", "gcc", "clang"), "-std=c99", "-Wall", "-Werror"]
    command += ["-I", "build/c", str(source), "build/c/net.c", "-o", "stream"]
    subprocess.run(command, check=True)
    said = example("streaming/feed.py", "build", 1).splitlines()
    events = "".join(f"{line}\n" for line in said if re.fullmatch(r"\d+ \d+|\.", line))

    def streamed(*words):
        done = subprocess.run(
            ["./stream", *words], input=events, capture_output=True, text=True, check=True
        )
        return done.stdout.splitlines()

    build = load_build(Path("build"))
    sample = load("digits").test.batch(slice(1, 2))
    expected = run_integer(build.integer, sample).totals.argmax(1)[0]
    whole, early = streamed(), streamed("1")
    assert whole[-1] == f"decided for class {expected} after 4 of 4 steps"
    assert len(early) < len(whole)

"""The commands of the documents do what they say: each is executed, on small networks.

Names that stand for something (RUN, BUILD, my.toml) are put in its place, trainings get few epochs
and narrow layers, simulations few samples; nothing else is changed. What cannot be run in
seconds is listed with where it is run instead.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from eideploy import cli, native
from eideploy.files import write_json
from tests.cli.support import BUILD, RUN, TINY
from tests.cli.test_chip_training import SMALL
from tests.model.reference import golden, state_of
from tests.test_documents import COMMANDS, ROOT, forms

pytestmark = pytest.mark.no_cover  # each command has tests of its own
CHIP_RUN, CHIP_BUILD = "runs/digits-dynapse2-1", "builds/digits-dynapse2-1-dynapse2-1"
# Only parsed, by test_documents: how a command begins, or a word of it, and why.
ONLY_PARSED = {
    "board": "its tools take minutes, its lines need a board; tests/cli/test_board.py, tests/rtl, "
    "tests/backends/dynapse2/test_tune.py",
    "cifar10-vgg16": "CIFAR-10 is not bundled; tests/cli/test_presets.py trains every preset",
    "fashion-mnist-conv": "minutes of training; tests/cli/test_presets.py trains every preset",
    "digits-events-vgg8": "minutes of training; tests/test_examples.py runs it for three batches",
    "runs/digits-events-vgg8-s0": "networks that train for an hour; tests/cli/test_sweep.py",
    "runs/batch-norm": "networks that train for an hour; tests/cli/test_sweep.py",
    "runs/digits-conv-bn-s0": "72 cells at four contrasts; tests/cli/test_sweep.py has small ones",
    "rtl": "a simulator is built for half a minute; tests/rtl and tests/test_examples.py run it",
    "--synth": "yosys takes minutes; tests/cli/test_report.py::test_a_report_with_cells",
    "verify": "builds a simulator of the core; tests/cli/test_verify.py, test_chip.py",
    "--figures": "draws every figure of a report twice more; tests/cli/test_report.py",
    "pets": "a folder of pictures; tests/test_examples.py trains on one, in own_images.py",
    "--data-dir": "the sets of the documents are not bundled; tests/cli/test_presets.py",
    "coarse:4": "a division of an outside package; tests/cli/test_own_division.py",
    "c-arm": "microcontrollers in QEMU; tests/c/test_qemu.py (make test-c)",
    "test.npy": "samples for a file of another tool; tests/nir",
    "SPEC": "any spec; tests/cli/test_own_backend.py checks one",
    "builds/digits-conv-1-toy-board-1": "of an outside package; tests/cli/test_own_backend.py",
    ".nir": "a file of another tool; tests/nir, tests/test_examples.py",
}
REFUSED = {
    "compile --target digital --division mitchell": 1,
    "compile --emit nir --nir-for spikingjelly --nir-for norse": 2,  # of a run with a soft reset
    "predict": 2,
}


def distinct():
    """Return the commands of all documents, each once, as words."""
    found = {}
    for page, line in COMMANDS:
        for _, *words in forms(line):
            found.setdefault(tuple(words), page)
    return [(page, words) for words, page in found.items()]


def only_parsed(words):
    return bool(not words or named_words(words) & set(ONLY_PARSED))


def named_words(words):
    """Return the words, of lists with commas every entry, and the endings of files."""
    parts = {part for word in words for part in word.split(",")}
    return parts | {Path(part).suffix for part in parts}


RUNNABLE = [(page, words) for page, words in distinct() if not only_parsed(words)]


def of_chip(page, words):
    """Whether the command is one of the way to the mixed-signal chip."""
    on = "dynapse2" in page and words[0] in ("simulate", "verify", "report")
    return on or "dpi" in words or "dynapse2" in words


@pytest.fixture(scope="module")
def stage(finished, tmp_path_factory):
    """Return a folder that holds one of everything that the documents speak of."""
    place, before = tmp_path_factory.mktemp("stage"), os.getcwd()  # noqa: PTH109
    shutil.copytree(finished, place, dirs_exist_ok=True)
    os.chdir(place)
    try:
        if native.compiler() is not None:
            assert cli.main(["train", "digits-dynapse2", *SMALL]) == 0
            assert cli.main(["compile", CHIP_RUN, "--target", "dynapse2"]) == 0
        rng, y = np.random.default_rng(0), np.arange(40) % 2
        x = rng.random((640, 8, 8)) * 0.1
        x[0::2, :, :4] += 0.9  # one class is bright on the left, the other on the right
        x[1::2, :, 4:] += 0.9
        np.savez("mine.npz", x=x, y=np.arange(640) % 2)
        np.save("x.npy", rng.random((4, 1, 8, 8), dtype=np.float32))
        np.save("X.npy", rng.random((100, 1, 8, 8), dtype=np.float32))
        np.save("y.npy", y[:4])
        Path("pictures").mkdir()
        for name in ("picture.png", "pictures/1.png"):
            Image.fromarray(rng.integers(0, 256, (8, 8)).astype(np.uint8)).save(name)
        for name in ("digits-mlp-1", "digits-conv-2", "checkpoint-1", "my-run"):
            shutil.copytree(RUN, f"runs/{name}")
        for seed in range(5):
            shutil.copytree(RUN, f"runs/digits-conv-s{seed}")
        shutil.copytree(BUILD, "builds/my-build")
        shutil.copy(ROOT / "targets/digital/spec.toml", "spec.toml")
        shutil.copy(ROOT / "quant/int8.toml", "my.toml")
        shutil.copy(ROOT / "eideploy/presets/digits-conv.toml", "mine.toml")
        Path("measured").mkdir()
        write_json(
            Path("measured/defects.json"), {"version": 1, "chips": {"0": {"neurons": [[0, 0]]}}}
        )
        np.save("mine.npy", np.random.default_rng(0).random((4, 1, 8, 8), dtype=np.float32))
        _authors_checkpoint()
    finally:
        os.chdir(before)
    return place


def _authors_checkpoint():
    data = golden("c1_mlp_64_64_32_10")
    state = {name: torch.from_numpy(a) for name, a in state_of(data).items()}
    config = {"dataset": "MNIST", "type": "EI-SNN", "arch": "MLP", "T": 4, "num_layers": 3}
    for name in ("CKPT.pth", "CKPT"):
        torch.save({"model_state_dict": state, "config": config}, name)


def made_small(page, words):
    """Return the command with names for what they stand for, and small."""
    chip = of_chip(page, words)
    names = {
        "RUN": RUN, "RUN/best.safetensors": f"{RUN}/best.safetensors",
        "BUILD": CHIP_BUILD if chip else BUILD, "PRESET": "digits-mlp",
        "PATH": str(ROOT / "targets/digital/spec.toml"),
        "PATH/spec.toml": str(ROOT / "targets/dynapse2/spec.toml"),
        "examples/ablations/deep.toml": str(ROOT / "examples/ablations/deep.toml"),
    }  # fmt: skip
    names["training.epochs=150"] = "training.epochs=4"
    small = [names.get(word, word) for word in words]
    match small[0]:
        case "train" if "digits-dynapse2" in small or "dynapse2" in small:
            small += SMALL
        case "train" if "--finetune" in small:
            small += ["--set", "training.epochs=1"]
        case "train" if "digits-mlp" in small:
            small += TINY[:4]
        case "train" if "--resume" not in small:
            small += TINY
        case "simulate":
            small = with_option(small, "--samples", "16")
            small = with_option(small, "--chips", "1") if chip else small
        case "sweep":
            small += ["--samples", "8", "--jobs", "1", "--backend", "threading"]
        case "report" if not chip and "my-run" not in " ".join(small) and RUN not in small:
            small += ["--samples", "4"]
        case "compile" if chip:
            small.insert(1, CHIP_RUN)
    return small


def with_option(words, option, value):
    """Return a command with an option, in place of its own value where it has one."""
    at = words.index(option) if option in words else len(words)
    return [*words[:at], option, value, *words[at + 2 :]]


def test_most_commands_are_executed():
    assert len(RUNNABLE) > 50
    used = set().union(*(named_words(words) for _, words in distinct()))
    assert set(ONLY_PARSED) <= used, "a reason that nothing needs"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "words"), RUNNABLE, ids=[" ".join(words) for _, words in RUNNABLE]
)
def test_a_command_of_a_document_does_what_it_says(
    page, words, stage, tmp_path, monkeypatch, capsys
):
    chip = of_chip(page, words)
    if chip and native.compiler() is None:
        pytest.skip("needs a C++ compiler")
    shutil.copytree(stage, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    if not chip:
        for made in (CHIP_RUN, CHIP_BUILD):
            shutil.rmtree(made, ignore_errors=True)
    if "--resume" in words:
        Path(RUN, "manifest.json").unlink()
    if words[0] == "sweep" and not any(word.startswith("runs/") for word in words):
        for run in set(Path("runs").iterdir()) - {Path(RUN), Path("runs/digits-mlp-1")}:
            shutil.rmtree(run)  # it takes all there are
    code = cli.main(made_small(page, words))
    assert code == REFUSED.get(" ".join(words), 0), capsys.readouterr().err

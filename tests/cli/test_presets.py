"""Every published recipe trains, on small made files in the formats of its data set."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from eideploy.config import load_config, presets
from eideploy.data import registry, tinyimagenet
from tests.data import formats
from tests.model.reference import golden, state_of

RECIPES = [name for name in presets() if not name.startswith("digits")]
EVENTS = 5000  # a recording; fewer would leave the deeper layers silent
FULL = ["cifar10-vgg16", "cifar10-resnet18"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Return a folder with a few samples of every data set that a recipe is for."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    for layout in small_cifar().values():
        files = layout.train + layout.test
        formats.write_cifar(folder / layout.source.folder, files, layout.classes, rng)
    formats.write_idx(folder / "FashionMNIST/raw", rng)
    formats.write_tinyimagenet(folder / "tiny-imagenet-200", rng, classes=4, each=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(formats, "events", partial(formats.events, count=EVENTS))
        formats.write_gesture(folder / "DVSGesture", rng, users=1)
        formats.write_cifar10_dvs(folder / "CIFAR10DVS", rng, each=11)
    return folder


def small_cifar():
    first, *others = registry.CIFAR10.train
    return {
        "CIFAR10": replace(
            registry.CIFAR10,
            train=((first[0], 8), *((name, 1) for name, _ in others)),
            test=(("test_batch.bin", 4),),
        ),
        "CIFAR100": replace(registry.CIFAR100, train=(("train.bin", 12),), test=(("test.bin", 4),)),
    }


@pytest.fixture(autouse=True)
def small_sets(monkeypatch):
    """Expect as many files as were made, not as many as are published."""
    for name, layout in small_cifar().items():
        monkeypatch.setattr(registry, name, layout)
    monkeypatch.setattr(registry, "CIFAR10_DVS", replace(registry.CIFAR10_DVS, counts=(110,)))
    monkeypatch.setitem(
        registry.DATASETS,
        "tinyimagenet",
        lambda folder, _: tinyimagenet.tinyimagenet(folder, classes=4, train_each=3, test=4),
    )


def trained(call, preset, data_dir, *more):
    found = call("train", preset, "--data-dir", data_dir, "--json", "--set", "training.batch=4",
                 "--set", "training.max_iterations=3", *more)  # fmt: skip
    assert found.code == 0, found.err
    return json.loads(found.out)


@pytest.mark.parametrize("preset", RECIPES)
def test_every_recipe_trains_for_three_iterations(preset, call, empty, data_dir):
    widths = [w if w == "P" else 8 for w in load_config(preset).network.widths]
    run = trained(call, preset, data_dir, "--set", f"network.widths={json.dumps(widths)}")
    assert run["metrics"]["epoch"] == 1
    assert 0 < run["metrics"]["loss"] < 20
    assert (empty / run["run"] / "circuit.safetensors").exists()


@pytest.mark.parametrize("preset", FULL)
def test_a_network_of_full_width_trains(preset, call, empty, data_dir):
    run = trained(call, preset, data_dir, "--set", "training.max_iterations=1")
    assert 0 < run["metrics"]["loss"] < 20


def test_a_recipe_without_its_data_says_where_to_get_it(refused):
    refused("train", "cifar10-vgg16", code=1, what="cifar10 cannot be read", where="--data-dir",
            fix="get it from https://www.cs.toronto.edu")  # fmt: skip


def test_another_number_of_frames_than_steps_is_refused(refused, data_dir, monkeypatch):
    loader = registry.DATASETS["dvs-gesture"]
    monkeypatch.setitem(registry.DATASETS, "dvs-gesture", lambda folder, _: loader(folder, 4))
    refused("train", "dvsgesture-vgg8", "--data-dir", data_dir, code=1,
            what="the samples have 4 frames, the network takes 16", where="network.steps",
            fix="set network.steps to 4")  # fmt: skip


def test_an_imported_checkpoint_is_compiled_and_simulated_on_the_data_set_it_was_trained_on(
    call, empty, data_dir
):
    state = {name: torch.from_numpy(a) for name, a in state_of(golden("c2_vgg8_narrow")).items()}
    config = {"dataset": "CIFAR10", "type": "EI-SNN", "arch": "VGG", "T": 4}
    torch.save({"model_state_dict": state, "config": config}, empty / "vgg8.pth")
    assert call("import", "vgg8.pth", "--out", "run").code == 0
    build = ("compile", "run", "--target", "digital-large", "--out", "build")
    refused = call(*build)
    assert refused.code == 2
    assert "name the folder of cifar10 with --data-dir, or give samples" in refused.err
    assert call(*build, "--data-dir", data_dir).code == 0
    found = call("simulate", "build", "--data-dir", data_dir)
    assert found.code == 0, found.err
    assert "accuracy, integer" in found.out

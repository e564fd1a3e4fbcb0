import json
import pickle
import random
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from eideploy import compile_run
from eideploy.circuit import AvgPool
from eideploy.data.registry import DATASETS
from eideploy.errors import CapacityError, FormatError
from eideploy.execute.float_reference import run_float
from eideploy.flow.train import import_checkpoint
from eideploy.model.authors import known_data, read_checkpoint, read_network
from tests.model.reference import golden, redrawn, state_of

CONFIG = {
    "dataset": "CIFAR10",
    "type": "EI-SNN",
    "arch": "VGG",
    "num_layers": 8,
    "T": 4,
    "ei_ratio": 4,
    "light_classifier": True,
    "neuron": {"tau": 2.0},
}
MLP = {**CONFIG, "dataset": "MNIST", "arch": "MLP", "num_layers": 3}


def tensors(state):
    return {name: torch.from_numpy(np.array(value)) for name, value in state.items()}


@pytest.fixture
def vgg():
    return tensors(state_of(golden("c2_vgg8_narrow")))


def write(folder, state, config=CONFIG, **more):
    path = folder / "checkpoint.pth"
    content = {
        "next_epoch": 300,
        "model_state_dict": state,
        "config": config,
        "optimizer_state_dict": [{"lr": 0.1}],
        "warmup_scheduler_state_dict": {},
        "rng_state": torch.get_rng_state(),
        "cuda_rng_state": [torch.get_rng_state()],
        "np_rng_state": np.random.RandomState(0).get_state(),
        "py_rng_state": random.Random(0).getstate(),
        "best_val_acc": np.float64(0.87),
    }
    torch.save({**content, **more}, path)
    return path


def refusal(path):
    with pytest.raises(FormatError) as error:
        read_checkpoint(path)
    assert str(path) in error.value.where
    assert error.value.fix
    return error.value.what


@pytest.mark.parametrize(
    ("name", "config", "shape"),
    [("c1_mlp_64_64_32_10", MLP, (1, 1, 64)), ("c2_vgg8_narrow", CONFIG, (3, 32, 32))],
)
def test_logits_of_an_imported_checkpoint_equal_the_reference(tmp_path, name, config, shape):
    data = golden(name)
    circuit, description = read_checkpoint(write(tmp_path, tensors(state_of(data)), config))
    assert circuit.input.size == shape
    trace = run_float(circuit, data["x"].reshape(-1, *shape))
    np.testing.assert_allclose(trace.logits, data["f64/logits"], rtol=1e-10, atol=1e-10)
    assert description == {
        "file": "checkpoint.pth",
        "dataset": config["dataset"],
        "arch": config["arch"],
        "steps": 4,
        "tau": 2.0,
        "events": False,
        "epochs": 300.0,
        "best_accuracy": 0.87,
    }


@pytest.mark.slow
def test_logits_of_an_imported_residual_checkpoint_equal_the_reference(tmp_path):
    data = golden("c5_resnet18_full")
    config = {**CONFIG, "arch": "ResNet", "num_layers": 18}
    network, _, _ = read_network(write(tmp_path, tensors(redrawn(data)), config))
    logits = network.double()(torch.from_numpy(data["x"]).double())
    np.testing.assert_allclose(logits, data["f64/logits"], rtol=1e-10, atol=1e-10)


def small_residual():
    """A residual state of two stages, 4 and 8 channels, drawn at random."""
    rng = np.random.default_rng(0)
    state = {}

    def layer(conv, norm, n_e, *fan_in):
        kind = (
            ("conv_ee.weight", "conv_ie.weight") if len(fan_in) > 1 else ("weight_ee", "weight_ie")
        )
        n_i = n_e // 4
        state[f"{conv}.{kind[0]}"] = rng.random((n_e, *fan_in), dtype=np.float32)
        state[f"{conv}.{kind[1]}"] = rng.random((n_i, *fan_in), dtype=np.float32)
        state[f"{norm}.weight_ei"] = rng.random((n_e, n_i), dtype=np.float32)
        state[f"{norm}.gain_i"] = rng.random((n_i, 1, 1), dtype=np.float32)
        state[f"{norm}.gain_e"] = rng.random((n_e, 1, 1), dtype=np.float32)
        state[f"{norm}.bias"] = rng.random((n_e, 1, 1), dtype=np.float32)

    layer("conv1", "norm1", 4, 3, 3, 3)
    for stage, (before, n_e) in enumerate([(4, 4), (4, 8)], start=1):
        name = f"layer{stage}.0"
        layer(f"{name}.conv1", f"{name}.norm1", n_e, before, 3, 3)
        layer(f"{name}.conv2", f"{name}.norm2", n_e, n_e, 3, 3)
        if stage > 1:
            layer(f"{name}.downsample.0", f"{name}.downsample.1", n_e, before, 1, 1)
    layer("fc", "final_ei_norm", 10, 8)
    return state


def test_a_residual_checkpoint_becomes_a_residual_circuit(tmp_path):
    path = write(tmp_path, tensors(small_residual()), {**CONFIG, "arch": "ResNet"})
    circuit, _ = read_checkpoint(path)
    assert [n.name for n in circuit.nodes][-10:] == [
        "conv4",
        "lif4",
        "conv5",
        "lif5",
        "conv6",
        "lif6",
        "add2",
        "pool1",
        "flatten",
        "readout",
    ]
    assert circuit.node("add2").inputs == ("lif5", "lif6")
    assert circuit.node("conv6").inputs == ("add1",)
    strided = [circuit.node(name).geometry.stride for name in ("conv4", "conv6")]
    assert strided == [2, 2]


@pytest.mark.parametrize("drop", ["layer2.0.downsample.1.bias", "layer1.0.conv2.conv_ie.weight"])
def test_a_residual_checkpoint_that_lacks_a_tensor_is_refused(tmp_path, drop):
    state = small_residual()
    state.pop(drop)
    path = write(tmp_path, tensors(state), {**CONFIG, "arch": "ResNet"})
    assert refusal(path) == f"tensor {drop} is missing"


def test_a_residual_checkpoint_that_lacks_a_block_is_refused(tmp_path):
    state = {k: v for k, v in small_residual().items() if not k.startswith("layer1")}
    path = write(tmp_path, tensors(state), {**CONFIG, "arch": "ResNet"})
    assert "residual blocks are [(2, 0)]" in refusal(path)


def test_the_published_model_format_is_read_too(tmp_path, vgg):
    save_file(vgg, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    circuit, _ = read_checkpoint(tmp_path / "model.safetensors")
    data = golden("c2_vgg8_narrow")
    logits = run_float(circuit, data["x"]).logits
    np.testing.assert_allclose(logits, data["f64/logits"], rtol=1e-10, atol=1e-10)


def test_a_folder_of_the_published_model_format_names_its_run(tmp_path, vgg, monkeypatch):
    folder = tmp_path / "vgg8-cifar10"
    folder.mkdir()
    with pytest.raises(FormatError, match=r"the folder holds no model\.safetensors"):
        import_checkpoint(folder)
    save_file(vgg, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(CONFIG))
    monkeypatch.chdir(tmp_path)
    for path in (folder, folder / "model.safetensors"):
        assert import_checkpoint(path).content["name"] == "vgg8-cifar10"
    assert Path("runs/vgg8-cifar10-2").is_dir()
    with pytest.raises(CapacityError, match="3072 input sources"):  # without its data
        compile_run(Path("runs/vgg8-cifar10-2"), target="dynapse2")


def test_a_damaged_model_file_is_refused(tmp_path, vgg):
    path = tmp_path / "model.safetensors"
    save_file(vgg, path)
    with pytest.raises(FormatError, match=r"config\.json"):
        read_checkpoint(path)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    path.write_bytes(path.read_bytes()[:-9])
    assert refusal(path).startswith("the file is damaged")


def renumbered(state, changes):
    """The state with the layers' numbers moved as `changes` says."""
    moved = {}
    for name, value in state.items():
        number, rest = re.fullmatch(r"layers\.(\d+)\.(.*)", name).groups()
        moved[f"layers.{changes(int(number))}.{rest}"] = value
    return moved


def test_a_size_that_the_first_linear_layer_does_not_take_is_refused(tmp_path):
    path = write(tmp_path, tensors(state_of(golden("c1_mlp_64_64_32_10"))), MLP)
    assert read_checkpoint(path, (8, 8))[0].input.size == (1, 8, 8)
    with pytest.raises(FormatError, match="takes 64 values, 1x16x16 are 256"):
        read_checkpoint(path, (16, 16))


def test_a_first_layer_of_one_number_is_refused(tmp_path):
    state = tensors(state_of(golden("c1_mlp_64_64_32_10")))
    state["layers.2.weight_ee"] = torch.tensor(1.0)
    assert refusal(write(tmp_path, state, MLP)) == "tensor layers.2.weight_ee has shape ()"


def test_events_start_one_module_earlier_and_keep_their_own_size(tmp_path, vgg):
    state = renumbered(vgg, lambda n: n - 1)
    for kind in ("ee", "ie"):
        state[f"layers.1.conv_{kind}.weight"] = state[f"layers.1.conv_{kind}.weight"][:, :2].clone()
    config = {**CONFIG, "dataset": "CIFAR10-DVS", "T": 10, "neuron": {"tau": 1.5}}
    circuit, description = read_checkpoint(write(tmp_path, state, config))
    assert circuit.input.size == (2, 48, 48)  # 48, 24, 12, 6, 3, 1
    assert circuit.input.high == 255
    assert circuit.steps == 10
    assert circuit.node("lif1").model.tau == pytest.approx(1.5)
    assert description["events"]
    assert read_checkpoint(tmp_path / "checkpoint.pth", (32, 32))[0].input.size == (2, 32, 32)
    with pytest.raises(FormatError, match="a linear layer takes"):
        read_checkpoint(tmp_path / "checkpoint.pth", (64, 64))


def test_pooling_is_read_from_the_gaps(tmp_path, vgg):
    # take the first pooling away; the readout then sees 2x2 maps
    state = renumbered(vgg, lambda n: n if n < 9 else n - 1)
    with pytest.raises(FormatError, match="a linear layer takes 32 inputs, gets 128 from"):
        read_checkpoint(write(tmp_path, state))
    for kind in ("ee", "ie"):
        name = f"layers.37.weight_{kind}"
        state[name] = state[name].repeat(1, 4)
    circuit, _ = read_checkpoint(write(tmp_path, state))
    assert len(circuit.of(AvgPool)) == 4
    assert circuit.consumers("lif1")[0].name == "conv2"


def test_a_classifier_of_several_layers_is_read(tmp_path, vgg):
    for name, shape in {
        "layers.38.weight_ee": (16, 32),
        "layers.38.weight_ie": (4, 32),
        "layers.39.weight_ei": (16, 4),
        "layers.39.gain_i": (1, 4),
        "layers.39.gain_e": (1, 16),
        "layers.39.bias": (1, 16),
        "layers.44.weight_ee": (10, 16),
        "layers.44.weight_ie": (2, 16),
        "layers.45.weight_ei": (10, 2),
        "layers.45.gain_i": (1, 2),
        "layers.45.gain_e": (1, 10),
        "layers.45.bias": (1, 10),
    }.items():
        vgg[name] = torch.rand(shape)
    circuit, _ = read_checkpoint(write(tmp_path, vgg))
    assert sum(layer.is_conv for layer in circuit.hidden) == 5
    assert [layer.name for layer in circuit.hidden if not layer.is_conv] == ["linear6"]


@pytest.mark.parametrize(
    ("config", "what"),
    [
        ({"type": "BN-SNN"}, "type is BN-SNN, and only an EI-SNN has E-I circuits to deploy"),
        ({"arch": "Transformer"}, "arch is Transformer, not one of MLP, VGG, ResNet"),
        ({"ei_ratio": 8}, "ei_ratio is 8, not 4"),
        ({"T": "four"}, "T is four, not a number of time steps"),
        ({"T": 0}, "T is 0, not a number of time steps"),
        ({"neuron": {"tau": 0.5}}, "neuron.tau is 0.5, not a number from 1 to 1e+06"),
        ({"neuron": 3}, "neuron.tau is None, not a number from 1 to 1e+06"),
        ({"dataset": "ImageNet"}, "dataset is ImageNet, whose image size is not known"),
    ],
)
def test_a_config_that_is_not_known_is_refused(tmp_path, vgg, config, what):
    assert refusal(write(tmp_path, vgg, {**CONFIG, **config})) == what


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda s: s.pop("layers.3.bias"), "tensor layers.3.bias is missing"),
        (lambda s: s.pop("layers.2.conv_ie.weight"), "tensor layers.2.conv_ie.weight is missing"),
        (
            lambda s: s.update({"layers.3.gain_e": torch.ones(7, 1, 1)}),
            "tensor layers.3.gain_e has shape (7, 1, 1), expected (8,)",
        ),
        (
            lambda s: s.update({"layers.9.conv_ee.weight": torch.ones(16, 5, 3, 3)}),
            "tensor layers.9.conv_ie.weight has shape (4, 8, 3, 3), expected (4, 5, 3, 3)",
        ),
        (
            lambda s: s.update({"layers.9.conv_ee.weight": torch.ones(16, 8, 3, 2)}),
            "tensor layers.9.conv_ee.weight has shape (16, 8, 3, 2)",
        ),
        (
            lambda s: s.update({"layers.2.conv_ee.weight": torch.ones(2, 3, 3, 3)}),
            "layers.2: a layer of 2 excitatory neurons has no inhibitory one (n_I = n_E // 4)",
        ),
        (
            lambda s: s.update({"layers.38.weight_ee": torch.ones(10)}),
            "tensor layers.38.weight_ee has shape (10,)",
        ),
        (
            lambda s: s.update({"layers.40.running_mean": torch.ones(10)}),
            "1 tensors belong to no known layer: layers.40.running_mean",
        ),
        (
            lambda s: s.update({"layers.3.bias": torch.ones(8, dtype=torch.int64)}),
            "layers.3.bias is not a tensor of real numbers",
        ),
        (lambda s: s.clear(), "the tensors name no E-I layers that end in a linear one"),
    ],
)
def test_tensors_that_do_not_fit_are_named(tmp_path, vgg, change, what):
    change(vgg)
    assert refusal(write(tmp_path, vgg)) == what


def test_negative_and_non_finite_weights_are_refused(tmp_path, vgg):
    for value in (-1.0, torch.nan):
        vgg["layers.3.weight_ei"][0, 0] = value
        with pytest.raises(FormatError, match="w_ei has"):
            read_checkpoint(write(tmp_path, vgg))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        (
            lambda n: n if n < 9 else n + 3,
            "a gap of 10 between layers.2 (conv) and layers.12 (conv) is none of the known [6, 7]",
        ),
        (
            lambda n: n if n < 38 else n + 1,
            "a gap of 9 between layers.30 (conv) and layers.39 (linear) is none of the known "
            "[7, 8]",
        ),
        (lambda n: n + 1, "the first layer is layers.3, expected layers.2"),
    ],
)
def test_unknown_gaps_are_named(tmp_path, vgg, changes, what):
    assert refusal(write(tmp_path, renumbered(vgg, changes))) == what


def test_a_convolution_that_takes_other_channels_than_it_gets_is_refused(tmp_path, vgg):
    config = {**CONFIG, "dataset": "MNIST"}
    path = write(tmp_path, vgg, config)
    assert refusal(path) == "a convolution takes 3 channels, gets 1"


def test_files_that_are_no_checkpoint_are_refused(tmp_path, vgg):
    assert refusal(tmp_path / "none.pth") == "the file is missing"
    path = write(tmp_path, vgg)
    whole = path.read_bytes()
    for size in (0, 10, len(whole) // 2, len(whole) - 30):
        path.write_bytes(whole[:size])
        assert refusal(path).startswith("the file is damaged or holds more than data: ")
    torch.save([1, 2], path)
    assert refusal(path) == "the file holds no model_state_dict"
    torch.save({"model_state_dict": vgg}, path)
    assert refusal(path) == "the file holds no config"


class Bomb:
    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return (open, (str(self.target), "w"))


@pytest.mark.parametrize("save", [torch.save, lambda x, p: p.write_bytes(pickle.dumps(x))])
def test_code_in_a_checkpoint_is_refused_and_does_not_run(tmp_path, save):
    path, target = tmp_path / "bomb.pth", tmp_path / "ran"
    save({"model_state_dict": {}, "config": {}, "more": Bomb(target)}, path)
    assert refusal(path).startswith("the file is damaged or holds more than data: ")
    assert not target.exists()


@pytest.mark.parametrize(
    ("dataset", "events", "shape", "known"),
    [
        ("CIFAR10", False, (3, 32, 32), "cifar10"),
        ("TinyImageNet200", False, (3, 32, 32), "tinyimagenet"),
        ("DVSGesture", True, (2, 48, 48), "dvs-gesture"),
        ("CIFAR10DVS", True, (2, 48, 48), "cifar10-dvs"),
        ("MNIST", False, (1, 28, 28), "mnist"),
        ("CIFAR10DVS", True, (2, 32, 32), None),
        ("CIFAR10", False, (1, 1, 64), None),
    ],
)
def test_a_data_set_is_known_by_name_and_size_of_its_samples(dataset, events, shape, known):
    assert known_data({"dataset": dataset, "events": events}, shape) == known
    if known is not None:
        assert known in DATASETS

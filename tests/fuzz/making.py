"""Sound files of every kind that the tool reads, made in the working folder, and their readers.

The working folder holds a copy of a tiny run and its build; see conftest.py.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from eideploy import cli, folders, shipped
from eideploy.backends.digital.build import load_build
from eideploy.backends.digital.sweep.sweep import found_sweep
from eideploy.backends.dynapse2 import folders as chip_folders
from eideploy.backends.dynapse2.chip import network as chip_network
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.jobs.results import keep_simulation, kept_simulation
from eideploy.backends.dynapse2.nirfile import save_chip
from eideploy.circuit.store import load as load_circuit
from eideploy.circuit.store import save as save_circuit
from eideploy.data.cifar import CIFAR10
from eideploy.data.event_sets import CIFAR10_DVS, NMNIST
from eideploy.data.own import ReadAs
from eideploy.data.own import read_own as by_own
from eideploy.files import write_json
from eideploy.flow import sweep
from eideploy.flow.finetuned import GOAL
from eideploy.flow.requests.sweep import Sweep
from eideploy.flow.samples import read_samples
from eideploy.scheme import load_scheme, scheme_table
from eideploy.target import load_any
from tests.backends.dynapse2.networks import finished_run
from tests.cli.support import BUILD as DIGITAL_BUILD
from tests.cli.support import RUN as DIGITAL_RUN
from tests.cli.support import rehash
from tests.data import formats
from tests.helpers.float_circuits import conv_net

RUN, BUILD = Path(DIGITAL_RUN), Path(DIGITAL_BUILD)
CHIP_RUN, CHIP_BUILD = Path("runs/chip-1"), Path("builds/chip-1-dynapse2-1")


def copied(source):
    """Return what copies a file that is shipped."""
    return lambda: Path(shutil.copy(source, "."))


def of_run(name):
    return lambda: RUN / name


def of_build(name):
    return lambda: BUILD / name


def true_hashes(path):
    rehash(next(folder for folder in path.parents if (folder / "manifest.json").is_file()))


# what a folder may hold beside a run and a build


def chip_run():
    finished_run(CHIP_RUN)
    return CHIP_RUN / chip_network.FILE


def chip_patch():
    chip_run()
    assert cli.main(["compile", str(CHIP_RUN), "--target", "dynapse2"]) == 0
    return CHIP_BUILD / "dynapse2/patch.json"


def board_with(key, name, content):
    """Return what writes a spec of the mixed-signal board that names another file, and the file."""

    def make():
        spec = (shipped.folder("targets") / "dynapse2/spec.toml").read_text()
        Path("spec.toml").write_text(spec.replace("[board]", f'[board]\n{key} = "{name}"'))
        write_json(Path(name), content())
        return Path(name)

    return make


def defects():
    tags = {"0": [[0, 9], [30, 31]], "3": [[5, 5]]}
    chip = {"neurons": [[0, 3], [3, 255]], "cams": [[0, 0, 5]], "cams_low": [[1, 2, 3]],
            "cams_high": [[2, 9, 60]], "tags": tags}  # fmt: skip
    return {"version": 1, "chips": {"0": chip}}


def measured_biases():
    dac = load_dac(load_any("dynapse2"))
    currents = {kind: table.tolist() for kind, table in dac.currents.items()}
    return {"version": 1, "currents": currents, "factors": {}}


def chip_nir():
    chip = chip_network.load(chip_run())
    save_chip(chip, Path("chip.nir"))
    return Path("chip.nir")


def float_circuit():
    save_circuit(conv_net(np.random.default_rng(0)), Path("circuit.safetensors"))
    return Path("circuit.safetensors")


# checkpoints of the published code


def published():
    """Write a small checkpoint as the published code does; return its tensors and its config."""
    import torch

    from tests.model.reference import golden, state_of

    state = state_of(golden("c2_vgg8_narrow"))
    config = {"dataset": "CIFAR10", "type": "EI-SNN", "arch": "VGG", "T": 4, "ei_ratio": 4,
              "neuron": {"tau": 2.0}}  # fmt: skip
    return {name: torch.from_numpy(np.array(value)) for name, value in state.items()}, config


def pth():
    import torch

    state, config = published()
    content = {
        "next_epoch": 300, "model_state_dict": state, "config": config,
        "np_rng_state": np.random.RandomState(0).get_state(), "best_val_acc": np.float64(0.87),
    }  # fmt: skip
    torch.save(content, "checkpoint.pth")
    return Path("checkpoint.pth")


def published_tensors():
    from safetensors.torch import save_file

    state, config = published()
    save_file(state, "model.safetensors", metadata={"eideploy": "{}"})
    Path("config.json").write_text(json.dumps(config))
    return Path("model.safetensors")


def published_config():
    published_tensors()
    return Path("config.json")


def read_published(path):
    from eideploy.model.authors import read_checkpoint

    return read_checkpoint(path if path.suffix != ".json" else path.with_name("model.safetensors"))


def read_training(path):
    from eideploy.model.checkpoint import load_state

    return load_state(path.parent)


def finetuned():
    scheme = scheme_table(load_scheme("int4"))
    content = {"parent": "a", "scheme": scheme, "division": "lut:6x6", "zero_policy": "floor"}
    write_json(Path(GOAL), content)
    return Path(GOAL)


# samples and data sets


def samples():
    np.save("x.npy", np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32))
    return Path("x.npy")


def read_own(path):
    return read_samples(path, load_circuit(RUN / folders.CIRCUIT))


def own_arrays(name):
    """Return what writes arrays with classes into an .npz or HDF5 file."""

    def make():
        rng = np.random.default_rng(0)
        arrays = {"x": rng.integers(0, 256, (12, 4, 4)).astype(np.uint8), "y": np.arange(12) % 2}
        if name.endswith(".npz"):
            np.savez(name, **arrays)
        else:
            formats.write_hdf5(name, arrays)
        return Path(name)

    return make


def own_images():
    """Write two classes of images, of which the first is to be changed."""
    for name in two_classes(".png"):
        pixels = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(np.uint8)
        Image.fromarray(pixels).save(name)
    return Path("ways/left/0.png")


def own_recordings(suffix, write):
    """Return what writes two classes of recordings, of which the first is to be changed."""

    def make():
        for path in two_classes(suffix):
            write(path, *formats.events(np.random.default_rng(0)))
        return Path(f"ways/left/0{suffix}")

    return make


def two_classes(suffix):
    for way in ("left", "right"):
        Path("ways", way).mkdir(parents=True)
        yield from (Path("ways", way, f"{place}{suffix}") for place in range(5))


def own_hdf5(path, x, y, t, p):
    formats.write_hdf5(path, {"x": x, "y": y, "t": t, "p": p})


def own_evt(path, *columns):
    path.write_bytes(formats.evt2_bytes(*columns))


def own_dat(path, *columns):
    path.write_bytes(formats.dat_bytes(*columns))


def read_ways(path):
    return by_own(Path("ways"), ReadAs(sensor="" if path.suffix == ".png" else "34x34"))


SMALL_CIFAR = replace(CIFAR10, train=(("data_batch_1.bin", 4),), test=(("test_batch.bin", 2),))
SMALL_NMNIST = replace(NMNIST, counts=(1, 1))
SMALL_DVS = replace(CIFAR10_DVS, counts=(11,))


def cifar_file():
    folder = Path(SMALL_CIFAR.source.folder)
    files = (*SMALL_CIFAR.train, *SMALL_CIFAR.test)
    formats.write_cifar(folder, files, SMALL_CIFAR.classes, np.random.default_rng(0))
    return folder / "data_batch_1.bin"


def recordings(source, write, *names):
    """Return what writes an event set and keeps the files `names` of it; the first is changed."""

    def make():
        folder = Path(source.folder)
        made = write(folder, np.random.default_rng(0))
        for path in made:
            if path.relative_to(folder).as_posix() not in names:
                path.unlink()
        return folder / names[0]

    return make


def decoded(read):
    """Return what reads a data set in the working folder, decoding it anew."""

    def call(_):
        shutil.rmtree("eideploy-cache", ignore_errors=True)
        return read(Path())

    return call


def spoken():
    formats.write_shd(Path("SHD"), np.random.default_rng(0), train=2, test=1)
    return Path("SHD/shd_train.h5")


def tiny_images(name):
    def make():
        formats.write_tinyimagenet(
            Path("tiny-imagenet-200"), np.random.default_rng(0), classes=2, each=1, test=2
        )
        return Path("tiny-imagenet-200") / name

    return make


# sweeps


def sweep_cell():
    request = Sweep(
        (RUN,), schemes=("int8",), divisions=("exact",), samples=2, backend="threading", jobs=1,
        out="sweeps/a",
    )  # fmt: skip
    sweep.sweep(request)
    (cell,) = Path("sweeps/a/cells").iterdir()
    return cell


def sweep_results():
    sweep_cell()
    return Path("sweeps/a/results.json")


def read_results():
    """What a report takes of a sweep; its numbers must be such as report.json can hold."""
    found = found_sweep(load_build(BUILD).compiled)
    return json.dumps(found, allow_nan=False)


def chip_simulation():
    """Write what a simulation leaves in a build for a chip."""
    chip_patch()
    found = {
        "samples": 20, "split": "test", "accuracy": 0.5, "accuracy_by_cv": {"0.1": [0.5, 0.4]},
        "calibrated_by_cv": {}, "calibrated_on": 0, "accuracy_by_class": [0.5, None],
        "gap": {"as emitted": 0.5}, "rate_hz": {"out": 20.0},
        "single_neuron": {"divisor": 2.0, "rate_hz": {k: [1.0] for k in ("none", "shunt", "gaba")}},
        "dt_s": 1e-3, "spikes": 1.0, "input_events": 1.0, "synaptic_events": 1.0, "divisor": 1.0,
        "divisor_variation": 1.0, "decided_ms": 1.0,
    }  # fmt: skip
    build = chip_folders.load_chip_build(CHIP_BUILD)
    keep_simulation(found, build)
    assert kept_simulation(build) is not None
    return CHIP_BUILD / "simulation.json"

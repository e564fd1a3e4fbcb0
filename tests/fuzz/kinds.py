"""Every kind of file that the tool reads: how a sound one is made, and what reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from eideploy import cli, folders, shipped
from eideploy.backends import nir
from eideploy.backends.digital.build import load_build
from eideploy.backends.digital.sweep import cell as sweep_cell
from eideploy.backends.dynapse2 import folders as chip_folders
from eideploy.backends.dynapse2.chip import network as chip_network
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.defects import load_defects
from eideploy.backends.dynapse2.jobs.results import kept_simulation
from eideploy.backends.dynapse2.nirfile import load_chip
from eideploy.circuit.store import load as load_circuit
from eideploy.config import load_config
from eideploy.data.cifar import cifar
from eideploy.data.event_sets import DVS_GESTURE
from eideploy.data.recordings import event_set
from eideploy.data.shd import shd
from eideploy.data.tinyimagenet import tinyimagenet
from eideploy.flow import finetuned, training_report
from eideploy.scheme import load_scheme
from eideploy.target import load_any, load_target
from tests.data import formats
from tests.fuzz import archives, tensors
from tests.fuzz import graphs as g
from tests.fuzz import making as a
from tests.fuzz import mutations as m

JSON = (*m.ANY, *[m.json_changed] * 3)
TOML = (*m.ANY, *[m.toml_changed] * 3)
CSV = (*m.ANY, *[m.csv_changed] * 3)
MANIFEST = (*JSON, m.version_changed, m.paths_changed, m.paths_changed)
HDF5 = (*m.ANY, *[archives.hdf5_changed] * 3)
TENSORS = (
    *m.ANY, tensors.tensors_lied_about, tensors.tensors_reshaped, tensors.numbers_changed,
    archives.pickled,
)  # fmt: skip
OURS = (*TENSORS, tensors.content_changed, tensors.content_changed)
PTH = (
    *m.ANY,
    *[archives.zip_member_changed] * 3,
    archives.zip_pickled,
    archives.pickled,
    archives.zip_bomb,
)
NPY = (
    *m.ANY,
    archives.npy_lied_about,
    archives.npy_lied_about,
    archives.npy_values,
    archives.npz,
    archives.zip_bomb,
    archives.pickled,
)
EVENTS = m.ANY
OWN = 1 / 3  # several files are read for each change
GRAPHS = 5 / 3  # 500 changes where others have 300
CHIP_SPEC = shipped.folder("targets") / "dynapse2/spec.toml"


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of file.

    make   writes a sound one into the working folder, with all that it needs, and names it
    read   what reads it on behalf of a command
    least  how many per cent of the changed files are refused at least: the rest is sound by chance
    share  how many files are changed, as a part of those of other kinds
    then   what is done after the file was changed, e.g. that its hash is made true
    """

    name: str
    make: Callable[[], Path]
    read: Callable[[Path], object]
    changes: tuple[Callable[..., bytes], ...]
    least: int = 50
    then: Callable[[Path], None] = lambda _: None
    share: float = 1.0


def kind(name, make, read, changes, least=50, **more):
    return Kind(name=name, make=make, read=read, changes=changes, least=least, **more)


KINDS = (
    kind("config.toml", a.copied(Path(cli.__file__).parent / "presets/digits-conv.toml"),
         load_config, TOML),
    kind("scheme", a.copied(shipped.folder("quant") / "int8.toml"),
         lambda path: load_scheme(str(path)), TOML),
    kind("target", a.copied(shipped.folder("targets") / "digital/spec.toml"),
         lambda path: load_target(str(path)), TOML),
    kind("board", a.copied(CHIP_SPEC), lambda path: load_any(str(path)), TOML),
    kind("defect map", a.board_with("defects", "defects.json", a.defects),
         lambda _: load_defects(load_any("spec.toml")), JSON),
    kind("measured biases", a.board_with("bias_table", "biases.json", a.measured_biases),
         lambda _: load_dac(load_any("spec.toml")), JSON),
    kind("checkpoint", a.of_run("checkpoint.safetensors"), a.read_training, OURS),
    kind("published .pth", a.pth, a.read_published, PTH),
    kind("published .safetensors", a.published_tensors, a.read_published, TENSORS),
    kind("published config", a.published_config, a.read_published, JSON),
    kind("run manifest", a.of_run("manifest.json"),
         lambda path: (folders.latest_run(), folders.load_run(path.parent)), MANIFEST),
    kind("log of epochs", a.of_run("metrics.csv"),
         lambda path: training_report.numbers(path.parent), CSV, 40),
    kind("log of layers", a.of_run("health.csv"),
         lambda path: training_report.numbers(path.parent), CSV, 40),
    kind("log of distributions", a.of_run("distributions.csv"),
         lambda path: training_report.numbers(path.parent), CSV, 20),
    kind("simulation of a chip", a.chip_simulation,
         lambda _: kept_simulation(chip_folders.load_chip_build(a.CHIP_BUILD)), JSON, 0),
    kind("results of a sweep", a.sweep_results, lambda _: a.read_results(), JSON, 0),
    kind("build manifest", a.of_build("manifest.json"),
         lambda path: (folders.latest_build(), load_build(path.parent)), MANIFEST),
    kind("file of a build", a.of_build("program.json"),
         lambda path: load_build(path.parent), JSON, 99),
    kind("calibrated circuit", a.of_run("circuit.safetensors"), load_circuit, OURS),
    kind("integer circuit", a.of_build("integer.safetensors"),
         lambda path: load_build(path.parent), OURS, then=a.true_hashes),
    kind("target of a build", a.of_build("target.toml"),
         lambda path: load_build(path.parent), TOML, then=a.true_hashes),
    kind("fine-tuning", a.finetuned, lambda _: finetuned.load(Path()).goal.recipe, JSON),
    kind("cell of a sweep", a.sweep_cell, sweep_cell.read_cell, JSON),
    kind("NIR", g.nir_file, nir.load, HDF5, share=GRAPHS),
    kind("NIR of another tool", g.foreign_nir, g.read_foreign, HDF5, share=GRAPHS),
    kind("ONNX", g.onnx_float, g.run_onnx, m.ANY, share=GRAPHS),
    kind("integer ONNX", g.onnx_integer, g.run_onnx, m.ANY, share=GRAPHS),
    kind("NIR of a chip", a.chip_nir, load_chip, HDF5),
    kind("chip network", a.chip_run, chip_network.load, OURS),
    kind("chip run manifest", lambda: a.chip_run().with_name("manifest.json"),
         lambda path: (chip_folders.is_chip_run(path.parent),
                       chip_folders.load_chip_run(path.parent)), MANIFEST),
    kind("patch", a.chip_patch, lambda _: chip_folders.load_chip_build(a.CHIP_BUILD), JSON,
         then=a.true_hashes),
    kind("samples", a.samples, a.read_own, NPY),
    kind("own arrays", a.own_arrays("mine.npz"),
         a.by_own, (*m.ANY, archives.zip_bomb), 40, share=OWN),
    kind("own arrays in HDF5", a.own_arrays("mine.h5"),
         a.by_own, HDF5, share=OWN),
    kind("own images", a.own_images, a.read_ways, m.ANY, share=OWN),
    kind("own recordings in HDF5", a.own_recordings(".h5", a.own_hdf5),
         a.read_ways, HDF5, share=OWN),
    kind("own EVT recordings", a.own_recordings(".raw", a.own_evt),
         a.read_ways, m.ANY, 10, share=OWN),
    kind("own DAT recordings", a.own_recordings(".dat", a.own_dat),
         a.read_ways, m.ANY, 10, share=OWN),
    kind("CIFAR-10", a.cifar_file, lambda _: cifar(Path(), a.SMALL_CIFAR), m.ANY),
    kind("N-MNIST", a.recordings(a.SMALL_NMNIST.source, formats.write_nmnist,
         "Train/0/00000.bin", "Test/0/00000.bin"),
         a.decoded(lambda folder: event_set(folder, a.SMALL_NMNIST, 4)), EVENTS),
    kind("DVS-Gesture", a.recordings(DVS_GESTURE.source, formats.write_gesture,
         "ibmGestureTrain/user01_led/0.npy", "ibmGestureTest/user01_led/0.npy"),
         a.decoded(lambda folder: event_set(folder, DVS_GESTURE, 4)),
         (*EVENTS, archives.npy_lied_about, archives.npy_values)),
    kind("CIFAR10-DVS", a.recordings(a.SMALL_DVS.source, formats.write_cifar10_dvs,
         *[f"airplane/cifar10_airplane_{n}.aedat4" for n in range(11)]),
         a.decoded(lambda folder: event_set(folder, a.SMALL_DVS, 4)), EVENTS),
    kind("SHD", a.spoken, a.decoded(lambda folder: shd(folder, 4, counts=(2, 1))), HDF5),
    kind("TinyImageNet image", a.tiny_images("train/n00000000/images/n00000000_0.JPEG"),
         a.decoded(lambda folder: tinyimagenet(folder, classes=2, train_each=1, test=2)), m.ANY),
    kind("TinyImageNet list", a.tiny_images("val/val_annotations.txt"),
         a.decoded(lambda folder: tinyimagenet(folder, classes=2, train_each=1, test=2)), m.ANY),
)  # fmt: skip

"""Every option of every command, in every kind of work: it has an effect, or it is refused.

IDLE lists, for each context, the options that can do nothing there. All others must get as far as
the work itself, which is not done here: what it begins with raises Reached.
"""

import json
import shutil
from pathlib import Path

import nir
import numpy as np
import pytest

import eideploy
from eideploy.backends.nir.options import Reading
from eideploy.cli import main
from eideploy.command_line.commands import COMMANDS, arguments
from eideploy.data import registry
from eideploy.data.digits import digits
from eideploy.execute.float_reference import run_float
from eideploy.folders import load_run
from tests.backends.dynapse2.networks import finished_run
from tests.cli.support import BUILD, RUN, listing

pytestmark = pytest.mark.no_cover  # each option has tests of its own
VALUES = {
    "preset": ["digits-mlp"], "--seed": ["1"], "--set": ["training.epochs=9"], "--reset": ["hard"],
    "--finetune": [RUN], "--target": ["digital-model"], "--scheme": ["int4"], "--lut": ["4bit"],
    "--division": ["shift"], "--zero-policy": ["floor"], "--data-dir": ["data"],
    "--data": ["mine.npz"], "--resume": [],
    "--tensorboard": [], "--distil-on": ["x.npy"],
    "--out": ["made"], "--steps": ["5"], "--dt": ["2e-4"],
    "--input-high": ["2"], "--nearest-tau": [], "--from": ["snntorch"],
    "--assume": ["fires=reached"], "--expect": ["out.npz"], "--inhibition": ["folded"],
    "--no-adapt": [],
    "--calibration-samples": ["8"], "--calibrate-on": ["x.npy"], "--monitor": ["outputs"],
    "--emit": ["nir"], "--nir-dialect": ["plain"], "--nir-compat": ["1.0.4"],
    "--nir-for": ["norse"], "--verbose": [],
    "--executor": ["integer"], "--chips": ["2"], "--calibrate-chips": ["2"], "--samples": ["8"],
    "--split": ["train"], "--input": ["x.npy"],
    "--labels": ["labels.npy"], "--top": ["2"], "--size": ["8x8"], "--sheet": ["a.png"],
    "--sensor": ["8x8"], "--framing": ["number"],
    "--trace": ["--save", "a.npz"], "--schemes": ["int4"], "--divisions": ["shift"],
    "--policies": ["floor"], "--inhibitions": ["folded"], "--contrast": ["0.5"],
    "--baseline": ["b"], "--jobs": ["1"], "--backend": ["threading"], "--verify": [],
    "--figures": ["figs"], "--format": ["pdf", "--figures", "figs"],
    "--fit": [], "--module": ["left"],
    "--lanes": ["4"], "--latency": ["9s"], "--flash": ["9MiB"], "--ram": ["9MiB"],
    "--seeds": ["2"], "--port": ["line"],
    "--emulate": [], "--samna": [], "--fault": ["wrap"], "--rebuild": ["new"],
    "--defects": ["d.json"], "--save": ["a.npz"], "--of": ["tuned"], "--restore": ["a"],
    "--compare": ["a"], "--against": ["b"], "--sets": ["sets.json"], "--recordings": ["a.npy"],
    "--boards": ["3"],
    "--serial": ["1"], "--bitfile": ["a.bit"], "--per-class": ["2"],
    "--dendrite": ["linear"], "--tune-boards": [], "--bias-error": ["0.3"],
    "--write-events": ["events.csv"], "--rtl": ["mine"],
    "--synth": [], "--fmax": ["--synth"], "--text": [], "--neurobench": [],
}  # fmt: skip
OTHERWISE = {  # values that a context takes, where it would refuse the others for what they are
    ("for a chip", "--target"): ["dynapse2"],
    ("adapted to a chip", "--target"): ["dynapse2"],
    ("distilled", "--target"): ["dynapse2"],
    ("a chip", "--input"): ["y5.npy"],
    ("a run without inhibition", "--calibrate-on"): ["y.npy"],
}
BY_REFUSING = {  # its effect
    ("adapted to a chip", "--no-adapt"): "cannot be mapped as it is",
    ("E-I circuits of a set that is not bundled", "--data"): "data.name is set twice",
    ("distilled", "--distil-on"): "10 training samples are fewer than the 64 of a batch",
    ("resumed", "--set"): "the run has 100 epochs already, 9 is not more",
    ("a board", "--port"): "give either --port or --emulate",
    ("a build", "--rtl"): "mine has no eideploy_pkg.sv",
    ("a build on own samples", "--rtl"): "mine has no eideploy_pkg.sv",
}
KINDS = {
    "train": {"preset", "--finetune", "--resume", "--target"},
    "board run": {"--port"},
    "board selftest": {"--port"},
    "board characterise": {"--samna", "--emulate"},
    "board tune": {"--samna", "--emulate"},
    "board events": {"--recordings", "--input"},
    "board biases": {"--save", "--restore", "--compare"},
}  # what makes another context of one
NIR = {
    "--steps",
    "--dt",
    "--input-high",
    "--reset",
    "--nearest-tau",
    "--from",
    "--assume",
    "--expect",
}
INTEGERS = {"--scheme", "--lut", "--division", "--zero-policy"}
OF_CHIPS = {"--no-adapt", "--monitor", "--defects"}
OF_NIR_FILES = {"--nir-dialect", "--nir-compat", "--nir-for"}
CALIBRATION = {"--calibration-samples", "--calibrate-on"}
DPI = {
    "--chips", "--calibrate-chips", "--dendrite", "--tune-boards", "--bias-error", "--write-events",
}  # fmt: skip
PLACE = {"--data-dir", "--data"}
LINE = {"--port", "--emulate"}
OF_CORES = {"--fit", "--module"}
OF_BOARDS = {"--lanes", "--latency"}
OF_CONTROLLERS = {"--flash", "--ram"}
OF_PROGRAMS = {"--samples", "--input", "--synth", "--fmax", "--text", "--verify", "--neurobench"}

# command, what is asked for, how: what can do nothing there
IDLE = {
    ("config", "of E-I circuits", "digits-mlp"): set(),
    ("train", "E-I circuits", ""): {
        "--target", *INTEGERS, "--data-dir", "--distil-on",
    },
    ("train", "E-I circuits of a set that is not bundled", "--set data.name=cifar10"): {
        "--target", *INTEGERS, "--distil-on",
    },
    ("train", "a network for a chip", "digits-dynapse2"): {
        "--target", *INTEGERS, "--data-dir", "--tensorboard", "--reset", "--distil-on",
    },
    ("train", "through integers", f"--finetune {RUN}"): {
        "preset", "--reset", *PLACE, "--distil-on",
    },
    ("train", "distilled", f"--finetune {RUN} --target dynapse2"): {
        "preset", "--reset", *PLACE, "--tensorboard", *INTEGERS,
    },
    ("train", "resumed", "--resume runs/open"): {
        "preset", "--seed", "--reset", "--finetune", "--target", *INTEGERS, *PLACE,
        "--out", "--distil-on",
    },
    ("train", "resumed for a chip", "--resume runs/open-chip"): {
        "preset", "--seed", "--set", "--reset", "--finetune", "--target", *INTEGERS, *PLACE,
        "--out", "--tensorboard", "--distil-on",
    },
    ("import", "a checkpoint", "ckpt.pth"): NIR,
    ("import", "a NIR file", "net.nir --steps 4"): {"--size"},
    ("import", "a NIR file of ours", "own.nir"): {*NIR, "--size"},
    ("check", "a run", RUN): NIR,
    ("check", "a NIR file", "net.nir --steps 4"): set(),
    ("check", "a NIR file of ours", "own.nir"): NIR,
    ("compile", "a run", RUN): {
        *OF_BOARDS, *OF_CONTROLLERS, *NIR, *OF_CHIPS, *OF_NIR_FILES, *PLACE,
    },
    ("compile", "a run, writing NIR files", f"{RUN} --emit nir"): {
        *OF_BOARDS, *OF_CONTROLLERS,
        *NIR, *OF_CHIPS, *PLACE,
    },
    ("compile", "a run, writing ONNX files", f"{RUN} --emit onnx"): {
        *OF_BOARDS, *OF_CONTROLLERS,
        *NIR, *OF_CHIPS, *OF_NIR_FILES, *PLACE,
    },
    ("compile", "a run on own samples", f"{RUN} --calibrate-on x.npy"): {
        *OF_BOARDS, *OF_CONTROLLERS,
        *NIR, *OF_CHIPS, *OF_NIR_FILES, *PLACE,
    },
    ("compile", "a run whose set is not bundled", "runs/away"): {
        *OF_BOARDS, *OF_CONTROLLERS,
        *NIR, *OF_CHIPS, *OF_NIR_FILES, "--data",
    },
    ("compile", "a run of data of one's own", "runs/mine"): {
        *OF_BOARDS, *OF_CONTROLLERS,
        *NIR, *OF_CHIPS, *OF_NIR_FILES, "--data-dir",
    },
    ("compile", "a run without inhibition", "runs/plain --calibrate-on y.npy"): {
        *OF_BOARDS, *OF_CONTROLLERS,
        *NIR, *OF_CHIPS, *OF_NIR_FILES, *PLACE, "--lut", "--division", "--zero-policy",
        "--inhibition",
    },
    ("compile", "a NIR file", "net.nir --steps 4 --calibrate-on y.npy"): {
        *OF_BOARDS, *OF_CONTROLLERS,
        *OF_CHIPS, *OF_NIR_FILES, *PLACE, "--lut", "--division", "--zero-policy",
        "--inhibition",
    },
    ("compile", "for a chip", "runs/chip-1 --target dynapse2"): {
        *OF_BOARDS, *OF_CONTROLLERS, *OF_CORES,
        *NIR, *INTEGERS, *CALIBRATION, *OF_NIR_FILES, "--inhibition", "--emit", "--verbose",
        *PLACE,
    },
    ("compile", "adapted to a chip", f"{RUN} --target dynapse2"): {
        *OF_BOARDS, *OF_CONTROLLERS, *OF_CORES,
        *NIR, *INTEGERS, *CALIBRATION, *OF_NIR_FILES, "--inhibition", "--emit", "--verbose",
        *PLACE,
    },
    ("compile", "for a board", f"{RUN} --target ulx3s-25f"): {
        *NIR, *OF_CHIPS, *OF_NIR_FILES, *PLACE, *OF_CORES, *OF_CONTROLLERS,
    },
    ("compile", "for a microcontroller", f"{RUN} --target cortex-m4"): {
        *NIR, *OF_CHIPS, *OF_NIR_FILES, *PLACE, *OF_CORES, *OF_BOARDS,
    },
    ("board build", "a build", "builds/board"): set(),
    ("board run", "a build", "builds/board --emulate"): {*PLACE},
    ("board run", "a build on own samples", "builds/board --emulate --input x.npy"): {*PLACE},
    ("board selftest", "a build", "builds/board --emulate"): set(),
    ("board characterise", "chips", "builds/chip --samna"): {"--seed", "--fault"},
    ("board characterise", "emulated chips", "builds/chip --emulate"): {"--serial", "--bitfile"},
    ("board tune", "chips", "builds/chip --samna"): {"--seed", "--fault", *PLACE},
    ("board tune", "emulated chips", "builds/chip --emulate"): {
        "--serial", "--bitfile", *PLACE,
    },
    ("board tune", "chips whose set is not bundled", "builds/chip-away --samna"): {
        "--seed", "--fault", "--data",
    },
    ("board tune", "chips of data of one's own", "builds/chip-mine --emulate"): {
        "--serial", "--bitfile", "--data-dir",
    },
    ("board events", "a build", "builds/chip"): {"--sensor", *PLACE},
    ("board events", "a build on own samples", "builds/chip --input y5.npy"): {
        "--sensor", "--split", *PLACE,
    },
    ("board events", "recordings", "builds/chip --recordings a.npy"): {
        "--samples", "--split", "--input", *PLACE,
    },
    ("board biases", "sets listed", "builds/chip"): {"--of", "--out", "--against"},
    ("board biases", "a set saved", "builds/chip --save a"): {"--out", "--against"},
    ("board biases", "a set restored", "builds/chip --restore a"): {"--of", "--against"},
    ("board biases", "a set compared", "builds/chip --compare a"): {"--of", "--out"},
    ("simulate", "a build", BUILD): {"--labels", *DPI, "--inhibition", *PLACE, *LINE},
    ("simulate", "a run", RUN): {"--labels", *DPI, *PLACE, *LINE},
    ("simulate", "a run whose set is not bundled", "runs/away"): {
        "--labels", *DPI, "--data", *LINE,
    },
    ("simulate", "a run of data of one's own", "runs/mine"): {
        "--labels", *DPI, "--data-dir", *LINE,
    },
    ("simulate", "a build on own samples", f"{BUILD} --input x.npy"): {
        *DPI, "--inhibition", "--split", *PLACE, *LINE,
    },
    ("simulate", "a run on own samples", "runs/away --input x.npy"): {
        *DPI, "--split", "--data", *LINE,
    },
    ("simulate", "in floats", f"{RUN} --executor float"): {
        "--labels", *DPI, "--lut", "--division", "--inhibition", *PLACE, *LINE,
    },
    ("simulate", "in floats on own samples", "runs/away --executor float --input x.npy"): {
        *DPI, "--lut", "--division", "--inhibition", "--split", *PLACE, *LINE,
    },
    ("simulate", "in onnxruntime", f"{BUILD} --executor onnx"): {
        "--labels", *DPI, "--inhibition", "--trace", *PLACE, *LINE,
    },
    ("simulate", "in Verilator", f"{BUILD} --executor rtl"): {
        "--labels", *DPI, "--inhibition", "--trace", *PLACE, *LINE,
    },
    ("simulate", "a chip", "builds/chip --executor dpi"): {
        "--labels", "--lut", "--division", "--inhibition", "--trace", *PLACE, *LINE,
    },
    ("simulate", "a chip on own samples", "builds/chip --executor dpi --input y5.npy"): {
        "--lut", "--division", "--inhibition", "--trace", *PLACE, "--split",
        "--calibrate-chips", "--tune-boards", *LINE,
    },
    ("data check", "a file", "mine.npz"): {"--sensor", "--framing", "--steps"},
    ("predict", "by a build", f"{BUILD} x.npy"): {*PLACE, "--inhibition", *LINE},
    ("predict", "by a run", f"{RUN} x.npy"): {*PLACE, *LINE},
    ("predict", "by a run whose set is not bundled", "runs/away x.npy"): {"--data", *LINE},
    ("predict", "by a run of data of one's own", "runs/mine x.npy"): {"--data-dir", *LINE},
    ("predict", "in floats", f"{RUN} x.npy --executor float"): {
        *PLACE, "--lut", "--division", "--inhibition", *LINE,
    },
    ("predict", "by a chip", "builds/chip y5.npy --executor dpi"): {
        *PLACE, "--lut", "--division", "--inhibition", *LINE,
    },
    ("simulate", "a board", "builds/board --executor board --emulate"): {
        "--labels", *DPI, "--lut", "--division", "--inhibition", "--trace", *PLACE,
    },
    ("sweep", "a run", RUN): {*PLACE},
    ("sweep", "runs of two kinds of sets", f"{RUN} runs/away"): {"--data"},
    ("sweep", "a run of data of one's own", "runs/mine"): {"--data-dir"},
    ("sweep", "runs of sets and of data of one's own", "runs/away runs/mine"): set(),
    ("verify", "a build", BUILD): {*PLACE},
    ("verify", "a build on own samples", f"{BUILD} --input x.npy"): {*PLACE},
    ("verify", "a build for a chip", "builds/chip"): {"--samples", "--input", "--rtl", *PLACE},
    ("report", "a build", BUILD): {*PLACE},
    ("report", "a build as text", f"{BUILD} --text"): {
        "--out", "--figures", "--format", "--verify", *PLACE,
    },
    ("report", "a build on own samples", f"{BUILD} --input x.npy"): {*PLACE},
    ("report", "a run", RUN): {*OF_PROGRAMS, *PLACE},
    ("report", "a build for a chip", "builds/chip"): {*OF_PROGRAMS, *PLACE},
}  # fmt: skip
BEGINNINGS = {  # what the work of each command begins with
    "config": ("flow.config.commented",),
    "train": (
        "folders.new_folder", "flow.train._train_alone", "flow.finetuning.observe",
        "backends.dynapse2.jobs.adapt._predictions", "backends.dynapse2.jobs.train.fit",
    ),
    "import": ("folders.new_folder", "flow.graphs.import_checkpoint"),
    "check": ("backends.digital.jobs.fits.observe",),
    "compile": (
        "backends.digital.jobs.compile.observe", "backends.digital.jobs.compile.formed",
        "backends.dynapse2.jobs.adapt._predictions",
        "backends.dynapse2.jobs.compile.map_network",
    ),
    "simulate": (
        "backends.digital.jobs.compile.observe", "backends.digital.jobs.simulate.compare",
        "backends.digital.jobs.simulate.run_float",
        "backends.dynapse2.jobs.simulate.classify.show",
    ),
    "data check": ("flow.data.read_own",),
    "board build": ("backends.digital.jobs.board.build",),
    "board run": ("backends.digital.jobs.board.emulated",),
    "board selftest": ("backends.digital.jobs.board.emulated",),
    "board characterise": ("backends.dynapse2.jobs.board.run_loader",),
    "board tune": ("backends.dynapse2.jobs.tune.Bench.opened",),
    "board events": (
        "backends.dynapse2.jobs.events.flat_for", "backends.dynapse2.jobs.events._recorded",
    ),
    "board biases": ("backends.dynapse2.jobs.bias_sets._read",),
    "predict": (
        "backends.digital.jobs.compile.observe", "backends.digital.jobs.compile.formed",
        "backends.digital.jobs.predict.run_integer", "backends.digital.jobs.predict.run_float",
        "backends.dynapse2.jobs.predict.classify.show",
    ),
    "sweep": ("backends.digital.sweep.sweep._prepare",),
    "verify": (
        "backends.digital.jobs.verify.run_executors",
        "backends.dynapse2.jobs.verify.load_chip_build",
    ),
    "report": (
        "backends.digital.jobs.report.compared", "flow.training_report.numbers",
        "backends.dynapse2.jobs.report.numbers",
    ),
}  # fmt: skip


class Reached(BaseException):
    """The work would have begun."""


def reached(*_, **__):
    raise Reached


def options_of(command):
    """Return how every option of a command is written, and the preset."""
    fields = [argument.field for argument in arguments(COMMANDS[command].request)]
    named = [field.spelled for field in fields if not field.positional]
    return [*named, *(["preset"] if command == "train" else [])]


def copy_of_data(whole, copy, data):
    """Copy a run or a build, as one of other data."""
    shutil.copytree(whole, copy)
    path = Path(copy, "manifest.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | data))


@pytest.fixture(scope="module")
def world(finished, tmp_path_factory):
    """Return a folder with runs and builds of every kind, and samples."""
    place = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        shutil.copytree(finished / "runs", "runs")
        shutil.copytree(finished / "builds", "builds")
        finished_run(Path("runs/chip-1"))
        assert main(["compile", "runs/chip-1", "--target", "dynapse2", "--out", "builds/chip"]) == 0
        assert main(["compile", RUN, "--target", "ulx3s-25f", "--out", "builds/board"]) == 0
        assert main(["compile", RUN, "--emit", "nir", "--out", "builds/own"]) == 0
        shutil.move("builds/own/model.nir", "own.nir")
        shutil.rmtree("builds/own")
        digits_as_own = digits()
        np.savez("mine.npz", x=digits_as_own.all_x, y=digits_as_own.all_y)
        own = {"data": "mine.npz", "own_data": {"path": "mine.npz"}}
        for whole, away, mine in (
            (RUN, "runs/away", "runs/mine"),
            ("builds/chip", "builds/chip-away", "builds/chip-mine"),
        ):
            copy_of_data(whole, away, {"data": "cifar10"})
            copy_of_data(whole, mine, own)
        chips = "backends/dynapse2/presets"
        for name, presets in (("digits-conv", "presets"), ("digits-dynapse2", chips)):
            run = Path("runs", "open" if presets == "presets" else "open-chip")
            run.mkdir()
            text = (Path(eideploy.__file__).parent / presets / f"{name}.toml").read_text()
            (run / "config.toml").write_text(text)
        Path("ckpt.pth").touch()
        Path("d.json").write_text('{"version": 1, "chips": {}}')
        Path("data").mkdir()
        rng = np.random.default_rng(0)
        np.save("x.npy", rng.random((12, 1, 8, 8), np.float32))
        np.save("labels.npy", np.zeros(12, int))
        np.save("y.npy", rng.random((12, 6), np.float32))
        np.save("y5.npy", rng.random((12, 30), np.float32))
        lif = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 0.3, "v_reset": 0.0}
        nodes = {
            "input": nir.Input({"input": np.array([6])}),
            "fc": nir.Linear(rng.random((3, 6)).astype(np.float32)),
            "lif": nir.LIF(**{name: np.full(3, value) for name, value in lif.items()}),
            "output": nir.Output({"output": np.array([3])}),
        }
        edges = [("input", "fc"), ("fc", "lif"), ("lif", "output")]
        nir.write("net.nir", nir.NIRGraph(nodes, edges))
        assert main(["import", "net.nir", "--steps", "4", "--out", "runs/plain"]) == 0
        x = np.load("y.npy")
        np.savez("out.npz", x=x, rates=run_float(load_run(Path("runs/plain")).circuit, x).logits)
    return place


@pytest.fixture
def at_work(world, monkeypatch, request):
    """Work in that folder; work itself raises Reached, and whatever it needs is installed."""
    monkeypatch.chdir(world)
    for name in BEGINNINGS[request.getfixturevalue("command")]:
        monkeypatch.setattr(f"eideploy.{name}", reached)
    monkeypatch.setitem(registry.DATASETS, "cifar10", lambda _, __: digits())
    monkeypatch.setattr("eideploy.backends.digital.sweep.sweep.baselines", lambda *_, **__: None)
    monkeypatch.setattr(
        "eideploy.backends.digital.jobs.simulate.BESIDE",
        dict.fromkeys(["onnx", "rtl", "board"], reached),
    )
    monkeypatch.setattr(
        "eideploy.backends.digital.jobs.report.tools.require", lambda *_, **__: None
    )
    monkeypatch.setattr("eideploy.backends.digital.jobs.report.require_router", lambda _: None)
    monkeypatch.setattr("eideploy.backends.digital.jobs.report.require_neurobench", lambda: None)
    monkeypatch.setattr("eideploy.flow.train._require_tensorboard", lambda: None)
    monkeypatch.setattr("eideploy.backends.formats.require", lambda _: None)
    return world


def test_every_command_with_options_is_here():
    with_options = {name for name in COMMANDS if options_of(name)}
    assert {command for command, _, _ in IDLE} == with_options


@pytest.fixture
def refusal(at_work, call):
    """Return a function that gives the error of a command, "" where its work would begin."""

    def run(*argv):
        try:
            found = call(*argv)
        except Reached:
            return ""
        assert (found.code, found.out) != (0, "")
        return found.err[found.err.rindex("error: ") :]

    return run


@pytest.mark.parametrize(("command", "what", "how"), IDLE, ids=lambda word: word.split(" --")[0])
def test_an_option_has_an_effect_or_is_refused_with_where_it_has_one(
    at_work, refusal, command, what, how
):
    before, words = listing(at_work), how.split()
    wrong = {}
    idle = IDLE[command, what, how]
    kinds = KINDS.get(command, set()) - idle
    for option in set(options_of(command)) - {*words} - kinds:
        given = OTHERWISE.get((what, option), VALUES[option])
        error = refusal(command, *words, *([] if option == "preset" else [option]), *given)
        refused = "no effect" in error and "leave" in error.rpartition("fix:")[2]
        if option not in idle:
            effect = BY_REFUSING.get((what, option), "")
            wrong |= {} if error == effect or (effect and effect in error) else {option: error}
        elif not (refused and option in error):
            wrong[option] = error or "accepted"
    assert wrong == {}
    assert listing(at_work) == before


@pytest.mark.parametrize(
    ("job", "given", "option"),
    [
        ("train_network", {"preset": "digits-dynapse2", "tensorboard": True}, "--tensorboard"),
        ("train_network", {"data_dir": "data"}, "--data-dir"),
        ("train_network", {"seed": 1, "overrides": {"seed": 2}}, "--seed"),
        ("resume_run", {"run": "runs/open-chip", "tensorboard": True}, "--tensorboard"),
        ("finetune_run", {"run": RUN, "data_dir": "data"}, "--data-dir"),
        ("compile_run", {"run": RUN, "monitor": "outputs"}, "--monitor"),
        ("compile_run", {"run": RUN, "adapt": False}, "--no-adapt"),
        ("compile_run", {"run": RUN, "nir_compat": "1.0.4"}, "--nir-compat"),
        ("compile_run", {"run": RUN, "reading": Reading(dt=1e-3)}, "--dt"),
        ("compile_run", {"run": "runs/chip-1", "target": "dynapse2", "verbose": True}, "--verbose"),
        ("compile_run", {"run": "runs/plain", "calibrate_on": "y.npy", "division": "shift"},
         "--division"),
        ("import_checkpoint", {"checkpoint": "ckpt.pth", "reading": Reading(steps=3)}, "--steps"),
        ("simulate_build", {"build": BUILD, "executor": "float", "division": "shift"},
         "--division"),
        ("simulate_build", {"build": BUILD, "input": "x.npy", "split": "all"}, "--split"),
        ("simulate_build", {"build": BUILD, "inhibition": "factored"}, "--inhibition"),
        ("simulate_chip", {"build": "builds/chip", "input": "y5.npy", "calibrate": 2},
         "--calibrate-chips"),
        ("verify_build", {"build": "builds/chip", "samples": 3}, "--samples"),
        ("report_on", {"folder": RUN, "samples": 3}, "--samples"),
        ("report_on", {"folder": BUILD, "text": True, "verify": True}, "--verify"),
        ("sweep_runs", {"runs": [RUN], "data_dir": "data"}, "--data-dir"),
        ("load_data", {"name": "digits", "data_dir": "data"}, "--data-dir"),
    ],
)  # fmt: skip
def test_python_refuses_what_the_command_line_refuses(world, monkeypatch, job, given, option):
    monkeypatch.chdir(world)
    before = listing(world)
    with pytest.raises(eideploy.UsageError, match=r"no effect|set twice") as error:
        getattr(eideploy, job)(**given)
    assert option in error.value.where or option in error.value.what
    assert "leave" in error.value.fix
    assert listing(world) == before


@pytest.mark.parametrize(
    ("job", "given", "option"),
    [
        ("simulate_build", {"build": BUILD, "executor": "verilator"}, "--executor"),
        ("simulate_build", {"build": BUILD, "split": "validation"}, "--split"),
        ("simulate_build", {"build": RUN, "inhibition": "unfolded"}, "--inhibition"),
        ("simulate_chip", {"build": "builds/chip", "split": "validation"}, "--split"),
        ("compile_run", {"run": RUN, "zero_policy": "maximum"}, "--zero-policy"),
        ("compile_run", {"run": RUN, "emit": ["nir"], "nir_dialect": ["flat"]}, "--nir-dialect"),
        ("compile_run", {"run": RUN, "emit": ["nir"], "nir_compat": "1.0"}, "--nir-compat"),
        ("compile_run", {"run": "runs/chip-1", "target": "dynapse2", "monitor": "some"},
         "--monitor"),
        ("Reading", {"steps": 4, "reset": "none"}, "--reset"),
        ("finetune_run", {"run": RUN, "zero_policy": "maximum"}, "--zero-policy"),
        ("sweep_runs", {"runs": [RUN], "backend": "slurm"}, "--backend"),
        ("report_on", {"folder": BUILD, "synth": "xilinx"}, "--synth"),
    ],
)  # fmt: skip
def test_python_refuses_words_that_there_are_not(world, monkeypatch, job, given, option):
    monkeypatch.chdir(world)
    before = listing(world)
    with pytest.raises(eideploy.UsageError, match="is none of") as error:
        getattr(eideploy, job)(**given)
    assert error.value.where == option
    assert error.value.fix.startswith("choose one of ")
    assert listing(world) == before

"""What is said of the input's grid: its full scale, what saturates, and a grid that is coarse."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from eideploy import shipped
from eideploy.circuit.store import load as load_circuit
from eideploy.data import load
from tests.cli.support import BUILD, RUN, TINY
from tests.model.reference import golden, state_of

DIM = 0.3 / 7  # what turns sixteenths into values on no grid


@pytest.fixture
def trained(empty, call):
    """Work where a run lies whose first layer spikes for dim images, after so few epochs."""
    assert call("train", *TINY, "--set", "training.clip_ratio=0").code == 0
    return empty


@pytest.fixture
def images(empty):
    """Return digits as they are, which reach 1, and write them and dimmed ones as files."""
    x = load("digits").test_x[:64]
    np.save("bright.npy", x)
    np.save("dim.npy", x * np.float32(DIM))
    return x


def compiled(call, *options, name):
    found = call("compile", RUN, "--out", name, "--json", *options)
    assert found.code == 0, found.err
    return json.loads(found.out)


def simulated(call, build, samples):
    """Return what simulate says to people, and of the input to machines."""
    shown = call("simulate", build, "--input", samples)
    told = json.loads(call("simulate", build, "--input", samples, "--json").out)["input"]
    return shown.out, told


def test_what_lies_beyond_the_full_scale_is_counted_and_printed(trained, call, images):
    facts = compiled(call, "--calibrate-on", "dim.npy", name="dim")
    assert facts["check_on_calibration_samples"]["input"]["saturated"] < 0.01
    source = load_circuit(Path("dim/integer.safetensors")).input
    assert source.step * source.top < 2 * DIM
    shown, told = simulated(call, "dim", "bright.npy")
    given = images[images > 0]
    beyond = np.rint(given.astype(np.float64) / source.step) > source.top
    assert told["saturated"] == beyond.mean() > 0.9
    assert (
        f"input                 0 to {source.step * source.top:.3g} in {source.top} steps" in shown
    )
    assert f"{100 * beyond.mean():.3f} % saturated" in shown


def test_a_coarse_grid_is_warned_of_and_the_fix_mends_it(trained, call, images):
    compiled(call, "--calibrate-on", "bright.npy", name="bright")
    shown, told = simulated(call, "bright", "dim.npy")
    assert told["rounding"] > 0.02
    assert "warning: the input's steps are coarse: rounding to them changes it by" in shown
    assert "compile with --calibrate-on and samples like these" in shown
    compiled(call, "--calibrate-on", "dim.npy", name="dim")
    shown, told = simulated(call, "dim", "dim.npy")
    assert told["rounding"] < 0.02
    assert "warning" not in shown


def test_more_bits_mend_a_coarse_grid(trained, call, images):
    text = (shipped.folder("quant") / "int8.toml").read_text()
    assert "\ninput = 8 " in text
    for bits in (3, 8):
        own = text.replace("\ninput = 8 ", f"\ninput = {bits} ").replace('"int8"', f'"own{bits}"')
        Path(f"own{bits}.toml").write_text(own)
        compiled(call, "--scheme", f"own{bits}.toml", name=f"of{bits}")
    shown, told = simulated(call, "of3", "bright.npy")
    assert told["levels"] <= 7
    assert "warning: the input's steps are coarse" in shown
    assert "or with more bits.input in a scheme of your own" in shown
    shown, told = simulated(call, "of8", "bright.npy")
    assert told["rounding"] == 0
    assert "warning" not in shown


def test_the_report_says_it_too(trained, call, images):
    compiled(call, "--calibrate-on", "bright.npy", name="bright")
    assert call("report", "bright", "--input", "dim.npy").code == 0
    found = json.loads(Path("bright/report.json").read_text())
    assert any("the input's steps are coarse" in entry["what"] for entry in found["advice"])
    compiled(call, "--calibrate-on", "dim.npy", name="dim")
    assert call("report", "dim", "--input", "bright.npy").code == 0
    found = json.loads(Path("dim/report.json").read_text())
    said = {e["what"]: e["grade"] for e in found["advice"] if "the input's values" in e["what"]}
    assert list(said.values()) == ["warning"]


def test_digits_stay_exact(built, call):
    told = json.loads(call("simulate", BUILD, "--samples", 32, "--json").out)["input"]
    assert told == {"step": 1 / 128, "levels": 128, "saturated": 0.0, "rounding": 0.0}


@pytest.fixture
def imported(empty, call):
    """Import a checkpoint of the authors for events, and write frames of fractions up to 4."""
    state = {}
    for name, value in state_of(golden("c2_vgg8_narrow")).items():  # of images: one module later
        number = int(re.search(r"\d+", name)[0]) - 1
        of_first = number == 1 and re.search(r"conv_(ee|ie)", name)
        kept = value[:, :2] if of_first else value
        state[re.sub(r"\d+", str(number), name, count=1)] = torch.from_numpy(np.array(kept))
    config = {"dataset": "CIFAR10-DVS", "type": "EI-SNN", "arch": "VGG", "T": 4}
    torch.save({"model_state_dict": state, "config": config}, "dvs.pth")
    assert call("import", "dvs.pth", "--out", "run").code == 0
    rng = np.random.default_rng(0)
    counts = rng.exponential(0.4, (8, 4, 2, 48, 48)) * (rng.random((8, 4, 2, 48, 48)) < 0.3)
    np.save("frames.npy", np.minimum(counts, 4).astype(np.float32))
    return empty


@pytest.mark.parametrize("hot", [False, True], ids=["no hot pixel", "a hot pixel"])
def test_an_imported_network_of_events_keeps_its_first_spikes(imported, call, hot):
    frames = np.load("frames.npy")
    if hot:
        frames[0, 0, 0, 5, 5] = 200
        np.save("frames.npy", frames)
    found = call("compile", "run", "--target", "digital-large", "--calibrate-on", "frames.npy",
                 "--out", "build", "--json")  # fmt: skip
    assert found.code == 0, found.err
    checked = json.loads(found.out)["check_on_calibration_samples"]
    source = checked["input"]
    assert 0.5 < source["step"] * source["levels"] < 8
    assert source["rounding"] < 0.02
    first = checked["layers"][0]
    assert first["rate"] > 0.1
    assert first["mismatch"] < 0.01
    shown = call("simulate", "build", "--input", "frames.npy").out
    assert ("% saturated" in shown, "warning" in shown) == (True, False)

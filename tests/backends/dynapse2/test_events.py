"""`board events` writes what a board is sent, and what `load.py run` shows its rates beside."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import eideploy as ei
from eideploy import native
from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.coding import event_rows, sources_of
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.folders import load_chip_build
from eideploy.backends.dynapse2.jobs import events as job
from eideploy.backends.dynapse2.jobs.samples import flat_for
from eideploy.data import load as load_data
from tests.backends.dynapse2.small import small_build
from tests.cli.support import PATIENCE_S

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
SAMPLES = 3


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return a build for digits on cores of 40 neurons."""
    folder = tmp_path_factory.mktemp("digits") / "build"
    return small_build(folder, neurons=40, data="digits", inputs=64, classes=10)


@pytest.fixture(scope="module")
def spikes(build):
    """Return the file of spikes of the first test samples, and what was said of it."""
    out = build.with_name("spikes.csv")
    return out, ei.write_events(build, samples=SAMPLES, boards=3, out=out).content


def rows_of(path):
    with path.open(newline="") as file:
        return [(int(r["trial"]), int(r["time_us"]), r["population"], int(r["index"]))
                for r in csv.DictReader(file)]  # fmt: skip


def test_the_events_are_those_of_the_first_test_samples(build, spikes):
    data, c = load_data("digits", None), load_chip_build(build).configuration
    samples = data.test_x[:SAMPLES].reshape(SAMPLES, -1) / data.high
    assert rows_of(spikes[0]) == list(event_rows(samples, c.coding, sources_of(c)))
    assert (spikes[1]["trials"], spikes[1]["boards"]) == (SAMPLES, 3)


def test_what_is_expected_is_what_the_simulator_does(build, spikes):
    whole, data = load_chip_build(build), load_data("digits", None)
    samples = data.test_x[:SAMPLES] / data.high
    wiring = decode(whole.configuration, whole.spec)
    counts = classify.show(wiring, samples, whole.configuration.coding, dt=2e-4).counts
    kept = json.loads(spikes[0].with_suffix(".expected.json").read_text())
    assert list(kept["populations"]) == [
        "inhibitory", "excitatory", "output_inhibitory", "output",
    ]  # fmt: skip
    number = whole.configuration.populations.index("excitatory")
    own = counts[whole.configuration.neurons.population == number].sum(0)
    assert list(kept["populations"]["excitatory"]["spikes"].values()) == own.tolist()
    assert own.sum() > 10
    assert all(of["spread"] > 0 for of in kept["populations"].values())


def run(folder, spikes, out, *more):
    return subprocess.run(
        [sys.executable, "-B", str(folder / "dynapse2/load.py"), "run", str(spikes), str(out),
         "--emulate", "3", *map(str, more)],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(ei.__file__).parent.parent)},
    )  # fmt: skip


def test_a_board_is_shown_beside_the_simulator_and_what_differs_first_is_named(
    build, spikes, tmp_path
):
    ran = run(build, spikes[0], tmp_path / "out.csv", "--raster", tmp_path / "raster.svg")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "population  " in ran.stdout
    assert "simulated" in ran.stdout
    assert "no population differs by more than" in ran.stdout
    assert (tmp_path / "raster.svg").read_text().endswith("</svg>\n")
    again = run(build, spikes[0], tmp_path / "out.csv", "--raster", tmp_path / "again.svg")
    assert (tmp_path / "again.svg").read_bytes() == (tmp_path / "raster.svg").read_bytes()
    table = ran.stdout[ran.stdout.index("population") : ran.stdout.index("wrote")]
    assert table in again.stdout  # also of trials that ended before
    broken = tmp_path / "broken"
    shutil.copytree(build, broken)
    patch = json.loads((broken / "dynapse2/patch.json").read_text())
    number = list(patch["populations"]).index("excitatory")
    core = next(row[3] for row in patch["neurons"] if row[0] == number)
    patch["chips"][0]["cores"][core]["parameters"]["DEAM_EGAIN_P"] = [0, 0]
    (broken / "dynapse2/patch.json").write_text(json.dumps(patch))
    ran = run(broken, spikes[0], tmp_path / "broken.csv")
    assert ran.returncode == 0, ran.stderr
    assert "the first population that differs: excitatory, 0.0 Hz" in ran.stdout


def recorded(path, *events):
    """Write a recording of rows t, x, y, p."""
    fields = [(name, np.int64) for name in ("t", "x", "y", "p")]
    np.save(path, np.array(list(events), fields))
    return path


def test_recordings_are_sent_by_the_sources_that_their_pixels_lie_on(build, tmp_path):
    one = recorded(tmp_path / "a.npy", (900, 15, 0, 1), (1000, 0, 15, 0), (30_900, 3, 3, 1))
    two = recorded(tmp_path / "b.npy", *((100 * k, k % 16, k % 16, 1) for k in range(200)))
    out = tmp_path / "spikes.csv"
    ei.write_events(build, recordings=[one, two], sensor="16x16", boards=1, out=out)
    rows = rows_of(out)
    assert rows[:3] == [
        (0, 0, "pixels", 7), (0, 100, "pixels", 56), (0, 30_000, "pixels", 9),
    ]  # fmt: skip
    assert len(rows) == 203
    kept = json.loads(out.with_suffix(".expected.json").read_text())
    assert kept["lasts_us"] == {"0": 30_001, "1": 19_901}
    spiked = kept["populations"]["inhibitory"]["spikes"]
    assert spiked["1"] > spiked["0"]


@pytest.mark.parametrize(
    ("height", "width", "found"), [(8, 8, (1, False)), (32, 32, (4, False)), (4, 8, (1, True))]
)
def test_a_source_is_a_square_of_pixels_or_one_of_each_polarity(height, width, found):
    assert job._side(64, height, width) == found


def test_what_cannot_be_sent_is_refused_and_nothing_is_written(build, tmp_path, monkeypatch):
    one = recorded(tmp_path / "a.npy", (0, 7, 7, 1))
    asked = {
        "do not give the size of their sensor": {"recordings": [one]},
        "a sensor of 9x9 does not lie on the 64 sources": {"recordings": [one], "sensor": "9x9"},
        "--split has no effect with --recordings": {"recordings": [one], "split": "train"},
        "--sensor has no effect on a split of a data set": {"sensor": "8x8"},
        "the recording has no events": {
            "recordings": [recorded(tmp_path / "b.npy")],
            "sensor": "8x8",
        },
        "beyond a sensor of 4x8": {"recordings": [one], "sensor": "4x8"},
    }
    with pytest.raises(ei.DataError, match="a sample has 9 values, the chip is sent 64"):
        flat_for(np.ones((4, 3, 3)), load_chip_build(build), 64)
    for what, words in asked.items():
        with pytest.raises(ei.EideployError, match=what):
            ei.write_events(build, out=tmp_path / "spikes.csv", **words)
    monkeypatch.setattr(job, "_shown", None)  # a place is refused before the work
    for what, place in {
        "that is a folder": ".",
        "no folder to write": tmp_path / "a/b.csv",
    }.items():
        with pytest.raises(ei.DataError, match=what):
            ei.write_events(build, samples=1, boards=1, out=place)
    assert not (tmp_path / "spikes.csv").exists()

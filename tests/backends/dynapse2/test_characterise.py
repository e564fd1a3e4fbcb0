"""`board characterise` on an emulated board finds what the board's seed drew."""

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import eideploy as ei
from eideploy import native
from eideploy.backends.dynapse2 import emulator
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.defects import load_defects
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, read_spec
from eideploy.backends.dynapse2.dpi.boards import Board
from eideploy.backends.dynapse2.dpi.units import time_constant
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.folders import load_chip_build
from eideploy.backends.dynapse2.measured import write_bias_table
from eideploy.errors import DataError, FormatError
from tests.backends.dynapse2.small import small_build, small_network
from tests.cli.support import PATIENCE_S

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")
SEED = 3
BAD = 5  # of a board that has silent and hot neurons among those in use


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return a build for cores of 20 neurons."""
    return small_build(tmp_path_factory.mktemp("chip") / "build", neurons=20)


@pytest.fixture(scope="module")
def measured(build):
    """Return what was written of an emulated board."""
    out = build.with_name("measured")
    said = ei.characterise_board(build, emulate=True, seed=SEED, out=out).text
    assert "core 0.0: routed" in said
    assert {path.name for path in out.iterdir()} == {
        "characterised.json", "defects.json", "bias_table.json"
    }  # fmt: skip
    return out


@pytest.fixture(scope="module")
def told(measured):
    return json.loads((measured / "characterised.json").read_text())


def truth(build):
    spec = read_spec(build / "target.toml")
    return spec, Board(spec, SEED)


def test_the_defect_map_has_exactly_the_cams_that_fail(build, measured, told):
    spec, board = truth(build)
    found = json.loads((measured / "defects.json").read_text())["chips"]["0"]
    dead = [
        [core, int(n), int(cam)]
        for core in range(spec.chip.cores)
        for n, cam in np.argwhere(~board._circuits(core).works)
    ]
    assert len(dead) > 3
    assert found == {"neurons": [], "cams": dead, "cams_low": [], "cams_high": []}
    assert (told["neurons_silent"], told["neurons_hot"]) == (0, 0)
    assert told["cams_failing"] == len(dead)
    named = replace(spec, board=replace(spec.board, defects=str(measured / "defects.json")))
    assert np.argwhere(load_defects(named).cams[0].all(-1)).tolist() == dead


def test_every_core_answers_what_is_sent_to_it_alone(told):
    assert told["routing"] == {core: [core] for core in told["cores"]}
    assert len(told["cores"]) == 4


def test_rates_rise_with_the_input_and_each_dendrite_does_as_its_name_says(told):
    for core in told["cores"]:
        assert (np.diff(told["curve"][core]["hz"]) > 0).all()
        of = told["polarity"][core]
        assert min(of["ampa"], of["nmda"]) > 1 > max(of["gaba"], of["shunt"])


def test_time_constants_are_the_boards(build, told):
    spec, board = truth(build)
    mapped = decode(map_network(small_network(), spec).configuration, spec, errors=board.errors)
    off = []
    for core, taus in told["tau_ms"].items():
        number = int(core[2:])
        row = np.flatnonzero(mapped.core == number)[0]
        for k, name in enumerate(RECEPTORS):
            if taus[name] is not None:
                own = mapped.tau[k, row] * np.median(board._circuits(number).tau[k, :16])
                true = time_constant(getattr(board.constants, f"c_{name}"), own, board.constants)
                off.append(np.log(taus[name] / float(true) / 1e3))
    assert len(off) >= 10
    assert np.abs(off).mean() < 0.1
    assert np.abs(off).max() < 0.25


def test_a_table_of_biases_is_made_of_them_that_a_spec_takes(build, measured, told, tmp_path):
    spec, _ = truth(build)
    out = tmp_path / "bias_table.json"
    factors = write_bias_table(str(build), str(measured / "characterised.json"), str(out))
    assert set(factors) == {spec.bias_of[f"{name}_tau"] for name in RECEPTORS}
    assert out.read_bytes() == (measured / "bias_table.json").read_bytes()
    mine = tmp_path / "spec.toml"
    text = (
        (build / "target.toml")
        .read_text()
        .replace("entry = 0", f'bias_table = "{out.name}"\nentry = 0')
    )
    mine.write_text(text)
    dac = load_dac(read_spec(mine))
    assert dac.measured
    assert dac.factors["DENM_ETAU_P"] == factors["DENM_ETAU_P"]
    assert dac.factors["SOIF_LEAK_N"] == spec.biases["SOIF_LEAK_N"].factor
    other = tmp_path / "other.json"
    other.write_text(json.dumps(told | {"kind": "x"}))
    with pytest.raises(FormatError, match="the file is of kind 'x'"):
        write_bias_table(build, other, out)


def test_a_burst_that_does_not_act_tells_no_time_constant(build):
    code = (
        "import characterise\n"
        "class Bench(characterise.Bench):\n"
        "    def __init__(self):\n"
        "        self.cores = [(0, 0)]\n"
        "    def ends(self, tag, count, name):\n"
        "        later = {'ampa': 20_000, 'nmda': 0, 'gaba': -300, 'shunt': 1}[name]\n"
        "        return {(0, 0, n): 1000 + later * (count > characterise.FEW) for n in range(3)}\n"
        "print(Bench().decays())"
    )
    said = subprocess.run(
        [sys.executable, "-B", "-c", code], capture_output=True, text=True, check=True,
        cwd=build / "dynapse2",
    ).stdout  # fmt: skip
    assert said.strip() == "{'0.0': {'ampa': 14.43, 'nmda': None, 'gaba': None, 'shunt': None}}"


@pytest.fixture(scope="module")
def around(build):
    """Return a build in which the network lies around the bad neurons of an emulated board."""
    out = build.with_name("around")
    said = ei.characterise_board(
        build, emulate=True, seed=BAD, fault="neurons", out=build.with_name("bad"), rebuild=out
    )
    assert said.content["rebuilt"] == str(out)
    return out, json.loads((build.with_name("bad") / "defects.json").read_text())["chips"]["0"]


def test_silent_and_hot_neurons_are_found_and_nothing_else(build, around):
    board = Board(read_spec(build / "target.toml"), BAD, emulator.BAD["neurons"])
    circuits = {core: board._circuits(core) for core in range(4)}
    bad = [
        [core, int(n)] for core, of in circuits.items() for n in np.flatnonzero(of.silent | of.hot)
    ]
    assert any(of.silent.any() for of in circuits.values())
    assert any(of.hot.any() for of in circuits.values())
    assert around[1]["neurons"] == bad


def test_the_network_is_placed_around_them(build, around):
    rebuilt, before = load_chip_build(around[0]), load_chip_build(build)
    bad = {tuple(place) for place in around[1]["neurons"]}

    def used(c):
        return set(zip(c.neurons.core.tolist(), c.neurons.neuron.tolist(), strict=True)) & bad

    assert used(before.configuration)
    assert not used(rebuilt.configuration)
    assert rebuilt.spec.board.defects == "defects.json"
    assert equal(rebuilt.network, before.network)
    assert ei.verify_build(around[0]).exit_code == 0


def test_a_folder_that_is_there_is_left_alone(build, measured):
    before = sorted(measured.iterdir())
    with pytest.raises(DataError, match="exists already"):
        ei.characterise_board(build, emulate=True, out=measured)
    loader = [sys.executable, "-B", str(build / "dynapse2/load.py")]
    ran = subprocess.run(
        [*loader, "characterise", str(measured), "--emulate", "0"],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert ran.returncode == 1
    assert "is there already" in ran.stderr
    assert sorted(measured.iterdir()) == before

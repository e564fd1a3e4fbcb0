"""report: the dividers of a build side by side."""

import json

import numpy as np
import pytest

from eideploy.numeric.division import exact
from eideploy.passes.place import place
from eideploy.report.energy import estimate
from eideploy.rtl import tools
from eideploy.simulate.cycles import CYCLE_KINDS, count_cycles
from eideploy.simulate.integer import run_integer
from tests.cli.support import RUN
from tests.helpers.layers import EXACT, circuit, lif, linear, readout, source
from tests.helpers.targets import core_target


def test_dividers_stand_side_by_side(built, call):
    found = json.loads(call("report", "--samples", 16, "--json").out)
    rows = {row["division"]: row for row in found["rows"]}
    assert list(rows) == ["exact", "lut 8x8", "shift", "shift2"]
    assert max(rows, key=lambda name: rows[name]["cycles"]) == "exact"
    assert {row["cells"] for row in rows.values()} == {None}
    simulated = json.loads(call("simulate", "--samples", 16, "--json").out)
    assert rows["lut 8x8"]["accuracy"] == simulated["integer_accuracy"]
    assert "an estimate" in call("report", "--samples", 16).out


def test_energy_counts_what_the_core_does():
    nodes = [
        source((1,)),
        linear("layer", "input", [[1]] * 8, [[1]], [[1]] * 8, division=EXACT),
        lif("lif", "layer", 8, threshold=100),
        readout("lif", [[0] * 8], [[0] * 8], [[0]]),
    ]
    program = place(circuit(*nodes), target=core_target())
    assert program.division.divider.label == exact().label
    trace = run_integer(program.circuit, np.array([[3.0]]), keep=CYCLE_KINDS)
    counts = estimate(program, count_cycles(program, trace)).counts
    # one event: a row of W_IE and one of W_EE; one active unit: a row of W_EI, times two; 8 neurons
    assert counts["8-bit products"] == 2 * 8
    assert counts["32-bit products"] == 2 * 8
    assert counts["32-bit additions"] == 2 * 8 + 2 * 8 + 4 * 8


def test_a_report_wants_a_build(trained, refused):
    refused("report", code=2, what="there is no build", where="folder builds", fix="eideploy comp")
    refused("report", RUN, code=2, what="there is no build", where=RUN, fix="eideploy compile")


def test_synthesis_needs_yosys(built, refused, monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda _: None)
    refused(
        "report", "--synth", code=2, what="yosys and make not installed", where="--synth",
        fix="apt install make yosys",
    )  # fmt: skip


@pytest.mark.yosys
def test_a_report_with_cells(built, call):
    found = json.loads(call("report", "--samples", 4, "--synth", "--json").out)
    cells = {row["division"]: row["cells"]["kinds"] for row in found["rows"]}
    assert cells["lut 8x8"]["multipliers"] > cells["exact"]["multipliers"]

"""`sweep`: every cell once, resumable, alone in its folder; tables and a plot that say the same."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import pytest

from eideploy.backends.digital.sweep.cells import Figures, front
from eideploy.backends.digital.sweep.text import sweep_text
from eideploy.data import load
from eideploy.model.checkpoint import load_network
from eideploy.model.evaluate import predict
from eideploy.staging import locked
from tests.cli.support import ROOT, RUN, TINY

QUICK = ["--jobs", "1", "--samples", "40"]
BACKEND = ["--backend", "threading"]
GRID = ["--schemes", "int8,int3", "--divisions", "lut:8x8,constant"]
SMALL = ["sweep", RUN, *GRID, *QUICK, *BACKEND]


def cells(folder):
    return {p.name: p.stat().st_mtime_ns for p in (folder / "cells").iterdir()}


def test_tables_and_plot_hold_every_cell(trained, call):
    found = call(*SMALL, "--contrast", "0.5,1", "--out", "s")
    assert found.code == 0
    assert "accuracy % at contrast" in found.out
    rows = list(csv.DictReader((trained / "s/sweep.csv").read_text().splitlines()))
    content = json.loads((trained / "s/results.json").read_text())["cells"]
    assert [(r["scheme"], r["division"]) for r in rows] == [
        (s, d) for s in ("int8", "int3") for d in ("lut 8x8", "constant")
    ]
    assert [float(r["accuracy"]) for r in rows] == [c["accuracy"] for c in content]
    assert all(len(c["contrast"]) == 2 for c in content)
    assert all(c["contrast"][1]["integer"] == c["accuracy"] for c in content)
    for row, cell in zip(rows, content, strict=True):
        assert {k: float(row[f"mismatch_{k}"]) for k in cell["mismatch"]} == cell["mismatch"]
        assert float(row["worst_mismatch"]) == max(cell["mismatch"].values())
    line = next(line for line in found.out.splitlines() if "spikes that differ" in line)
    assert line.split()[-len(content[0]["mismatch"]) :] == list(content[0]["mismatch"])
    assert ET.parse(trained / "s/pareto.svg").getroot().tag.endswith("svg")


def test_the_picture_names_schemes_divisions_and_costs_and_is_the_same_each_time(trained, call):
    asked = [*SMALL, "--contrast", "0.5,1.4", "--out", "s"]
    assert call(*asked).code == 0
    first = (trained / "s/pareto.svg").read_bytes()
    said = {e.text for e in ET.fromstring(first).iter() if e.tag.endswith("}text")}
    assert {"int8", "int3", "lut 8x8", "constant", "E-I, float", "accuracy, %"} <= said
    assert {"weights, KiB", "contrast of the input, int8"} <= said
    assert call(*asked).code == 0
    assert (trained / "s/pareto.svg").read_bytes() == first


def test_a_cell_is_what_compile_and_simulate_give(trained, call):
    assert call(*SMALL, "--out", "s").code == 0
    assert call("compile", RUN, "--scheme", "int3", "--lut", "8bit", "--out", "b").code == 0
    alone = json.loads(call("simulate", "b", "--samples", "40", "--json").out)
    content = json.loads((trained / "s/results.json").read_text())["cells"]
    cell = next(c for c in content if (c["scheme"], c["division"]) == ("int3", "lut 8x8"))
    assert cell["accuracy"] == alone["integer_accuracy"]
    assert cell["agreement"] == alone["agreement"]


def test_a_rerun_measures_what_is_missing_only(trained, call):
    assert call(*SMALL, "--out", "s").code == 0
    before = cells(trained / "s")
    table = (trained / "s/sweep.csv").read_bytes()
    lost = sorted(before)[1]
    (trained / "s/cells" / lost).unlink()
    found = call(*SMALL, "--out", "s")
    assert "3 of 4 cells are in s already" in found.err
    after = cells(trained / "s")
    assert after.keys() == before.keys()
    assert {name for name in before if after[name] != before[name]} == {lost}
    assert (trained / "s/sweep.csv").read_bytes() == table


def test_processes_and_dask_give_what_threads_give(trained, call):
    from distributed import Client, LocalCluster

    assert call(*SMALL, "--out", "s").code == 0
    expected = (trained / "s/sweep.csv").read_bytes()
    short = [*SMALL[:-1], "loky"]
    assert call(*short, "--out", "by-processes").code == 0
    with (
        LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster,
        Client(cluster),
    ):
        assert call(*SMALL[:-1], "dask", "--out", "by-dask").code == 0
    for folder in ("by-processes", "by-dask"):
        assert (trained / folder / "sweep.csv").read_bytes() == expected


def test_a_baseline_stands_beside_the_contrasts(trained, call):
    made = call("train", *TINY, "--set", 'network.normalization="batch"', "--out", "bn")
    assert made.code == 0
    found = call(*SMALL, "--contrast", "1", "--baseline", "bn", "--out", "s", "--json")
    (entry,) = json.loads(found.out)["baseline"]["contrast"]
    network, data = load_network(trained / "bn").eval(), load("digits")
    right = (predict(network, data.test.batch(slice(40))).argmax(1) == data.test.y[:40]).mean()
    assert entry == {"contrast": 1.0, "float": right}
    assert (
        "BatchNorm float, 1 run"
        in call(*SMALL, "--contrast", "1", "--baseline", "bn", "--out", "s").out
    )


def test_an_e_i_run_is_no_baseline(trained, call):
    found = call(*SMALL, "--contrast", "1", "--baseline", RUN, "--out", "s")
    assert found.code == 2
    assert "the run is an E-I network, not a baseline" in found.err
    assert not (trained / "s").exists()


def test_a_name_given_twice_is_measured_once(trained, call):
    twice = ["--schemes", "int8,int8", "--divisions", "shift,shift", "--policies", "floor,floor"]
    swept = call("sweep", RUN, *twice, *QUICK, *BACKEND, "--json").out
    assert len(json.loads(swept)["cells"]) == 1


def test_without_names_schemes_are_left_out_that_the_target_does_not_hold(trained, call):
    spec = (ROOT / "targets/digital/spec.toml").read_text()
    (trained / "six.toml").write_text(re.sub(r"(?m)^weight = \d+", "weight = 6", spec))
    asked = ["--target", "six.toml", "--divisions", "shift", "--policies", "floor"]
    swept = call("sweep", RUN, *asked, *QUICK, *BACKEND, "--json")
    assert swept.code == 0, swept.err
    schemes = {cell["scheme"] for cell in json.loads(swept.out)["cells"]}
    assert schemes == {"int2", "int3", "int4", "int5", "int6"}


def figures(**given):
    return Figures(
        **{
            "run": "r", "scheme": "int8", "division": "shift", "policy": "minimum",
            "inhibition": "factored", "folded": (), "samples": 9, "float_accuracy": None,
            "accuracy": None, "agreement": 0.99, "mismatch": {}, "saturated": 0.0, "cycles": 10.0,
            "weights": 1024, "weight_bits": 8192, "table_bits": 0, "bound": None, "contrast": (),
            **given,
        }
    )  # fmt: skip


def test_the_table_says_mean_and_spread_over_runs():
    rows = [
        figures(run=f"r{i}", float_accuracy=0.97, accuracy=accuracy, mismatch={"a": 0.5})
        for i, accuracy in enumerate((0.94, 0.98))
    ]
    title, _, line, _ = sweep_text(rows, None).split("\n\n")[0].splitlines()
    assert title == ("means over 2 runs, 9 samples each; float accuracy 97.00 %, spread 0.00")
    assert line.split()[4:7] == ["96.00", "2.83", "-1.00"]


def test_one_run_without_labels_has_neither_accuracy_nor_spread():
    title, _, line, _ = sweep_text([figures()], None).split("\n\n")[0].splitlines()
    assert title == "9 samples"
    assert line.split()[4:7] == ["-", "-", "-"]


@pytest.mark.parametrize(
    ("more", "what"),
    [
        (["--divisions", "newton"], "no division is called 'newton'"),
        (["--schemes", "int99"], "no scheme is called 'int99'"),
        (["--policies", "maximum"], "--policies is 'maximum', which is none of"),
        (["--backend", "slurm"], "--backend is 'slurm', which is none of"),
        (["--target", "digital"], "the target cannot divide by constant"),
        (["--contrast", "dark"], "no list of numbers"),
    ],
)
def test_what_cannot_be_swept_is_refused(trained, call, more, what):
    backend = [] if more[0] in BACKEND else BACKEND
    found = call("sweep", RUN, *GRID, *QUICK, *backend, *more, "--out", "s")
    assert found.code != 0
    assert what in found.err
    assert {"--target": "where: target digital"}.get(more[0], more[0]) in found.err
    assert not (trained / "s").exists()


def test_a_folder_of_another_kind_and_one_at_work_are_refused(trained, call):
    assert "holds something other than a sweep" in call(*SMALL, "--out", "runs").err
    (trained / "file").touch()
    assert "that is a file, not a folder" in call(*SMALL, "--out", "file").err
    assert call(*SMALL, "--out", "s").code == 0
    with locked(trained / "s/sweep.json"):
        assert "another process is at work" in call(*SMALL, "--out", "s").err


def test_no_point_of_a_front_is_beaten():
    points = [(1.0, 5.0), (2.0, 7.0), (2.0, 6.0), (3.0, 7.0), (4.0, 9.0)]
    assert front(points) == [0, 1, 4]

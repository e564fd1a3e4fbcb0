"""load.py as a user runs it, in a process of its own, against a mock of samna's object tree."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import eideploy
from eideploy.backends.dynapse2.chip.account import account
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.spec import BACKEND, read_spec
from eideploy.backends.dynapse2.emit import emit, loader_folder
from tests.backends.dynapse2.decoder import edges, from_patch, from_samna
from tests.backends.dynapse2.networks import SPEC as CHIP
from tests.backends.dynapse2.networks import board, network, population
from tests.backends.dynapse2.random_networks import BASE
from tests.backends.dynapse2.small import small_network
from tests.cli.support import PATIENCE_S

MOCK = Path(__file__).parent / "mock"
SPEC = board(2, 1, entry=0, neurons=8, cams=8)
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def small():
    """Return a network on two chips: 5 biases' worth of populations, four dendrites."""
    rng = np.random.default_rng(0)

    def some(targets, sources):
        return (rng.random((targets, sources)) < 0.2) * BASE[rng.integers(0, 4)]

    leaks = [1e-9, 3e-11, 1e-10, 5e-10, 7e-11]
    listed = [population("in", 6, "input"), population("out", 8, "output", membrane_leak=leaks[0])]
    listed += [population(f"p{i}", 8, membrane_leak=leaks[i]) for i in range(1, 5)]
    pairs = [("in", "out", "ampa", np.eye(8, 6) * BASE[3]), ("in", "p1", "ampa", some(8, 6))]
    pairs += [("p1", "out", "gaba", some(8, 8)), ("out", "p4", "shunt", some(8, 8))]
    pairs += [("p2", "p3", "nmda", some(8, 8)), ("p4", "p2", "ampa", some(8, 8))]
    base = {p.name: BASE for p in listed[1:]}
    return network(listed, pairs, classes=[0, 0, 1, 1, 2, 2, 3, 3], base_currents=base)


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Return the folder of an emitted network on two chips."""
    folder = tmp_path_factory.mktemp("build")
    mapped = map_network(small(), SPEC)
    assert set(mapped.configuration.neurons.chip.tolist()) == {0, 1}
    emit(mapped, account(mapped), folder)
    return folder / BACKEND


def run(build, *args, library=None, chips=2, log="/dev/null"):
    """Run load.py with a samna on the path, or none."""
    size = {
        "chips": chips, "used": 2, "cores": 4, "neurons": 8, "cams": 8, "destinations": 4,
        "biases": list(SPEC.bias_names), "columns": 2, "entry": [0, 0],
    }  # fmt: skip
    environment = {
        **os.environ,
        "MOCK_SAMNA": json.dumps(size),
        "MOCK_LOG": str(log),
        "PYTHONPATH": str(library or ""),
        "PYTHONDONTWRITEBYTECODE": "1",
        "EIDEPLOY_SETTLE_S": "0",
    }
    return subprocess.run(
        [sys.executable, str(build / "load.py"), *map(str, args)],
        capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False,
    )  # fmt: skip


@pytest.fixture
def library(tmp_path):
    """Return a folder with the mock, which has a compiled part as the library has."""
    shutil.copytree(MOCK, tmp_path / "library", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "library/samna/_samna.so").touch()
    return tmp_path / "library"


def template(build, library, tmp_path):
    out = run(build, "capture", tmp_path / "template.json", "--samna", library=library, chips=4)
    assert out.returncode == 0, out.stderr
    return tmp_path / "template.json"


def test_check_counts_what_is_set(build):
    out = run(build, "check")
    assert out.returncode == 0
    assert "2 chips: 40 neurons" in out.stdout


def test_one_chip_is_counted_as_one(whole):
    assert run(whole / BACKEND, "check").stdout.startswith("1 chip: ")


def test_samna_is_probed_without_being_imported(build, tmp_path, library):
    missing = run(build, "probe")
    assert missing.returncode == 1
    what, where, fix = missing.stderr.splitlines()
    assert what == "error: samna, the library of the board's vendor, is not installed"
    assert where.startswith("  where: the Python ")
    assert fix.startswith("  fix:   install it as the vendor's page says")
    stub = tmp_path / "stub/samna"
    stub.mkdir(parents=True)
    (stub / "__init__.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n")
    for command in (["probe"], ["capture", tmp_path / "x.json", "--samna"]):
        found = run(build, *command, library=tmp_path / "stub")
        assert found.returncode == 1
        assert "stub that downloads" in found.stderr
    assert not (tmp_path / "imported").exists()
    assert "samna is here" in run(build, "probe", library=library).stdout


def test_nothing_imports_samna_without_being_told(build, tmp_path, library):
    out = run(build, "capture", tmp_path / "x.json", library=library)
    assert out.returncode == 1
    assert "does not say which board to use" in out.stderr
    assert "fix:   write --samna to import" in out.stderr
    assert "--emulate SEED" not in out.stderr
    assert not (tmp_path / "x.json").exists()


def test_the_live_configuration_is_the_merged_template(build, tmp_path, library):
    captured = template(build, library, tmp_path)
    merged = tmp_path / "merged.json"
    assert run(build, "merge", captured, merged).returncode == 0
    spikes = tmp_path / "spikes.csv"
    spikes.write_text("trial,time_us,population,index\n")
    log = tmp_path / "log"
    out = run(
        build, "run", spikes, tmp_path / "o.csv", "--samna", library=library, chips=4, log=log
    )
    assert out.returncode == 0, out.stderr
    assert json.loads(log.read_text().splitlines()[-1]) == json.loads(merged.read_text())


def test_the_merged_template_holds_the_network_exactly(build, tmp_path, library):
    captured, merged = template(build, library, tmp_path), tmp_path / "merged.json"
    run(build, "merge", captured, merged)
    patched, content = from_patch(build / "patch.json")
    read = from_samna(merged.read_text(), columns=2)
    assert edges(read, content) == edges(patched, content)
    assert sum(edges(read, content).values()) > 50
    for key, code in patched.codes.items():
        assert read.codes[key] == code


def test_what_the_patch_does_not_own_keeps_its_bytes(build, tmp_path, library):
    captured, merged = template(build, library, tmp_path), tmp_path / "merged.json"
    text = captured.read_text()
    text = text.replace('"neuronMonitoringOn": false', '"neuronMonitoringOn" :\tfalse ')
    text = text.replace('"_id": 3', '"_id": 1.50E+01, "strange \\" {key": [ 1e-5,\n\n -0.0 ]')
    captured.write_text(text)
    assert run(build, "merge", captured, merged).returncode == 0
    before, after = text, merged.read_text()
    assert TOKEN.sub("", before) == TOKEN.sub("", after)
    changed = {
        (one, two)
        for one, two in zip(TOKEN.findall(before), TOKEN.findall(after), strict=True)
        if one != two
    }
    assert all(one in ("true", "false") or one.isdigit() for one, _ in changed)
    original, now = json.loads(before), json.loads(after)
    assert original["value0"]["chips"][2:] == now["value0"]["chips"][2:]
    for chip in (0, 1):
        one, two = original["value0"]["chips"][chip], now["value0"]["chips"][chip]
        for core in range(4):
            _forget(one["cores"][f"value{core}"], build, chip, core)
            _forget(two["cores"][f"value{core}"], build, chip, core)
        for group in ("globalParameters", "sharedParameters01", "sharedParameters23"):
            for value in (one, two):
                for shared in value[group]:
                    del shared["value"]["coarseValue"], shared["value"]["fineValue"]
        assert one == two


def _forget(value, build, chip, core):
    """Remove from a core what the patch owns, by the reference's names."""
    del value["neurons"]
    content = json.loads((build / "patch.json").read_text())
    owned = content["chips"][chip]["cores"][core]["parameters"]
    for entry in value["parameters"]:
        if entry["key"] in owned:
            del entry["value"]["coarseValue"], entry["value"]["fineValue"]


def test_merging_again_changes_nothing(build, tmp_path, library):
    captured = template(build, library, tmp_path)
    run(build, "merge", captured, tmp_path / "once.json")
    run(build, "merge", tmp_path / "once.json", tmp_path / "twice.json")
    assert (tmp_path / "once.json").read_bytes() == (tmp_path / "twice.json").read_bytes()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text.replace("preciseDelay", "delayPrecise"), "fields that the patch sets"),
        (lambda text: text[:-9], "is no configuration of samna"),
        (lambda text: text.replace('"SYAM_W0_P"', '"SYAM_W0"'), "fields that the patch sets"),
    ],
)
def test_another_template_is_refused(build, tmp_path, library, damage, said):
    captured = template(build, library, tmp_path)
    captured.write_text(damage(captured.read_text()))
    out = run(build, "merge", captured, tmp_path / "merged.json")
    assert out.returncode == 1
    assert said in out.stderr
    assert not (tmp_path / "merged.json").exists()


def test_trials_go_to_the_board_and_come_back_as_classes(build, tmp_path, library):
    spikes = tmp_path / "spikes.csv"
    spikes.write_text(
        "trial,time_us,population,index\n0,1000,in,2\n0,2000,in,3\n1,500,in,0\n1,600,in,1\n1,700,in,5\n"
    )
    log = tmp_path / "log"
    out = run(
        build, "run", spikes, tmp_path / "out.csv", "--samna", "--serial", "2042000UO5",
        library=library, log=log,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    assert "trial 0: class 1" in out.stdout
    assert "trial 1: class 0" in out.stdout
    with (tmp_path / "out.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["population"] == "out"]
    assert [(r["trial"], r["time_us"], r["index"]) for r in rows] == [
        ("0", "1100", "2"), ("0", "2100", "3"),
        ("1", "600", "0"), ("1", "700", "1"), ("1", "800", "5"),
    ]  # fmt: skip
    drained = json.loads(log.read_text().splitlines()[5])
    core = drained["value0"]["chips"][0]["cores"]["value0"]
    leak = next(p["value"] for p in core["parameters"] if p["key"] == "SOIF_LEAK_N")
    assert (leak["coarseValue"], leak["fineValue"]) == (5, 255)


def test_shared_parameters_and_the_base_delay_are_set_as_public_code_sets_them(
    build, tmp_path, library
):
    log, spikes = tmp_path / "log", tmp_path / "spikes.csv"
    spikes.write_text("trial,time_us,population,index\n")
    run(build, "run", spikes, tmp_path / "o.csv", "--samna", library=library, chips=4, log=log)
    chip = json.loads(log.read_text().splitlines()[-1])["value0"]["chips"][0]

    def codes(listed):
        return {p["key"]: (p["value"]["coarseValue"], p["value"]["fineValue"]) for p in listed}

    assert codes(chip["globalParameters"]) == {
        "R2R_BUFFER_AMPB": (5, 255), "R2R_BUFFER_CCB": (5, 255),
    }  # fmt: skip
    for pair in ("01", "23"):
        assert codes(chip[f"sharedParameters{pair}"]) == {
            "PG_BUF_N": (0, 100), "LBWR_VB_P": (5, 255),
        }  # fmt: skip
    assert codes(chip["cores"]["value0"]["parameters"])["SYPD_DLY0_P"] == (0, 0)


def test_neurons_are_monitored_and_the_sadc_of_their_cores_is_read(build, tmp_path, library):
    (tmp_path / "s.csv").write_text("trial,time_us,population,index\n0,1000,in,2\n1,1000,in,3\n")
    log, sadc = tmp_path / "log", tmp_path / "sadc.csv"
    files = tmp_path / "s.csv", tmp_path / "o.csv"
    patch = json.loads((build / "patch.json").read_text())
    row = next(
        row for row in patch["neurons"] if row[:2] == [list(patch["populations"]).index("out"), 5]
    )
    ran = run(build, "run", *files, "--samna", "--watch", "out:5", "--sadc", sadc,
              library=library, log=log)  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    chip = json.loads(log.read_text().splitlines()[-1])["value0"]["chips"][row[2]]
    on = {k: core["monitoredNeuron"] for k, core in chip["cores"].items()
          if core["neuronMonitoringOn"]}  # fmt: skip
    assert on == {f"value{row[3]}": row[4]}
    read = rows_of(sadc)
    assert len(read) == 2 * 14
    assert {r["channel"].split()[0] for r in read} == {f"C{row[3]}"}
    assert read[0] == {"trial": "0", "chip": str(row[2]), "channel": f"C{row[3]} SOIF_MEM",
                       "value": str(1000 + 100 * row[3])}  # fmt: skip
    for words, what in {
        ("--watch", "out:8"): "there is no neuron out:8",
        ("--watch", "out:5", "--watch", "out:6"): "its core monitors another one: out:6",
        ("--sadc", "x.csv"): "the sADC converts currents of monitored neurons, and none is",
    }.items():
        ran = run(build, "run", files[0], tmp_path / "p.csv", "--samna", *words, library=library)
        assert ran.returncode == 1
        assert what in ran.stderr
        assert not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize(
    ("rows", "options", "said"),
    [
        ("0,10,in,6\n", [], "no source in[6]"),
        ("0,10,out,0\n", [], "no source out[0]"),
        ("0,ten,in,0\n", [], "has not the columns"),
        (f"0,{2**31},in,0\n", [], "would wrap"),
        (
            "0,10,in,0\n",
            ["--serial", "none"],
            "no DYNAP-SE2 of serial number none is connected\n"
            "  where: the devices that samna lists: Speck2fDevKit X, Dynapse2Stack 1911000P6X",
        ),
        ("0,10,in,0\n", ["--bitfile", "x.txt"], "does not take the bitfile"),
    ],
)
def test_a_wrong_trial_is_refused_without_a_traceback(
    build, tmp_path, library, rows, options, said
):
    (tmp_path / "s.csv").write_text("trial,time_us,population,index\n" + rows)
    out = run(
        build, "run", tmp_path / "s.csv", tmp_path / "o.csv", "--samna", *options, library=library
    )
    assert out.returncode == 1
    assert said in out.stderr
    assert "Traceback" not in out.stderr


SPIKES = "trial,time_us,population,index\n" + "".join(
    f"{trial},{1000 + 700 * k},pixels,{(3 * k + trial) % 16}\n"
    for trial in range(4) for k in range(40)
)  # fmt: skip


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a network that fires, as a build has it, and spikes for it."""
    folder = tmp_path_factory.mktemp("whole")
    text = CHIP.source.read_text(encoding="utf-8")
    (folder / "target.toml").write_text(text.replace("neurons = 256 ", "neurons = 32 "))
    mapped = map_network(small_network(), read_spec(folder / "target.toml"))
    emit(mapped, account(mapped), folder)
    (folder / "spikes.csv").write_text(SPIKES)
    return folder


def emulate(whole, out, *more, spikes="spikes.csv"):
    return subprocess.run(
        [sys.executable, str(whole / BACKEND / "load.py"), "run", str(whole / spikes), str(out),
         "--emulate", "3", *more],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(eideploy.__file__).parent.parent)},
    )  # fmt: skip


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def undisturbed(whole):
    """Return what the emulated board sends without a fault; samna lists a Speck before it."""
    ran = emulate(whole, whole / "plain.csv")
    assert ran.returncode == 0, ran.stderr
    return rows_of(whole / "plain.csv")


def test_an_emulated_board_answers_the_host_and_every_trial_is_kept(whole, undisturbed):
    assert {row["trial"] for row in undisturbed} == {"0", "1", "2", "3"}
    assert {row["population"] for row in undisturbed} >= {"excitatory", "output"}
    trials = rows_of(whole / "plain.trials.csv")
    assert [row["trial"] for row in trials] == ["0", "1", "2", "3"]
    counts = Counter(row["trial"] for row in undisturbed)
    assert [int(row["spikes"]) for row in trials] == [counts[str(k)] for k in range(4)]
    again = emulate(whole, whole / "plain.csv")
    assert again.returncode == 0, again.stderr
    assert "4 trials are in" in again.stdout
    assert rows_of(whole / "plain.csv") == undisturbed


@pytest.mark.parametrize("fault", ["wrap", "marker"])
def test_a_clock_that_wraps_and_lost_markers_lose_no_trial(whole, undisturbed, fault):
    ran = emulate(whole, whole / f"{fault}.csv", "--fault", fault)
    assert ran.returncode == 0, ran.stderr
    assert rows_of(whole / f"{fault}.csv") == undisturbed


def test_a_refused_configuration_is_an_error_and_the_same_command_goes_on(whole, undisturbed):
    out = whole / "refused.csv"
    ran = emulate(whole, out, "--fault", "refuse")
    assert ran.returncode == 1
    assert "the board refuses its configuration: leaks to drain by" in ran.stderr
    assert "1 of 4 trials are in" in ran.stderr
    assert {row["trial"] for row in rows_of(out)} == {"0"}
    with out.open("a") as file:
        file.write("1,5,output,0\n1,9,out")  # as of a run that was killed within a trial
    ran = emulate(whole, out)
    assert ran.returncode == 0, ran.stderr
    assert rows_of(out) == undisturbed


@pytest.mark.parametrize("cut", [2, 8, 12, -3])
def test_a_list_of_trials_that_was_cut_in_a_line_is_gone_on_from(whole, undisturbed, cut):
    out, listed = whole / f"cut{cut}.csv", whole / f"cut{cut}.trials.csv"
    shutil.copyfile(whole / "plain.csv", out)
    plain = (whole / "plain.trials.csv").read_bytes()
    *lines, last = plain.splitlines(keepends=True)
    listed.write_bytes(b"".join(lines) + last[:cut])
    for said in ("3 trials are in", "4 trials are in"):
        ran = emulate(whole, out)
        assert ran.returncode == 0, ran.stderr
        assert said in ran.stdout
        assert listed.read_bytes() == plain
        assert rows_of(out) == undisturbed


@pytest.mark.parametrize(
    ("out", "more", "said"),
    [
        ("none/out.csv", (), "error: cannot be read or written: No such file"),
        ("lost.csv", (), "error: the results cannot be read: [Errno 2] No such file"),
        ("new.csv", ("--serial", "x"), "--serial are of a board, --emulate asks for"),
        ("new.csv", ("--within", "2"), "--within compares with expected rates"),
    ],
)
def test_a_file_that_cannot_be_had_is_told_without_a_traceback(whole, undisturbed, out, more, said):
    shutil.copyfile(whole / "plain.trials.csv", whole / "lost.trials.csv")
    ran = emulate(whole, whole / out, *more)
    assert ran.returncode == 1
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
    assert not (whole / out).exists()


def test_results_of_other_spikes_are_not_added_to(whole, undisturbed):
    (whole / "other.csv").write_text(SPIKES + "9,10,pixels,0\n")
    ran = emulate(whole, whole / "plain.csv", spikes="other.csv")
    assert ran.returncode == 1
    assert "are of other spikes or another patch" in ran.stderr
    assert rows_of(whole / "plain.csv") == undisturbed


def test_a_board_is_chosen_by_the_name_of_its_type():
    sys.path.insert(0, str(loader_folder()))
    try:
        from session import is_dynapse2
    finally:
        sys.path.pop(0)
    named = {"Dynapse2DevBoard": True, "Dynapse-2": True, "Dynapse2Stack": True, "Speck2e": False}
    for name, ours in named.items():
        assert is_dynapse2(SimpleNamespace(device_type_name=name)) == ours
    assert not is_dynapse2(SimpleNamespace())


ROCKPOOL = os.environ.get("EIDEPLOY_ROCKPOOL", "")  # a Python that has rockpool


@pytest.mark.skipif(not ROCKPOOL, reason="EIDEPLOY_ROCKPOOL names no Python that has rockpool")
def test_rockpools_alias_classes_take_the_live_tree_and_give_the_same_json(build):
    size = {"chips": 2, "used": 2, "cores": 4, "neurons": 8, "cams": 8, "destinations": 4,
            "biases": list(SPEC.bias_names), "columns": 2, "entry": [0, 0]}  # fmt: skip
    environment = {**os.environ, "MOCK_SAMNA": json.dumps(size), "PYTHONPATH": ""}
    out = subprocess.run(
        [ROCKPOOL, "-B", str(Path(__file__).parent / "rockpool_alias.py"), str(build),
         str(MOCK / "samna/dynapse2.py")],
        capture_output=True, text=True, env=environment, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert out.returncode == 0, out.stderr
    assert "64 neurons, 416 parameters equal" in out.stdout

"""A build holds its program in C, and commands run and verify it."""

import json
import shutil
import subprocess

import pytest

from eideploy import cli
from eideploy.backends.c import executor
from eideploy.files import sha256


@pytest.fixture(scope="module")
def built(finished, tmp_path_factory):
    place = tmp_path_factory.mktemp("c")
    run = finished / "runs/digits-conv-1"
    build = place / "build"
    assert cli.main(["compile", str(run), "--emit", "c", "--out", str(build)]) == 0
    return build


@pytest.fixture
def build(built, tmp_path):
    return shutil.copytree(built, tmp_path / "build")


def test_simulate_finds_no_logit_that_differs(build, capsys):
    assert cli.main(["simulate", str(build), "--executor", "c", "--samples", "32", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["logits_differing"] == content["predictions_differing"] == 0
    assert content["samples"] == 32


def test_a_run_is_simulated_in_c_without_a_build(finished, capsys):
    run = str(finished / "runs/digits-conv-1")
    assert cli.main(["simulate", run, "--executor", "c", "--samples", "8", "--lut", "4bit"]) == 0
    assert "c: 0 logits and 0 predictions of 8 samples differ" in capsys.readouterr().out


def test_verify_runs_it_and_writes_it_again(build, capsys):
    assert cli.main(["verify", str(build), "--samples", "8", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    rows = {row["artefact"]: row["result"] for row in content["rows"]}
    assert rows["c/net.c"] == "equal"


def test_verify_finds_a_file_of_c_that_is_another(build, capsys):
    path = build / "c/net.h"
    path.write_text(path.read_text("ascii") + "/* more */\n", "ascii")
    assert cli.main(["verify", str(build), "--samples", "8"]) == 1
    assert "c/net.h differs" in capsys.readouterr().err


def test_verify_finds_c_of_another_network_that_the_manifest_vouches_for(build, capsys):
    path, manifest = build / "c/net.h", build / "manifest.json"
    path.write_text(path.read_text("ascii") + "/* more */\n", "ascii")
    content = json.loads(manifest.read_text("utf-8"))
    content["files"]["c/net.h"] = sha256(path)
    manifest.write_text(json.dumps(content), "utf-8")
    assert cli.main(["verify", str(build), "--samples", "8"]) == 1
    assert "c/net.h" in capsys.readouterr().out


def test_the_self_test_of_a_build_passes(build):
    done = subprocess.run(
        ["make", "-C", str(build / "c")], capture_output=True, text=True, check=True
    )
    assert "8 of 8 equal" in done.stdout


def test_without_a_compiler_it_says_what_to_install(build, capsys, monkeypatch):
    monkeypatch.setattr(executor.shutil, "which", lambda _: None)
    assert cli.main(["simulate", str(build), "--executor", "c", "--samples", "8"]) == 2
    said = capsys.readouterr().err
    assert "there is no C compiler" in said
    assert "install gcc, or set $CC" in said


def test_a_variable_that_names_no_program_is_told_once(capsys, monkeypatch):
    monkeypatch.setenv("CC", "gccc-of-nobody")
    path = executor.compiler()
    assert executor.compiler() == path
    said = capsys.readouterr().err
    assert said.count("$CC is 'gccc-of-nobody', which is the path of no program") == 1
    assert f"{path} is taken" in said


def test_a_compiler_that_fails_is_named(build, capsys, monkeypatch, tmp_path):
    broken = tmp_path / "cc"
    broken.write_text("#!/bin/sh\necho 'net.c:1: error: no such option' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    assert cli.main(["simulate", str(build), "--executor", "c", "--samples", "8"]) == 2
    assert f"{broken} does not compile the network: net.c:1: error" in capsys.readouterr().err

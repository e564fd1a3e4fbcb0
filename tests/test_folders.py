"""Runs and builds are found by date, numbered without gaps in the law, and told apart."""

import json
import os

import pytest

from eideploy import folders
from eideploy.errors import FormatError, UsageError
from eideploy.folders import (
    BUILD,
    BUILDS,
    RUN,
    RUNS,
    kind_of,
    latest_build,
    latest_run,
    latest_unfinished,
    numbered,
)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def made(root, name, created, kind=RUN, **content):
    folder = root / name
    folder.mkdir(parents=True)
    mark = {"kind": kind, "created": created, **content}
    (folder / "manifest.json").write_text(json.dumps(mark))
    return folder


def begun(name, at):
    folder = RUNS / name
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("")
    os.utime(folder / "config.toml", (at, at))
    return folder


def test_the_latest_run_is_the_youngest_by_its_manifest_not_by_name_or_file_time():
    made(RUNS, "a-9", "2026-01-01T00:00:00")
    young = made(RUNS, "a-1", "2026-01-02T00:00:00")
    made(RUNS, "z", "2025-12-31T23:59:59")
    assert latest_run() == young


def test_a_run_that_was_distilled_for_a_chip_does_not_stand_before_the_one_it_is_of():
    trained = made(RUNS, "a-1", "2026-01-01")
    made(RUNS, "a-1-dynapse2-1", "2026-01-02", adapted="a-1")
    assert latest_run(distilled=False) == trained
    assert latest_run() == RUNS / "a-1-dynapse2-1"


def test_without_a_folder_there_is_no_latest():
    assert (latest_run(), latest_build("digital"), latest_unfinished()) == (None, None, None)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"kind": "eideploy run"}', "\0", '{"created": 3}']
)
def test_a_damaged_neighbour_does_not_hide_the_others(text):
    good = made(RUNS, "good", "2026-01-01")
    bad = made(RUNS, "bad", "2027-01-01")
    (bad / "manifest.json").write_text(text)
    assert latest_run() == good


def test_folders_of_another_kind_and_loose_files_are_passed_over():
    good = made(RUNS, "good", "2026-01-01")
    made(RUNS, "build", "2027-01-01", kind=BUILD)
    (RUNS / "notes.txt").write_text("")
    (RUNS / "empty").mkdir()
    assert latest_run() == good


def test_a_folder_that_is_still_being_filled_is_neither_latest_nor_unfinished():
    made(RUNS, ".a-1.00000000.partial", "2027-01-01")
    folder = RUNS / ".a-2.00000000.partial"
    folder.mkdir()
    (folder / "config.toml").write_text("")
    assert latest_run() is None
    assert latest_unfinished() is None


def test_the_latest_build_is_that_of_the_backend_whatever_its_target_is_called():
    made(BUILDS, "a", "2026-01-01", kind=BUILD, backend="digital", target="digital")
    mine = made(BUILDS, "b", "2026-01-02", kind=BUILD, backend="digital", target="mine")
    made(BUILDS, "c", "2026-01-03", kind=BUILD, backend="other", target="digital")
    assert latest_build("digital") == mine


def test_the_latest_unfinished_run_is_the_one_that_was_begun_last():
    begun("a", 100)
    late = begun("b", 200)
    finished = begun("c", 300)
    (finished / "manifest.json").write_text("{}")
    assert latest_unfinished() == late


def test_numbers_count_up_from_one_and_fill_what_is_free():
    assert numbered(RUNS, "a") == RUNS / "a-1"
    made(RUNS, "a-1", "")
    made(RUNS, "a-3", "")
    assert numbered(RUNS, "a") == RUNS / "a-2"
    (RUNS / "a-2").symlink_to("nowhere")  # taken, too
    assert numbered(RUNS, "a") == RUNS / "a-4"


@pytest.mark.parametrize("find", [latest_run, latest_unfinished, lambda: numbered(RUNS, "a")])
def test_a_file_in_place_of_the_runs_is_named(find):
    RUNS.write_text("")
    with pytest.raises(UsageError, match="runs is a file"):
        find()


def test_the_kind_is_told_by_the_manifest_and_by_the_configuration_of_an_unfinished_run():
    assert kind_of(made(RUNS, "a", "")) == RUN
    assert kind_of(made(RUNS, "b", "", kind=BUILD)) == BUILD
    assert kind_of(begun("c", 1)) == RUN


def test_a_name_that_is_nearly_right_is_answered_with_the_right_one():
    made(RUNS, "digits-conv-1", "")
    with pytest.raises(UsageError) as caught:
        kind_of(RUNS / "digit-conv-1")
    assert caught.value.fix == "name runs/digits-conv-1"


def test_a_run_in_which_something_was_trained_is_not_discarded():
    bare, trained = begun("a", 1), begun("b", 1)
    (trained / "checkpoint.safetensors").write_text("")
    folders.discard_if_empty(bare)
    folders.discard_if_empty(trained)
    assert [p.name for p in RUNS.iterdir()] == ["b"]


def test_a_run_that_another_process_trains_is_not_discarded():
    run = begun("a", 1)
    with folders.sole_training(run):  # a lock of its own, as another process has
        folders.discard_if_empty(run)
    assert run.exists()
    folders.discard_if_empty(run)
    assert not run.exists()


@pytest.mark.parametrize("file", [folders.SPEC, folders.CIRCUIT])
def test_a_build_without_its_manifest_is_told_from_any_folder(tmp_path, file):
    (tmp_path / file).write_text("")
    with pytest.raises(FormatError, match=r"manifest\.json is missing"):
        folders.kind_of(tmp_path)

"""Whole processes: what they import, how they end, and what is left when they are killed."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys

import pytest

from eideploy.staging import locked
from tests.cli.support import PATIENCE_S, RUN, TINY, process

HEAVY = ("torch", "numpy", "sklearn", "rich", "safetensors")


def modules_after(code):
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(told.stdout.split())


def test_help_imports_nothing_heavy():
    code = (
        "import contextlib, io\nfrom eideploy.cli import main\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['--help'])"
    )
    assert not modules_after(code) & set(HEAVY)


def test_compile_and_simulate_need_no_torch():
    code = "from eideploy.backends.digital.jobs import compile, simulate"
    assert "torch" not in modules_after(code)


def test_a_reader_that_has_seen_enough_is_no_error(empty):
    with process("targets") as command:
        command.stdout.close()
        assert command.stderr.read() == ""
    assert command.returncode == 0


@pytest.mark.skipif(not shutil.os.path.exists("/dev/full"), reason="the system has no /dev/full")
def test_a_full_standard_output_is_a_stated_error(empty):
    with open("/dev/full", "w") as full:  # noqa: PTH123 - a device
        command = subprocess.run(
            [sys.executable, "-m", "eideploy.cli", "targets"], stdout=full, stderr=-1, text=True
        )
    assert command.returncode == 1
    assert command.stderr == "error: cannot write to standard output: No space left on device\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_is_no_error(built, closed):
    done = subprocess.run(
        f"{sys.executable} -m eideploy.cli simulate --samples 2 {closed}", shell=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0
    assert "Traceback" not in done.stderr


def test_a_path_that_the_terminal_cannot_show_is_shown_escaped(empty):
    command = subprocess.run(
        [sys.executable, "-m", "eideploy.cli", "compile", "日本"],
        env={"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert command.returncode == 2
    assert "where: \\u65e5\\u672c" in command.stderr


def test_ctrl_c_before_the_first_result_writes_nothing_and_exits_with_130(
    trained, call, monkeypatch
):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("eideploy.backends.digital.jobs.compile.formed", stop)
    found = call("compile")
    assert (found.code, found.out) == (130, "")
    assert found.err.endswith("interrupted\n")
    assert not (trained / "builds").exists()


def test_ctrl_c_while_a_build_is_written_leaves_nothing(trained, call, monkeypatch):
    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("eideploy.backends.digital.build.write_manifest", stop)
    assert call("compile").code == 130
    assert not (trained / "builds").exists()


def stop_after_an_epoch(patch):
    """Let every training stop, as by Ctrl-C, where its second epoch would begin."""
    import eideploy.model.training as training

    run_epoch = training.run_epoch

    def stopping(state, job):
        if len(state.metrics) == 1:
            raise KeyboardInterrupt
        return run_epoch(state, job)

    patch.setattr(training, "run_epoch", stopping)


def test_ctrl_c_in_a_training_keeps_the_whole_epochs_and_says_how_to_go_on(
    trained, call, monkeypatch
):
    with monkeypatch.context() as patch:
        stop_after_an_epoch(patch)
        for _ in range(2):  # the second one resumes, and is stopped again
            found = (
                call("train", *TINY)
                if not (trained / "runs/digits-conv-2").exists()
                else call("train", "--resume")
            )
            assert found.code == 130
            assert "error: stopped after 1 of 2 epochs" in found.err
            assert "fix:   continue with eideploy train --resume runs/digits-conv-2" in found.err
    assert call("train", "--resume").code == 0
    assert weights(trained / "runs/digits-conv-2") == weights(trained / RUN)


def test_a_resume_under_other_conditions_says_so_and_the_run_keeps_both(trained, call, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after_an_epoch(patch)
        assert call("train", *TINY, "--out", "begun").code == 130
    shutil.copytree("begun", "again")
    with process("train", "--resume", "begun", more={"ATEN_CPU_CAPABILITY": "default"}) as command:
        _, told = command.communicate()
    assert command.returncode == 0
    (line,) = [line for line in told.splitlines() if "other conditions" in line]
    assert "resuming under other conditions, which give other bits: vectors DEFAULT, was" in line
    first, second = json.loads((trained / "begun/manifest.json").read_text())["conditions"]
    assert {n for n in first if first[n] != second[n]} == {"vectors", "arithmetic"}
    found = call("train", "--resume", "again")
    assert "other conditions" not in found.err
    manifest = json.loads((trained / "again/manifest.json").read_text())
    assert manifest["conditions"] == [first]
    assert first["kernel"] == "plain"
    assert first["threads"] == "1"
    assert manifest["machine"]["processor"]


@pytest.mark.parametrize("moment", ["eideploy.flow.train._load", "eideploy.folders.save"])
def test_ctrl_c_beside_the_epochs_says_how_to_go_on_too(trained, call, monkeypatch, moment):
    (trained / RUN / "manifest.json").unlink()

    def stop(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(moment, stop)
    found = call("train", "--resume")
    assert found.code == 130
    assert "error: stopped before the run was finished" in found.err
    assert f"fix:   continue with eideploy train --resume {RUN}" in found.err


def weights(run):
    return hashlib.sha256((run / "circuit.safetensors").read_bytes()).hexdigest()


def test_ctrl_c_in_the_middle_of_an_epoch_keeps_its_batches_and_resumes(trained, call, monkeypatch):
    from eideploy.model import checkpoint, training

    step, batches = training._step, iter(range(60))  # an epoch has 45

    def interrupted(*arguments):
        step(*arguments)
        if next(batches, None) is None:
            signal.raise_signal(signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(training, "_step", interrupted)
        found = call("train", *TINY)
    run = trained / "runs/digits-conv-2"
    assert found.code == 130
    assert "error: stopped after 1 of 2 epochs" in found.err
    assert checkpoint.load_state(run).partial.batches == 61 - 45
    assert call("train", "--resume", run).code == 0
    for name in ("circuit.safetensors", "metrics.csv", "health.csv"):
        assert (run / name).read_bytes() == (trained / RUN / name).read_bytes()


def test_ctrl_c_is_taken_by_a_process_of_its_own(trained, call):
    run = trained / "runs/digits-conv-2"
    command = process("train", *TINY, struck=("SIGINT", run / "metrics.csv"))
    _, told = command.communicate(timeout=PATIENCE_S)
    assert command.returncode == 130
    assert "error: stopped after 1 of 2 epochs" in told
    assert "Traceback" not in told
    assert call("train", "--resume", run).code == 0
    assert weights(run) == weights(trained / RUN)


@pytest.mark.parametrize("moment", ["config.toml", "checkpoint.safetensors", "metrics.csv"])
def test_a_training_killed_at_any_moment_resumes_to_the_same_weights(trained, call, moment):
    run = trained / "runs/digits-conv-2"
    command = process("train", *TINY, struck=("SIGKILL", run / moment))
    command.communicate(timeout=PATIENCE_S)
    assert command.returncode == -signal.SIGKILL
    assert not (run / "manifest.json").exists()
    (run / ".checkpoint.safetensors.0badf00d.partial").write_bytes(b"left by the killed process")
    found = call("train", "--resume")
    assert found.code == 0
    assert "resuming runs/digits-conv-2, the latest unfinished run" in found.err
    assert weights(run) == weights(trained / RUN)
    assert sorted(p.name for p in run.iterdir()) == sorted(
        p.name for p in (trained / RUN).iterdir()
    )


def test_a_training_killed_between_its_last_files_resumes_to_the_same_weights(trained, call):
    for name in ("manifest.json", "circuit.safetensors", "metrics.csv", "health.csv"):
        whole = (trained / RUN / "circuit.safetensors").read_bytes()
        (trained / RUN / "manifest.json").unlink()
        (trained / RUN / name).unlink(missing_ok=True)
        assert call("train", "--resume").code == 0
        assert (trained / RUN / "circuit.safetensors").read_bytes() == whole


def test_a_run_that_is_being_trained_is_not_resumed_by_another_process(trained, refused):
    (trained / RUN / "manifest.json").unlink()
    with locked(trained / RUN / "config.toml") as alone:
        assert alone
        refused("train", "--resume", code=2, what="another process is training the run", where=RUN,
                fix="wait until it ends")  # fmt: skip


@pytest.mark.parametrize("moment", ["integer.safetensors", "manifest.json"])
def test_a_compile_killed_at_any_moment_leaves_nothing_that_is_taken_for_a_build(
    trained, call, moment, monkeypatch
):
    from eideploy import files

    class KilledError(BaseException):
        pass

    write = files.write_atomic

    def dying(path, data):
        write(path, data)
        if path.name == moment:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(files, "write_atomic", dying)
        patch.setattr("eideploy.backends.digital.emit.write_atomic", dying)
        patch.setattr("shutil.rmtree", lambda *_, **__: None)  # the killed do not tidy up
        with pytest.raises(KilledError):
            call("compile")
    (left,) = (trained / "builds").iterdir()
    assert left.name.startswith(".")
    found = call("simulate", "--samples", 2)
    assert found.code == 0
    assert "compiled runs/digits-conv-1" in found.err
    assert call("compile").code == 0


def test_two_compiles_at_once_get_two_folders(trained):
    commands = [process("compile") for _ in range(2)]
    told = [command.communicate() for command in commands]
    assert [command.returncode for command in commands] == [0, 0], told
    names = sorted(path.name for path in (trained / "builds").iterdir())
    assert [name[-2:] for name in names] == ["-1", "-2"]

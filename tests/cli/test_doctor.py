"""doctor: what is here, what is missing, and that samna is never imported."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from eideploy.backends.catalogue import FAMILIES
from eideploy.backends.digital.jobs.needs import PROGRAMS
from eideploy.backends.formats import FORMATS
from eideploy.flow import doctor


def findings(call, code=0):
    found = call("doctor", "--json")
    assert found.code == code
    return {f["what"]: f for f in json.loads(found.out)["findings"]}


def test_what_is_needed_is_here(call, empty):
    found = findings(call)
    assert all(f["state"] in ("ok", "newer than tested") for f in found.values() if f["needed"])
    assert {"python", "torch", "numpy", "threads", "gpu", "verilator", "samna"} <= set(found)
    told = call("doctor").out
    assert "all that is needed is here" in told
    assert told.count("h5py ") == 1  # which two extras ask for
    assert not list(empty.iterdir())


def test_what_only_verify_runs_files_in_is_named_too(call, empty, monkeypatch):
    assert findings(call)["nirtorch"]["state"] == "ok"
    known = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: "" if name == "nirtorch" else known(name))
    found = findings(call)["nirtorch"]
    assert (found["state"], found["needed"]) == ("missing", False)
    assert (found["fix"], found["enables"]) == (
        "pip install 'nirtorch'", "verify of the nir files of a build",
    )  # fmt: skip


def test_what_is_missing_is_named_with_its_command(call, empty, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    for name in PROGRAMS:
        found = findings(call)[name]
        assert found["state"] == "missing"
        assert found["fix"].partition(" install ")[0] in ("apt", "pip")
        assert found["enables"]


def test_a_program_is_found_beside_the_python_that_runs(call, empty, monkeypatch, tmp_path):
    """An environment that is not activated has it there, and nothing of it on the PATH."""
    packer = tmp_path / "yowasp-ecppack"
    packer.write_text("#!/bin/sh\necho packer 1.2\n")
    packer.chmod(0o755)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    found = findings(call)
    assert (found["ecppack"]["state"], found["ecppack"]["found"]) == ("ok", "packer 1.2")
    assert found["nextpnr-ecp5"]["state"] == "missing"


def test_a_needed_package_that_is_missing_or_old_is_an_error(call, empty, monkeypatch):
    known = doctor._version
    monkeypatch.setattr(
        doctor, "_version", lambda n: {"torch": "", "numpy": "1.9"}.get(n, known(n))
    )
    found = findings(call, code=1)
    assert found["torch"]["state"] == "missing"
    assert found["numpy"]["state"] == "too old"
    assert "pip install 'numpy" in found["numpy"]["fix"]


@pytest.mark.parametrize(("file", "state"), [("native.so", "ok"), ("other.py", "note")])
def test_samna_is_told_from_its_stub_without_an_import(call, empty, monkeypatch, file, state):
    (empty / "samna").mkdir()
    (empty / "samna/__init__.py").write_text("raise SystemExit('imported')")
    (empty / "samna" / file).write_text("")
    monkeypatch.syspath_prepend(str(empty))
    assert findings(call)["samna"]["state"] == state
    assert "samna" not in sys.modules


@pytest.mark.parametrize(
    ("group", "what"),
    [
        ("eideploy.backends", "backend"),
        ("eideploy.formats", "format"),
        ("eideploy.divisions", "division"),
        ("eideploy.neurons", "neuron"),
    ],
)
def test_packages_that_offer_what_cannot_be_used_are_named(
    call, empty, monkeypatch, tmp_path_factory, group, what
):
    site = tmp_path_factory.mktemp("site")
    about = site / "shaky-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: shaky\nVersion: 1\n")
    (about / "entry_points.txt").write_text(f"[{group}]\nodd = shaky_module_that_is_not_there:Odd")
    monkeypatch.syspath_prepend(site)
    FAMILIES.forget()
    FORMATS.forget()
    found = findings(call)[f"{what} odd"]
    assert (found["found"], found["state"]) == ("shaky", "broken")
    assert "No module named 'shaky_module_that_is_not_there'" in found["enables"]
    assert found["fix"] == "fix or update shaky, or pip uninstall shaky"
    FAMILIES.forget()
    FORMATS.forget()


@pytest.mark.parametrize("project", [True, False])
def test_a_checkout_that_was_not_installed_is_said_and_looked_at_as_well(
    call, empty, monkeypatch, project
):
    installed = findings(call)

    def missing(_):
        raise doctor.PackageNotFoundError("eideploy")

    monkeypatch.setattr(doctor, "requires", missing)
    if not project:
        monkeypatch.setattr(doctor.shipped, "folder", lambda name: empty / name)
    found = findings(call)
    assert installed["eideploy"]["state"] == "ok"
    assert found["eideploy"]["state"] == "note"
    assert "pip install" in found["eideploy"]["fix"]
    asked = {"torch", "numpy", "matplotlib", "nir", "onnx", "h5py", "tensorboard"}
    assert asked & set(found) == (asked if project else set())


def test_a_bare_path_to_the_checkout_is_enough(empty):
    root = str(Path(doctor.__file__).parents[2])
    sites = [p for p in sys.path if p.endswith("-packages")]
    code = (
        f"import sys; sys.path[:0] = [{root!r}]; sys.path += {sites!r}\n"
        "import importlib.metadata as m\n"
        "real = m.requires\n"
        "def requires(name):\n"
        "    if name == 'eideploy': raise m.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "m.requires = requires\n"
        "from eideploy.cli import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "eideploy as a command" in done.stdout


def test_a_cache_that_others_can_write_is_said(call, empty, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(empty))
    assert findings(call)["cache"]["state"] == "ok"
    empty.chmod(0o777)
    found = findings(call)["cache"]
    assert found["state"] == "note"
    assert found["found"] == f"{empty.resolve()}: others may write there (chmod go-w)"
    assert "XDG_CACHE_HOME" in found["fix"]
    assert not list(empty.iterdir())

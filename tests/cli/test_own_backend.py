"""A backend in a package of its own: every command takes it, and eideploy does not know it."""

import json
import re
import shutil
import sys
import tomllib

import numpy as np
import pytest

from eideploy.backends import families
from eideploy.backends.digital import executors
from eideploy.data import load
from tests.cli.support import ROOT, process, rehash

PAGE = (ROOT / "docs/extending.md").read_text()
SECTION = PAGE[PAGE.index("## A backend") : PAGE.index("## An option")]
EXAMPLE = ROOT / "examples" / "own_backend"
BUILD = "builds/digits-conv-1-toy-board-1"


def install(site, name, points, module=None, group=families.FAMILIES.group):
    """Write what pip leaves of a package: its entry points, and a module if it is new."""
    about = site / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    lines = [f"{key} = {value}" for key, value in points.items()]
    (about / "entry_points.txt").write_text("\n".join([f"[{group}]", *lines]))
    if module is not None:
        (site / f"{name}.py").write_text(module)


def forget():
    families.FAMILIES.forget()


@pytest.fixture
def site(tmp_path_factory, monkeypatch):
    """Return a folder of installed packages."""
    place = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(place)
    forget()
    yield place
    forget()


@pytest.fixture
def toy(site, trained, monkeypatch):
    """Work in a folder with a finished run, a spec of the toy, and its package installed."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]
    install(site, project["name"], project["entry-points"][families.FAMILIES.group])
    monkeypatch.syspath_prepend(EXAMPLE)
    shutil.copy(EXAMPLE / "spec.toml", trained)
    yield trained
    sys.modules.pop("eideploy_toy", None)


def test_it_compiles_simulates_verifies_and_reports(toy, call):
    assert call("targets", "check", "spec.toml").out.startswith("target toy-board is well-formed")
    assert call("compile", "--target", "spec.toml", "--notes", "mine").code == 0
    assert (toy / BUILD / "board/notes.md").read_text() == "mine"
    found = json.loads(call("simulate", BUILD, "--samples", 20, "--json").out)
    assert (found["executor"], found["simulated"]) == ("toy", BUILD)
    by_name = call("simulate", "--executor", "toy", "--samples", 20, "--json")
    assert json.loads(by_name.out)["accuracy"] == found["accuracy"] > 0.1
    np.save("x.npy", load("digits").test.batch(slice(6)))
    np.save("y.npy", load("digits").test.y[:6])
    own = ("simulate", BUILD, "--input", "x.npy", "--labels", "y.npy")
    assert json.loads(call(*own, "--save", "a.npz", "--json").out)["accuracy"] > 0
    assert np.load("a.npz")["logits"].shape == (6, 10)
    assert "would replace y.npy" in call(*own, "--save", "y.npy").err
    assert "--labels has no effect" in call("simulate", BUILD, "--labels", "y.npy").err
    assert "no gap: 1 comparison, all equal; of 5 files 1 verified" in call("verify", BUILD).out
    assert call("report", BUILD).code == 0
    assert "What the board holds" in (toy / BUILD / "report.html").read_text()


def test_what_was_changed_is_a_gap(toy, call):
    call("compile", "--target", "spec.toml")
    spec = toy / BUILD / "board/listing.txt"
    spec.write_text(spec.read_text() + "\n")
    assert "differs from what the manifest says" in call("verify", BUILD).err


@pytest.mark.usefixtures("toy")
def test_its_options_are_in_the_help_and_refused_elsewhere(call):
    assert "toy boards:\n  --notes TEXT" in call("compile", "--help").out
    assert "toy, a toy board, in floats" in " ".join(call("simulate", "--help").out.split())
    found = call("compile", "--notes", "mine")
    assert "--notes has no effect for digital, a digital target" in found.err
    found = call("compile", "--target", "spec.toml", "--lut", "8bit")
    assert "--lut has no effect for toy-board, a toy board" in found.err


@pytest.mark.usefixtures("toy")
def test_an_executor_of_another_backend_is_refused(call):
    call("compile", "--target", "spec.toml")
    found = call("simulate", BUILD, "--executor", "rtl")
    assert "the build is for the backend toy, which rtl does not run" in found.err
    assert "choose one of toy" in found.err


def test_the_class_of_the_page_emits_what_it_says(site, trained, call, monkeypatch):
    kept = tuple(executor for executor in executors.EXECUTORS if not executor.commands)
    monkeypatch.setattr("eideploy.backends.digital.jobs.verify.EXECUTORS", kept)
    (code,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    install(site, "listed", {"listed": "listed:Listed"}, code)
    spec = (ROOT / "targets/digital/spec.toml").read_text()
    (trained / "spec.toml").write_text(spec.replace('backend = "digital"', 'backend = "listed"'))
    assert call("compile", "--target", "spec.toml", "--out", "b").code == 0
    assert (trained / "b/stages.txt").read_text().startswith("conv1\n")
    found = json.loads(call("simulate", "b", "--samples", 8, "--json").out)
    assert found["executor"] == "integer"
    (trained / "b/stages.txt").write_text("another\n")
    rehash(trained / "b")
    verified = json.loads(call("verify", "b", "--samples", 4, "--json").out)
    states = {item["file"]: item["state"] for item in verified["files"]}
    assert (states["stages.txt"], states["program.json"]) == ("gap", "verified")
    sys.modules.pop("listed", None)


def test_another_process_finds_it_as_well(toy, site):
    more = {"PYTHONPATH": f"{site}:{EXAMPLE}:{ROOT}"}
    done = process("compile", "--target", "spec.toml", cwd=toy, more=more)
    out, err = done.communicate()
    assert (done.returncode, "build  builds/" in out) == (0, True), err


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("class Toy: pass", "broken:Toy does not derive from eideploy.backends.protocol.Family"),
        ("from eideploy.backends.catalogue import DeclaredFamily\n"
         "class Toy(DeclaredFamily): name = 'toy'",
         "broken:Toy does not derive from eideploy.backends.protocol.Family"),
        ("from eideploy.backends.protocol import Family\nclass Toy(Family): name = 'toy'",
         "TypeError: Can't instantiate abstract class"),
        ("from eideploy.backends.digital.family import Digital as Toy",
         "its family calls itself 'digital'"),
    ],
)  # fmt: skip
def test_a_package_that_is_broken_is_named(site, trained, call, module, reason):
    install(site, "broken", {"toy": "broken:Toy"}, module)
    shutil.copy(EXAMPLE / "spec.toml", trained)
    found = call("compile", "--target", "spec.toml")
    assert found.code == 1
    offered = "the package broken offers the backend toy, which cannot be used"
    assert f"error: {offered}: {reason}" in found.err
    assert "where: entry point toy = broken:Toy" in found.err
    assert "pip uninstall broken" in found.err
    assert offered in call("compile", "--help").err
    assert call("compile").code == 0
    sys.modules.pop("broken", None)


@pytest.mark.usefixtures("site")
def test_a_backend_that_nobody_offers_is_told(trained, call):
    shutil.copy(EXAMPLE / "spec.toml", trained)
    found = call("compile", "--target", "spec.toml")
    assert "no backend is called 'toy'" in found.err
    assert "or install the package that offers it" in found.err

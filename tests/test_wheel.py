"""What is released works where nothing else of this tree is: sdist, wheel made of it, installed."""

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from tests.cli.support import PATIENCE_S

ROOT = Path(__file__).parent.parent
SMALL = (
    "training.epochs=1", "training.warmup_epochs=0", "training.max_iterations=3",
    'network.widths=[8, "P", 8]',
)  # fmt: skip

pytestmark = pytest.mark.slow


def done(*command, **options):
    found = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, timeout=PATIENCE_S, **options
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    """Return the sdist and the wheel; the wheel is built of what the sdist holds."""
    folder = tmp_path_factory.mktemp("dist")
    done(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(released, tmp_path_factory):
    """Return the programs of a new environment that has the wheel, and what it depends on by path.

    A .pth file adds the packages of this environment, but none that it has by a .pth file itself,
    such as an editable install of this tree.
    """
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    beside = folder / "lib" / version / "site-packages" / "dependencies.pth"
    beside.write_text(sysconfig.get_path("purelib") + "\n")
    pip = (sys.executable, "-m", "pip", "--python", python, "install", "--quiet")
    done(*pip, "--no-deps", "--no-index", "--ignore-installed", released[1])
    return folder / "bin"


@pytest.fixture(scope="module")
def installed(environment, tmp_path_factory):
    """Return a function that runs a program of the environment in one empty folder."""
    folder = tmp_path_factory.mktemp("empty")
    alone = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}

    def run(program, *words):
        return done(environment / program, *words, cwd=folder, env=alone)

    return run


def test_the_sdist_holds_what_testing_and_building_it_takes(released):
    with tarfile.open(released[0]) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    wanted = (
        "pyproject.toml", "Makefile", "constraints.txt", "README.md", "CHANGELOG.md", "LICENSE",
        "eideploy/cli.py", "targets/digital/spec.toml", "quant/int8.toml", "tests/conftest.py",
        "docs/architecture.md", "examples/python_api/walk.py",
    )  # fmt: skip
    assert {name for name in wanted if name not in names} == set()


def test_the_wheel_holds_every_file_of_package_targets_and_schemes(released):
    listed = subprocess.run(
        ["git", "ls-files", "eideploy", "targets", "quant", "constraints.txt"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    assert len(listed) > 200
    wanted = {n if n.startswith("eideploy/") else f"eideploy/_shipped/{n}" for n in listed}
    with zipfile.ZipFile(released[1]) as file:
        held = set(file.namelist())
    assert wanted - held == set()
    strange = {name for name in held - wanted if ".dist-info/" not in name}
    assert strange == set()


def test_it_is_the_wheel_that_runs(installed, environment):
    where = installed("python", "-c", "import eideploy, eideploy.shipped as s; print(s.__file__)")
    assert Path(where.strip()).is_relative_to(environment.parent)
    code = (
        "import importlib.metadata as m, eideploy as e; print(m.version('eideploy'), e.__version__)"
    )
    packed, said = installed("python", "-c", code).split()
    assert packed == said


def test_targets_schemes_and_presets_are_in_it(installed):
    said = installed("eideploy", "targets")
    for path in (*ROOT.glob("targets/*/spec.toml"), *ROOT.glob("quant/*.toml")):
        name = path.parent.name if path.name == "spec.toml" else path.stem
        assert f"  {name} " in said
    code = "import eideploy; print(*eideploy.preset_names())"
    presets = {path.stem for path in ROOT.glob("eideploy/presets/*.toml")}
    assert presets <= set(installed("python", "-c", code).split())


def test_the_three_commands_of_the_readme_run_in_an_empty_folder(installed):
    settings = [word for setting in SMALL for word in ("--set", setting)]
    assert "runs/digits-conv-1" in installed("eideploy", "train", *settings)
    built = installed("eideploy", "compile", "--target", "digital")
    folder = Path(built.split()[-1])
    assert folder.parent == Path("builds")
    found = installed("eideploy", "simulate", "--lut", "8bit", "--samples", "40")
    assert "prediction agreement" in found
    held = installed("python", "-c", f"import os; print(*os.listdir('{folder}/rtl'))")
    assert "eideploy_core.sv" in held

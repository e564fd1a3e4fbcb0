"""`import eideploy` offers what its `__all__` lists, as much as the command line does."""

import inspect
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

import eideploy
from eideploy import api
from eideploy.api import jobs
from eideploy.command_line.commands import COMMANDS
from eideploy.options.fields import fields_of


def test_every_stable_name_exists_and_says_what_it_is():
    for name in eideploy.__all__:
        value = getattr(eideploy, name)
        assert isinstance(value, str | frozenset) or len(inspect.getdoc(value)) > 10, name


def test_the_stable_names_are_all_that_the_api_gathers():
    gathered = {
        name
        for name, value in vars(api).items()
        if not (name.startswith("_") or inspect.ismodule(value))
    }
    assert gathered == set(eideploy.__all__) - {"__version__"}


def test_no_stable_name_is_a_module_that_would_replace_it_once_it_is_imported():
    modules = {module.name for module in pkgutil.iter_modules(eideploy.__path__)}
    assert "execute" in modules
    assert not modules & set(eideploy.__all__)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "completion"])
def test_every_command_is_a_function_of_the_same_options(name):
    """The function has no list of its own: it is made of the command's request."""
    asked = [field.name for field in fields_of(COMMANDS[name].request)]
    same = [
        job
        for job in vars(jobs).values()
        if inspect.isfunction(job)
        and sorted({*inspect.signature(job).parameters} - {"callbacks"}) == sorted(asked)
    ]
    assert same
    assert {job.__name__ for job in same} <= set(eideploy.__all__)


def test_importing_the_package_loads_nothing_but_its_version():
    code = (
        "import sys, eideploy;"
        "print([m for m in sys.modules if m.startswith(('eideploy.', 'numpy'))])"
    )
    assert run(code) == "['eideploy.version']"


def test_no_stable_name_loads_torch():
    code = (
        "import sys, eideploy; [getattr(eideploy, n) for n in eideploy.__all__];"
        "print({'torch', 'onnx', 'nir', 'samna', 'matplotlib'} & set(sys.modules))"
    )
    assert run(code) == "set()"


def test_an_unknown_name_is_no_attribute():
    with pytest.raises(AttributeError, match="no attribute 'compil'"):
        eideploy.compil  # noqa: B018
    assert "compile_run" in dir(eideploy)


def run(code):
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_the_jobs_go_from_a_preset_to_cycles(tmp_path):
    small = {"training.epochs": 1, "training.warmup_epochs": 0, "network.widths": [8, "P", 8]}
    trained = eideploy.train_network(seed=3, overrides=small, out=tmp_path / "run")
    assert trained.folder == tmp_path / "run"
    assert eideploy.load_run(trained.folder).content["seed"] == 3
    circuit = eideploy.load_circuit(f"{trained.folder}/circuit.safetensors")
    eideploy.save_circuit(circuit, f"{tmp_path}/again.safetensors")
    again = eideploy.load_circuit(tmp_path / "again.safetensors")
    assert eideploy.circuit_text(again) == eideploy.circuit_text(circuit)
    built = eideploy.compile_run(trained.folder, division="lut:4x6", out=tmp_path / "build")
    assert eideploy.load_build(built.folder).program.division.divider.label == "lut 4x6"
    found = eideploy.simulate_build(str(built.folder), division="shift", samples=20)
    assert found.content["division"] == "shift"
    assert found.content["cycles"]["median"] > 0
    assert found.folder == built.folder
    table = eideploy.sweep_runs(
        [trained.folder],
        schemes=["int4"],
        divisions=["shift", "exact"],
        samples=20,
        jobs=1,
        out=tmp_path / "sweep",
    )
    assert [cell["division"] for cell in table.content["cells"]] == ["shift", "exact"]


def test_a_wrong_name_is_a_stated_error():
    with pytest.raises(eideploy.UsageError, match="no division is called 'lookup'"):
        eideploy.simulate_build(division="lookup")
    with pytest.raises(eideploy.UsageError, match="no target"):
        eideploy.check_target("no-such-target")
    with pytest.raises(eideploy.ConfigError):
        eideploy.train_network("no-such-preset")


def test_targets_are_listed_and_checked():
    assert set(eideploy.list_targets().content["targets"]) == set(eideploy.target_names())
    assert eideploy.check_target("digital").content["target"] == "digital"
    with pytest.raises(LookupError, match="targets"):
        eideploy.list_targets().folder  # noqa: B018


def test_the_python_of_its_page_runs_as_it_stands_there(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = Path(__file__).parents[1] / "docs" / "python_api.md"
    blocks = re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S)
    assert len(blocks) == 3
    for block in blocks:
        exec(compile(block, page, "exec"), {})
    assert "prediction agreement" in capsys.readouterr().out


def test_its_page_lists_every_stable_name():
    page = (Path(__file__).parents[1] / "docs" / "python_api.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+)(?:\(\w*\))?`", page))
    assert set(eideploy.__all__) - {"__version__"} <= named


@pytest.mark.slow
def test_type_checkers_see_every_option_of_a_job():
    calls = Path(__file__).parent / "command_line" / "calls.py"
    command = [sys.executable, "-m", "mypy", str(calls)]  # as `make lint`, whose cache it takes
    said = subprocess.run(command, capture_output=True, text=True, cwd=calls.parents[2]).stdout
    refused = {int(line) for line in re.findall(r"calls\.py:(\d+): error", said)}
    lines = calls.read_text("utf-8").splitlines()
    assert refused == {i for i, line in enumerate(lines, 1) if line.endswith("# refused")}, said

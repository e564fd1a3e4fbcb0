"""No two modules import each other in a circle, and nobody knows a backend by its name."""

import ast
import re
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

import eideploy

ROOT = Path(eideploy.__file__).parent
CHIP = "eideploy.backends.dynapse2"
BACKENDS = sorted(path.parent.name for path in ROOT.glob("backends/*/__init__.py"))
# The chip's networks are NIR graphs of nodes of its own, in a file as any other.
DIALECT = {"nir": {f"{CHIP}.nirfile"}}
# A family that derives from another's, as docs/extending.md says, knows that one.
DERIVED = {"digital": {"eideploy.backends.c"}}
# Functions of Python, which stay.
API = ("eideploy.api", "eideploy.plot")
NAMED = {
    ("backends/dynapse2/circuits.py", "nir"),
    ("backends/dynapse2/emit.py", "nir"),
    ("backends/dynapse2/jobs/verify.py", "nir"),
    ("backends/catalogue.py", "digital"),
    ("backends/catalogue.py", "dynapse2"),
    ("backends/catalogue.py", "nir"),
    ("backends/catalogue.py", "onnx"),
    ("flow/requests/checking.py", "digital"),
    ("flow/requests/compile.py", "digital"),
    ("flow/requests/train.py", "dynapse2"),
    ("flow/requests/board.py", "dynapse2"),
}
# Who may say its name: the table of backends; the functions of Python that stay, by its name.
NAMING = {"backends/catalogue.py", "api/jobs.py"}
# What a training for it is called in help, and what is distilled for where nothing is said; whose
# latest build the commands of mixed-signal chips take.
SAID = {"flow/requests/train.py": 2, "flow/requests/board.py": 1}


@pytest.fixture(scope="module")
def imports():
    """Return what every module imports: also within functions, and for type checkers alone."""
    graph = grimp.build_graph("eideploy", exclude_type_checking_imports=False, cache_dir=None)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def is_in(module, place):
    return f"{module}.".startswith(f"{place}.")


def circle(imports):
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_modules_import_each_other_in_a_circle(imports):
    assert len(imports) > 200
    assert circle(imports) == []


def test_a_circle_is_seen():
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}})) == {"a", "b", "c"}


@pytest.mark.parametrize("folder", BACKENDS)
def test_nothing_imports_a_backend_that_finds_it_by_its_name(imports, folder):
    place = f"eideploy.backends.{folder}"
    importing = {
        module
        for module, found in imports.items()
        if not is_in(module, place) and any(is_in(one, place) for one in found)
    }
    known = {*API, *DERIVED.get(folder, ())}
    others = {module for module in importing if not any(is_in(module, one) for one in known)}
    assert others == DIALECT.get(folder, set())


def test_no_code_asks_for_a_backend_by_its_name():
    """Only tables say a name; the name of a target that is taken by default is data."""
    naming = {
        (path.relative_to(ROOT).as_posix(), node.value)
        for path in ROOT.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and node.value in BACKENDS
        and len(str(node.value)) > 1  # "c" is a word of many languages
        and f"backends/{node.value}" not in path.as_posix()
    }
    assert naming == NAMED


def test_nothing_outside_its_folder_knows_the_mixed_signal_chip():
    asked = re.compile(r"is_chip|ChipSpec|ChipConfig|MIXED|[\"']dpi[\"']|dynapse2")
    naming = {
        path.relative_to(ROOT).as_posix(): len(found)
        for path in ROOT.rglob("*.py")
        if "backends/dynapse2" not in path.as_posix()
        and (found := asked.findall(path.read_text("utf-8")))
    }
    assert {name: n for name, n in naming.items() if name not in NAMING} == SAID


def test_simulating_a_program_loads_nothing_of_the_mixed_signal_chip(finished):
    code = (
        "import sys; from eideploy.cli import main;"
        "assert main(['simulate', '--lut', '8bit', '--samples', '8']) == 0;"
        f"print([m for m in sys.modules if m.startswith({CHIP!r})], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=finished, capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"

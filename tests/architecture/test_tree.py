"""The tree keeps its laws: data apart from code, small modules, no code in artefacts."""

import ast
from pathlib import Path

import pytest

import eideploy

ROOT = Path(eideploy.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))


def names(paths):
    return [path.relative_to(ROOT).as_posix() for path in paths]


@pytest.fixture(params=MODULES, ids=names(MODULES))
def module(request):
    """Return the path and the syntax tree of every module in turn."""
    text = request.param.read_text("utf-8")
    return request.param, text, ast.parse(text)


def test_the_package_was_found():
    assert len(MODULES) > 50


def test_no_module_is_longer_than_300_lines(module):
    assert module[1].count("\n") <= 300


def test_every_module_says_what_it_is_for(module):
    assert ast.get_docstring(module[2])


def test_no_code_asks_a_target_for_its_name(module):
    compared = [
        ast.unparse(node)
        for node in ast.walk(module[2])
        if isinstance(node, ast.Compare)
        and any(
            "target" in ast.unparse(side.value)
            for side in (node.left, *node.comparators)
            if isinstance(side, ast.Attribute) and side.attr == "name"
        )
    ]  # fmt: skip
    assert compared == []


def test_no_artefact_can_hold_code(module):
    for node in ast.walk(module[2]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imported = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            assert not imported & {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            options = {k.arg: ast.unparse(k.value) for k in node.keywords}
            assert called not in ("eval", "exec", "joblib.load", "joblib.dump")
            assert called not in ("yaml.load", "torch.save", "np.loadtxt")
            assert options.get("allow_pickle", "False") == "False"
            if called == "torch.load":
                assert options["weights_only"] == "True"
            if called == "np.load":
                assert options["allow_pickle"] == "False"


def test_results_are_printed_in_one_place(module):
    path, _, tree = module
    printed = [
        n for n in ast.walk(tree) if isinstance(n, ast.Call) and ast.unparse(n.func) == "print"
    ]
    assert not printed or path.name == "cli.py"

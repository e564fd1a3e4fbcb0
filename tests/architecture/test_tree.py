"""The tree keeps its laws: data apart from code, small modules, no code in artefacts."""

import ast
from pathlib import Path

import pytest

import eideploy

ROOT = Path(eideploy.__file__).parent
CODE = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
RUNS = {
    "eval", "exec", "joblib.load", "joblib.dump", "yaml.load", "torch.load", "torch.save",
    "np.loadtxt",
}  # fmt: skip


@pytest.fixture(scope="module")
def modules():
    """Return the text and the syntax tree of every module, by its path."""
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in ROOT.rglob("*.py")
    }
    assert len(texts) > 50
    return {path: (text, ast.parse(text)) for path, text in sorted(texts.items())}


def calls(tree):
    """Return every call of a module: what is called, and its options as text."""
    return [
        (ast.unparse(node.func), {k.arg: ast.unparse(k.value) for k in node.keywords})
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def imports(tree):
    """Return the names of what a module imports, and from where."""
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in found for alias in node.names}
    return names | {node.module for node in found if isinstance(node, ast.ImportFrom)}


def target_names_asked(tree):
    """Return the comparisons of a module in which the name of a target is."""
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for side in (node.left, *node.comparators)
        if isinstance(side, ast.Attribute) and side.attr == "name"
        and "target" in ast.unparse(side.value)
    ]  # fmt: skip


def test_every_module_says_what_it_is_for(modules):
    assert [path for path, (_, tree) in modules.items() if not ast.get_docstring(tree)] == []


def test_no_code_asks_a_target_for_its_name(modules):
    asked = {path: target_names_asked(tree) for path, (_, tree) in modules.items()}
    assert {path: found for path, found in asked.items() if found} == {}


def test_no_artefact_can_hold_code(modules):
    kept = {path: imports(tree) & CODE for path, (_, tree) in modules.items()}
    assert {path: found for path, found in kept.items() if found} == {}
    called = [(path, *call) for path, (_, tree) in modules.items() for call in calls(tree)]
    assert [(path, name) for path, name, _ in called if name in RUNS] == []
    allowed = [
        (path, name) for path, name, o in called if o.get("allow_pickle", "False") != "False"
    ]
    unsaid = [
        (path, name) for path, name, o in called if name == "np.load" and "allow_pickle" not in o
    ]
    assert allowed + unsaid == []


def test_results_are_printed_in_one_place(modules):
    printing = [p for p, (_, tree) in modules.items() if any(n == "print" for n, _ in calls(tree))]
    assert printing == ["cli.py"]


@pytest.mark.parametrize(
    "text",
    ["if target.name == 'digital': pass", "x = 'digital' != self.program.target.name"],
)
def test_a_question_for_the_name_of_a_target_is_seen(text):
    assert len(target_names_asked(ast.parse(text))) == 1


def test_imports_and_calls_are_seen():
    tree = ast.parse(
        "import pickle\nfrom dill import load\nnp.load(f, allow_pickle=True)\nexec('')"
    )
    assert imports(tree) & CODE == {"pickle", "dill"}
    assert calls(tree) == [("np.load", {"allow_pickle": "True"}), ("exec", {})]

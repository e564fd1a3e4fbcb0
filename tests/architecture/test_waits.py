"""No outcome of a test depends on how fast the machine is, or on what else it does."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
CLOCKS = {"time", "monotonic", "perf_counter", "process_time", "thread_time"}
WAITS = {"run", "communicate", "wait", "join", "check_output", "check_call"}
# Both choose the moments at which commands are killed; every moment is to give the same result.
MOMENTS = {"fuzz/counted.py", "fuzz/test_interruption.py"}


def clocks_read(tree):
    """Return the calls of a module that read a clock."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "time"
        for alias in node.names
    }
    names = {f"time.{name}{unit}" for name in CLOCKS for unit in ("", "_ns")} | imported - {"sleep"}
    return [text for node in calls(tree) if (text := ast.unparse(node.func)) in names]


def short_waits(tree):
    """Return the waits for a process that end otherwise than after PATIENCE_S."""
    return [
        ast.unparse(node)
        for node in calls(tree)
        if ast.unparse(node.func).rpartition(".")[2] in WAITS
        for option in node.keywords
        if option.arg == "timeout" and ast.unparse(option.value) != "PATIENCE_S"
    ]


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("rule", [clocks_read, short_waits])
def test_no_test_has_to_be_in_time(rule):
    found = {}
    for path in sorted(TESTS.rglob("*.py")):
        name = path.relative_to(TESTS).as_posix()
        if name not in MOMENTS and (seen := rule(ast.parse(path.read_text("utf-8")))):
            found[name] = seen
    assert found == {}


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (clocks_read, "begun = time.perf_counter()"),
        (clocks_read, "from time import monotonic_ns as now\nassert now() < 5"),
        (clocks_read, "import time\nassert time.process_time_ns() < 5"),
        (short_waits, "subprocess.run(command, timeout=12)"),
        (short_waits, "told = command.communicate(timeout=PATIENCE_S / 100)"),
    ],
)
def test_each_rule_sees_what_it_forbids(rule, text):
    assert len(rule(ast.parse(text))) == 1
    assert rule(ast.parse("time.sleep(1)\ncommand.wait(timeout=PATIENCE_S)")) == []

"""The support matrix is what the tests say: they exist, and try what it says they try."""

import ast
from collections import Counter
from functools import cache

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from eideploy.circuit import Add, AvgPool, Conv, Dense, Factored, Folded, Neurons
from tests.helpers import support
from tests.helpers.random_circuits import circuits


def test_the_page_is_the_table():
    assert support.PAGE.read_text("utf-8") == support.page(), "python tests/helpers/support.py"


@cache
def functions(path):
    tree = ast.parse((support.ROOT / path).read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("test", sorted(support.tests()))
def test_every_test_that_it_names_is_one_and_asserts_something(test):
    path, _, name = test.partition("::")
    node = functions(path)[name]
    called = {ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
    parts = [node, *(functions(path)[helper] for helper in called & functions(path).keys())]
    text = "\n".join(map(ast.unparse, parts))
    assert any(word in text for word in ("assert", "pytest.raises", "refused(")), test
    assert "pytest.mark.skip(" not in text


def test_every_cell_is_a_state_with_a_test():
    rows = {**support.FEATURES, "claims": tuple(support.CLAIMS.values())}
    for name, row in rows.items():
        assert name == "claims" or len(row) == len(support.COLUMNS), name
        assert all(state in support.STATES for state, test in row if test), name
        assert not any(state for state, test in row if not test), name


def met(circuit):
    """Return the features of the matrix that a random circuit has."""
    hidden = list(circuit.hidden)
    layers = [*hidden, *(n for n in circuit.layers if n not in hidden)]
    divided = [n.division for n in hidden if n.division.divider.method != "none"]
    neurons = {node.model.reset for node in circuit.of(Neurons)}
    return {
        "Fully connected layers": any(isinstance(n.geometry, Dense) for n in layers),
        "Convolutions": any(isinstance(n.geometry, Conv) for n in layers),
        "Average pooling": bool(circuit.of(AvgPool)),
        "Residual sums": bool(circuit.of(Add)),
        "Inhibition as its own population": any(isinstance(n.projection, Factored) for n in layers),
        "Folded inhibition": any(isinstance(n.projection, Folded) for n in layers),
        "Layers without inhibition": len(divided) < len(hidden),
        "LIF, threshold subtracted": "subtract" in neurons,
        "LIF, reset to zero": "zero" in neurons,
        **{f"Division `{d.divider.method}`": True for d in divided},
        **{f"Zero divisors, `{d.zero_policy}`": True for d in divided},
    }


def test_random_networks_have_every_feature_that_they_are_said_to_prove():
    seen = Counter()

    @settings(max_examples=200, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(circuit=circuits())
    def check(circuit):
        seen.update(name for name, has in met(circuit).items() if has)

    check()
    apart = {"Input that changes over time"}  # the samples, not the network
    said = {name for name, row in support.FEATURES.items() if support.STEPPED in row} - apart
    said |= {name for name in support.FEATURES if name.startswith("Division `")}
    assert {name: seen[name] for name in said if seen[name] < 5} == {}

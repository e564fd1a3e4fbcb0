"""Which way a layer is computed, and that this is kept in a build."""

from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from eideploy.backends.c.choose import choose
from eideploy.backends.c.controller import read_controller
from eideploy.backends.c.network import network_of
from eideploy.backends.c.place import place, planned
from eideploy.backends.c.plan import Plan, Way, may_be_dense, may_be_kept, plan_of
from eideploy.errors import CapacityError, FormatError
from tests.helpers.layers import circuit as of_nodes
from tests.helpers.layers import lif, linear, readout, source

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def controller():
    return read_controller(ROOT / "targets/cortex-m4/spec.toml")


@pytest.fixture(scope="module")
def circuit():
    rng = np.random.default_rng(0)
    weights = [rng.integers(1, 255, shape) for shape in ((6, 20), (3, 20), (6, 3))]
    first = linear("first", "input", *weights)
    ones = [[1] * 6], [[1] * 6], [[1]]
    second = linear("second", "of_first", *ones)
    neurons = lif("of_first", "first", 6), lif("of_second", "second", 1)
    end = readout("of_second", [[1]], [[1]], [[1]])
    return of_nodes(source((20,), top=255), first, neurons[0], second, neurons[1], end, steps=4)


def chosen(circuit, controller, samples):
    return plan_of(choose(place(circuit, controller), samples))


def test_what_reads_the_sample_alone_is_kept_where_samples_do_not_change(circuit, controller):
    assert may_be_kept(circuit) == ("first",)
    still = np.full((3, 20), 9.0)
    plan = chosen(circuit, controller, still)
    assert [name for name, way in plan.ways.items() if way.kept] == ["first"]
    assert plan.of("first").instructions["kept"] < plan.of("first").instructions["events"] / 2
    moving = np.stack([still, still, still, still * 0], axis=1)
    assert not chosen(circuit, controller, moving).keeps


def test_a_layer_is_dense_where_few_entries_are_zero(circuit, controller):
    assert may_be_dense(circuit) == ("first",)
    full, sparse = np.full((2, 20), 9.0), np.eye(20)[:2]
    assert chosen(circuit, controller, full).of("first").dense
    assert not chosen(circuit, controller, sparse).of("first").dense


def test_currents_are_kept_as_far_as_the_ram_reaches(circuit, controller):
    program = place(circuit, controller)
    plan = Plan(ways={"first": Way(kept=True)})
    more = network_of(planned(program, asdict(plan))).state_bytes
    least = network_of(program).state_bytes
    assert more > least
    for ram, kept in ((more, True), (more - 1, False)):
        reserved = controller.memories.reserved_ram_bytes
        memories = replace(controller.memories, ram_bytes=ram + reserved)
        small = replace(controller, memories=memories)
        assert chosen(circuit, small, np.full((2, 20), 9.0)).of("first").kept is kept
    with pytest.raises(CapacityError, match="RAM bytes"):
        planned(place(circuit, small), asdict(plan))


@pytest.mark.parametrize(
    "ways",
    [
        {"other": {}},
        {"second": {"kept": True}},
        {"second": {"dense": True}},
        {"first": {"x": 1}},
        {"first": {"instructions": {"sideways": 1}}},
    ],
    ids=["no layer", "not still", "of bits", "unknown", "counted otherwise"],
)
def test_a_plan_of_other_layers_is_refused(ways, circuit, controller):
    with pytest.raises(FormatError, match=r"plan|cannot be"):
        planned(place(circuit, controller), {"samples": 2, "ways": ways})

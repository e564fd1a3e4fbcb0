"""Which way a layer is computed, and that this is kept in a build."""

from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from eideploy.backends.c.choose import choose
from eideploy.backends.c.controller import read_controller
from eideploy.backends.c.network import network_of
from eideploy.backends.c.place import lay_out, require_fit
from eideploy.backends.c.plan import Plan, Way, may_be_dense, may_be_kept, plan_of, read_plan
from eideploy.backends.digital.cycles import CYCLE_KINDS
from eideploy.backends.digital.jobs.fits import fits
from eideploy.backends.digital.placed import fitting
from eideploy.backends.digital.validate import inhibition
from eideploy.backends.digital.validate.inhibition import formed
from eideploy.errors import CapacityError, FormatError
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.recipe import usual
from eideploy.scheme import load_scheme
from tests.helpers.float_circuits import mlp
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
    trace = run_integer(circuit, samples, keep=CYCLE_KINDS)
    return plan_of(choose(lay_out(circuit, controller), trace))


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
    plan = Plan(ways={"first": Way(kept=True)})
    more = network_of(lay_out(circuit, controller, plan)).state_bytes
    least = network_of(lay_out(circuit, controller)).state_bytes
    assert more > least
    for ram, kept in ((more, True), (more - 1, False)):
        small = with_room(controller, ram=ram)
        assert chosen(circuit, small, np.full((2, 20), 9.0)).of("first").kept is kept
    with pytest.raises(CapacityError, match="RAM bytes"):
        require_fit(lay_out(circuit, small, plan))


def with_room(controller, **offered):
    """Return a controller that offers a network so many bytes of flash or RAM."""
    memories = controller.memories
    room = {
        f"{kind}_bytes": count + getattr(memories, f"reserved_{kind}_bytes")
        for kind, count in offered.items()
    }
    read = replace(controller, memories=replace(memories, **room))
    return replace(read, memory=replace(read.memory, weight_rows=read.flash_offered))


@pytest.fixture(scope="module")
def network():
    """Return a float circuit that is smaller folded, and what its program by default is made of."""
    rng = np.random.default_rng(0)
    circuit = mlp(rng, n_in=4, n_e=40)
    samples = rng.random((8, 4))
    recipe = replace(usual(), inhibition="auto")
    return circuit, partial(
        formed, circuit, recipe, ranges=observe(circuit, samples), samples=samples
    )


def in_bytes(program):
    return [use.used for use in program.uses]


def test_a_check_asks_whether_the_program_fits_that_compiling_makes(network, controller):
    circuit, form = network
    made, decision = form(target=controller)
    assert decision.folded == ("linear1", "readout")
    taken = in_bytes(made)
    for more, fit in ((0, True), (-1, False)):
        small = with_room(controller, flash=taken[0] + more)
        found = fits(circuit, small, has_core=False)
        assert (found.faults == []) == fit
        assert [use.used for use in found.uses] == taken
        if fit:
            assert in_bytes(fitting(form(target=small)[0])) == taken
        else:
            with pytest.raises(CapacityError, match="flash bytes"):
                fitting(form(target=small)[0])


def test_a_check_of_a_fine_tuned_network_is_of_what_it_was_tuned_for(network, controller):
    samples = np.random.default_rng(0).random((8, 4))
    tuned = replace(network[0], ranges=observe(network[0], samples))
    recipe = replace(usual(), scheme=load_scheme("int4"))
    made, _ = formed(tuned, recipe, target=controller, ranges=tuned.ranges, samples=samples)
    found = fits(tuned, controller, recipe, has_core=False)
    assert [use.used for use in found.uses] == in_bytes(made)


def test_every_form_of_a_network_is_run_once(network, controller, monkeypatch):
    ran = []

    def counted(circuit, samples, **options):
        ran.append(circuit)
        return run_integer(circuit, samples, **options)

    monkeypatch.setattr(inhibition, "run_integer", counted)
    network[1](target=controller)
    assert len(ran) == len(set(ran)) == 2, "factored, and folded, which is what is chosen"


def test_a_layer_is_not_folded_where_the_ram_does_not_hold_its_sums(controller):
    rng = np.random.default_rng(0)
    circuit = mlp(rng, n_in=40, n_e=40)
    samples = rng.random((8, 40))
    form = partial(
        formed, circuit, replace(usual(), inhibition="auto"),
        ranges=observe(circuit, samples), samples=samples,
    )  # fmt: skip
    fast, fastest = form(target=controller)
    assert "linear1" in fastest.folded
    assert not plan_of(fast).of("linear1").kept or fast.uses
    kept = fast.most_sums  # beside what is kept
    room = controller.ram_offered - kept + fast.sums["linear1"] - 1
    small, smaller = form(target=with_room(controller, ram=room))
    assert "linear1" not in smaller.folded
    fitting(small)


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
def test_a_plan_of_other_layers_is_refused(ways, circuit):
    with pytest.raises(FormatError, match=r"plan|cannot be"):
        read_plan({"samples": 2, "ways": ways}, circuit, "manifest.json")


def test_a_plan_comes_back_from_a_manifest(circuit):
    plan = Plan(samples=2, ways={"first": Way(kept=True, instructions={"kept": 7.0})})
    assert read_plan(asdict(plan), circuit, "manifest.json") == plan
    assert read_plan({}, circuit, "manifest.json") is None

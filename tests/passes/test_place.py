"""Place: routes, rows and words of every stage, and what does not fit."""

import numpy as np
import pytest
from hypothesis import given

from eideploy.backends.digital.place import place
from eideploy.backends.digital.program import Route
from eideploy.circuit import Add, AvgPool, Division, Flatten
from eideploy.divisions import lut
from eideploy.errors import CapacityError, InvariantError
from tests.helpers.layers import circuit, conv, lif, linear, readout, source
from tests.helpers.random_circuits import circuits, targets
from tests.helpers.targets import core_target


def none(*shape):
    return np.zeros(shape, np.int64)


def layer(name, reads, n_in, n_e, n_i, **fields):
    return linear(name, reads, none(n_e, n_in), none(n_i, n_in), none(n_e, n_i), **fields)


def classes(reads, n_in, n=3):
    return readout(reads, none(n, n_in), none(1, n_in), none(n, 1))


def residual():
    """Return a conv, two branches and their pooled sum, then two fully connected stages."""
    one = conv("one", "input", none(12, 2, 3, 3), none(3, 2, 3, 3), none(12, 3), padding=1)
    two = conv("two", "one.lif", none(12, 12, 3, 3), none(9, 12, 3, 3), none(12, 9), padding=1)
    return [
        source((2, 9, 9)),
        one,
        lif("one.lif", "one", 12),
        two,
        lif("two.lif", "two", 12),
        Add(name="sum", inputs=("one.lif", "two.lif")),
        AvgPool(name="pool", inputs=("sum",), kernel=2),
        AvgPool(name="pool again", inputs=("pool",), kernel=2),
        Flatten(name="flat", inputs=("pool again",)),
        layer("three", "flat", 12 * 2 * 2, 20, 5),
        lif("three.lif", "three", 20),
        classes("three.lif", 20),
    ]


def test_routes_go_through_sums_and_multiply_pools():
    program = place(circuit(*residual()), target=core_target())
    assert [stage.routes for stage in program.stages] == [
        (Route(source="", pool=1),),
        (Route(source="one", pool=1),),
        (Route(source="one", pool=4), Route(source="two", pool=4)),
        (Route(source="three", pool=1),),
    ]


def test_geometry_of_a_convolution():
    stage = place(circuit(*residual()), target=core_target()).stage("two")
    assert (stage.lif, stage.height, stage.width, stage.kernel) == ("two.lif", 9, 9, 3)
    assert (stage.in_height, stage.in_width, stage.padding, stage.stride) == (9, 9, 1, 1)
    assert (stage.n_e, stage.n_i, stage.groups_e, stage.groups_i) == (12, 9, 2, 2)


def test_a_fully_connected_stage_is_one_position():
    stage = place(circuit(*residual()), target=core_target()).stage("three")
    assert (stage.positions, stage.kernel, stage.padding, stage.is_readout) == (1, 1, 0, False)


def bases(program, field):
    return [getattr(stage, field) for stage in program.stages]


def test_bases_of_the_memories():
    program = place(circuit(*residual()), target=core_target())
    # W_IE and W_EE, then W_EI: 18 (1 + 2) + 3 2 = 60; 108 (2 + 2) + 9 2 = 450; 48 (1 + 3) + 5 3
    assert bases(program, "weight_base") == [0, 60, 510, 717]
    assert bases(program, "inhibitory_base") == [54, 60 + 432, 510 + 192, 737 + 20]
    assert bases(program, "membrane_base")[:3] == [0, 972, 1944]
    assert bases(program, "spike_base")[:3] == [0, 162, 324]
    assert bases(program, "parameter_base")[:3] == [0, 12, 24]
    assert bases(program, "lane_base") == [0, 2, 4, 7]
    assert bases(program, "gain_base")[:3] == [0, 3, 12]


def test_the_readout_keeps_its_sums_above_what_the_others_share():
    program = place(circuit(*residual()), target=core_target())
    assert bases(program, "accumulator_base") == [0, 0, 0, 81 * 2]
    assert bases(program, "inhibition_base") == [0, 0, 0, 81 * 2]


def test_uses_of_the_memories():
    program = place(circuit(*residual()), target=core_target())
    used = {use.resource: use.used for use in program.uses}
    assert used == {
        "program entries": 4,
        "route entries": 5,
        "axis words": 9 + 9 + 9 + 9 + 1,
        "layers on the input port": 1,
        "weight rows": 717 + 20 * 2 + 1,
        "accumulator rows": 162 + 1,
        "inhibition rows": 162 + 1,
        "membrane words": 2 * 81 * 12 + 20,
        "spike rows": 2 * 162 + 3,
        "parameter words": 12 + 12 + 20,
        "lane rows": 2 + 2 + 3 + 1,
        "gain words": 3 + 9 + 5,
        "tables": 0,
        "table entries": 0,
    }


def test_neurons_that_update_together_take_whole_groups_of_words():
    target = core_target(lanes=8, update_lanes=8)
    program = place(circuit(*residual()), target=target)
    used = {use.resource: use.used for use in program.uses}
    assert used["membrane words"] == 2 * 81 * 16 + 24
    assert used["parameter words"] == 16 + 16 + 24


@given(circuit=circuits(), target=targets())
def test_stages_share_no_row_and_no_word(circuit, target):
    program = place(circuit, target=target)
    taken = {memory: [] for memory in ("weight", "spike", "membrane", "lane", "gain")}
    lanes = target.core.update_lanes
    for node, stage in zip(circuit.layers, program.stages, strict=True):
        rows = node.fan_in * (stage.groups_e + stage.groups_i)
        units = 0 if stage.is_folded else stage.n_i
        hidden = not stage.is_readout
        updated = -(-stage.n_e // lanes) * lanes
        taken["weight"] += [*range(stage.weight_base, stage.weight_base + rows)]
        taken["weight"] += [*_from(stage.inhibitory_base, units * stage.groups_e)]
        taken["spike"] += [*_from(stage.spike_base, hidden * stage.positions * stage.groups_e)]
        taken["membrane"] += [*_from(stage.membrane_base, hidden * stage.positions * updated)]
        taken["lane"] += [*_from(stage.lane_base, stage.groups_e)]
        taken["gain"] += [*_from(stage.gain_base, hidden * units)]
    uses = {use.resource: use.used for use in program.uses}
    for memory, places in taken.items():
        unit = "words" if memory in ("membrane", "gain") else "rows"
        assert sorted(places) == list(range(uses[f"{memory} {unit}"])), memory


def _from(base, count):
    return range(base, base + count)


def test_what_does_not_fit_is_named_with_both_numbers_all_at_once():
    target = core_target(memory={"weight_rows": 700, "membrane_words": 100})
    with pytest.raises(CapacityError) as error:
        place(circuit(*residual()), target=target)
    assert str(error.value) == (
        "the network does not fit the core: weight rows: 758 of 700; membrane words: 1964 of 100\n"
        "  where: target digital\n"
        "  fix:   train a smaller network (fewer widths, more pooling), choose fewer table bits, "
        "or name a larger core with --target digital or digital-large or digital-model"
    )


def test_where_no_shipped_core_holds_the_network_none_is_named(monkeypatch):
    small = core_target(memory={"weight_rows": 700})
    monkeypatch.setattr("eideploy.backends.digital.place.load_any", lambda _: small)
    with pytest.raises(CapacityError, match="name a core of your own with --target PATH"):
        place(circuit(*residual()), target=small)


def refused(*nodes):
    with pytest.raises(CapacityError) as error:
        place(circuit(*nodes), target=core_target())
    return error.value.what


def test_two_layers_on_the_input_port_are_refused():
    nodes = [
        source((4,)),
        layer("one", "input", 4, 4, 1),
        lif("one.lif", "one", 4),
        layer("two", "input", 4, 4, 1),
        lif("two.lif", "two", 4),
        Add(name="sum", inputs=("one.lif", "two.lif")),
        classes("sum", 4),
    ]
    assert "layers on the input port: 2 of 1" in refused(*nodes)


def test_two_tables_are_refused():
    policy = "minimum"
    nodes = [
        source((4,)),
        layer("one", "input", 4, 4, 1, division=Division(divider=lut(4, 4), zero_policy=policy)),
        lif("one.lif", "one", 4),
        layer("two", "one.lif", 4, 4, 1, division=Division(divider=lut(4, 5), zero_policy=policy)),
        lif("two.lif", "two", 4),
        classes("two.lif", 4),
    ]
    assert "tables: 2 of 1" in refused(*nodes)


def test_a_network_without_a_readout_at_its_end_is_refused():
    nodes = [source((4,)), layer("one", "input", 4, 4, 1), lif("one.lif", "one", 4)]
    assert refused(*nodes) == "the network has the readouts [] and ends with one.lif"


def test_a_current_that_two_nodes_read_is_refused():
    nodes = [
        source((4,)),
        layer("one", "input", 4, 4, 1),
        lif("a", "one", 4),
        lif("b", "one", 4),
        Add(name="sum", inputs=("a", "b")),
        classes("sum", 4),
    ]
    assert refused(*nodes) == "the current of one goes to ['a', 'b']"


def test_a_layer_that_reads_currents_is_refused():
    nodes = [source((4,)), layer("one", "input", 4, 4, 1), lif("a", "one", 4), classes("one", 4)]
    assert "one" in refused(*nodes)


def test_a_lif_that_reads_no_layer_is_refused():
    nodes = [source((4,)), lif("a", "input", 4), classes("a", 4)]
    assert refused(*nodes) == "the core cannot connect a, of kind IntegerLIF, to a layer"


def test_a_circuit_without_dividers_is_no_input_of_place():
    nodes = [source((4,)), layer("one", "input", 4, 4, 1, division=None), lif("a", "one", 4)]
    with pytest.raises(InvariantError, match="place needs a circuit that has_dividers") as error:
        place(circuit(*nodes, classes("a", 4)), target=core_target())
    assert "one = Layer(input) -> 4" in error.value.__notes__[0]


def test_network_without_a_hidden_layer_is_refused():
    one = readout("input", [[1, 1]], [[1, 1]], [[1]])
    with pytest.raises(CapacityError, match="no hidden E-I layer"):
        place(circuit(source((2,)), one), target=core_target())

"""Every field of a configuration is held to the range that the target offers."""

from dataclasses import fields, replace

import numpy as np
import pytest

from eideploy.backends.dynapse2.chip.configuration import Cams, Inputs, Neurons, Srams
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.ranges import check
from eideploy.errors import FormatError
from tests.backends.dynapse2.networks import SPEC, network, population
from tests.backends.dynapse2.random_networks import BASE

MAPPED = map_network(
    network(
        [population("in", 3, "input"), population("out", 4, "output")],
        [("in", "out", "ampa", np.ones((4, 3)) * BASE[:3])],
        classes=[0, 0, 1, 1],
        base_currents={"out": BASE},
    ),
    SPEC,
).configuration
WRONG = [
    ("cams", "dendrite", 3), ("cams", "mask", 16), ("cams", "tag", 2048),
    ("srams", "cores", 16), ("srams", "x_hop", 8), ("srams", "x_hop", -8), ("srams", "y_hop", 8),
    ("srams", "y_hop", -8), ("srams", "tag", 2048),
    ("inputs", "population", 2), ("inputs", "index", 3), ("inputs", "chip", 1),
    ("inputs", "cores", 0), ("inputs", "cores", 16), ("inputs", "x_hop", 8),
    ("inputs", "y_hop", -8), ("inputs", "tag", 2048),
    ("neurons", "population", 2), ("neurons", "index", 4), ("neurons", "chip", 1),
    ("neurons", "core", 4), ("neurons", "neuron", 256), ("neurons", "monitor_tag", 2048),
]  # fmt: skip
FREE = {"stp", "precise_delay", "mismatched_delay", "output_class"}  # flags, and any class


def changed(group, field, value):
    part = getattr(MAPPED, group)
    array = getattr(part, field).copy()
    array.flat[0] = value
    return replace(MAPPED, **{group: replace(part, **{field: array})})


def test_what_was_mapped_is_in_range():
    check(MAPPED, SPEC, where="here")


def test_no_field_is_forgotten():
    tested = {(group, field) for group, field, _ in WRONG}
    parts = {"cams": Cams, "srams": Srams, "inputs": Inputs, "neurons": Neurons}
    every = {(g, f.name) for g, part in parts.items() for f in fields(part) if f.name not in FREE}
    assert tested == every


@pytest.mark.parametrize(("group", "field", "value"), WRONG)
def test_a_value_beyond_its_range_is_named(group, field, value):
    with pytest.raises(FormatError) as caught:
        check(changed(group, field, value), SPEC, where="here")
    assert f"{group}.{field}" in caught.value.what
    assert caught.value.where == "here"


@pytest.mark.parametrize(("place", "value"), [(0, 6), (0, 255)])
def test_codes_beyond_the_generator_are_named(place, value):
    biases = MAPPED.biases.copy()
    biases[0, 0, 0, place] = value
    with pytest.raises(FormatError, match=r"biases\.coarse"):
        check(replace(MAPPED, biases=biases), SPEC, where="here")


def test_tables_that_contradict_the_memories_are_named():
    twice = changed("neurons", "neuron", int(MAPPED.neurons.neuron[1]))
    with pytest.raises(FormatError, match="two lie in one place"):
        check(twice, SPEC, where="here")
    unsent = changed("neurons", "monitor_tag", 1999)
    with pytest.raises(FormatError, match="no SRAM entry sends it"):
        check(unsent, SPEC, where="here")
    astray = changed("inputs", "x_hop", 1)
    with pytest.raises(FormatError, match="does not lead to its chip"):
        check(astray, SPEC, where="here")
    biases = replace(MAPPED, bias_set=np.zeros_like(MAPPED.bias_set))
    with pytest.raises(FormatError, match="weights without currents"):
        check(biases, SPEC, where="here")


def test_values_that_a_type_cannot_hold_are_refused_not_wrapped():
    large = np.full(MAPPED.cams.mask.shape, 300)
    with pytest.raises(ValueError, match="uint8"):
        replace(MAPPED.cams, mask=large)


def test_arrays_of_another_shape_or_name_are_named():
    with pytest.raises(FormatError, match="biases has shape"):
        check(replace(MAPPED, biases=MAPPED.biases[..., :1]), SPEC, where="here")
    with pytest.raises(FormatError, match="the latches are not"):
        check(replace(MAPPED, latches={}), SPEC, where="here")
    with pytest.raises(FormatError, match="the biases are not"):
        check(replace(MAPPED, bias_names=MAPPED.bias_names[::-1]), SPEC, where="here")

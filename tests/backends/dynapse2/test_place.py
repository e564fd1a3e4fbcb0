"""Placement: populations on cores, by biases, destinations and room."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.errors import CapacityError
from tests.backends.dynapse2.networks import board, network, population
from tests.backends.dynapse2.random_networks import BASE


def cores_of(mapped, name):
    c = mapped.configuration
    rows = c.neurons.population == c.populations.index(name)
    return set(zip(c.neurons.chip[rows].tolist(), c.neurons.core[rows].tolist(), strict=True))


def chain(sizes, leaks, pairs=(), **options):
    listed = [
        population(f"p{i}", size, membrane_leak=leak)
        for i, (size, leak) in enumerate(zip(sizes, leaks, strict=True))
    ]
    joined = [(f"p{s}", f"p{t}", "ampa", np.full((sizes[t], sizes[s]), BASE[0])) for s, t in pairs]
    return map_network(network(listed, joined), board(**options))


def test_populations_with_the_same_biases_share_a_core_others_do_not():
    mapped = chain([3, 3, 3], [1e-9, 1e-9, 3e-11], columns=1, neurons=8)
    assert cores_of(mapped, "p0") == cores_of(mapped, "p1")
    assert cores_of(mapped, "p0").isdisjoint(cores_of(mapped, "p2"))


def test_a_bias_that_matters_to_one_alone_keeps_nobody_apart():
    listed = [
        population("in", 1, "input"),
        population("a", 3, gaba_tau=1e-9),
        population("b", 3, gaba_tau=7e-9),
    ]
    heard = ("in", "a", "gaba", np.full((3, 1), BASE[0]))
    mapped = map_network(network(listed, [heard]), board(1, neurons=8))
    assert cores_of(mapped, "a") == cores_of(mapped, "b")
    both = [heard, ("in", "b", "gaba", np.full((3, 1), BASE[0]))]
    mapped = map_network(network(listed, both), board(1, neurons=8))
    assert cores_of(mapped, "a").isdisjoint(cores_of(mapped, "b"))


def test_the_solver_places_what_greedy_cannot():
    # the largest, which suits both, takes greedily what the others need
    sizes = {"a": (4, 1e-9), "b": (4, 7e-9), "c": (5, None), "d": (3, 1e-9)}
    listed, heard = [population("in", 1, "input")], []
    for name, (size, tau) in sizes.items():
        listed.append(population(name, size, **({"gaba_tau": tau} if tau else {})))
        if tau:
            heard.append(("in", name, "gaba", np.full((size, 1), BASE[0])))
    mapped = map_network(network(listed, heard), board(1, neurons=8, cores=2))
    assert mapped.configuration.used.all()
    assert len(cores_of(mapped, "c")) == 2


def test_partners_come_to_one_chip():
    mapped = chain(
        [8, 8, 8, 8, 8, 8, 8, 8], [1e-9] * 8, pairs=[(0, 7), (1, 6), (2, 5), (3, 4)],
        columns=2, neurons=8, cams=64,
    )  # fmt: skip
    for one, two in ((0, 7), (1, 6), (2, 5), (3, 4)):
        (a,), (b,) = cores_of(mapped, f"p{one}"), cores_of(mapped, f"p{two}")
        assert a[0] == b[0]


def test_hub_targets_are_gathered_so_that_its_destinations_suffice():
    sizes = [4] * 11
    pairs = [(0, t) for t in (1, 3, 5, 7, 9)]
    leaks = [1e-9 * 1.3**i for i in range(11)]
    mapped = chain(sizes, leaks, pairs=pairs, columns=3, neurons=4, cams=8)
    chips = {chip for t in (1, 3, 5, 7, 9) for chip, _ in cores_of(mapped, f"p{t}")}
    assert len(chips) <= 3
    assert (mapped.configuration.srams.cores > 0).sum(-1).max() <= 4


def test_more_kinds_of_biases_than_cores_are_refused_by_name():
    with pytest.raises(CapacityError) as caught:
        chain([1] * 5, [1e-9 * 1.5**i for i in range(5)], columns=1, neurons=8)
    assert "5 populations need biases of their own (p0, p1, p2, p3, p4)" in caught.value.what
    assert "the board has 4 cores" in caught.value.what


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=6),
    st.lists(st.sampled_from([1e-9, 3e-11, 2e-10]), min_size=6, max_size=6),
    st.integers(1, 3),
)
def test_what_can_be_placed_is_placed(sizes, leaks, chips):
    leaks = leaks[: len(sizes)]
    kinds = {leak: sum(n for n, k in zip(sizes, leaks, strict=True) if k == leak) for leak in leaks}
    cores = sum(-(-n // 8) for n in kinds.values())  # those alike share cores freely
    if cores > 4 * chips:
        with pytest.raises(CapacityError, match=r"neurons|biases"):
            chain(sizes, leaks, columns=chips, neurons=8)
        return
    mapped = chain(sizes, leaks, columns=chips, neurons=8)
    c = mapped.configuration
    assert c.used.sum() == sum(sizes)
    assert c.used.sum(-1).max() <= 8

"""The compiler: what stands in the emitted file is the network, exactly, read by other code."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from eideploy import native
from eideploy.backends.dynapse2.chip.arrays import equal
from eideploy.backends.dynapse2.chip.defects import Defects, none_known
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.network import Coding
from eideploy.backends.dynapse2.dpi.coding import event_counts
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.patch import read_patch, write_patch
from eideploy.errors import CapacityError
from tests.backends.dynapse2.decoder import edges, from_patch
from tests.backends.dynapse2.networks import SPEC, board, network, population
from tests.backends.dynapse2.random_networks import BASE, cases

SLOW = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def decoded(configuration, spec, folder):
    write_patch(configuration, spec, folder / "patch.json")
    chips, content = from_patch(folder / "patch.json")
    return edges(chips, content), content, chips


def fits(net, spec, **options):
    """Return the mapped network, or None where the board is too small for it."""
    try:
        mapped = map_network(net, spec, **options)
    except CapacityError as error:
        event(f"refused: {error.what[40:90]}")
        return None
    event(f"{len(set(mapped.configuration.neurons.chip.tolist()))} of {spec.chips} chips used")
    return mapped


@SLOW
@given(cases())
def test_the_emitted_edges_and_masks_are_the_networks(tmp_path, case):
    spec, net, expected = case
    mapped = fits(net, spec)
    if mapped is None:
        return
    found, content, _ = decoded(mapped.configuration, spec, tmp_path)
    assert found == expected
    again = read_patch(tmp_path / "patch.json", spec)
    assert equal(again, mapped.configuration)
    write_patch(again, spec, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "patch.json").read_bytes()
    outputs = [row for row in content["neurons"] if row[-1] >= 0]
    assert [row[-1] for row in sorted(outputs, key=lambda r: r[1])] == net.classes.tolist()


def broken(spec, rng, share):
    """Return defects: CAMs of either half, neurons, tags."""
    free = none_known(spec)
    tags = free.tags | (rng.random(free.tags.shape) < share)
    cams = rng.random(free.cams.shape) < share
    return Defects(neurons=rng.random(free.neurons.shape) < share / 4, cams=cams, tags=tags)


@SLOW
@given(cases(), st.integers(0, 2**32), st.sampled_from([0.02, 0.1, 0.2]))
def test_nothing_defective_is_used(tmp_path, case, seed, share):
    spec, net, expected = case
    defects = broken(spec, np.random.default_rng(seed), share)
    mapped = fits(net, spec, defects=defects)
    if mapped is None:
        return
    found, content, _ = decoded(mapped.configuration, spec, tmp_path)
    assert found == expected
    for chip in content["chips"]:
        for core in chip["cores"]:
            at = chip["chip"], core["core"]
            for neuron in core["neurons"]:
                assert not defects.neurons[(*at, neuron["neuron"])]
                for cam, _, _, tag, *_ in neuron["synapses"]:
                    assert not defects.cams[(*at, neuron["neuron"], cam, int(tag >= 128))]
                    assert not defects.tags[(*at, tag)]


def full_chip():
    rng = np.random.default_rng(1)

    def sparse(targets, sources, count):
        weight = np.zeros((targets, sources))
        for row in weight:
            chosen = rng.choice(sources, count, replace=False)
            row[chosen] = np.abs(rng.standard_normal(count)) * 1e-9
        return weight

    return network(
        [
            population("in", 64, "input"),
            population("e", 768),
            population("i", 128, "inhibitory", membrane_leak=3e-11),
            population("out", 128, "output", membrane_leak=3e-11),
        ],
        [
            ("in", "e", "ampa", sparse(768, 64, 30)),
            ("e", "e", "nmda", sparse(768, 768, 10)),
            ("i", "e", "gaba", sparse(768, 128, 12)),
            ("i", "e", "shunt", sparse(768, 128, 12) / 10),
            ("e", "i", "ampa", sparse(128, 768, 64)),
            ("e", "out", "ampa", sparse(128, 768, 40)),
            ("i", "out", "gaba", sparse(128, 128, 24)),
        ],
        classes=np.arange(128) % 10,
    )


def test_a_full_chip_is_mapped_emitted_and_run(tmp_path):
    net = full_chip()
    mapped = map_network(net, SPEC)
    write_patch(mapped.configuration, SPEC, tmp_path / "patch.json")
    assert mapped.configuration.used.all()
    found, _, _ = decoded(mapped.configuration, SPEC, tmp_path)
    asked = Counter()
    for p in net.projections:
        for t, s in np.argwhere(p.weight):
            asked[((p.source, int(s)), (p.target, int(t)))] += 1
    connected = {key[:2] for key in found}
    assert connected <= asked.keys()
    assert len(connected) > 0.85 * len(asked)  # the rest is nearest to no current at all
    if native.compiler() is not None:
        assert spikes_of(mapped.configuration).sum() > 1024


def spikes_of(configuration):
    """Return the spikes of the chip's neurons in a second, at 1 ms."""
    wiring = decode(configuration, SPEC)
    chip = Chip(wiring, step_of(wiring, 1e-3))
    sample, coding = np.ones((1, wiring.inputs)), Coding(peak_rate_hz=200.0, duration_s=1.0)
    counts = chip.run(event_counts(sample, coding, 1e-3)).counts
    assert counts.shape == (1024, 1)
    return counts


def test_sources_with_the_same_synapses_share_a_tag():
    net = network(
        [population("in", 200, "input"), population("out", 5, "output")],
        [("in", "out", "ampa", np.full((5, 200), BASE[2]))],
        classes=[0] * 5,
        base_currents={"out": BASE},
    )
    mapped = map_network(net, SPEC)
    assert len(set(mapped.configuration.inputs.tag.tolist())) == 1
    assert len(mapped.configuration.inputs.tag) == 200
    assert int((mapped.configuration.cams.mask > 0).sum()) == 5


def test_tags_are_used_again_on_other_cores():
    weight = np.diag(np.full(30, BASE[0]))
    net = network(
        [population("a", 30, "input"), population("b", 30, "input"),
         population("x", 30, "output"), population("y", 30, "output", membrane_leak=3e-11)],
        [("a", "x", "ampa", weight), ("b", "y", "ampa", weight)],
        classes=[0] * 60,
    )  # fmt: skip
    inputs = map_network(net, SPEC).configuration.inputs
    assert sorted(inputs.tag[inputs.population == 0]) == sorted(inputs.tag[inputs.population == 1])
    assert set(inputs.cores[inputs.population == 0]).isdisjoint(
        inputs.cores[inputs.population == 1]
    )


def test_every_misfit_is_named_with_its_numbers_at_once():
    net = network(
        [
            population("in", 90, "input"),
            population("e", 300, threshold=1e-3),
            population("out", 700, "output"),
        ],
        [
            ("in", "e", "ampa", np.full((300, 90), 1e-9) * np.arange(1, 91)),
            ("in", "out", "gaba", np.eye(700, 90) * 1e-9),
        ],
        classes=[0] * 700,
    )
    with pytest.raises(CapacityError) as caught:
        map_network(net, board(1, neurons=200))
    for said in (
        "3 misfits", "1000 neurons, the board has 800 that work",
        "neuron 0 of population e takes 90 CAMs (90 ampa), it has 64; 300 of 300 neurons",
        "population e asks for threshold = 0.001 A, SOIF_SPKTHR_P gives",
    ):  # fmt: skip
        assert said in caught.value.what


def test_destinations_and_tags_are_counted_in_one_refusal():
    spec = board(5, neurons=4, tags=64)
    wide = np.random.default_rng(0).random((80, 62)) * (np.arange(62) < 62) * 1e-9
    net = network(
        [population("in", 62, "input"), population("out", 80, "output")],
        [
            ("in", "out", "ampa", wide),
            ("out", "out", "gaba", np.ones((80, 80)) * np.eye(80)[::-1] * 1e-9 + 0),
        ],
        classes=[0] * 80,
    )
    with pytest.raises(CapacityError) as caught:
        map_network(net, spec)
    assert "hears" in caught.value.what
    assert "of its tags work" in caught.value.what

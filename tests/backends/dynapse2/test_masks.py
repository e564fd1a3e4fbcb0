"""Base currents and masks: their error, repeats, limits."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eideploy.backends.dynapse2.chip.account import projection_errors
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.masks import Weights, choose, fit, relative_error
from tests.backends.dynapse2.networks import SPEC, network, population

DRAWS = {
    "gaussian": lambda rng, n: np.abs(rng.standard_normal(n)),
    "exponential": lambda rng, n: rng.exponential(size=n),
}


def asked(weight, spare=0, fan_in=40):
    owner = np.arange(len(weight)) // fan_in
    room = np.full(owner.max(initial=0) + 1, spare)
    return Weights(weight=weight, group=np.zeros(len(weight), int), owner=owner, spare=room)


@pytest.mark.parametrize("scale", [1e-11, 1e-9, 1e-7])
@pytest.mark.parametrize("law", DRAWS)
def test_weights_are_met_within_ten_percent_without_repeats(law, scale):
    weights = asked(DRAWS[law](np.random.default_rng(3), 128 * 40) * scale)
    base = fit(weights, 1e-13, 1e-6)
    masks = choose(weights, base)
    assert masks.cams.max() == 1
    assert relative_error(weights, masks.current(base))[0] < 0.10


@pytest.mark.parametrize("law", DRAWS)
def test_repeats_halve_the_error(law):
    weight = DRAWS[law](np.random.default_rng(4), 128 * 40) * 1e-9
    errors = []
    for spare in (0, 24):
        weights = asked(weight, spare)
        base = fit(weights, 1e-13, 1e-6)
        masks = choose(weights, base)
        assert (np.bincount(weights.owner, masks.cams) <= 40 + spare).all()
        errors.append(relative_error(weights, masks.current(base))[0])
    assert errors[1] < errors[0] / 2


@settings(deadline=None)
@given(
    st.lists(st.floats(1e-12, 1e-7), min_size=1, max_size=60),
    st.lists(st.floats(1e-11, 1e-8), min_size=4, max_size=4),
    st.integers(0, 30),
    st.integers(1, 30),
)
def test_no_neuron_takes_more_cams_than_it_has_and_no_other_mask_is_nearer(w, base, spare, fan_in):
    weights, base = asked(np.array(w), spare, fan_in), np.array(base)
    masks = choose(weights, base)
    taken = np.bincount(weights.owner, masks.cams)
    assert (taken <= np.bincount(weights.owner) + spare).all()
    met = masks.current(base)
    levels = ((np.arange(16)[:, None] >> np.arange(4)) & 1) @ base
    single = np.abs(weights.weight[:, None] - levels).min(1)
    assert (np.abs(met - weights.weight) <= single * (1 + 1e-9) + 1e-21).all()


def on_one_core(**options):
    """Return projections of the four dendrites whose weights differ by powers of ten."""
    rng = np.random.default_rng(5)
    sizes = {"ampa": 1e-9, "nmda": 3e-8, "gaba": 1e-11, "shunt": 2e-10}
    pairs = []
    for i, (name, scale) in enumerate(sizes.items()):
        weight = np.zeros((60, 60))
        for row in weight:
            row[rng.choice(60, 15, replace=False)] = DRAWS["exponential"](rng, 15) * scale
        pairs.append((f"in{i % 2}", "out", name, weight))
    listed = [population("in0", 60, "input"), population("in1", 60, "input")]
    listed.append(population("out", 60, "output", shunt_gain=1e-8, gaba_gain=1e-7, **options))
    return network(listed, pairs, classes=[0] * 60)


def test_dendrites_of_very_different_weights_share_a_core_within_ten_percent():
    mapped = map_network(on_one_core(), SPEC)
    errors = projection_errors(mapped)
    assert [e.dendrite for e in errors] == ["ampa", "nmda", "gaba", "shunt"]
    assert max(e.error for e in errors) < 0.10


def test_the_gain_makes_up_for_a_rescaled_dendrite():
    net = on_one_core()
    mapped = map_network(net, SPEC)
    dac, c = load_dac(SPEC), mapped.configuration
    strength = {}
    base = [dac.current(f"SYAM_W{i}_P", *c.bias(f"SYAM_W{i}_P")[0, 0]) for i in range(4)]
    for name, bias in (("ampa", "DEAM_EGAIN_P"), ("nmda", "DENM_EGAIN_P"),
                       ("gaba", "DEGA_IGAIN_P"), ("shunt", "DESC_IGAIN_P")):  # fmt: skip
        used = c.cams.dendrite[0, 0] == SPEC.dendrites[name].code
        bits = (c.cams.mask[0, 0][used][:, None] >> np.arange(4)) & 1
        strength[name] = float(dac.current(bias, *c.bias(bias)[0, 0]) * (bits @ base).sum())
    for projection in net.projections:
        gain = net["out"].currents[f"{projection.dendrite}_gain"]
        asked_for = gain * projection.weight.sum()
        assert strength[projection.dendrite] == pytest.approx(asked_for, rel=0.05)


def test_base_currents_of_the_training_are_kept():
    given_currents = np.array([1e-10, 2.1e-10, 4.3e-10, 9e-10])
    net = on_one_core()
    fixed = network(
        net.populations,
        [(p.source, p.target, p.dendrite, p.weight) for p in net.projections],
        classes=net.classes,
        base_currents={"out": given_currents},
    )
    mapped = map_network(fixed, SPEC)
    dac = load_dac(SPEC)
    for i, ampere in enumerate(given_currents):
        code = mapped.configuration.bias(f"SYAM_W{i}_P")[0, 0]
        assert float(dac.current(f"SYAM_W{i}_P", *code)) == pytest.approx(ampere, rel=0.017)

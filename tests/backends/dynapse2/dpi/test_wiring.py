"""What the simulator reads from a configuration is the network that was mapped."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.errors import CapacityError
from tests.backends.dynapse2.networks import SPEC, board, network, population

BASE = np.array([1e-9, 2e-9, 4e-9, 8e-9])


def mapped(spec=SPEC, sizes=(5, 30, 8, 10)):
    rng = np.random.default_rng(0)
    inputs, e, i, o = sizes

    def weights(targets, sources, most):
        w = np.zeros((targets, sources))
        for row in w:
            at = rng.choice(sources, min(most, sources), replace=False)
            row[at] = rng.integers(1, 16, len(at)) * 1e-9
        return w

    made = network(
        [
            population("pixels", inputs, "input"), population("e", e),
            population("i", i, "inhibitory", membrane_leak=2e-9), population("o", o, "output"),
        ],
        [
            ("pixels", "e", "ampa", weights(e, inputs, 4)), ("e", "i", "ampa", weights(i, e, 9)),
            ("i", "e", "gaba", weights(e, i, 3)), ("i", "e", "shunt", weights(e, i, 3)),
            ("e", "o", "ampa", weights(o, e, 12)),
        ],
        classes=np.arange(o) % 2,
        base_currents=dict.fromkeys(("e", "i", "o"), BASE),
    )  # fmt: skip
    return made, map_network(made, spec).configuration


@pytest.mark.parametrize("spec", [SPEC, board(2, 1, neurons=16)])
def test_the_synapses_are_those_of_the_network(spec):
    made, configuration = mapped(spec)
    wiring = decode(configuration, spec)
    start, at, found = {}, 0, {}
    for p in made.populations:
        start[p.name], at = at, at + p.size
    inputs = wiring.inputs
    for source, target, receptor, weight in zip(
        wiring.source, wiring.target, wiring.receptor, wiring.weight, strict=True
    ):
        key = int(source), int(target), RECEPTORS[receptor]
        found[key] = found.get(key, 0) + weight
    expected = {
        (start[p.source] + s, start[p.target] + t - inputs, p.dendrite): p.weight[t, s]
        for p in made.projections
        for t, s in zip(*np.nonzero(p.weight), strict=True)
    }
    assert found.keys() == expected.keys()
    for key, weight in found.items():
        assert weight == pytest.approx(expected[key], rel=0.03)  # the codes of the base currents
    assert np.array_equal(wiring.output[-10:], made.classes)
    assert (wiring.output[:-10] == -1).all()


def test_the_currents_are_those_of_the_codes():
    _, configuration = mapped()
    wiring = decode(configuration, SPEC)
    of_i = slice(30, 38)
    assert wiring.soma["leak"][of_i] == pytest.approx(2e-9, rel=0.02)
    assert wiring.soma["leak"][:30] == pytest.approx(1e-9, rel=0.02)
    assert (wiring.soma["direct"] > 0).all()
    assert (wiring.soma["gate"] == 0).all()
    assert (wiring.soma["adaptation_weight"] == 0).all()


def test_what_is_not_simulated_is_refused():
    _, configuration = mapped()
    cams = replace(configuration.cams, stp=np.ones_like(configuration.cams.stp))
    with pytest.raises(CapacityError, match="synapses with stp"):
        decode(replace(configuration, cams=cams), SPEC)

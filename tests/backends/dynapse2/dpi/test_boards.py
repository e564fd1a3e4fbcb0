"""Emulated boards, what tuning makes of them, and where dendrites work."""

from dataclasses import replace

import numpy as np
import pytest

from eideploy import native
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.dpi import classify, operating
from eideploy.backends.dynapse2.dpi.boards import Board, Spread
from eideploy.backends.dynapse2.dpi.tuning import Task, tune
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.errors import CapacityError
from tests.backends.dynapse2.networks import SPEC
from tests.backends.dynapse2.small import images, small_network

EXACT = Spread(bias=0, membrane=0, kelvin=0, mismatch=(0, 0), lost=0, doubled=0, dead=0)
needs_compiler = pytest.mark.skipif(native.compiler() is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def network():
    return small_network()


@pytest.fixture(scope="module")
def configuration(network):
    return map_network(network, SPEC).configuration


def test_a_board_without_errors_is_the_configuration(configuration):
    board, told = Board(SPEC, 0, EXACT).wiring(configuration), decode(configuration, SPEC)
    for name in ("tau", "gain", "weight", "source", "target"):
        assert np.array_equal(getattr(board, name), getattr(told, name))
    assert board.constants == told.constants


def test_a_board_stays_as_it_is_whatever_is_configured(configuration):
    board = Board(SPEC, 7)
    one, again = board.wiring(configuration), Board(SPEC, 7).wiring(configuration)
    assert np.array_equal(one.weight, again.weight)
    changed = np.array(configuration.biases)
    changed[..., configuration.bias_names.index("DEAM_EGAIN_P"), :] = 1, 200
    other = board.wiring(replace(configuration, biases=changed))
    assert np.array_equal(other.soma["leak"], one.soma["leak"])
    assert np.array_equal(other.weight, one.weight)
    ratio = other.gain[0] / one.gain[0]  # of another code, by the same errors
    told = SPEC.biases["DEAM_EGAIN_P"].factor * 0.5415e-9 * 200 / 255
    assert ratio == pytest.approx(told / decode(configuration, SPEC).gain[0])
    assert not np.array_equal(Board(SPEC, 8).wiring(configuration).gain, one.gain)


def test_a_neuron_of_a_board_is_the_same_whichever_others_are_used(configuration):
    board, rows = Board(SPEC, 7), np.arange(0, len(configuration.neurons.core), 3)
    few = replace(
        configuration.neurons,
        **{name: value[rows] for name, value in vars(configuration.neurons).items()},
    )
    whole, part = board.wiring(configuration), board.wiring(replace(configuration, neurons=few))
    for key, value in part.soma.items():
        assert np.array_equal(value, whole.soma[key][rows])
    assert np.array_equal(part.gain, whole.gain[:, rows])
    inputs = [  # by neuron, what it hears of the inputs
        np.sort(w.weight[(w.target == n) & (w.source < w.inputs)])
        for w, n in ((whole, rows[4]), (part, 4))
    ]
    assert len(inputs[0]) > 3
    assert np.array_equal(*inputs)


def test_errors_of_a_bias_are_common_to_its_core(configuration):
    board = Board(SPEC, 1, replace(EXACT, bias=0.3))
    ratio = board.wiring(configuration).soma["leak"] / decode(configuration, SPEC).soma["leak"]
    core = decode(configuration, SPEC).core
    assert len(np.unique(core)) > 1
    for k in np.unique(core):
        assert np.ptp(ratio[core == k]) < 1e-12
    assert np.ptp(ratio) > 0.01
    drawn = [e for seed in range(300) for e in Board(SPEC, seed).errors["threshold"]]
    assert np.std(drawn) == pytest.approx(Spread().bias, abs=0.02)


def test_a_warm_board_has_more_dark_current():
    found = [Board(SPEC, seed, replace(EXACT, kelvin=10.0)).constants for seed in range(200)]
    folds = np.log2([c.dark_current / SPEC.constants.dark_current for c in found])
    assert np.std(folds) == pytest.approx(1, abs=0.15)  # it doubles every 10 K


@needs_compiler
def test_tuning_brings_a_board_to_the_rates_of_the_simulator(network, configuration):
    board, shown = Board(SPEC, 3, replace(Spread(), bias=0.3)), images(16)

    def counts(wiring):
        return classify.show(wiring, shown, network.coding, dt=2e-4).counts

    def off(c):
        core = decode(c, SPEC).core
        mine, aim = counts(board.wiring(c)).sum(1), counts(decode(configuration, SPEC)).sum(1)
        sums = [[x[core == k].sum() for k in np.unique(core)] for x in (mine, aim)]
        return np.abs(np.log(np.array(sums[0]) / sums[1])).max()

    task = Task(
        network=network, configuration=configuration, spec=SPEC, dac=load_dac(SPEC),
        board=lambda c: counts(board.wiring(c)), model=lambda c: counts(decode(c, SPEC)),
    )  # fmt: skip
    tuned = tune(task)
    assert off(configuration) > 0.2
    assert off(tuned) < 0.1
    changed = (tuned.biases != configuration.biases).any(-1)
    names = {configuration.bias_names[i] for i in np.argwhere(changed)[:, 2]}
    assert names <= {"DEAM_EGAIN_P", "DEGA_IGAIN_P", "DESC_IGAIN_P"}


def test_operating_points_are_those_of_the_mean_input(configuration, network):
    rates = dict.fromkeys(configuration.populations, 100.0)
    found = operating.points(configuration, SPEC, rates)
    wiring = decode(configuration, SPEC)
    first = next(p for p in found if p.dendrite == "gaba")
    own = np.unique(
        wiring.target[(wiring.receptor == 2) & (wiring.core == first.core)[wiring.target]]
    )
    weight = np.bincount(wiring.target, wiring.weight * (wiring.receptor == 2))[own].mean()
    assert first.over_leak == pytest.approx(weight * 100 * 10e-6 / wiring.tau[2, own[0]], rel=0.02)
    assert first.over_gain < first.over_leak - 1
    assert first.input_hz == pytest.approx(100)
    operating.refuse_dark(found, where="here")
    assert not operating.weak(found)


def test_a_dendrite_below_its_leak_is_refused_and_one_near_it_told_of():
    small = map_network(small_network(**{"neuron.base_na": "0.1"}), SPEC).configuration
    found = operating.points(small, SPEC, dict.fromkeys(small.populations, 100.0))
    with pytest.raises(CapacityError, match=r"ampa of core 0\.\d has Iin / Itau = 0\.\d"):
        operating.refuse_dark(found, where="runs/x")
    assert len(operating.weak(found)) == len(found)
    silent = operating.points(small, SPEC, dict.fromkeys(small.populations, 0.0))
    operating.refuse_dark(silent, where="runs/x")  # of sources that do not fire nothing is known

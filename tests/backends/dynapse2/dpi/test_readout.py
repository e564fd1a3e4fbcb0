"""Weights of output neurons from a few labelled samples."""

import numpy as np
import pytest

from eideploy.backends.dynapse2.dpi import readout
from eideploy.backends.dynapse2.dpi.readout import calibrated, scaled
from tests.backends.dynapse2.wirings import wiring

CLASSES, EACH = 3, 8
OUTPUT = np.concatenate([[-1], np.repeat(np.arange(CLASSES), EACH)])
CHIP = wiring(len(OUTPUT), [], output=OUTPUT)


def counts(rng, labels, response):
    """Spikes of an idle neuron and the outputs: (neurons, samples)."""
    return np.vstack([np.zeros(len(labels), int), rng.poisson(response[:, labels])])


def responses(rng, spread):
    """Some outputs fire much, some fire at everything."""
    own = OUTPUT[1:][:, None] == np.arange(CLASSES)
    gain, alike = rng.lognormal(0, spread, (2, CLASSES * EACH, 1))
    return np.where(own, 6.0, 2.0 * alike) * gain


def equal_votes(shown):
    return np.stack([shown[c == OUTPUT].mean(0) for c in range(CLASSES)]).argmax(0)


@pytest.mark.parametrize(("each", "left"), [(5, 0.6), (10, 0.5)])
def test_weighing_takes_errors_from_chips_whose_outputs_differ(each, left):
    rng, wrong = np.random.default_rng(0), []
    for _ in range(20):
        response = responses(rng, 1.0)
        few, tried = np.tile(np.arange(CLASSES), each), np.tile(np.arange(CLASSES), 100)
        fitted = calibrated(CHIP, counts(rng, few, response), few)
        shown = counts(rng, tried, response)
        wrong.append(
            [(found != tried).mean() for found in (fitted.decide(shown), equal_votes(shown))]
        )
    weighed, equal = np.mean(wrong, 0)
    assert weighed < left * equal


def test_scaling_takes_errors_from_chips_whose_outputs_differ_and_needs_no_labels():
    rng, wrong = np.random.default_rng(3), []
    few, tried = np.tile(np.arange(CLASSES), 8), np.tile(np.arange(CLASSES), 100)
    alike = responses(rng, 0.0)
    for _ in range(20):
        response = alike * rng.lognormal(0, 1.0, (CLASSES * EACH, 1)) + rng.exponential(
            3.0, (CLASSES * EACH, 1)
        )
        lines = scaled(CHIP, counts(rng, few, response), counts(rng, few, alike))
        shown = counts(rng, tried, response)
        wrong.append([(d != tried).mean() for d in (lines.decide(shown), equal_votes(shown))])
    by_lines, equal = np.mean(wrong, 0)
    assert by_lines < 0.4 * equal


def test_a_chip_that_does_as_the_simulator_keeps_equal_votes():
    rng = np.random.default_rng(4)
    labels = np.tile(np.arange(CLASSES), 20)
    shown = counts(rng, labels, responses(rng, 0.5))
    lines = scaled(CHIP, shown, shown)
    np.testing.assert_allclose(lines.slope, 1)
    np.testing.assert_allclose(lines.offset, 0, atol=1e-12)
    np.testing.assert_array_equal(lines.decide(shown), equal_votes(shown))


def test_no_sample_leaves_equal_votes():
    rng = np.random.default_rng(2)
    fitted = calibrated(CHIP, np.zeros((len(OUTPUT), 0), int), np.zeros(0, int))
    np.testing.assert_array_equal(fitted.weights, 1)
    shown = counts(rng, np.tile(np.arange(CLASSES), 50), responses(rng, 0.5))
    np.testing.assert_array_equal(fitted.decide(shown), equal_votes(shown))


def test_a_strong_prior_holds_the_weights_and_a_weak_one_lets_them_go(monkeypatch):
    rng = np.random.default_rng(1)
    labels = np.tile(np.arange(CLASSES), 8)
    shown = counts(rng, labels, responses(rng, 0.8))

    def distance(prior):
        monkeypatch.setattr(readout, "PRIOR", prior)
        weights = calibrated(CHIP, shown, labels).weights
        assert (weights >= 0).all()
        return np.linalg.norm(weights - 1)

    assert distance(1e9) < 1e-6
    assert distance(1e9) < distance(30.0) < distance(0.3)
    assert distance(0.3) > 1e-2

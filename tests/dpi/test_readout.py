"""Weights of output neurons from a few labelled samples."""

import numpy as np
import pytest

from eideploy.dpi.readout import calibrated
from tests.helpers.dpi import wiring

CLASSES, EACH = 3, 8
OUTPUT = np.concatenate([[-1], np.repeat(np.arange(CLASSES), EACH)])


def counts(rng, labels, response):
    """Spikes of an idle neuron and the outputs: (neurons, samples)."""
    mean = response[:, labels]
    return np.vstack([np.zeros(len(labels), int), rng.poisson(mean)])


def responses(rng, spread):
    own = OUTPUT[1:][:, None] == np.arange(CLASSES)
    return np.where(own, 6.0, 2.0) * rng.lognormal(0, spread, (CLASSES * EACH, 1))


@pytest.mark.parametrize("each", [3, 10])
def test_weighing_halves_the_errors_of_chips_whose_outputs_differ(each):
    rng = np.random.default_rng(0)
    made, wrong = wiring(len(OUTPUT), [], output=OUTPUT), []
    for _ in range(20):
        response = responses(rng, 1.0)
        few, tried = np.tile(np.arange(CLASSES), each), np.tile(np.arange(CLASSES), 100)
        readout = calibrated(made, counts(rng, few, response), few)
        shown = counts(rng, tried, response)
        plain = np.stack([shown[c == OUTPUT].mean(0) for c in range(CLASSES)]).argmax(0)
        wrong.append([(readout.decide(shown) != tried).mean(), (plain != tried).mean()])
    weighed, equal = np.mean(wrong, 0)
    assert weighed < equal / 2


def test_the_error_left_out_is_that_of_fits_without_the_sample(monkeypatch):
    from eideploy.dpi import readout

    rng = np.random.default_rng(1)
    labels = np.tile(np.arange(CLASSES), 5)
    made, shown = wiring(len(OUTPUT), [], output=OUTPUT), counts(rng, labels, responses(rng, 0.5))
    monkeypatch.setattr(readout, "PENALTIES", np.array([2.0]))
    whole = readout.calibrated(made, shown, labels)
    # ridge by its normal equations, with an intercept that is not punished
    x, aims = shown[1:].T.astype(float), np.eye(CLASSES)[labels]
    equal = (OUTPUT[1:][:, None] == np.arange(CLASSES)).astype(float)
    votes = x @ equal
    equal *= (votes * aims).sum() / (votes**2).sum()
    centred, left = x - x.mean(0), aims - x @ equal
    gram = centred.T @ centred + 2.0 * len(x) * np.eye(x.shape[1])
    weights = np.linalg.solve(gram, centred.T @ (left - left.mean(0)))
    np.testing.assert_allclose(whole.weights, equal + weights, rtol=1e-9)
    np.testing.assert_allclose(whole.offset, left.mean(0) - x.mean(0) @ weights, rtol=1e-9)

"""Neurons of NIR in units of a time step, as a tool's convention has them."""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from eideploy.backends.nir.conventions import Convention
from eideploy.backends.nir.foreign.file import Fields
from eideploy.backends.nir.foreign.numbers import CHANGE, Unsupported, field
from eideploy.circuit import Array

CLOSE = 1e-5  # relative: what single precision leaves of tau, r and dt
LONGEST_TAU = 1 << 15


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadNeurons:
    """v <- beta v + gain I + drive, filtered by alpha where there is a filter; and what fires.

    alpha                        None without a filter
    beta, gain, drive            of one entry, or of every neuron
    threshold, v_reset, start    likewise; threshold is None of what does not spike
    rounded                      the tau that the file says, where another was taken
    """

    beta: Array
    gain: Array
    drive: Array
    convention: Convention
    alpha: Array | None = None
    threshold: Array | None = None
    v_reset: Array | None = None
    start: Array | None = None
    rounded: float | None = None


def depends_on_step(node: Fields) -> bool:
    """Return whether it matters to a node of a sound graph how long a step is."""
    if node["type"] in ("IF", "I"):
        return not _adds_as_it_is(node)
    return node["type"] in ("LIF", "CubaLIF", "LI", "CubaLI", "Delay")


def _adds_as_it_is(node: Fields) -> bool:
    """Return whether a node without leak adds I as it is: of some tools r = 1."""
    return bool((field(node, "r") == 1).all())


def neurons(
    node: Fields, convention: Convention, dt: float, *, nearest_tau: bool = False
) -> ReadNeurons:
    """Return what a neuron node is in time steps of `dt`.

    Raises:
        Unsupported: with every reason.
    """
    reasons: list[str] = []
    fixes: list[str] = []
    parts: list[ReadNeurons] = []
    for part in (partial(_fires, node, convention), partial(_leaks, node, convention, dt)):
        try:
            parts.append(part())
        except Unsupported as error:
            reasons.append(str(error))
            fixes += error.fixes
    if reasons:
        raise Unsupported("; ".join(reasons), *fixes)
    joined = _joined(*parts)
    if joined.alpha is not None and joined.drive.any():
        raise Unsupported("v_leak, or v_reset where membranes start, is not zero behind a filter")
    return _nearest(joined) if nearest_tau else joined


def _joined(fires: ReadNeurons, leaks: ReadNeurons) -> ReadNeurons:
    """Return both, measured from where the membrane starts."""
    joined = replace(leaks, threshold=fires.threshold, v_reset=fires.v_reset)
    if fires.start is None or not fires.start.any():
        return joined
    beta, drive, start = _alike(joined.beta, joined.drive, fires.start)
    assert joined.threshold is not None
    threshold, from_here = _alike(joined.threshold, fires.start)
    reset = None
    if joined.v_reset is not None:
        reset, again = _alike(joined.v_reset, fires.start)
        reset = reset - again
    return replace(
        joined,
        drive=drive - (1 - beta) * start,
        threshold=threshold - from_here,
        v_reset=reset,
        start=fires.start,
    )


def _fires(node: Fields, convention: Convention) -> ReadNeurons:
    none = np.zeros(1)
    empty = ReadNeurons(beta=none, gain=none, drive=none, convention=convention)
    if node["type"] not in ("LIF", "IF", "CubaLIF", "Threshold"):
        return empty
    name = "threshold" if node["type"] == "Threshold" else "v_threshold"
    threshold = field(node, name)
    v_reset = field(node, "v_reset") if "v_reset" in node else none
    start = v_reset if convention.rests else none
    ends, rest = _alike(threshold, start)
    if not (np.isfinite(threshold).all() and (ends > rest).all()):
        raise Unsupported(
            f"{name} is {threshold.min():g}, must be above the resting membrane, which is "
            f"{start.min():g}"
        )
    if convention.reset != "reset" or node["type"] == "Threshold":
        v_reset = none if not convention.rests else start
    ends, low = _alike(threshold, v_reset)
    if not (np.isfinite(v_reset).all() and (low < ends).all()):
        raise Unsupported(f"v_reset is {v_reset.max():g}, not below the threshold")
    return replace(empty, threshold=threshold, v_reset=v_reset, start=start)


def _leaks(node: Fields, convention: Convention, dt: float) -> ReadNeurons:
    if node["type"] == "Threshold":  # it forgets everything
        one = np.ones(1)
        return ReadNeurons(beta=0 * one, gain=one, drive=0 * one, convention=convention)
    if node["type"] in ("IF", "I"):
        r = field(node, "r")
        gain = np.ones(1) if convention.gain != "r" or _adds_as_it_is(node) else r * dt
        return _finite(
            ReadNeurons(
                beta=np.ones(1), gain=_round(gain), drive=np.zeros(1), convention=convention
            )
        )
    filtered = node["type"] in ("CubaLIF", "CubaLI")
    tau, r, leak = _alike(
        field(node, "tau_mem" if filtered else "tau"), field(node, "r"), field(node, "v_leak")
    )
    beta, lost = _kept(tau, convention, dt, "tau_mem" if filtered else "tau")
    gains = {"r": r * lost, "one": np.ones(1), "mean": lost}
    if convention.gain == "r" and convention.leak == "exponential":
        gains["r"] = r * dt / tau
    gain, alpha = gains[convention.gain], None
    if filtered:
        tau_syn = field(node, "tau_syn")
        alpha, of_syn = _kept(tau_syn, convention, dt, "tau_syn")
        w_in = field(node, "w_in") if "w_in" in node else np.ones(1)
        into = {"w_in": w_in * of_syn, "one": np.ones(1), "decay": alpha}[convention.synapse]
        if convention.synapse == "w_in":
            w_in, of_syn = _alike(w_in, of_syn)
            into = w_in * of_syn
        gain, into = _alike(_round(gain), _round(into))
        gain = gain * into
    return _finite(
        ReadNeurons(
            beta=beta, gain=_round(gain), drive=leak * lost, alpha=alpha, convention=convention
        )
    )


def _kept(tau: Array, convention: Convention, dt: float, name: str) -> tuple[Array, Array]:
    """Return what a step keeps and what it takes."""
    with np.errstate(all="ignore"):
        lost = dt / tau
        share = np.exp(-lost) if convention.leak == "exponential" else 1 - lost
    least = float((1 / lost).min())
    if not np.isfinite(lost).all() or lost.min() < 0:
        raise Unsupported(f"{name} is {tau.min():g}, must be above zero and finite")
    if convention.leak == "euler" and least < 1 - CLOSE:
        raise Unsupported(
            f"{name} is {least:g} time steps of {dt:g} s, must be at least 1",
            f"say the right length of a step with --dt, of {least * dt:g} s at most",
        )
    if convention.leak == "euler":
        return np.clip(share, 0, 1), np.minimum(lost, 1)
    return share, -np.expm1(-lost)


def _finite(neurons: ReadNeurons) -> ReadNeurons:
    if not (np.isfinite(neurons.gain).all() and np.isfinite(neurons.drive).all()):
        raise Unsupported("r, tau or v_leak are not finite", CHANGE)
    return neurons


def _round(gain: Array) -> Array:
    """Return a gain that is one where it is that but for single precision."""
    return np.where(np.abs(gain - 1) < CLOSE, 1.0, gain)


def _nearest(neurons: ReadNeurons) -> ReadNeurons:
    """Return neurons that leak by a shift."""
    beta = neurons.beta
    if (beta != beta.flat[0]).any():
        raise Unsupported("tau differs between neurons, so that it has no nearest power of two")
    steps = 1 / max(1 - float(beta.flat[0]), 1e-30)
    power = float(np.clip(2.0 ** np.rint(np.log2(steps)), 1, LONGEST_TAU))
    if steps > LONGEST_TAU or abs(steps / power - 1) < CLOSE:
        return neurons
    return replace(neurons, beta=np.full(1, 1 - 1 / power), rounded=steps)


def _alike(*values: Array) -> tuple[Array, ...]:
    """Return values of neurons in one shape, or as one number.

    Raises:
        Unsupported: of different numbers of neurons.
    """
    most = max(values, key=lambda value: value.size)
    if any(value.size not in (1, most.size) for value in values):
        raise Unsupported(f"has parameters of {[value.size for value in values]} neurons")
    return tuple(v.reshape(-1) if v.size == 1 else v.reshape(most.shape) for v in values)

"""LIF and IF nodes of NIR in units of a time step: which of them the core's neurons are."""

from dataclasses import dataclass

import numpy as np

from eideploy.backends.nir.foreign.file import Fields
from eideploy.backends.nir.write import DT
from eideploy.circuit import Array
from eideploy.neurons import NO_LEAK
from eideploy.options.choices import Reset

CLOSE = 1e-5  # relative: what single precision leaves of tau, r and dt
LONGEST_TAU = 1 << 15


CHANGE = "change these nodes in the tool that wrote them: docs/nir.md says what is taken"
OTHER_TAU = (
    "train with a tau of 2, 4, 8, .. steps (beta 0.5, 0.75, 0.875), or take the nearest with "
    "--nearest-tau: it is another network, so compare its accuracy"
)


class Unsupported(Exception):  # noqa: N818 (it ends up in a list, with a node's name before it)
    """Reasons why a node cannot be compiled, and what to do about them."""

    def __init__(self, why: str, *fixes: str) -> None:
        super().__init__(why)
        self.fixes = fixes or (CHANGE,)


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How a tool's time becomes steps.

    dt           seconds in a step; None: what the file's metadata say, else 1e-4
    reset        of a neuron that fires: "zero", as NIR says, or "subtract"
    nearest_tau  whether a time constant that is not a power of two becomes the nearest
    """

    dt: float | None = None
    reset: Reset = "zero"
    nearest_tau: bool = False

    def step(self, metadata: Fields) -> float:
        """Return the seconds in a step.

        Raises:
            Unsupported: no positive number.
        """
        found = self.dt if self.dt is not None else metadata.get("dt", DT)
        value = number(found, "dt")
        if not 0 < value < np.inf:
            raise Unsupported(f"dt is {value:g}", "say how long a step is with --dt SECONDS")
        return value

    def knows_step(self, metadata: Fields) -> bool:
        """Return whether the user or the file says how long a step is."""
        return self.dt is not None or "dt" in metadata


@dataclass(frozen=True, kw_only=True, eq=False)
class ReadNeurons:
    """u = v - v / tau + gain I + drive; where u > threshold: spike and reset.

    tau                     steps, a power of two, or NO_LEAK
    gain, drive, threshold  of one entry, or of every neuron
    rounded                 the tau that the file says, where `tau` is the nearest power of two
    """

    tau: float
    gain: Array
    drive: Array
    threshold: Array
    rounded: float | None = None


def depends_on_step(node: Fields) -> bool:
    """Return whether it matters to a node of a sound graph how long a step is."""
    return node["type"] == "LIF" or (node["type"] == "IF" and not _adds_as_it_is(node))


def _adds_as_it_is(node: Fields) -> bool:
    """Return whether a node adds I as it is: of some tools r = 1."""
    return bool((field(node, "r") == 1).all())


def neurons(node: Fields, metadata: Fields, convention: Convention) -> ReadNeurons:
    """Return what a LIF or IF node is in time steps.

    Raises:
        Unsupported: with every reason.
    """
    dt = convention.step(metadata)
    reasons = [why for why in (_reset_fault(node), _threshold_fault(node)) if why]
    fixes = [CHANGE] if reasons else []
    r, tau, exact, drive = field(node, "r"), NO_LEAK, None, np.zeros(1)
    if node["type"] == "IF":
        gain = r if _adds_as_it_is(node) else r * dt
    else:
        r, constant, leak = _alike(r, field(node, "tau"), field(node, "v_leak"))
        with np.errstate(all="ignore"):
            steps = constant / dt
            gain, drive = r / steps, leak / steps
        try:
            known = convention.knows_step(metadata)
            tau, exact = _power_of_two(steps, dt, known=known, nearest=convention.nearest_tau)
        except Unsupported as error:
            reasons.append(str(error))
            fixes += error.fixes
    gain = np.where(np.abs(gain - 1) < CLOSE, 1.0, gain)
    if not (np.isfinite(gain).all() and np.isfinite(drive).all()):
        reasons.append("r, tau or v_leak are not finite")
        fixes.append(CHANGE)
    if reasons:
        raise Unsupported("; ".join(reasons), *fixes)
    return ReadNeurons(
        tau=tau, gain=gain, drive=drive, threshold=field(node, "v_threshold"), rounded=exact
    )


def _alike(*values: Array) -> tuple[Array, ...]:
    """Return values of neurons in one shape, or as one number.

    Raises:
        Unsupported: of different numbers of neurons.
    """
    most = max(values, key=lambda value: value.size)
    if any(value.size not in (1, most.size) for value in values):
        raise Unsupported(f"r, tau and v_leak are of {[value.size for value in values]} neurons")
    return tuple(v.reshape(-1) if v.size == 1 else v.reshape(most.shape) for v in values)


def field(node: Fields, name: str) -> Array:
    """Return a field as an array of at least one entry.

    Raises:
        Unsupported: it is not there, or holds no numbers.
    """
    if name not in node:
        raise Unsupported(f"has no {name}")
    value = np.atleast_1d(np.asarray(node[name]))
    if value.dtype.kind not in "fiub" or not value.size:
        raise Unsupported(f"{name} holds no numbers")
    return value.astype(np.float64)


def number(value: object, name: str) -> float:
    """Return one number."""
    found = field({name: value}, name)
    if found.size != 1:
        raise Unsupported(f"{name} holds {found.size} numbers, must be 1")
    return float(found.ravel()[0])


def _reset_fault(node: Fields) -> str:
    if "v_reset" not in node or not field(node, "v_reset").any():
        return ""
    return "v_reset is not zero, which membranes are reset to"


def _threshold_fault(node: Fields) -> str:
    threshold = field(node, "v_threshold")
    return "" if (threshold > 0).all() and np.isfinite(threshold).all() else (
        f"v_threshold is {threshold.min():g}, must be above the resting membrane, which is zero"
    )  # fmt: skip


def _power_of_two(
    steps: Array, dt: float, *, known: bool, nearest: bool
) -> tuple[float, float | None]:
    """Return tau, and what the file says where that is another; `known`: somebody said dt."""
    least, most = float(steps.min()), float(steps.max())
    if not (np.isfinite(steps).all() and least > 0):
        raise Unsupported(f"tau is {least:g} time steps, must be at least 1")
    if least < 1 - CLOSE:
        raise Unsupported(
            f"tau is {least:g} time steps of {dt:g} s, must be at least 1",
            f"say the right length of a step with --dt, of {least * dt:g} s at most",
        )
    if most > least * (1 + CLOSE):
        raise Unsupported(
            f"tau differs between neurons, from {least:g} to {most:g} steps",
            "train with one tau for all neurons of a layer",
        )
    power = float(np.clip(2.0 ** np.rint(np.log2(least)), 1, LONGEST_TAU))
    if abs(least / power - 1) < CLOSE:
        return power, None
    if nearest:
        return power, least
    why = f"tau is {least:.6g} steps of {dt:g} s, and the core leaks by shifts"
    if known:
        raise Unsupported(why, OTHER_TAU)
    raise Unsupported(
        why,
        f"say with --dt how long a step is, as the file does not; if it is {dt:g} s, {OTHER_TAU}",
    )

"""Spiking neurons in discrete time as other tools have them: any leak, filter, reset and order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from eideploy.errors import CapacityError, UsageError
from eideploy.neurons.neuron import IntegerNeuron, Neuron, NirPart, PerNeuron
from eideploy.numeric.fixed import Array
from eideploy.numeric.operators import Numbers, Operators

AnyReset = Literal["subtract", "zero", "value", "none"]
Delay = Literal["none", "reset", "spike"]
Fires = Literal[">=", ">"]
WORDS = {"reset": get_args(AnyReset), "delay": get_args(Delay), "fires": get_args(Fires)}
MOST_SPIKES = 255  # in a step
LEAK_BITS = 12  # of the largest leak of a layer, which fixes the unit of all
LONGEST = 2.0**60  # steps: a membrane of so long a time constant keeps all in float64
MOST_FRACTION = 31  # a leak of less than 2^-31 of a membrane is none


@dataclass(frozen=True, kw_only=True, eq=False)
class IntegerGeneralLIF(IntegerNeuron):
    """The equations of `GeneralLIF` in integers (A33..A36).

        s <- sat(s - (e s >> g) + I)      with a filter; else s is I                        (A33)
        r  = count(v)                     with a delay; else 0                              (A34)
        u  = sat(max(reset(v - (d v >> f) + s, r), v_min))                                  (A35)
        z  = count(u);  v <- reset(u, z)  without a delay; else v <- u                      (A36)

    count(x) is how many times Theta goes into x, for ">" into x - 1, within 0..max_spikes; reset(x,
    n) is x - n Theta, or where n > 0 zero or v_reset, or x. The leak is floored as in (A10), which
    a leak d / 2^f = 2^-L therefore equals bit for bit; without a leak nothing drifts.

    threshold, leak     (n,) Theta >= 1; d, the membrane keeps 1 - d / 2^leak_fraction
    synapse_leak        (n,) e, likewise of synapse_fraction; None without a filter
    v_reset, v_min      (n,) in membrane LSB; None where there is none
    """

    threshold: Array
    leak: Array
    leak_fraction: int
    membrane_bits: int
    reset: AnyReset = "subtract"
    delay: Delay = "none"
    fires: Fires = ">="
    max_spikes: int = 1
    synapse_leak: Array | None = None
    synapse_fraction: int = 0
    v_reset: Array | None = None
    v_min: Array | None = None

    @property
    def has_synapse(self) -> bool:
        """Whether its current goes through a filter."""
        return self.synapse_leak is not None

    @property
    def most_spikes(self) -> int:
        """How many spikes a step may have."""
        return self.max_spikes

    @property
    def product_bits(self) -> int:
        """How many bits more than a membrane a product of the step takes."""
        leaks = [(self.leak, self.leak_fraction)]
        if self.synapse_leak is not None:
            leaks.append((self.synapse_leak, self.synapse_fraction))
        products = [leak for leak, fraction in leaks if multiplies(leak, fraction)]
        return max((int(leak.max(initial=0)).bit_length() for leak in products), default=0)

    def faults(self) -> Iterator[str]:
        """Yield what the fields cannot be."""
        yield from _faults_of_words(self)
        yield from super().faults()
        for name in self.per_neuron:
            value: Array = getattr(self, name)
            if value.dtype != np.int64 or value.shape != self.threshold.shape:
                yield f"has a {name} of {value.dtype}{list(value.shape)}"
                return
        leaks = (("leak", self.leak_fraction), ("synapse_leak", self.synapse_fraction))
        for name, fraction in leaks:
            leak = getattr(self, name)
            if not 0 <= fraction <= MOST_FRACTION:
                yield f"has a {name} in units of 2^-{fraction}"
            elif leak is not None and (
                leak.min(initial=0) < 0 or leak.max(initial=0) > 1 << fraction
            ):
                yield f"has a {name} outside of 0..{1 << fraction}"
        yield from _faults_of_bounds(self)
        if self.membrane_bits <= 32 and self.has_too_low:
            yield f"has a v_reset or v_min below what {self.membrane_bits} bits hold"

    @property
    def has_too_low(self) -> bool:
        """Whether it goes to where its membrane cannot."""
        lowest = -(1 << (self.membrane_bits - 1))
        ends = (self.v_reset, self.v_min)
        return any(end is not None and end.min(initial=0) < lowest for end in ends)

    def scalar(self, v: int, i: int, own: Mapping[str, int]) -> tuple[int, int, bool]:
        """Return a neuron's next v, its spikes, and whether its membrane was clipped."""
        limit = 1 << (self.membrane_bits - 1)
        late = 0 if self.delay == "none" else self._counted(v, own)
        whole = self._left(v - (own["leak"] * v >> self.leak_fraction) + i, late, own)
        whole = max(whole, own.get("v_min", whole))
        u = min(max(whole, -limit), limit - 1)
        z = self._counted(u, own)
        after = self._left(u, z, own) if self.delay == "none" else u
        return after, late if self.delay == "spike" else z, u != whole

    def scalar_filtered(self, s: int, i: int, own: Mapping[str, int]) -> tuple[int, bool]:
        """Return a neuron's next filtered current, and whether it was clipped."""
        limit = 1 << (self.membrane_bits - 1)
        whole = s - (own["synapse_leak"] * s >> self.synapse_fraction) + i
        after = min(max(whole, -limit), limit - 1)
        return after, after != whole

    def _counted(self, x: int, own: Mapping[str, int]) -> int:
        return min(max((x - (self.fires == ">")) // own["threshold"], 0), self.max_spikes)

    def _left(self, x: int, spikes: int, own: Mapping[str, int]) -> int:
        if self.reset == "subtract":
            return x - spikes * own["threshold"]
        return x if self.reset == "none" or not spikes else own.get("v_reset", 0)

    def step(self, v: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, Numbers, int]:
        """Return the next membranes, the spikes, and how many membranes were clipped."""
        rule = _Rule(self, v, do)
        late = None if self.delay == "none" else rule.count(v)
        u = leaked(v, self.leak, self.leak_fraction, do) + i
        u, clipped = do.saturated(rule.floored(u if late is None else rule.left(u, late)))
        z = late if self.delay == "spike" else rule.count(u)
        return rule.left(u, z) if late is None else u, z, clipped

    def filtered(self, s: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, int]:
        """Return the next filtered currents, and how many were clipped."""
        assert self.synapse_leak is not None
        return do.saturated(leaked(s, self.synapse_leak, self.synapse_fraction, do) + i)

    def rtl(self) -> Mapping[str, int] | None:
        """Return the fields of a stage in the shipped core; None with several late spikes."""
        if self.max_spikes > 1 and self.delay != "none":
            return None
        return {
            "leak": self.leak_fraction,
            "max_spikes": self.max_spikes,
            "to_zero": int(self.reset in ("zero", "value")),
            "keeps": int(self.reset == "none"),
            "is_late": int(self.delay != "none"),
            "spikes_late": int(self.delay == "spike"),
            "is_above": int(self.fires == ">"),
            "has_synapse": int(self.has_synapse),
            "synapse_leak": self.synapse_fraction,
        }

    def reach(self, low: int, high: int, steps: int) -> tuple[int, int]:
        """Return what u reaches, were it not clipped (A37).

        What a leak leaves never falls as v rises, and is furthest from zero for the least leak.
        What fired is lowered by a threshold for every spike, or is where its reset puts it.
        """
        least = int(self.threshold.min())
        most = int(self.threshold.max()) - (self.fires == ">=")  # where nothing fires
        resting = (
            [0] if self.v_reset is None else [int(self.v_reset.min()), int(self.v_reset.max())]
        )
        to_value = self.reset in ("zero", "value")
        floor = None if self.v_min is None else int(self.v_min.min())
        slow, fast = int(self.leak.min()), int(self.leak.max())
        v_low = v_high = u_low = u_high = 0

        def kept(v: int) -> int:
            return v - (slow * v >> self.leak_fraction)

        for _ in range(steps):
            below, above = kept(v_low) + low, kept(v_high) + high
            if self.delay != "none" and self.reset == "subtract" and v_high >= least:
                above = max(kept(min(v_high, most)), kept(v_high) - least) + high
                below = min(below, low - (fast * v_high >> self.leak_fraction))
            if self.delay != "none" and to_value:
                below = min(below, *resting)
                above = max(kept(min(v_high, most)) + high, *resting)
            if floor is not None:
                below, above = max(below, floor), max(above, floor)
            u_low, u_high = min(u_low, below), max(u_high, above)
            v_low, v_high = min(below, 0), max(above, 0)
            if self.delay == "none" and self.reset == "subtract":
                v_high = max(min(v_high, most), v_high - self.max_spikes * least)
            if self.delay == "none" and to_value:
                v_low, v_high = min(v_low, *resting), max(min(v_high, most), *resting)
        return u_low, u_high

    def reach_filtered(self, low: int, high: int, steps: int) -> tuple[int, int]:
        """Return what s reaches, were it not clipped (A37)."""
        assert self.synapse_leak is not None
        slow = int(self.synapse_leak.min())
        s_low = s_high = lowest = highest = 0
        for _ in range(steps):
            s_low = s_low - (slow * s_low >> self.synapse_fraction) + low
            s_high = s_high - (slow * s_high >> self.synapse_fraction) + high
            s_low, s_high = min(s_low, 0), max(s_high, 0)
            lowest, highest = min(lowest, s_low), max(highest, s_high)
        return lowest, highest


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneralLIF(Neuron):
    """A spiking neuron in discrete time, in the order leak, input, reset of before, fire, reset.

        s <- alpha s + x                  with a filter (alpha); else s is the current x      (M21)
        r  = count(v)                     with a delay; else 0                                (M22)
        u  = max(reset(beta v + s, r), v_min)                                                 (M23)
        z  = count(u);  v <- reset(u, z)  without a delay; else v <- u                        (M24)

    Membrane and filter start at zero: measure a tool's membrane from where it starts. What scales
    or shifts the current (r, dt / tau, w_in, v_leak, biases) is in the weights of the layer before.

    beta         what a step keeps of v, 0..1; 1 never drifts
    alpha        what it keeps of s, 0..1; None without a filter
    threshold    theta > 0
    reset        reset(x, n): "subtract", x - n theta; "zero" or "value", 0 or v_reset where n > 0;
                 "none", x
    v_reset      below theta; of the reset "value" alone
    delay        "none"; "reset": the reset follows one step late, after the leak and the input, so
                 that a subtraction equals one of theta / beta before the leak; "spike": the spikes
                 that are put out are late as well, r instead of z
    fires        ">=": count(x) is how many k >= 1 have x >= k theta; ">": have x > k theta
    max_spikes   of a step, which count(x) is clipped to; 1 is the usual neuron
    v_min        the membrane's lowest value, <= 0; None where it has none

    The numbers are one for all neurons, or arrays (n,) of one a neuron (channel).
    """

    integers = IntegerGeneralLIF

    beta: PerNeuron
    threshold: PerNeuron = 1.0
    reset: AnyReset = "subtract"
    delay: Delay = "none"
    fires: Fires = ">="
    max_spikes: int = 1
    alpha: PerNeuron | None = None
    v_reset: PerNeuron | None = None
    v_min: PerNeuron | None = None

    @property
    def has_synapse(self) -> bool:
        """Whether its current goes through a filter."""
        return self.alpha is not None

    @property
    def most_spikes(self) -> int:
        """How many spikes a step may have."""
        return self.max_spikes

    def faults(self) -> Iterator[str]:
        """Yield what the fields cannot be."""
        yield from _faults_of_words(self)
        sizes: set[tuple[int, ...]] = set()
        for name in ("beta", "alpha", "threshold", "v_reset", "v_min"):
            value = getattr(self, name)
            if value is None:
                continue
            array = np.asarray(value)
            if array.dtype.kind not in "fi" or array.ndim > 1 or not np.isfinite(array).all():
                yield f"has a {name} that is no number, nor one a neuron"
                return
            if name in ("beta", "alpha") and not ((array >= 0) & (array <= 1)).all():
                yield f"has a {name} outside of 0..1"
            sizes |= {array.shape} if array.ndim else set()
        if len(sizes) > 1:
            yield f"has numbers of {' and '.join(str(n) for (n,) in sorted(sizes))} neurons"
            return
        if not (np.asarray(self.threshold) > 0).all():
            yield "has a threshold that is not positive"
        yield from _faults_of_bounds(self)

    def step(self, v: Numbers, i: Numbers, do: Operators) -> tuple[Numbers, Numbers]:
        """Return the next membranes and the spikes."""
        rule = _Rule(self, v, do)
        late = None if self.delay == "none" else rule.count(v)
        u = v * rule.each(self.beta) + i
        u = rule.floored(u if late is None else rule.left(u, late))
        z = late if self.delay == "spike" else rule.count(u)
        return rule.left(u, z) if late is None else u, z

    def filtered(self, s: Numbers, i: Numbers, do: Operators) -> Numbers:
        """Return the next filtered currents."""
        assert self.alpha is not None
        return s * _Rule(self, s, do).each(self.alpha) + i

    def to_integers(self, per_unit: Array, *, bits: int, where: str) -> IntegerGeneralLIF:
        """Return the neuron whose leaks are of at most `LEAK_BITS` bits, or a power of two.

        Raises:
            CapacityError: a v_reset or v_min below what a membrane holds.
        """
        leak, fraction = leak_levels(self.beta, len(per_unit))
        synapse = (None, 0) if self.alpha is None else leak_levels(self.alpha, len(per_unit))

        def whole(value: PerNeuron | None) -> Array | None:
            return None if value is None else np.rint(value * per_unit).astype(np.int64)

        threshold, v_reset, v_min = map(whole, (self.threshold, self.v_reset, self.v_min))
        assert threshold is not None
        for name, value in (("v_reset", v_reset), ("v_min", v_min)):
            if value is not None and (value < -(1 << bits - 1)).any():
                raise CapacityError(
                    f"{name} is {int(value.min())} LSB, less than a membrane of {bits} bits holds",
                    where=where,
                    fix="choose a scheme with more bits of membrane, or fewer of threshold",
                )
        return IntegerGeneralLIF(
            threshold=threshold,
            leak=leak,
            leak_fraction=fraction,
            membrane_bits=bits,
            reset=self.reset,
            delay=self.delay,
            fires=self.fires,
            max_spikes=self.max_spikes,
            synapse_leak=synapse[0],
            synapse_fraction=synapse[1],
            v_reset=None if v_reset is None else np.minimum(v_reset, threshold - 1),
            v_min=v_min,
        )

    def in_nir(self, dt: float) -> tuple[NirPart, ...]:
        """Return its one node: IF without a leak, CubaLIF with a filter, LIF else.

        Raises:
            UsageError: NIR has no such neuron.
        """
        if reasons := list(self._not_in_nir()):
            raise UsageError(
                f"NIR has no neurons with {', '.join(reasons)}",
                where="--emit nir",
                fix="leave it out, or train with neurons that are reset to zero",
            )
        # NIR fires above the threshold
        below = np.nextafter(self.threshold, 0.0) if self.fires == ">=" else self.threshold
        rest = 0.0 if self.v_reset is None else self.v_reset
        fires: dict[str, PerNeuron] = {"v_threshold": below, "v_reset": rest}
        if self.alpha is None and np.all(np.asarray(self.beta) == 1):
            return (NirPart(role="", kind="IF", parameters={"r": 1 / dt} | fires),)
        tau = time_constant(self.beta)
        leaks: dict[str, PerNeuron] = {"r": tau, "v_leak": 0.0}
        if self.alpha is None:
            return (NirPart(role="", kind="LIF", parameters={"tau": tau * dt} | leaks | fires),)
        filters = time_constant(self.alpha)
        both = {"tau_mem": tau * dt, "tau_syn": filters * dt, "w_in": filters}
        return (NirPart(role="", kind="CubaLIF", parameters=both | leaks | fires),)

    def _not_in_nir(self) -> Iterator[str]:
        """Yield what of it no neuron of NIR has."""
        if self.reset not in ("zero", "value"):
            yield f"reset {self.reset!r}"
        if self.delay != "none":
            yield "a reset one step late"
        if self.max_spikes > 1:
            yield f"up to {self.max_spikes} spikes a step"
        if self.v_min is not None:
            yield "a lowest membrane"


class _Rule:
    """What both models do with membranes, in operators."""

    def __init__(self, model: GeneralLIF | IntegerGeneralLIF, like: Numbers, do: Operators) -> None:
        self.model, self.like, self.do = model, like, do
        self.threshold = self.each(model.threshold)

    def each(self, value: PerNeuron) -> Numbers:
        """Return one number for all neurons as it is, and one a neuron as it broadcasts."""
        return self.do.per_neuron(value, self.like) if isinstance(value, np.ndarray) else value

    def count(self, x: Numbers) -> Numbers:
        """Return the spikes of x: truths where there is at most one, else numbers."""
        model, do = self.model, self.do
        fires = x >= self.threshold if model.fires == ">=" else x > self.threshold
        if model.max_spikes == 1:
            return fires
        times = do.quotient(do.where(fires, x, self.threshold), self.threshold)
        if model.fires == ">":
            times = do.where(times * self.threshold >= x, times - 1, times)
        return do.where(fires, do.where(times > model.max_spikes, model.max_spikes, times), 0)

    def left(self, x: Numbers, spikes: Numbers) -> Numbers:
        """Return what the reset leaves of x."""
        model, do = self.model, self.do
        several = model.max_spikes > 1
        match model.reset:
            case "none":
                return x
            case "subtract":
                lower = x - (self.threshold * spikes if several else self.threshold)
                return lower if several else do.where(spikes, lower, x)
        rest = 0 if model.v_reset is None else self.each(model.v_reset)
        return do.where(spikes > 0 if several else spikes, rest, x)

    def floored(self, x: Numbers) -> Numbers:
        """Return x, or the lowest membrane where that is higher."""
        if self.model.v_min is None:
            return x
        floor = self.each(self.model.v_min)
        return self.do.where(x < floor, floor, x)


def time_constant(factor: PerNeuron) -> PerNeuron:
    """Return how many steps, by Euler's rule, a time constant is of which a step keeps so much."""
    lost = np.maximum(1 - np.asarray(factor, np.float64), 1 / LONGEST)
    return 1 / lost if lost.ndim else float(1 / lost)


def leaked(x: Numbers, leak: Array, fraction: int, do: Operators) -> Numbers:
    """Return what a leak d / 2^f leaves of x, by a shift where it is one for all neurons."""
    shift = _shift(leak, fraction)
    if shift is None:
        return x - ((x * do.per_neuron(leak, x)) >> fraction)
    return x - (x >> shift) if shift >= 0 else x


def multiplies(leak: Array, fraction: int) -> bool:
    """Return whether what a leak leaves takes a product, which a shift does not stand for."""
    return _shift(leak, fraction) is None


def _shift(leak: Array, fraction: int) -> int | None:
    """Return L where d / 2^f is 2^-L for all neurons, -1 where it is zero, None where neither."""
    first = int(leak[0])
    if (leak != first).any() or first & (first - 1):
        return None
    return fraction - first.bit_length() + 1 if first else -1


def _faults_of_words(model: GeneralLIF | IntegerGeneralLIF) -> Iterator[str]:
    """Yield what the words of a model cannot be, and what of them contradicts one another."""
    for field, known in WORDS.items():
        if getattr(model, field) not in known:
            yield f"has {field} {getattr(model, field)!r}"
    if model.delay == "reset" and model.reset == "none":
        yield "delays a reset that it has not"
    if (model.v_reset is not None) != (model.reset == "value"):
        yield f"has reset {model.reset!r} and v_reset {model.v_reset}"
    if not 1 <= model.max_spikes <= MOST_SPIKES:
        yield f"has max_spikes {model.max_spikes}, must be in 1..{MOST_SPIKES}"


def _faults_of_bounds(model: GeneralLIF | IntegerGeneralLIF) -> Iterator[str]:
    """Yield where reset and lower bound leave the membrane below neither threshold nor bound."""
    if model.v_reset is not None and not np.all(model.v_reset < model.threshold):
        yield "has a v_reset that is not below the threshold"
    if model.v_min is not None and not np.all(np.asarray(model.v_min) <= 0):
        yield "has a v_min above zero, where its membrane starts"
    if (
        model.v_min is not None
        and model.v_reset is not None
        and np.any(model.v_reset < model.v_min)
    ):
        yield "has a v_reset below its v_min"


def leak_levels(factor: PerNeuron, n: int) -> tuple[Array, int]:
    """Return d (n,) and the least f with 1 - d / 2^f as near to `factor` as `LEAK_BITS` allow."""
    lost = np.broadcast_to(1 - np.asarray(factor, np.float64), n)
    if not lost.any():
        return np.zeros(n, np.int64), 0
    fraction = min(LEAK_BITS - int(np.ceil(np.log2(lost.max()))), MOST_FRACTION)
    leak = np.rint(np.ldexp(lost, fraction)).astype(np.int64)
    common = int(np.bitwise_or.reduce(leak))
    spare = min((common & -common).bit_length() - 1, fraction) if common else fraction
    return leak >> spare, fraction - spare

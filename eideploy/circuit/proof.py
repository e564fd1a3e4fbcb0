"""The width proof: what every number of an integer circuit can be, from its weights and inputs."""

from dataclasses import dataclass

from eideploy.circuit.current import IntegerCurrent
from eideploy.circuit.graph import Circuit
from eideploy.circuit.layer import Layer
from eideploy.circuit.limits import LayerLimits, Reach, input_peak, peaks, reaches
from eideploy.circuit.nodes import IntegerInput, Neurons
from eideploy.circuit.projection import Factored, Folded
from eideploy.numeric.fixed import signed_bits, top, unsigned_bits


@dataclass(frozen=True, kw_only=True)
class Number:
    """One number of a node; it lies in low..high whatever the input (A13, A25).

    saturates  width in bits to which it is clipped by declaration, every clip counted; None for a
               number that is kept whole
    """

    role: str
    low: int
    high: int
    saturates: int | None = None

    @property
    def bits(self) -> int:
        """Width that holds low..high; unsigned where low is 0."""
        return signed_bits(self.low, self.high) if self.low < 0 else unsigned_bits(self.high)

    @property
    def can_saturate(self) -> bool:
        """Whether some input within the proven interval is clipped."""
        limit = top(self.saturates) if self.saturates else 0
        return self.saturates is not None and (self.high > limit or self.low < -limit - 1)


def prove(circuit: Circuit) -> dict[str, tuple[Number, ...]]:
    """Return every number of every node of an integer circuit, in the order of computation."""
    reach, top_of = reaches(circuit), peaks(circuit)
    proof: dict[str, tuple[Number, ...]] = {}
    currents: dict[str, tuple[int, int]] = {}
    for node in circuit.nodes:
        match node:
            case IntegerInput():
                proof[node.name] = (Number(role="X", low=0, high=node.top),)
            case Layer():
                numbers = _weighted(
                    node.projection, reach[node.name].limits, input_peak(node, top_of)
                )
                if isinstance(node.current, IntegerCurrent):
                    divided, currents[node.name] = _current(node.current, reach[node.name])
                    numbers += divided
                proof[node.name] = numbers
            case Neurons():
                proof[node.name] = _neurons(node, currents[node.inputs[0]], circuit.steps)
    return proof


def _neurons(node: Neurons, current: tuple[int, int], steps: int) -> tuple[Number, ...]:
    """Return u, and before it s where the current goes through a filter."""
    model, numbers = node.integer_model, []
    bits, limit = model.membrane_bits, top(model.membrane_bits)
    if model.has_synapse:
        low, high = model.reach_filtered(*current, steps)
        numbers.append(Number(role="s", low=low, high=high, saturates=bits))
        current = max(low, -limit - 1), min(high, limit)
    low, high = model.reach(*current, steps)
    return (*numbers, Number(role="u", low=low, high=high, saturates=bits))


def _weighted(w: Factored | Folded, reach: LayerLimits, peak: int) -> tuple[Number, ...]:
    return _folded(w, reach, peak) if isinstance(w, Folded) else _factored(w, reach, peak)


def _folded(w: Folded, reach: LayerLimits, peak: int) -> tuple[Number, ...]:
    low, high = min(0, int(w.w_num.min())), max(0, int(w.w_num.max()))
    numbers = [
        ("Q_num X, a product", low * peak, high * peak),
        ("NUM", reach.total_low, reach.total_high),
    ]
    if w.w_den is not None:
        numbers += [
            ("Q_den X, a product", 0, int(w.w_den.max()) * peak),
            ("DEN", 0, reach.divisor),
        ]
    return tuple(Number(role=role, low=low, high=high) for role, low, high in numbers)


def _factored(w: Factored, reach: LayerLimits, peak: int) -> tuple[Number, ...]:
    ee, ie, ei = (int(levels.max(initial=0)) for levels in w.by_name.values())
    numbers = [
        ("Q_EE X, a product", 0, ee * peak),
        ("P", 0, reach.excitation),
        ("Q_IE X, a product", 0, ie * peak),
        ("S", 0, reach.inhibition),
        ("Q_EI S, a product", 0, ei * reach.inhibition),
        ("NUM", reach.total_low, reach.total_high),
    ]
    if w.divides:
        numbers += [
            ("G S, a product", 0, reach.gained),
            ("Q_EI G S, a product", 0, ei * reach.gained),
            ("DEN", 0, reach.divisor),
        ]
    return tuple(Number(role=role, low=low, high=high) for role, low, high in numbers)


def _current(current: IntegerCurrent, reach: Reach) -> tuple[tuple[Number, ...], tuple[int, int]]:
    """Return the numbers of the division, and the interval of the current I."""
    division = current.division
    divider, policy = (division.divider, division.zero_policy) if division else (None, "minimum")
    # DEN is at least 1, a zero one is replaced; `align` raises the numerator's fraction then
    aligns = policy == "minimum" and (divider is None or divider.reads_divisor)
    power = (current.fraction + current.align * aligns).tolist()
    rows = list(zip(reach.numerator.tolist(), power, strict=True))
    quotient = max(num << f if f >= 0 else -(-num >> -f) for num, f in rows)
    numbers = []
    if aligns:
        aligned = max(reach.divisor << current.align.astype(object))
        numbers.append(Number(role="DEN << a", low=0, high=aligned))
    if divider:
        quotient *= 2 if divider.bound else 1  # no method errs by more
        widest = max(divider.widest(num, f) for num, f in rows)
        numbers.append(Number(role=divider.on_the_way, low=0, high=widest))
    low = -quotient if min(reach.low) < 0 else 0
    c = Number(role="c", low=low, high=quotient, saturates=current.current_bits)
    limit = top(current.current_bits)
    interval = (
        max(low, -limit) + int(current.bias.min()),
        min(quotient, limit) + int(current.bias.max()),
    )
    return (*numbers, c, Number(role="I", low=interval[0], high=interval[1])), interval

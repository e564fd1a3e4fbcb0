"""Turn a calibrated float circuit into integers (docs/arithmetic.md, A14..A22)."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Chosen,
    Circuit,
    Division,
    Factored,
    Flatten,
    Folded,
    Input,
    IntegerInput,
    IntegerIntegrator,
    Layer,
    Logits,
    Neurons,
    Node,
)
from eideploy.circuit.projection import MAX_BITS
from eideploy.divisions import none as no_division
from eideploy.errors import CapacityError
from eideploy.neurons import Neuron
from eideploy.passes.beside import columns, in_one_unit, mixed, shared_step
from eideploy.passes.contract import contract, has_ranges, is_float, is_integer
from eideploy.passes.currents import Surroundings, integer_current, least_ratio, numerator_bits
from eideploy.passes.folded_levels import Divisors, FoldedLevels, quantize_folded
from eideploy.passes.levels import Levels, Room, Shunt, quantize_weights
from eideploy.passes.steps import Grid, input_step, whole_input
from eideploy.scheme import Bits, Scheme
from eideploy.target import Widths

FIRING = 0.7  # thresholds of current that make a neuron fire after two to four steps, tau = 2
LEAST_GAIN = 0.01  # g_E below which the divisor hardly matters


@contract(needs=(is_float, has_ranges), gives=(is_integer,))
def quantize(circuit: Circuit, *, scheme: Scheme, widths: Widths) -> Circuit:
    """Return the integer circuit; the target's `widths` say how finely it may resolve W_EI (A16).

    Keeps    the graph; W_IE and g_I to half a step; W_EI to half a step where its full scale does
             not clip it; W_EE, with what it absorbs (A17), to one step; thresholds to
             2^-threshold_bits of themselves
    Changes  every node but Flatten and Add; average pooling becomes a sum, in units of 1 /
             kernel^2; a tau beyond 2^15 steps becomes that: membranes from 0 to below 2^15 keep
             all, those below zero rise in a step by one in 2^15 of themselves, rounded up

    Raises:
        CapacityError: a time constant that is not a power of two, branches in different units, a
            neuron whose threshold would be less than one LSB, a layer whose inhibition rounds to
            nothing.
    """
    return quantize_with_units(circuit, scheme, widths)[0]


@dataclass(frozen=True, kw_only=True, eq=False)
class Units:
    """What the integers of a layer are multiples of.

    unit      (n_E,): W_EE;  unit / 2^shift: W_EI W_IE and NUM, in units of the input's step
    rows      (n_I,): W_IE
    gain      g_I; 0 of a readout
    per_unit  (n_E,): membrane LSB per unit of current, 2^f s_g / g_E (A21); 0 of a readout
    """

    unit: Array
    shift: Array
    rows: Array
    gain: float = 0.0
    per_unit: Array | float = 0.0


def quantize_with_units(
    circuit: Circuit, scheme: Scheme, widths: Widths
) -> tuple[Circuit, Mapping[str, Units]]:
    """Return what `quantize` does, and the units of every E-I layer and readout by name."""
    quantizer = _Quantizer(circuit, scheme, widths)
    nodes = tuple(quantizer.node(node) for node in circuit.nodes)
    assert circuit.ranges is not None  # the contract says so
    ranges = circuit.ranges.after(quantizer.chosen)
    return Circuit(nodes=nodes, steps=circuit.steps, ranges=ranges), quantizer.known


class _Quantizer:
    """Quantizes node after node; `units` is the value of one integer step of each output."""

    def __init__(self, circuit: Circuit, scheme: Scheme, widths: Widths) -> None:
        self.circuit, self.scheme, self.bits = circuit, scheme, scheme.bits
        self.widths = widths
        self.first = next((layer.name for layer in circuit.hidden), "")
        self.units: dict[str, float] = {}
        self.peaks = {n.name: n.model.most_spikes for n in circuit.of(Neurons)}  # read late, too
        self.per_unit: dict[str, Array] = {}  # membrane LSB per unit of current
        self.known: dict[str, Units] = {}
        self.chosen: dict[str, Chosen] = {}
        assert circuit.ranges is not None  # the contract says so
        self.seen = dict(circuit.ranges.layers)

    def node(self, node: Node) -> Node:
        """Return the integer form of `node`."""
        node, unit = self._in_one_unit(node)
        peak = max((self.peaks[name] for name in node.inputs), default=0)
        new, self.units[node.name], peak = self._quantized(node, unit, peak)
        if peak.bit_length() > MAX_BITS:
            raise _refuse(
                node,
                f"values reach {peak.bit_length()} bits, {MAX_BITS} offered by the simulator",
                "choose a network that adds up fewer branches",
            )
        self.peaks[node.name] = peak
        return new

    def _quantized(self, node: Node, unit: float, peak: int) -> tuple[Node, float, int]:
        match node:
            case Input():
                return self._input(node)
            case Layer(projection=Factored() as w) if node.is_readout:
                return self._readout(node, w, unit, peak), 0.0, 0
            case Layer(projection=Factored() as w):
                return self._factored(node, w, unit, peak), 0.0, 0
            case Layer() if node.is_readout:
                return self._folded_readout(node, unit), 0.0, 0
            case Layer() if node.projection.divides:
                return self._folded(node, unit, peak), 0.0, 0
            case Layer():
                return self._plain(node, unit, peak), 0.0, 0
            case Neurons():
                return self._neurons(node), 1.0, node.model.most_spikes
            case AvgPool():
                area = node.kernel**2
                return node, unit / area, peak * area
            case Flatten():
                return node, unit, peak
            case Add():
                return node, unit, sum(self.peaks[i] for i in node.inputs)
        raise _refuse(node, f"{node.kind} has no integer form", "remove it")

    def _input(self, node: Input) -> tuple[Node, float, int]:
        assert self.circuit.ranges is not None  # the contract says so
        observed, most = self.circuit.ranges.input, (1 << self.bits.input) - 1
        step, top = input_step(observed, node.high, self.bits.input)
        tops = {n.name: self._top(n) for n in self.circuit.layers}
        layers = mixed(self.circuit, self.circuit.ranges, tops)
        if layers and observed is not None:
            step = 1.0 if whole_input(observed) else shared_step(observed, layers, node.high, most)
            top = min(most, max(1, int(np.rint(node.high / step))))
        new = IntegerInput(name=node.name, size=node.size, high=node.high, step=step, top=top)
        return new, step, top

    def _top(self, node: Layer) -> int:
        bits = self.scheme.bits_of(first=node.name == self.first)
        return Grid(max(bits.w_ee, 2), self.scheme.levels, signed=True).top

    def _in_one_unit(self, node: Node) -> tuple[Node, float]:
        """Return a node and what one of its inputs stands for; spikes of a loop are ones.

        Of a layer that reads several units side by side, the weights make up for that.
        """
        units = {name: self.units.get(name, 1.0) for name in node.inputs}
        several = sorted(set(units.values()))
        if len(several) < 2:
            return node, several[0] if several else 1.0
        if isinstance(node, Layer) and isinstance(node.projection, Folded):
            of_weight = columns(node, self.circuit, units)
            same, self.seen[node.name] = in_one_unit(
                node, self.seen[node.name], of_weight, several[-1]
            )
            return same, several[-1]
        raise _refuse(
            node,
            f"{'adds' if isinstance(node, Add) else 'reads'} branches in units of "
            + " and ".join(f"{unit:g}" for unit in several),
            "let another layer read an input that is not in whole numbers"
            if self.circuit.input.name in node.inputs and isinstance(node, Layer)
            else "pool the branches alike",
        )

    def _neurons(self, node: Neurons) -> Node:
        per_unit = self.per_unit.get(node.inputs[0])
        if per_unit is None:
            raise _refuse(node, "reads no E-I layer", "let a LIF node read an E-I layer")
        where = f"node {node.name}"
        model = node.float_model.to_integers(per_unit, bits=self.bits.membrane, where=where)
        return replace(node, model=model)

    def _factored(self, node: Layer, w: Factored, unit: float, peak: int) -> Node:
        assert w.g_i is not None  # it is no readout
        bits = self.scheme.bits_of(first=node.name == self.first)
        step_g = (float(w.g_i.max()) or 1.0) / ((1 << bits.g_i) - 1)
        gain = Grid(bits.g_i).nearest(w.g_i / step_g)
        shunt = Shunt(exact=w.g_i, kept=gain * step_g, ratio=self._firing_ratio(node))
        around = self._around(node, unit, peak)
        of_num = numerator_bits(node, step_g, around)
        levels = self._weights(node, w, bits, shunt, of_num, peak)
        _require_divisors(
            node,
            w.w_ei,
            levels.w_ei,
            "compile with --inhibition folded, or choose a scheme with fewer bits",
        )
        common = levels.unit * 2.0**-levels.shift  # W_EI W_IE x in units of NUM
        projection = levels.projection(w, gain)
        layer = self._layer(node, projection, around, of_den=common * step_g, ratio=step_g)
        self.known[node.name] = Units(
            unit=levels.unit,
            shift=levels.shift,
            rows=levels.rows,
            gain=step_g,
            per_unit=self.per_unit[node.name],
        )
        return layer

    def _folded(self, node: Layer, unit: float, peak: int) -> Node:
        around = self._around(node, unit, peak)
        by = Divisors(
            ratio=self._firing_ratio(node),
            gain=node.float_current.g_e.astype(np.float64) / around.threshold,
            finest=least_ratio(node, around),
            peak=peak,
        )
        w = self._folded_weights(node, by)
        _require_divisors(
            node,
            node.weights[1],
            w.w_den,
            "train again with a lower training.rate or training.weight_decay",
        )
        projection = Folded(w_num=w.w_num, w_den=w.w_den)
        ratio = w.of_den / w.unit  # (A31)
        return self._layer(node, projection, around, of_den=w.of_den, ratio=ratio)

    def _plain(self, node: Layer, unit: float, peak: int) -> Node:
        """Return a folded layer without denominator, which is divided by one."""
        w = self._folded_weights(node, None)
        projection = Folded(w_num=w.w_num, w_den=np.zeros_like(w.w_num))
        ratio, of_den = 1 / (w.unit * unit), np.ones(node.n_e)
        around = self._around(node, unit, peak)
        layer = self._layer(node, projection, around, of_den=of_den, ratio=ratio)
        return layer.divided_by(Division(divider=no_division(), zero_policy="floor"))

    def _layer(
        self,
        node: Layer,
        projection: Factored | Folded,
        around: Surroundings,
        *,
        of_den: Array,
        ratio: Array | float,
    ) -> Layer:
        """Return the integer form of a hidden layer with these levels."""
        current, self.per_unit[node.name] = integer_current(
            node, projection, around, of_den=of_den, ratio=ratio
        )
        return replace(node, projection=projection, current=current)

    def _around(self, node: Layer, unit: float, peak: int) -> Surroundings:
        return Surroundings(
            threshold=self._neurons_of(node).threshold,
            seen=self.seen[node.name],
            bits=self.bits,
            widths=self.widths,
            unit=unit,
            peak=peak,
            steps=self.circuit.steps,
        )

    def _firing_ratio(self, node: Layer) -> Array:
        """Return num / den where the current is just enough to fire within a few steps (A17)."""
        trained = node.float_current
        current = FIRING * self._neurons_of(node).threshold - trained.b_e.astype(np.float64)
        g_e = trained.g_e.astype(np.float64)
        return np.where(g_e > LEAST_GAIN, current / np.maximum(g_e, LEAST_GAIN), 0.0)

    def _neurons_of(self, node: Layer) -> Neuron:
        readers = self.circuit.consumers(node.name)
        return next(n for n in readers if isinstance(n, Neurons)).float_model

    def _weights(
        self, node: Layer, w: Factored, bits: Bits, shunt: Shunt | None, of_num: Array, peak: int
    ) -> Levels:
        """Return the levels of a layer whose |NUM| may have the bits `of_num`, (n_E,)."""
        moment, mean = self._seen(node)
        room = Room(bits=of_num, shift=(1 << self.widths.shift) - 1, peak=peak)
        levels = quantize_weights(w, self.scheme, bits, moment, mean, shunt=shunt, room=room)
        self.chosen[node.name] = levels.chosen
        return levels

    def _folded_weights(self, node: Layer, by: Divisors | None) -> FoldedLevels:
        bits = self.scheme.bits_of(first=node.name == self.first)
        moment, mean = self._seen(node)
        levels = quantize_folded(node, self.scheme, bits, moment, mean, by=by)
        self.chosen[node.name] = levels.chosen
        return levels

    def _seen(self, node: Layer) -> tuple[Array, Array]:
        """Return the second moments and the means of the inputs of a row of weights."""
        observed = self.seen[node.name]
        return observed.second_moment, np.repeat(
            observed.mean_input, node.fan_in // len(observed.mean_input)
        )

    def _readout(self, node: Layer, w: Factored, unit: float, peak: int) -> Node:
        of_num = self.widths.accumulator - 1 - (self.circuit.steps - 1).bit_length()
        levels = self._weights(node, w, self.bits, None, np.full(node.n_e, of_num), peak)
        self.known[node.name] = Units(unit=levels.unit, shift=levels.shift, rows=levels.rows)
        step = float(levels.unit[0] * 2.0 ** -levels.shift[0] * unit)
        return replace(node, projection=levels.projection(w), current=_logits(node, step))

    def _folded_readout(self, node: Layer, unit: float) -> Node:
        w = self._folded_weights(node, None)
        logits = _logits(node, float(w.unit[0] * unit))
        return replace(node, projection=Folded(w_num=w.w_num), current=logits)


def _logits(node: Layer, step: float) -> Logits:
    """Return what a readout's sums become in units of `step`, which its integrator keeps."""
    current = node.current
    assert isinstance(current, Logits)
    assert not isinstance(current.integrator, IntegerIntegrator)  # the circuit is of floats
    integrator = None if current.integrator is None else current.integrator.to_integers(node.n_e)
    return Logits(logit_step=step, integrator=integrator)


def _require_divisors(node: Node, weights: Array, levels: Array, fix: str) -> None:
    """Refuse a layer that divides and whose levels do not: its current would be the bias alone."""
    if weights.any() and not levels.any():
        what = "inhibition is so weak beside excitation that it rounds to nothing in every neuron"
        raise _refuse(node, what, fix)


def _refuse(node: Node, what: str, fix: str) -> CapacityError:
    return CapacityError(what, where=f"node {node.name}", fix=fix)

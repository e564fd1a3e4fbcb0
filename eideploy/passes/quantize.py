"""Turn a calibrated float circuit into integers (docs/arithmetic.md, A14..A22)."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.circuit import (
    LIF,
    Add,
    Array,
    AvgPool,
    Chosen,
    Circuit,
    EIConv,
    EIReadout,
    Flatten,
    Input,
    IntegerEIConv,
    IntegerEILinear,
    IntegerInput,
    IntegerLIF,
    IntegerReadout,
    Node,
    SumPool,
)
from eideploy.circuit.integer import MAX_BITS
from eideploy.circuit.limits import layer_limits
from eideploy.circuit.nodes import EILayer, Synapses
from eideploy.errors import CapacityError
from eideploy.passes.contract import contract, has_ranges, is_float, is_integer
from eideploy.passes.levels import Levels, Shunt, quantize_weights
from eideploy.passes.steps import Grid, input_step
from eideploy.scheme import Bits, Scheme

LARGEST_DIVISOR = 1 << (MAX_BITS - 1)  # beyond, every quotient is zero anyway
FIRING = 0.7  # thresholds of current that make a neuron fire after two to four steps, tau = 2
LEAST_GAIN = 0.01  # g_E below which the divisor hardly matters
LOWEST_FRACTION = -40  # below it a current of 40 bits rounds to zero


@contract(needs=(is_float, has_ranges), gives=(is_integer,))
def quantize(circuit: Circuit, *, scheme: Scheme) -> Circuit:
    """Return the integer circuit.

    Keeps    the graph; W_IE and g_I to half a step; W_EI to half a step where its full scale does
             not clip it; W_EE, with what it absorbs (A17), to one step; thresholds to
             2^-threshold_bits of themselves
    Changes  every node but Flatten and Add; average pooling becomes a sum, in units of 1 / kernel^2

    Raises:
        CapacityError: a time constant that is no power of two, branches in different units.
    """
    return quantize_with_units(circuit, scheme)[0]


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


def quantize_with_units(circuit: Circuit, scheme: Scheme) -> tuple[Circuit, Mapping[str, Units]]:
    """Return what `quantize` does, and the units of every E-I layer and readout by name."""
    quantizer = _Quantizer(circuit, scheme)
    nodes = tuple(quantizer.node(node) for node in circuit.nodes)
    assert circuit.ranges is not None  # the contract says so
    ranges = circuit.ranges.after(quantizer.chosen)
    return Circuit(nodes=nodes, steps=circuit.steps, ranges=ranges), quantizer.known


@dataclass(frozen=True, kw_only=True, eq=False)
class _Membrane:
    """The membrane's unit of one layer: current = 2^fraction NUM / DEN LSB (A21)."""

    fraction: Array
    per_unit: Array  # LSB per unit of current


class _Quantizer:
    """Quantizes node after node; `units` is the value of one integer step of each output."""

    def __init__(self, circuit: Circuit, scheme: Scheme) -> None:
        self.circuit, self.scheme, self.bits = circuit, scheme, scheme.bits
        self.first = circuit.of(EILayer)[0].name
        self.units: dict[str, float] = {}
        self.peaks: dict[str, int] = {}
        self.membranes: dict[str, _Membrane] = {}
        self.known: dict[str, Units] = {}
        self.chosen: dict[str, Chosen] = {}

    def node(self, node: Node) -> Node:
        """Return the integer form of `node`."""
        unit = self.units[node.inputs[0]] if node.inputs else 1.0
        peak = self.peaks[node.inputs[0]] if node.inputs else 0
        new, self.units[node.name], self.peaks[node.name] = self._quantized(node, unit, peak)
        return new

    def _quantized(self, node: Node, unit: float, peak: int) -> tuple[Node, float, int]:
        match node:
            case Input():
                return self._input(node)
            case EILayer():
                return self._layer(node, unit, peak), 0.0, 0
            case EIReadout():
                return self._readout(node, unit), 0.0, 0
            case LIF():
                return self._lif(node), 1.0, 1
            case AvgPool():
                area = node.kernel**2
                new = SumPool(name=node.name, inputs=node.inputs, kernel=node.kernel)
                return new, unit / area, peak * area
            case Flatten():
                return node, unit, peak
            case Add():
                return node, self._common_unit(node), sum(self.peaks[i] for i in node.inputs)
        raise _refuse(node, f"{type(node).__name__} has no integer form", "remove it")

    def _input(self, node: Input) -> tuple[Node, float, int]:
        assert self.circuit.ranges is not None  # the contract says so
        step, top = input_step(self.circuit.ranges.input_values, node.high, self.bits.input)
        new = IntegerInput(name=node.name, size=node.size, high=node.high, step=step, top=top)
        return new, step, top

    def _common_unit(self, node: Add) -> float:
        first, second = (self.units[name] for name in node.inputs)
        if first != second:
            raise _refuse(
                node,
                f"adds branches in units of {first:g} and {second:g}",
                "pool both branches alike",
            )
        return first

    def _lif(self, node: LIF) -> Node:
        leak = int(np.log2(node.tau))
        if 2.0**leak != node.tau:
            raise _refuse(node, f"tau {node.tau:g} is no power of two", "train with tau 2 or 4")
        membrane = self.membranes.get(node.inputs[0])
        if membrane is None:
            raise _refuse(node, "reads no E-I layer", "let a LIF node read an E-I layer")
        threshold = np.rint(node.threshold * membrane.per_unit).astype(np.int64)
        if threshold.min() < 1:
            raise _refuse(
                node,
                f"2^fraction NUM needs more than {MAX_BITS} bits for a threshold of one LSB",
                "choose a scheme with fewer bits",
            )
        return IntegerLIF(
            name=node.name,
            inputs=node.inputs,
            threshold=threshold,
            leak=leak,
            membrane_bits=self.bits.membrane,
        )

    def _layer(self, node: EILayer, unit: float, peak: int) -> Node:
        assert self.circuit.ranges is not None  # the contract says so
        bits = self.scheme.bits_of(first=node.name == self.first)
        step_g = (float(node.g_i.max()) or 1.0) / ((1 << bits.g_i) - 1)
        gain = Grid(bits.g_i).nearest(node.g_i / step_g)
        shunt = Shunt(exact=node.g_i, kept=gain * step_g, ratio=self._firing_ratio(node))
        w = self._weights(node, bits, shunt)
        common = w.unit * 2.0**-w.shift  # W_EI W_IE x in units of NUM
        align = np.rint(np.log2(common / common.min())).astype(np.int64)
        seen = self.circuit.ranges.layers[node.name]
        fields = w.fields(node) | {
            "gain": gain,
            "align": align,
            "floor": _levels_of(seen.divisor_floor, common * step_g * unit),
            "constant": _levels_of(seen.constant_divisor, common * step_g * unit),
            "current_bits": self.bits.current,
        }
        kind = IntegerEIConv if isinstance(node, EIConv) else IntegerEILinear
        if isinstance(node, EIConv):
            fields |= {"stride": node.stride, "padding": node.padding}
        zero = np.zeros(node.n_e, np.int64)
        draft = kind(**fields, fraction=zero, bias=zero)
        reach = layer_limits(draft, peak, self.circuit.steps)
        most = MAX_BITS - 2 - reach.accumulator_bits - int(align.max())
        membrane = self._membrane(node, step_g, most)
        self.membranes[node.name] = membrane
        self.known[node.name] = Units(
            unit=w.unit, shift=w.shift, rows=w.rows, gain=step_g, per_unit=membrane.per_unit
        )
        limit = (1 << (self.bits.current - 1)) - 1
        bias = np.clip(np.rint(node.b_e * membrane.per_unit), -limit, limit).astype(np.int64)
        return kind(**fields, fraction=membrane.fraction, bias=bias)

    def _firing_ratio(self, node: EILayer) -> Array:
        """Return num / den where the current is just enough to fire within a few steps (A17)."""
        current = FIRING * self._lif_of(node).threshold - node.b_e.astype(np.float64)
        g_e = node.g_e.astype(np.float64)
        return np.where(g_e > LEAST_GAIN, current / np.maximum(g_e, LEAST_GAIN), 0.0)

    def _lif_of(self, node: EILayer) -> LIF:
        return next(n for n in self.circuit.consumers(node.name) if isinstance(n, LIF))

    def _weights(self, node: Synapses, bits: Bits, shunt: Shunt | None) -> Levels:
        assert self.circuit.ranges is not None
        seen = self.circuit.ranges.layers[node.name]
        mean = np.repeat(seen.mean_input, node.w_ee[0].size // len(seen.mean_input))
        moment = seen.second_moment
        levels = quantize_weights(node, self.scheme, bits, moment, mean, shunt=shunt)
        self.chosen[node.name] = levels.chosen
        return levels

    def _membrane(self, node: EILayer, step_g: float, most: int) -> _Membrane:
        """Choose 2^fraction so that the threshold has `threshold` bits (A21)."""
        threshold = self._lif_of(node).threshold
        highest = float((1 << self.bits.threshold) - 1)
        g_e = node.g_e.astype(np.float64)
        with np.errstate(divide="ignore"):
            ideal = np.floor(np.log2(highest * g_e / (step_g * threshold)))
        fraction = np.clip(ideal, LOWEST_FRACTION, most)
        live = ideal >= LOWEST_FRACTION  # a gain of zero: the current is the bias alone
        safe_gain = np.where(live, g_e, 1.0)
        per_unit = np.where(live, 2.0**fraction * step_g / safe_gain, highest / threshold)
        return _Membrane(fraction=fraction.astype(np.int64), per_unit=per_unit)

    def _readout(self, node: EIReadout, unit: float) -> Node:
        w = self._weights(node, self.bits, None)
        self.known[node.name] = Units(unit=w.unit, shift=w.shift, rows=w.rows)
        step = float(w.unit[0] * 2.0 ** -w.shift[0] * unit)
        return IntegerReadout(**w.fields(node), logit_step=step)


def _levels_of(divisor: Array | float, unit: Array) -> Array:
    """Return a divisor of every channel in units of DEN, at least 1 (A22, A23)."""
    return np.clip(np.rint(divisor / unit), 1, LARGEST_DIVISOR).astype(np.int64)


def _refuse(node: Node, what: str, fix: str) -> CapacityError:
    return CapacityError(what, where=f"node {node.name}", fix=fix)

"""A layer as the body of a function: events are added to sums, which become spikes or totals.

A dense layer multiplies all entries instead. Where the sample stays, the currents that a layer
makes of it may be kept: one function makes them, another updates the neurons by them.

Sums lie position by position, the neurons of one side by side: P and S of an E-I layer (A2, A3),
NUM and DEN of a folded one (A26, A27). The inhibition of an E-I layer is taken through W_EI where a
neuron is updated, and its divisor once more for the smallest one, rather than kept: that is half
the memory for half as many products again.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from math import prod

import numpy as np

from eideploy.backends.c.constants import Packed
from eideploy.backends.c.operators import WORD, Range, type_of_range
from eideploy.backends.c.syntax import block, function, loop, signed_type, unsigned_type, word_for
from eideploy.backends.c.unit import FILTERED, INTEGRATED, Member, Source, Unit, sums_type
from eideploy.circuit import Array, Conv, Factored, Folded, Layer, Neurons
from eideploy.neurons import IntegerNeuron
from eideploy.numeric.fixed import top, unsigned_bits

READ = {  # what a total becomes with the membrane v
    "mean": "s->totals[n] = ({kind})(s->totals[n] + v);",
    "last": "s->totals[n] = v;",
    "max": "s->totals[n] = v > s->totals[n] ? v : s->totals[n];",
}
Sums = Sequence[tuple[Member, Packed]]  # each with the weights that events add to it


def hidden_layer(
    unit: Unit, node: Layer, neurons: Neurons, reads: Sequence[Source], *, dense: bool
) -> list[str]:
    """Return the body of the function of a hidden layer and its neurons."""
    sums = _sums_of(unit, node)
    added = sums.accumulated(reads, dense=dense)
    body = [*_current(sums), *_updated(unit, node, neurons)]
    return [*added, *_least(sums), _without_spikes(unit, neurons), sums.loops(body)]


def driven(
    unit: Unit, node: Layer, neurons: Neurons, reads: Sequence[Source], *, dense: bool
) -> list[str]:
    """Return the body of the function that makes the currents of a hidden layer, and keeps them."""
    sums = _sums_of(unit, node)
    added = sums.accumulated(reads, dense=dense)
    current = unit.member(f"{unit.names[neurons.name]}_current")
    body = [*_current(sums), f"s->{current.name}[to] = ({current.kind})c;"]
    return [*added, *_least(sums), sums.loops(body)]


def updated(unit: Unit, node: Layer, neurons: Neurons) -> list[str]:
    """Return the body of the function that updates neurons by the currents that are kept."""
    own, positions = unit.names[neurons.name], prod(unit.circuit.shapes[node.name][1:])
    current = type_of_range(current_reach(node))
    body = [
        _to(positions),
        f"{current} c = s->{own}_current[to];",
        *_updated(unit, node, neurons),
    ]
    positions_of_n = block(loop("p", positions), body)
    return [_without_spikes(unit, neurons), block(loop("n", node.n_e), [positions_of_n])]


def readout(unit: Unit, node: Layer, reads: Sequence[Source], *, dense: bool) -> list[str]:
    """Return the body of the function of the readout."""
    sums = _sums_of(unit, node)
    kind, by = unit.total.kind, unit.circuit.logits.integrator
    if by is None:
        lines = [f"s->totals[n] = ({kind})(s->totals[n] + ({kind})({sums.num}));"]
    else:
        filtered = f"&s->{FILTERED}[n], " if by.is_filtered else ""
        of_state = unit.member(INTEGRATED).kind
        lines = [
            f"const {of_state} v = "
            f"integrate(s->{INTEGRATED}[n], {filtered}({of_state})({sums.num}), n);",
            f"s->{INTEGRATED}[n] = v;",
            READ[by.read].format(kind=kind),
        ]
    return [*sums.accumulated(reads, dense=dense), sums.loops(lines)]


class _Sums(ABC):
    """What a layer adds up.

    num, den  expressions for NUM and DEN of neuron n at position p
    divides   whether DEN is read
    """

    num: str
    den: str

    def __init__(self, unit: Unit, node: Layer) -> None:
        self.unit, self.node, self.name = unit, node, unit.names[node.name]
        self.reach = unit.limits[node.name]
        self.positions = prod(unit.circuit.shapes[node.name][1:])
        self.divides = not node.is_readout and node.division.divider.reads_divisor
        self.at = f"w->{{}}[p * {node.n_e}u + n]"

    @abstractmethod
    def pairs(self) -> Iterator[tuple[str, str, str, Array]]:
        """Yield (name, type, name of weights, weights (n, ...)) of the sums of events."""

    def accumulated(self, reads: Sequence[Source], *, dense: bool) -> Iterator[str]:
        """Yield what makes the sums, from all entries that are read or from their events."""
        sums = []
        for name, kind, called, weights in self.pairs():
            member = Member(name=name, kind=kind, size=len(weights) * self.positions)
            last = 1 if dense else 0  # the channels that are read, or the neurons, side by side
            in_order = np.moveaxis(weights, last, -1)
            sums.append((member, self.unit.packed(f"{self.name}_{called}", in_order)))
        self.unit.sums[self.name] = [member for member, _ in sums]
        yield f"{sums_type(self.name)} *const w = &s->sums.{self.name}_sums;"
        if dense:
            yield from (self._dense(reads, member, weights) for member, weights in sums)
            return
        yield "memset(w, 0, sizeof *w);"
        offset = 0
        for source in reads:
            yield self._events(source, sums, offset)
            offset += source.shape[0]

    def balance(self) -> Iterator[str]:
        """Yield what defines NUM, and where the layer divides DEN."""
        yield f"const {WORD} num = {self.num};"
        if self.divides:
            yield f"{WORD} den = {self.den};"

    def loops(self, body: Iterable[str]) -> str:
        """Return statements for every neuron n of every position p."""
        return block(loop("p", self.positions), [block(loop("n", self.node.n_e), body)])

    def _events(self, source: Source, sums: Sums, offset: int) -> str:
        peak = max(self.unit.peaks[name] for name in self.node.inputs)
        kind = word_for(max(_product(peak, weights) for _, weights in sums))
        entry = f"const {kind} a = ({kind}){source.entry('i')};"
        body = [entry, block("if (a == 0)", ["continue;"])]
        a = kind if source.kind else ""
        if not isinstance(self.node.geometry, Conv):
            body += self._rows(sums, a, f"(i + {offset}u)", "0u")
            return block(loop("i", source.shape[0]), body)
        channels, height, width = source.shape
        body.append(self._taps(sums, a, offset, self.node.geometry))
        columns = block(f"for (uint32_t x_ = 0; x_ < {width}u; ++x_, ++i)", body)
        rows = block(loop("y", height), [columns])
        return block(f"for (uint32_t c = 0, i = 0; c < {channels}u; ++c)", [rows])

    def _dense(self, reads: Sequence[Source], member: Member, weights: Packed) -> str:
        """Return what multiplies all entries that reach a neuron, at every position."""
        geometry, k = self.node.geometry, self.node.kernel
        added, sum_kind = self._products(reads, member, weights), _register(member.kind)
        if isinstance(geometry, Conv):
            _, height, width = reads[0].shape
            columns = _window("x_", "ox", "kx", geometry, width, added)
            rows = _window("y", "oy", "ky", geometry, height, [block(loop("kx", k), columns)])
            added = [block(loop("ky", k), rows)]
        count = member.size // self.positions
        stored = f"w->{member.name}[p * {count}u + n] = ({member.kind})sum;"
        neurons = block(loop("n", count), [f"{sum_kind} sum = 0;", *added, stored])
        if not isinstance(geometry, Conv):
            return block(loop("p", 1), [neurons])
        _, out_rows, out_columns = self.unit.circuit.shapes[self.node.name]
        along = block(f"for (uint32_t ox = 0; ox < {out_columns}u; ++ox, ++p)", [neurons])
        return block(f"for (uint32_t oy = 0, p = 0; oy < {out_rows}u; ++oy)", [along])

    def _products(self, reads: Sequence[Source], member: Member, weights: Packed) -> list[str]:
        """Return what adds the products of all channels that a tap of neuron n meets."""
        peak = max(self.unit.peaks[name] for name in self.node.inputs)
        kind, sum_kind = word_for(_product(peak, weights)), _register(member.kind)
        is_conv, k = isinstance(self.node.geometry, Conv), self.node.kernel
        channels, offset, lines = sum(source.shape[0] for source in reads), 0, []
        row = f"((n * {k}u + ky) * {k}u + kx)" if is_conv else "n"
        for source in reads:
            entry = "(c * {1}u + y) * {2}u + x_".format(*source.shape) if is_conv else "c"
            index = f"{row} * {channels}u + {offset}u + c"
            product = weights.times(f"({kind}){source.entry(entry)}", index, kind)
            added = f"sum = ({sum_kind})(sum + ({sum_kind})({product}));"
            lines.append(block(loop("c", source.shape[0]), [added]))
            offset += source.shape[0]
        return lines

    def _taps(self, sums: Sums, a: str, offset: int, geometry: Conv) -> str:
        """Return what adds an event at (y, x_) of channel c to every position that reads it."""
        k = self.node.kernel
        _, rows, columns = self.unit.circuit.shapes[self.node.name]
        row, position = f"(((c + {offset}u) * {k}u + ky) * {k}u + kx)", f"(oy * {columns}u + ox)"
        added = self._rows(sums, a, row, position)
        return _axis("y", k, geometry, rows, [_axis("x", k, geometry, columns, added)])

    def _rows(self, sums: Sums, a: str, row: str, position: str) -> list[str]:
        """Return what adds an event's row of weights to the sums of one position.

        Args:
            sums: with the weights of each.
            a: the type of the event's value; "" of a spike, which is one.
            row: the weights' number.
            position: which reads the event.
        """
        lines = []
        for member, weights in sums:
            count = member.size // self.positions
            index = f"{row} * {count}u + n"
            product = weights.times("a", index, a) if a else weights.weight(index)
            at, kind = f"w->{member.name}[{position} * {count}u + n]", member.kind
            lines.append(block(loop("n", count), [f"{at} = ({kind})({at} + ({kind})({product}));"]))
        return lines


class _FoldedSums(_Sums):
    """NUM and DEN themselves (A26, A27)."""

    def __init__(self, unit: Unit, node: Layer, weights: Folded) -> None:
        super().__init__(unit, node)
        self.weights = weights
        self.num = f"({WORD}){self.at.format('num')}"
        self.den = f"({WORD}){self.at.format('den')}"

    def pairs(self) -> Iterator[tuple[str, str, str, Array]]:
        """Yield the numerators, and where the layer divides the divisors."""
        low, high = min(self.reach.low, -1), self.reach.high
        yield "num", signed_type(low, high), "w_num", self.weights.w_num
        if self.weights.w_den is not None and self.divides:
            yield "den", unsigned_type(self.reach.divisor), "w_den", self.weights.w_den


class _FactoredSums(_Sums):
    """P and S, of which W_EI makes NUM and DEN (A4, A5)."""

    def __init__(self, unit: Unit, node: Layer, weights: Factored) -> None:
        super().__init__(unit, node)
        self.weights = weights
        shift = unit.each(f"{self.name}_shift", weights.shift)
        self.both = False
        self._w_ei = unit.packed(f"{self.name}_w_ei", weights.w_ei)
        through = self._functions(self._w_ei)
        self.excitation = f"(({WORD}){self.at.format('p')} << {shift})"
        self.num, self.den = f"{self.excitation} - {through[0]}", through[-1]

    def pairs(self) -> Iterator[tuple[str, str, str, Array]]:
        """Yield excitation and inhibition."""
        w = self.weights
        yield "p", unsigned_type(self.reach.excitation), "w_ee", w.w_ee
        yield "s", unsigned_type(self.reach.inhibition), "w_ie", w.w_ie

    def balance(self) -> Iterator[str]:
        """Yield what defines NUM and DEN, in one pass over the population where there are both."""
        if not self.both:
            yield from super().balance()
            return
        yield f"{WORD} den;"
        yield f"const {WORD} num = {self.excitation} - {self.name}_inhibited(w, p, n, &den);"

    def _functions(self, w_ei: Packed) -> list[str]:
        """Return calls of what takes S through W_EI, and S times its gains."""
        g_i = self.weights.g_i
        subtracted = self._summed("sum", w_ei, self.reach.subtracted, None)
        if g_i is None or not self.divides:
            return [self._through("subtracted", [subtracted])]
        gain = self.unit.each(f"{self.name}_gain", g_i, "j")
        divisor = self._summed("den", w_ei, self.reach.divisor, gain)
        self.both = True
        self._through("inhibited", [subtracted, divisor])
        return ["", self._through("divisor", [divisor])]

    def _summed(
        self, name: str, w_ei: Packed, most: int, gain: str | None
    ) -> tuple[str, str, list[str]]:
        """Return name and type of a sum over j, and the statements that add W_EI S, with a gain.

        A product is 64 bits wide only where it has to be, which costs a small controller most.
        """
        factor = self.reach.inhibition if gain is None else self.reach.gained
        kind, sum_kind = word_for(_product(factor, w_ei)), word_for(most)
        s = f"({kind})w->s[p * {self.weights.n_i}u + j]"
        gained = s if gain is None else f"({kind})({s} * ({kind}){gain})"
        product = f"({sum_kind})({w_ei.scaled(gained, 'weight', kind)})"
        return name, sum_kind, [f"{name} = ({sum_kind})({name} + {product});"]

    def _through(self, what: str, parts: Sequence[tuple[str, str, list[str]]]) -> str:
        """Return the call of a new function: sums over j; of two, the second by a pointer."""
        n_i, name = self.weights.n_i, f"{self.name}_{what}"
        second = f", {WORD} *second" if len(parts) > 1 else ""
        entry = self._w_ei
        kind = "uint32_t" if entry.is_power else "int32_t"
        lines = [f"{sum_kind} {own} = 0;" for own, sum_kind, _ in parts]
        added = [line for _, _, statements in parts for line in statements]
        weight = f"const {kind} weight = {entry.name}(n * {n_i}u + j);"
        lines.append(block(loop("j", n_i), [weight, *added]))
        lines += [f"*second = {parts[1][0]};"] if second else []
        parameters = f"const {sums_type(self.name)} *w, uint32_t p, uint32_t n{second}"
        self.unit.functions[name] = function(
            f"static {WORD} {name}({parameters})",
            [*lines, f"return {parts[0][0]};"],
        )
        return f"{name}(w, p, n)"


def _product(factor: int, weights: Packed) -> int:
    """Return the largest of factor, which has to fit by itself, and its product with a weight."""
    return factor * max(weights.largest, 1)


def _sums_of(unit: Unit, node: Layer) -> _Sums:
    w = node.projection
    if isinstance(w, Folded):
        return _FoldedSums(unit, node, w)
    return _FactoredSums(unit, node, w)


def _align(sums: _Sums) -> str:
    return sums.unit.each(f"{sums.name}_align", sums.node.integer_current.align)


def membrane_range(model: IntegerNeuron) -> Range:
    """Return what a membrane, or the state of a filter, holds."""
    most = top(model.membrane_bits)
    return -most - 1, most


def current_reach(node: Layer) -> Range:
    """Return what the current of a layer can be, with its bias."""
    by = node.integer_current
    most = top(by.current_bits)
    return int(by.bias.min()) - most, int(by.bias.max()) + most


def _least(sums: _Sums) -> Iterator[str]:
    """Yield what is known of the smallest positive divisor: nothing until it is asked for.

    A function finds it, in units of the layer (A6), where the first divisor is zero; 0 where all
    are.
    """
    if not sums.divides:
        return
    den = f"const {WORD} den = ({WORD})({sums.den}) << {_align(sums)};"
    smaller = block("if (den > 0 && (least == 0 || den < least))", ["least = den;"])
    sums.unit.functions[f"{sums.name}_least"] = function(
        f"static {WORD} {sums.name}_least(const {sums_type(sums.name)} *w)",
        [f"{WORD} least = 0;", sums.loops([den, smaller]), "return least;"],
    )
    yield f"{WORD} least = -1;"


def _to(positions: int) -> str:
    """Return what says where neuron n at position p stands among all."""
    return f"const uint32_t to = n * {positions}u + p;"


def _without_spikes(unit: Unit, neurons: Neurons) -> str:
    spikes = f"s->{unit.names[neurons.name]}_spikes"
    return f"memset({spikes}, 0, sizeof {spikes});"


def _current(sums: _Sums) -> Iterator[str]:
    """Yield what divides: c is the current of neuron n at position p (A6..A8)."""
    unit, name, by = sums.unit, sums.name, sums.node.integer_current
    most = top(by.current_bits)
    yield _to(sums.positions)
    yield from sums.balance()
    yield f"int32_t fraction = {unit.each(f'{name}_fraction', by.fraction, kind='int32_t')};"
    yield f"{WORD} c = 0;"
    yield _divided(sums)
    yield f"c = c > {most} ? {most} : c;"
    yield f"c = (num < 0 ? -c : c) + {unit.each(f'{name}_bias', by.bias)};"


def _updated(unit: Unit, node: Layer, neurons: Neurons) -> Iterator[str]:
    """Yield what updates a neuron by its current c (A9, A10)."""
    own, current = unit.names[neurons.name], type_of_range(current_reach(node))
    yield f"{_register(unit.member(f'{own}_v').kind)} v;"
    if neurons.model.has_synapse:
        kind = unit.member(f"{own}_synapse").kind
        yield f"c = {own}_filter(s->{own}_synapse[to], ({current})c, n);"
        yield f"s->{own}_synapse[to] = ({kind})c;"
        current = type_of_range(membrane_range(neurons.integer_model))
    fires = f"{own}_fire(s->{own}_v[to], ({current})c, n, &v)"
    if neurons.model.most_spikes > 1:
        yield f"s->{own}_spikes[to] = (uint8_t){fires};"
    else:
        yield block(f"if ({fires})", [f"set_spike(s->{own}_spikes, to);"])
    yield f"s->{own}_v[to] = ({unit.member(f'{own}_v').kind})v;"


def _divided(sums: _Sums) -> str:
    """Return what sets c to |NUM| divided, by what stands for a divisor of zero, too (A6, A7)."""
    unit, name, by, division = sums.unit, sums.name, sums.node.integer_current, sums.node.division
    most = max(-sums.reach.low, sums.reach.high)
    instead = division.divider.instead(by.constant)
    low, high = int(by.fraction.min()), int(by.fraction.max())
    if instead is not None:
        den = int(instead.max())
        divide = unit.divide(division.divider, by.current_bits, most, den, (low, high))
        kinds = _kind(most), _kind(den)
        return (
            f"c = {divide}(({kinds[0]})(num < 0 ? -num : num), "
            f"({kinds[1]}){unit.each(f'{name}_instead', instead)}, fraction);"
        )
    if division.zero_policy == "floor":
        largest = max(sums.reach.divisor, int(by.floor.max()))
        replaced = [f"den = least > 0 ? {unit.each(f'{name}_floor', by.floor)} : 0;"]
    else:
        largest = sums.reach.divisor << int(by.align.max())
        high += int(by.align.max())
        align = unit.each(f"{name}_align", by.align, kind="int32_t")
        replaced = ["den = least;", f"fraction += {align};"]
    divide = unit.divide(division.divider, by.current_bits, most, largest, (low, high))
    least = block("if (least < 0)", [f"least = {name}_least(w);"])
    kinds = _kind(most), _kind(largest)
    quotient = f"c = {divide}(({kinds[0]})(num < 0 ? -num : num), ({kinds[1]})den, fraction);"
    return "\n".join(
        [
            block("if (den == 0)", [least, *replaced]),
            block("if (den > 0)", [quotient]),
        ]
    )


def _register(kind: str) -> str:
    """Return the type that a value of a type is calculated in: of 32 bits at least."""
    return kind.replace("int8", "int32").replace("int16", "int32")


def _window(
    at: str, out: str, tap: str, geometry: Conv, size: int, body: Iterable[str]
) -> list[str]:
    """Return statements for the entry that a tap of a window meets along an axis, if any does."""
    return [
        f"const uint32_t {at} = {out} * {geometry.stride}u + {tap} - {geometry.padding}u;",
        block(f"if ({at} >= {size}u)", ["continue;"]),
        *body,
    ]


def _kind(most: int) -> str:
    return type_of_range((0, (1 << unsigned_bits(most)) - 1))


def _axis(at: str, kernel: int, geometry: Conv, size: int, body: Iterable[str]) -> str:
    """Return the loop over the taps that an event meets along an axis."""
    name, tap, out = ("x_", "kx", "ox") if at == "x" else ("y", "ky", "oy")
    beyond = f"{name} + {geometry.padding}u < {tap} || {out} >= {size}u"
    if geometry.stride > 1:
        beyond += f" || from_{at} % {geometry.stride}u != 0u"
    return block(
        loop(tap, kernel),
        [
            f"const uint32_t from_{at} = {name} + {geometry.padding}u - {tap};",
            f"const uint32_t {out} = from_{at} / {geometry.stride}u;",
            block(f"if ({beyond})", ["continue;"]),
            *body,
        ],
    )

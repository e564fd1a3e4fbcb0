"""A layer as the body of a function: events are added to sums, which become spikes or totals.

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
from eideploy.backends.c.operators import WORD
from eideploy.backends.c.syntax import block, function, loop, signed_type, unsigned_type, word_for
from eideploy.backends.c.unit import Member, Source, Unit
from eideploy.circuit import Array, Conv, Factored, Folded, Layer, Neurons
from eideploy.numeric.fixed import top

Sums = Sequence[tuple[Member, Packed]]  # each with the weights that events add to it


def hidden_layer(unit: Unit, node: Layer, neurons: Neurons, reads: Sequence[Source]) -> list[str]:
    """Return the body of the function of a hidden layer and its neurons."""
    sums = _sums_of(unit, node)
    own = unit.names[neurons.name]
    return [
        *sums.accumulated(reads),
        *(_least(sums) if sums.divides else []),
        f"memset(s->{own}_spikes, 0, sizeof s->{own}_spikes);",
        sums.loops(_updated(sums, own)),
    ]


def readout(unit: Unit, node: Layer, reads: Sequence[Source]) -> list[str]:
    """Return the body of the function of the readout."""
    sums = _sums_of(unit, node)
    kind = unit.total.kind
    total = f"s->totals[n] = ({kind})(s->totals[n] + ({kind})({sums.num}));"
    return [*sums.accumulated(reads), sums.loops([total])]


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

    def accumulated(self, reads: Sequence[Source]) -> Iterator[str]:
        """Yield what adds all events to the sums, once they are zero."""
        sums = []
        for name, kind, called, weights in self.pairs():
            member = Member(name=name, kind=kind, size=len(weights) * self.positions)
            packed = self.unit.packed(f"{self.name}_{called}", np.moveaxis(weights, 0, -1))
            sums.append((member, packed))
        self.unit.sums[self.name] = [member for member, _ in sums]
        yield f"net_{self.name} *const w = &s->sums.{self.name};"
        yield "memset(w, 0, sizeof *w);"
        offset = 0
        for source in reads:
            yield self._events(source, sums, offset)
            offset += source.shape[0]

    def loops(self, body: Iterable[str]) -> str:
        """Return statements for every neuron n of every position p."""
        return block(loop("p", self.positions), [block(loop("n", self.node.n_e), body)])

    def _events(self, source: Source, sums: Sums, offset: int) -> str:
        peak = max(self.unit.peaks[name] for name in self.node.inputs)
        kind = word_for(max(_product(peak, weights) for _, weights in sums))
        entry = f"const {kind} a = ({kind}){source.entry('i')};"
        body = [entry, block("if (a == 0)", ["continue;"])]
        if not isinstance(self.node.geometry, Conv):
            body += self._rows(sums, source, f"(i + {offset}u)", "0u")
            return block(loop("i", source.shape[0]), body)
        channels, height, width = source.shape
        body.append(self._taps(sums, source, offset, self.node.geometry))
        columns = block(f"for (uint32_t x_ = 0; x_ < {width}u; ++x_, ++i)", body)
        rows = block(loop("y", height), [columns])
        return block(f"for (uint32_t c = 0, i = 0; c < {channels}u; ++c)", [rows])

    def _taps(self, sums: Sums, source: Source, offset: int, geometry: Conv) -> str:
        """Return what adds an event at (y, x_) of channel c to every position that reads it."""
        k = self.node.kernel
        _, rows, columns = self.unit.circuit.shapes[self.node.name]
        row, position = f"(((c + {offset}u) * {k}u + ky) * {k}u + kx)", f"(oy * {columns}u + ox)"
        added = self._rows(sums, source, row, position)
        return _axis("y", k, geometry, rows, [_axis("x", k, geometry, columns, added)])

    def _rows(self, sums: Sums, source: Source, row: str, position: str) -> list[str]:
        """Return what adds an event's row of weights to the sums of one position."""
        lines = []
        for member, weights in sums:
            count = member.size // self.positions
            index = f"{row} * {count}u + n"
            product = weights.times("a", index) if source.kind else weights.weight(index)
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
        through = self._functions(unit.packed(f"{self.name}_w_ei", weights.w_ei))
        excitation = f"(({WORD}){self.at.format('p')} << {shift})"
        self.num, self.den = f"{excitation} - {through[0]}", through[-1]

    def pairs(self) -> Iterator[tuple[str, str, str, Array]]:
        """Yield excitation and inhibition."""
        w = self.weights
        yield "p", unsigned_type(self.reach.excitation), "w_ee", w.w_ee
        yield "s", unsigned_type(self.reach.inhibition), "w_ie", w.w_ie

    def _functions(self, w_ei: Packed) -> list[str]:
        """Return calls of what takes S through W_EI, and S times its gains."""
        g_i = self.weights.g_i
        calls = [self._through("subtracted", w_ei, self.reach.subtracted, "1")]
        if g_i is not None and self.divides:
            gain = self.unit.each(f"{self.name}_gain", g_i, "j")
            calls.append(self._through("divisor", w_ei, self.reach.divisor, gain))
        return calls

    def _through(self, what: str, w_ei: Packed, most: int, gain: str) -> str:
        """Return the call of a new function: the sum over j of W_EI times S, or S times a gain.

        A product is 64 bits wide only where it has to be, which costs a small controller most.
        """
        n_i, name = self.weights.n_i, f"{what}_{self.name}"
        factor = self.reach.inhibition if gain == "1" else self.reach.gained
        kind, sum_kind = word_for(_product(factor, w_ei)), word_for(most)
        s = f"({kind})w->s[p * {n_i}u + j]"
        gained = s if gain == "1" else f"({kind})({s} * ({kind}){gain})"
        product = w_ei.times("s_j", f"n * {n_i}u + j")
        added = f"sum = ({sum_kind})(sum + ({sum_kind})({product}));"
        self.unit.functions[name] = function(
            f"static {WORD} {name}(const net_{self.name} *w, uint32_t p, uint32_t n)",
            [
                f"{sum_kind} sum = 0;",
                block(loop("j", n_i), [f"const {kind} s_j = {gained};", added]),
                "return sum;",
            ],
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


def _least(sums: _Sums) -> Iterator[str]:
    """Yield what finds the smallest positive divisor in units of the layer (A6)."""
    yield f"{WORD} least = 0;"
    den = f"const {WORD} den = {sums.den} << {_align(sums)};"
    smaller = block("if (den > 0 && (least == 0 || den < least))", ["least = den;"])
    yield sums.loops([den, smaller])


def _updated(sums: _Sums, own: str) -> Iterator[str]:
    """Yield what divides, and updates neuron n at position p (A6..A10)."""
    unit, name, by = sums.unit, sums.name, sums.node.integer_current
    most, divide = top(by.current_bits), unit.divide(sums.node.division.divider, by.current_bits)
    yield f"const uint32_t to = n * {sums.positions}u + p;"
    yield f"const {WORD} num = {sums.num};"
    yield f"{WORD} fraction = {unit.each(f'{name}_fraction', by.fraction)};"
    yield f"{WORD} c = 0;"
    yield f"{WORD} v;"
    yield _divided(sums, divide)
    yield f"c = c > {most} ? {most} : c;"
    yield f"c = (num < 0 ? -c : c) + {unit.each(f'{name}_bias', by.bias)};"
    fires = f"if (fire_{own}(s->{own}_v[to], c, n, &v))"
    yield block(fires, [f"set_spike(s->{own}_spikes, to);"])
    yield f"s->{own}_v[to] = ({unit.member(f'{own}_v').kind})v;"


def _divided(sums: _Sums, divide: str) -> str:
    """Return what sets c to |NUM| divided, by what stands for a divisor of zero, too (A6, A7)."""
    unit, name, by, division = sums.unit, sums.name, sums.node.integer_current, sums.node.division
    instead = division.divider.instead(by.constant)
    if instead is not None:
        den = unit.each(f"{name}_instead", instead)
        return f"c = {divide}(num < 0 ? -num : num, {den}, fraction);"
    if division.zero_policy == "floor":
        replaced = [f"den = {unit.each(f'{name}_floor', by.floor)};"]
    else:
        replaced = ["den = least;", f"fraction += {_align(sums)};"]
    return block(
        "if (least > 0)",
        [
            f"{WORD} den = {sums.den};",
            block("if (den == 0)", replaced),
            f"c = {divide}(num < 0 ? -num : num, den, fraction);",
        ],
    )


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

"""A layer as the body of a function: events are added to sums, which become spikes or totals.

Sums lie position by position, the neurons of one side by side: P and S of an E-I layer (A2, A3),
NUM and DEN of a folded one (A26, A27). The inhibition of an E-I layer is taken through W_EI where a
neuron is updated, and its divisor once more for the smallest one, rather than kept: that is half
the memory for half as many products again.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from math import prod
from textwrap import indent
from typing import TYPE_CHECKING

import numpy as np

from eideploy.backends.c.constants import Packed, signed_type, unsigned_type, word_for
from eideploy.backends.c.memory import Member, Source
from eideploy.backends.c.operators import WORD
from eideploy.circuit import Array, Conv, Factored, Folded, Layer, Neurons
from eideploy.numeric.fixed import top

if TYPE_CHECKING:
    from eideploy.backends.c.network import Network


def hidden_layer(network: "Network", node: Layer, neurons: Neurons, reads: Sequence[Source]) -> str:
    """Return the body of the function of a hidden layer and its neurons."""
    sums = _sums_of(network, node)
    own = network.names[neurons.name]
    parts = [
        sums.accumulated(reads),
        *([_least(sums)] if sums.divides else []),
        f"memset(s->{own}_spikes, 0, sizeof s->{own}_spikes);",
        sums.loops(list(_updated(sums, own))),
    ]
    return "\n".join(parts)


def readout(network: "Network", node: Layer, reads: Sequence[Source]) -> str:
    """Return the body of the function of the readout."""
    sums = _sums_of(network, node)
    kind = network.total.kind
    total = f"s->totals[n] = ({kind})(s->totals[n] + ({kind})({sums.num}));"
    return f"{sums.accumulated(reads)}\n{sums.loops([total])}"


class _Sums(ABC):
    """What a layer adds up.

    num, den  expressions for NUM and DEN of neuron n at position p
    divides   whether DEN is read
    """

    num: str
    den: str

    def __init__(self, network: "Network", node: Layer) -> None:
        self.network, self.node, self.name = network, node, network.names[node.name]
        self.reach = network.limits[node.name]
        self.positions = prod(network.circuit.shapes[node.name][1:])
        self.divides = not node.is_readout and node.division.divider.reads_divisor
        self.at = f"w->{{}}[p * {node.n_e}u + n]"

    @abstractmethod
    def pairs(self) -> Iterator[tuple[str, str, str, Array]]:
        """Yield (name, type, name of weights, weights (n, ...)) of the sums of events."""

    def accumulated(self, reads: Sequence[Source]) -> str:
        """Return what adds all events to the sums, once they are zero."""
        sums = []
        for name, kind, called, weights in self.pairs():
            member = Member(name=name, kind=kind, size=len(weights) * self.positions)
            packed = self.network.packed(f"{self.name}_{called}", np.moveaxis(weights, 0, -1))
            sums.append((member, packed))
        self.network.sums[self.name] = [member for member, _ in sums]
        lines = [f"net_{self.name} *const w = &s->sums.{self.name};", "memset(w, 0, sizeof *w);"]
        offset = 0
        for source in reads:
            lines.append(self._events(source, sums, offset))
            offset += source.shape[0]
        return "\n".join(lines)

    def loops(self, body: Sequence[str]) -> str:
        """Return statements for every neuron n of every position p."""
        inner = indent("\n".join(body), " " * 8)
        return (
            f"for (uint32_t p = 0; p < {self.positions}u; ++p) {{\n"
            f"    for (uint32_t n = 0; n < {self.node.n_e}u; ++n) {{\n{inner}\n    }}\n}}"
        )

    def _events(self, source: Source, sums: Sequence[tuple[Member, Packed]], offset: int) -> str:
        largest = max(int(np.abs(weights.values).max()) for _, weights in sums)
        kind = word_for(largest * max(self.network.peaks[name] for name in self.node.inputs))
        entry = f"const {kind} a = ({kind}){source.entry('i')};"
        body = [entry, "if (a == 0) {", "    continue;", "}"]
        if not isinstance(self.node.geometry, Conv):
            body += self._rows(sums, source, f"(i + {offset}u)", "0u")
            head = f"for (uint32_t i = 0; i < {source.shape[0]}u; ++i) {{"
            return f"{head}\n{indent(chr(10).join(body), '    ')}\n}}"
        channels, height, width = source.shape
        body += self._taps(sums, source, offset)
        return (
            f"for (uint32_t c = 0, i = 0; c < {channels}u; ++c) {{\n"
            f"    for (uint32_t y = 0; y < {height}u; ++y) {{\n"
            f"        for (uint32_t x_ = 0; x_ < {width}u; ++x_, ++i) {{\n"
            f"{indent(chr(10).join(body), ' ' * 12)}\n        }}\n    }}\n}}"
        )

    def _taps(
        self, sums: Sequence[tuple[Member, Packed]], source: Source, offset: int
    ) -> list[str]:
        """Return what adds an event at (y, x_) of channel c to every position that reads it."""
        geometry, k = self.node.geometry, self.node.kernel
        assert isinstance(geometry, Conv)
        _, rows, columns = self.network.circuit.shapes[self.node.name]
        row, position = f"(((c + {offset}u) * {k}u + ky) * {k}u + kx)", f"(oy * {columns}u + ox)"
        return [
            *_axis("y", k, geometry, rows),
            *(f"    {line}" for line in _axis("x", k, geometry, columns)),
            *(f"        {line}" for line in self._rows(sums, source, row, position)),
            "    }",
            "}",
        ]

    def _rows(
        self, sums: Sequence[tuple[Member, Packed]], source: Source, row: str, position: str
    ) -> list[str]:
        """Return what adds an event's row of weights to the sums of one position."""
        lines = []
        for member, weights in sums:
            count = member.size // self.positions
            index = f"{row} * {count}u + n"
            product = weights.times("a", index) if source.kind else weights.weight(index)
            at, kind = f"w->{member.name}[{position} * {count}u + n]", member.kind
            lines += [
                f"for (uint32_t n = 0; n < {count}u; ++n) {{",
                f"    {at} = ({kind})({at} + ({kind})({product}));",
                "}",
            ]
        return lines


class _FoldedSums(_Sums):
    """NUM and DEN themselves (A26, A27)."""

    def __init__(self, network: "Network", node: Layer, weights: Folded) -> None:
        super().__init__(network, node)
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

    def __init__(self, network: "Network", node: Layer, weights: Factored) -> None:
        super().__init__(network, node)
        self.weights = weights
        shift = network.each(f"{self.name}_shift", weights.shift)
        through = self._functions(network.packed(f"{self.name}_w_ei", weights.w_ei))
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
            gain = self.network.each(f"{self.name}_gain", g_i, "j")
            calls.append(self._through("divisor", w_ei, self.reach.divisor, gain))
        return calls

    def _through(self, what: str, w_ei: Packed, most: int, gain: str) -> str:
        """Return the call of a new function: the sum over j of W_EI times S, or S times a gain.

        A product is 64 bits wide only where it has to be, which costs a small controller most.
        """
        n_i, name = self.weights.n_i, f"{what}_{self.name}"
        factor = self.reach.inhibition if gain == "1" else self.reach.gained
        largest = max(int(w_ei.values.max()), 1)  # the factor has to fit where all weights are 0
        kind, sum_kind = word_for(factor * largest), word_for(most)
        s = f"({kind})w->s[p * {n_i}u + j]"
        gained = s if gain == "1" else f"({kind})({s} * ({kind}){gain})"
        product = w_ei.times("s_j", f"n * {n_i}u + j")
        self.network.functions[name] = (
            f"static {WORD} {name}(const net_{self.name} *w, uint32_t p, uint32_t n)\n{{\n"
            f"    {sum_kind} sum = 0;\n"
            f"    for (uint32_t j = 0; j < {n_i}u; ++j) {{\n"
            f"        const {kind} s_j = {gained};\n"
            f"        sum = ({sum_kind})(sum + ({sum_kind})({product}));\n"
            "    }\n    return sum;\n}"
        )
        return f"{name}(w, p, n)"


def _sums_of(network: "Network", node: Layer) -> _Sums:
    w = node.projection
    if isinstance(w, Folded):
        return _FoldedSums(network, node, w)
    return _FactoredSums(network, node, w)


def _align(sums: _Sums) -> str:
    return sums.network.each(f"{sums.name}_align", sums.node.integer_current.align)


def _least(sums: _Sums) -> str:
    """Return what finds the smallest positive divisor in units of the layer (A6)."""
    body = [
        f"const {WORD} den = {sums.den} << {_align(sums)};",
        "if (den > 0 && (least == 0 || den < least)) {",
        "    least = den;",
        "}",
    ]
    return f"{WORD} least = 0;\n{sums.loops(body)}"


def _updated(sums: _Sums, own: str) -> Iterator[str]:
    """Yield what divides, and updates neuron n at position p (A6..A10)."""
    network, name, by = sums.network, sums.name, sums.node.integer_current
    division, most = sums.node.division, top(by.current_bits)
    divide = network.divide(division.divider, by.current_bits)
    instead = division.divider.instead(by.constant)
    yield f"const uint32_t to = n * {sums.positions}u + p;"
    yield f"const {WORD} num = {sums.num};"
    yield f"{WORD} fraction = {network.each(f'{name}_fraction', by.fraction)};"
    yield f"{WORD} c = 0;"
    yield f"{WORD} v;"
    if instead is not None:
        den = network.each(f"{name}_instead", instead)
        yield f"c = {divide}(num < 0 ? -num : num, {den}, fraction);"
    else:
        yield "if (least > 0) {"
        yield f"    {WORD} den = {sums.den};"
        yield "    if (den == 0) {"
        if division.zero_policy == "floor":
            yield f"        den = {network.each(f'{name}_floor', by.floor)};"
        else:
            yield "        den = least;"
            yield f"        fraction += {_align(sums)};"
        yield "    }"
        yield f"    c = {divide}(num < 0 ? -num : num, den, fraction);"
        yield "}"
    yield f"c = c > {most} ? {most} : c;"
    yield f"c = (num < 0 ? -c : c) + {network.each(f'{name}_bias', by.bias)};"
    yield f"if (fire_{own}(s->{own}_v[to], c, n, &v)) {{"
    yield f"    set_spike(s->{own}_spikes, to);"
    yield "}"
    yield f"s->{own}_v[to] = ({network.member(f'{own}_v').kind})v;"


def _axis(at: str, kernel: int, geometry: Conv, size: int) -> Iterator[str]:
    """Yield the head of the loop over the taps that an event meets along an axis."""
    name, tap, out = ("x_", "kx", "ox") if at == "x" else ("y", "ky", "oy")
    yield f"for (uint32_t {tap} = 0; {tap} < {kernel}u; ++{tap}) {{"
    yield f"    const uint32_t from_{at} = {name} + {geometry.padding}u - {tap};"
    yield f"    const uint32_t {out} = from_{at} / {geometry.stride}u;"
    beyond = f"{name} + {geometry.padding}u < {tap} || {out} >= {size}u"
    if geometry.stride > 1:
        beyond += f" || from_{at} % {geometry.stride}u != 0u"
    yield f"    if ({beyond}) {{"
    yield "        continue;"
    yield "    }"

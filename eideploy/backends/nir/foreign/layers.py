"""Populations of neurons as layers of a circuit: convolutions where they are, matrices else."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from eideploy.backends.nir.foreign.models import integrator_of, model_of, read_of
from eideploy.backends.nir.foreign.neurons import ReadNeurons
from eideploy.backends.nir.foreign.numbers import Unsupported
from eideploy.backends.nir.foreign.operations import Operation, Windows
from eideploy.backends.nir.foreign.readout import read_out
from eideploy.backends.nir.foreign.signal import (
    Map,
    Signal,
    Source,
    Square,
    of_source,
    squared,
    total,
)
from eideploy.circuit import (
    Add,
    Array,
    AvgPool,
    Conv,
    Dense,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    Layer,
    Logits,
    Neurons,
    Node,
    Shape,
)

MOST_NUMBER = 1e30
READ = {"mean": "mean membranes", "last": "last membranes", "max": "largest membranes"}
READABLE = re.compile(r"[A-Za-z0-9_.-]{1,48}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Population:
    """Neurons and what they read.

    forward, late  what they read at the same step, and one step late
    is_conv        whether positions of a map share weights and parameters
    """

    name: str
    layer: str
    read: ReadNeurons
    forward: Signal
    is_conv: bool
    late: Signal | None = None

    @property
    def whole(self) -> Signal:
        """All that they read."""
        return self.forward if self.late is None else total([self.forward, self.late])


@dataclass(frozen=True, kw_only=True, eq=False)
class Integrating:
    """The neurons of the output, by name, whose membranes are read."""

    name: str
    read: ReadNeurons


class Builder:
    """Puts nodes behind one another; populations become nodes at the end."""

    def __init__(self, *, high: float) -> None:
        self.high = high
        self.said: list[str] = []
        self.nodes: list[Node] = []
        self._items: list[Node | str] = []
        self._names: set[str] = set()
        self._populations: dict[str, Population] = {}
        self._spiking: dict[str, str] = {}  # nodes of the circuit, by those of the graph
        self._sums: dict[frozenset[str], Signal] = {}
        self._flat: dict[str, str] = {}
        self._out: tuple[str, Signal, Integrating | None] | None = None

    def put_input(self, shape: Shape, is_line: bool) -> Signal:  # noqa: FBT001
        """Put the input; lines are maps of height one, pictures without channels have one."""
        of = shape
        if len(shape) == 2:
            of = (shape[0], 1, shape[1]) if is_line else (1, *shape)
        name = self._named("input")
        self._items.append(Input(name=name, size=of, high=self.high))
        self._input = name
        return of_source(name, of, shape if is_line else of)

    def put_operation(self, name: str, signal: Signal, op: Operation, *, shares: bool) -> Signal:
        """Return what a linear node puts out; a pool of spikes becomes a node of the circuit.

        Args:
            name: of the node.
            signal: what it reads.
            op: what it does.
            shares: whether it may become a node, which nothing reads one step late.
        """
        pool = _plain_pool(op)
        only = signal.only
        if shares and pool and only and not only[0].late and signal.shape == only[1].of:
            side, factor = pool
            source, one = only
            op.shape(signal.shape)
            node = AvgPool(name=self._named(name), inputs=(source.name,), kernel=side)
            self._items.append(node)
            of = one.of[0], one.of[1] // side, one.of[2] // side
            handed = Map(of, of, factor=one.factor * factor)
            return Signal(of, {Source(node.name): handed}, np.zeros(of))
        return signal.then(op)

    def put_sum(self, name: str, signals: Sequence[Signal]) -> Signal | None:
        """Return the sum of spikes of several populations as a node; None where it is none."""
        parts = [signal.only for signal in signals]
        spiking = {*self._spiking.values(), *(self._sums[s].only[0].name for s in self._sums)}  # type: ignore[index]
        if not all(
            part and not part[0].late and part[1].factor == 1 and part[0].name in spiking
            for part in parts
        ):
            return None
        summands = [part for part in parts if part is not None]
        names = [source.name for source, _ in summands]
        alike = {(one.of, one.to) for _, one in summands}
        if len(set(names)) != len(names) or len(alike) != 1:
            return None
        key = frozenset(names)
        if key not in self._sums:
            ((of, to),) = alike
            last = names[0]
            for other in names[1:]:
                node = Add(name=self._named(f"{name}.sum"), inputs=(last, other))
                self._items.append(node)
                last = node.name
            self._sums[key] = of_source(last, of, to)
        return self._sums[key]

    def put_neurons(self, name: str, signal: Signal, neurons: ReadNeurons, weights: str) -> Signal:
        """Put neurons, which read a signal by weights of a name, and return their spikes."""
        is_conv = _conv(signal, neurons) is not None
        layer, own = self._named(weights or f"{name}.in"), self._named(name)
        self._populations[name] = Population(
            name=own, layer=layer, read=neurons, forward=signal, is_conv=is_conv
        )
        self._spiking[name] = own
        self._items.append(name)
        if neurons.rounded is not None:
            tau = 1 / (1 - float(neurons.beta.flat[0]))
            self.said.append(f"{name}: tau of {neurons.rounded:.6g} steps became {tau:g}")
        of = _conv_shape(signal) if is_conv else (int(np.prod(signal.shape)),)
        return of_source(own, of, signal.shape)

    def add_late(self, name: str, signal: Signal) -> None:
        """Let neurons read a signal of the step before, too."""
        population = self._populations[name]
        names = set(self._spiking.values())
        other = [s.name for s in signal.terms if s.name not in names]
        if other:
            raise Unsupported(f"reads {', '.join(other)} one step late, which holds no spikes")
        grown = replace(population, late=signal)
        if population.is_conv and _conv(grown.whole, population.read) is None:
            raise Unsupported("reads maps and something else that no one convolution is")
        self._populations[name] = grown

    def put_readout(self, signal: Signal, weights: str, integrates: Integrating | None) -> None:
        """Put the readout, whose neurons integrate where membranes are read."""
        if not self._populations:
            raise Unsupported("there are no neurons before it")
        only = signal.only
        called = weights or "readout"
        if integrates is not None:
            which = read_of(integrates.read.convention)
            self.said.append(
                f"the logits are the {READ[which]} of {integrates.name} over time, which nothing "
                "resets; --assume readout=mean, last or max says which are read"
            )
        elif only is not None and only[0].name in self._spiking.values():
            self.said.append(
                f"the logits are the rates of spikes of {only[0].name}, not its membranes: where "
                "its tool reads these, the outputs differ, as --expect shows"
            )
        else:
            self.said.append(f"the logits are the mean of {called} over time")
        self._out = called, signal, integrates

    def finish(self) -> None:
        """Make nodes of everything."""
        for item in self._items:
            if isinstance(item, str):
                self._build(self._populations[item])
            else:
                self.nodes.append(item)
        assert self._out is not None
        called, signal, integrates = self._out
        inputs, late, weights = self._dense(signal)
        bias, n = signal.bias.ravel(), len(weights)
        logits = Logits()
        if integrates is not None:
            gain, drive = (_rows(v, n) for v in (integrates.read.gain, integrates.read.drive))
            weights, bias = weights * gain[:, None], bias * gain + drive
            logits = Logits(integrator=integrator_of(integrates.read, n))
        require_moderate(weights, bias)
        self.nodes = read_out(
            self.nodes,
            weights,
            bias,
            name=self._named(called),
            inputs=inputs,
            late=late,
            logits=logits,
        )

    def _build(self, population: Population) -> None:
        signal, neurons = population.whole, population.read
        square = _conv(signal, neurons) if population.is_conv else None
        n = _conv_shape(signal)[0] if square is not None else int(np.prod(signal.shape))
        if square is None:
            inputs, late, weights = self._dense(signal)
            bias = signal.bias.ravel()
        else:
            sources = _ordered(signal.terms)
            weights = np.concatenate(square.kernels, axis=1)
            inputs, late = _names(sources)
            bias = signal.bias.reshape(n, -1)[:, 0]
        gain, drive = (_rows(v, n) for v in (neurons.gain, neurons.drive))
        weights = weights * gain.reshape(-1, *(1,) * (weights.ndim - 1))
        bias = bias * gain + drive
        require_moderate(weights, bias)
        geometry = Dense() if square is None else Conv(stride=square.stride, padding=square.padding)
        self.nodes.append(
            Layer(
                name=population.layer,
                inputs=inputs,
                delayed=late,
                projection=Folded(w_num=weights),
                geometry=geometry,
                current=FloatCurrent(g_e=np.ones(n), b_e=np.broadcast_to(bias, (n,)).copy()),
            )
        )
        model = model_of(neurons, n)
        self.nodes.append(Neurons(name=population.name, inputs=(population.layer,), model=model))

    def _dense(self, signal: Signal) -> tuple[tuple[str, ...], tuple[str, ...], Array]:
        """Return what a fully connected layer reads, what of it late, and its weights."""
        sources = _ordered(signal.terms)
        weights = [one.dense() for _, one in sources]
        flat = [(self._flattened(source, one.of), one) for source, one in sources]
        inputs, late = _names(flat)
        return inputs, late, np.concatenate(weights, axis=1)

    def _flattened(self, source: Source, of: Shape) -> Source:
        if len(of) == 1:
            return source
        if source.late:
            raise Unsupported(f"{source.name} are maps, read one step late by no convolution")
        if source.name not in self._flat:
            node = Flatten(name=self._named(f"{source.name}.flatten"), inputs=(source.name,))
            self._flat[source.name] = node.name
            self.nodes.append(node)
        return Source(self._flat[source.name])

    def _named(self, name: str) -> str:
        """Return a name that no other node has, and that stands in a line of text."""
        free = name if READABLE.fullmatch(name) else re.sub(r"[^A-Za-z0-9_.-]", "_", name)[:48]
        free = free or "node"
        while free in self._names:
            free += "_"
        self._names.add(free)
        return free


def require_moderate(weights: Array, bias: Array) -> None:
    """Refuse numbers whose products overflow somewhere further on.

    Raises:
        Unsupported: naming the largest.
    """
    largest = max(float(np.abs(a).max(initial=0)) for a in (weights, bias))
    if not largest <= MOST_NUMBER:
        raise Unsupported(f"weights and biases reach {largest:g}, with r in them")


def _plain_pool(op: Operation) -> tuple[int, float] | None:
    """Return the side of a pool of windows side by side, and what times their mean it is."""
    if not isinstance(op, Windows) or not op.each:
        return None
    height, width = op.kernel.shape[2:]
    if height != width or op.stride != (height, width) or any(op.padding + op.after):
        return None
    return height, float(op.kernel.sum())


def _ordered(terms: Mapping[Source, Map]) -> list[tuple[Source, Map]]:
    """Return terms with those that are not late first."""
    return sorted(terms.items(), key=lambda term: term[0].late)


def _names(sources: Sequence[tuple[Source, Map]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    inputs = tuple(source.name for source, _ in sources)
    if len(set(inputs)) != len(inputs):
        raise Unsupported("reads the same neurons at the same step and one step late")
    return inputs, tuple(source.name for source, _ in sources if source.late)


def _conv_shape(signal: Signal) -> tuple[int, int, int]:
    taps = next(iter(signal.terms.values())).convolution()
    assert taps is not None
    return len(taps.kernel), taps.out[0], taps.out[1]


def _conv(signal: Signal, neurons: ReadNeurons) -> Square | None:
    """Return what one convolution has to be; None where it is none."""
    sources = _ordered(signal.terms)
    taps = [one.convolution() for _, one in sources]
    convolutions = [(t, one.of) for t, (_, one) in zip(taps, sources, strict=True) if t is not None]
    if len(convolutions) < len(sources) or not convolutions:
        return None
    if len({(len(t.kernel), t.out, of[1:]) for t, of in convolutions}) > 1:
        return None
    n = len(convolutions[0][0].kernel)
    values = (
        signal.bias,
        neurons.gain,
        neurons.drive,
        neurons.beta,
        neurons.alpha,
        neurons.threshold,
    )
    for value in (*values, neurons.v_reset, neurons.start):
        if value is not None and not _is_by_channel(value, n):
            return None
    return squared(convolutions)


def _is_by_channel(value: Array, n: int) -> bool:
    if value.size == 1 or (value == value.flat[0]).all():
        return True
    if value.size % n:
        return False
    rows = value.reshape(n, -1)
    return bool((rows == rows[:, :1]).all())


def _rows(value: Array, n: int) -> Array:
    """Return values of neurons as (1,) or (n,), of rows of weights.

    Raises:
        Unsupported: of another number of neurons.
    """
    if value.size == 1 or (value == value.flat[0]).all():
        return value.reshape(-1)[:1]
    if value.size % n:
        raise Unsupported(f"has parameters of {value.size} neurons, and {n} neurons")
    return value.reshape(n, -1)[:, 0]

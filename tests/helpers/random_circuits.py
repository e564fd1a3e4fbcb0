"""Random small integer circuits: every structure that the core takes, and values at its edges."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from hypothesis import strategies as st

from eideploy.circuit import (
    Add,
    AvgPool,
    Circuit,
    Conv,
    Division,
    Flatten,
    IntegerIntegrator,
    Layer,
    Neurons,
)
from eideploy.divisions import constant, exact, lut, mitchell, none, pwl, shift, shift2
from eideploy.neurons import IntegerGeneralLIF
from tests.helpers.layers import (
    conv,
    folded_conv,
    folded_linear,
    folded_readout,
    lif,
    linear,
    readout,
    source,
)
from tests.helpers.targets import core_target

TABLES = (lut(3, 4), lut(8, 8), lut(1, 10), pwl(2, 6))
WITHOUT_TABLE = (exact(), shift(), shift2(), mitchell(), constant(), none())


@st.composite
def circuits(draw, *, method=None, folding=True, neurons=None):
    """Draw a circuit: input, one to three E-I layers with pooling and residual sums, readout.

    Its layers divide by `method`, or each by one of its own; some are folded, unless not `folding`.
    Their neurons are LIF neurons, or what `neurons(n)` draws of n neurons.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="seed"))
    build = _Builder(draw, rng, method, folding, neurons)
    build.input()
    for _ in range(draw(st.integers(1, 3), label="layers")):
        build.pool()
        build.layer()
        build.residual()
    build.pool()
    build.readout()
    return Circuit(nodes=tuple(build.nodes), steps=draw(st.integers(1, 3), label="steps"))


@st.composite
def looped(draw, **fields):
    """Draw a circuit of `circuits(**fields)` some of whose layers read more nodes, side by side.

    Those before them in the same step, or any neurons one step late: their own, those of layers
    behind them or before.
    """
    circuit = draw(circuits(**fields))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="loop seed"))
    nodes, before, count = [], [], draw(st.integers(1, 3), label="most edges more")
    for node in circuit.nodes:
        if isinstance(node, Layer):
            node = _reading_more(circuit, node, before, rng, count)
        nodes.append(node)
        before.append(node)
    steps = draw(st.integers(2, 4), label="steps")
    return replace(circuit, nodes=tuple(nodes), steps=steps)


def _reading_more(circuit, node, before, rng, count):
    """Return a layer that reads up to `count` nodes more, those beyond `before` one step late."""
    like = circuit.shapes[node.inputs[0]][1:]
    for other in rng.permutation(circuit.of(Neurons))[: rng.integers(0, count + 1)]:
        if circuit.shapes[other.name][1:] != like or other.name in node.inputs:
            continue
        late = other not in before or rng.random() < 0.5
        n = circuit.shapes[other.name][0]
        w = node.projection
        names = ("w_num", "w_den") if node.is_folded else ("w_ee", "w_ie")
        wider = {
            name: np.concatenate([old, _as_large(rng, old, n)], axis=1)
            for name in names
            if (old := getattr(w, name)) is not None
        }
        node = replace(
            node,
            projection=replace(w, **wider),
            inputs=(*node.inputs, other.name),
            delayed=(*node.delayed, *((other.name,) if late else ())),
        )
    return node


def _as_large(rng, old, channels):
    """Return weights of `channels` more, within those of `old`."""
    return rng.integers(old.min(), old.max() + 1, (len(old), channels, *old.shape[2:]))


@st.composite
def general(draw, n, *, spikes=(1, 1, 2, 3, 7), late_counts=True, bits=(6, 8, 16)):
    """Draw n neurons of the general model, of up to one of `spikes` a step.

    Those of several may be late, unless not `late_counts`.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="neuron seed"))
    bits = draw(st.sampled_from(bits), label="membrane bits")
    threshold = rng.integers(1, 1 << draw(st.integers(1, 5)), n)
    reset = draw(st.sampled_from(["subtract", "zero", "value", "none"]), label="reset")
    most = draw(st.sampled_from(spikes), label="spikes")
    delays = ["none", "spike", *([] if reset == "none" else ["reset"])]
    delays = delays if most == 1 or late_counts else ["none"]
    lowest = -(1 << (bits - 1))
    v_min = v_reset = synapse = None
    if draw(st.booleans(), label="floor"):
        v_min = rng.integers(draw(st.sampled_from([lowest, -8])), 1, n)
    if reset == "value":
        least = np.full(n, max(lowest, -40)) if v_min is None else v_min
        v_reset = rng.integers(least, threshold)
    leak_fraction, synapse_fraction = (draw(st.integers(0, 8), label="leak") for _ in range(2))
    if draw(st.booleans(), label="filter"):
        synapse = _leaks(draw, rng, n, synapse_fraction)
    return IntegerGeneralLIF(
        threshold=threshold,
        leak=_leaks(draw, rng, n, leak_fraction),
        leak_fraction=leak_fraction,
        membrane_bits=bits,
        reset=reset,
        delay=draw(st.sampled_from(delays), label="delay"),
        fires=draw(st.sampled_from([">=", ">"]), label="fires"),
        max_spikes=most,
        synapse_leak=synapse,
        synapse_fraction=synapse_fraction if synapse is not None else 0,
        v_reset=v_reset,
        v_min=v_min,
    )


@st.composite
def integrated(draw, **fields):
    """Draw a circuit of `circuits(**fields)` whose output is read off integrators."""
    circuit = draw(circuits(**fields))
    n = circuit.output.n_e
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="integrator seed"))
    fractions = [draw(st.integers(0, 8), label="leak") for _ in range(2)]
    leaks = [_leaks(draw, rng, n, fraction) for fraction in fractions]
    filters = draw(st.booleans(), label="filter")
    integrator = IntegerIntegrator(
        read=draw(st.sampled_from(["mean", "last", "max"]), label="read"),
        leak=leaks[0],
        leak_fraction=fractions[0],
        synapse_leak=leaks[1] if filters else None,
        synapse_fraction=fractions[1] if filters else 0,
    )
    current = replace(circuit.output.current, integrator=integrator)
    nodes = (*circuit.nodes[:-1], replace(circuit.output, current=current))
    return replace(circuit, nodes=nodes, steps=draw(st.integers(1, 6), label="steps"))


def _leaks(draw, rng, n, fraction):
    """Return leaks 0..2^fraction: one for all, often a power of two, or one each."""
    if draw(st.booleans(), label="one leak"):
        return np.full(n, draw(st.sampled_from([0, 1, 1 << fraction, (1 << fraction) * 3 // 5])))
    return rng.integers(0, (1 << fraction) + 1, n)


@st.composite
def samples(draw, circuit, *, count=2, sequences=True):
    """Draw samples for `circuit`: silent, sparse or dense; static or, if allowed, a sequence."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1), label="sample seed"))
    sequence = sequences and draw(st.booleans(), label="sequence")
    shape = (count, *((circuit.steps,) if sequence else ()), *circuit.input.size)
    density = draw(st.sampled_from([0.0, 0.2, 0.6, 1.0]), label="density")
    x = rng.random(shape) * (rng.random(shape) < density) * circuit.input.high
    if sequence:
        x[:, rng.random(circuit.steps) < 0.3] = 0
    return x


@st.composite
def targets(draw):
    """Draw a core: lanes, update lanes and every latency."""
    small = st.integers(1, 7)
    phases = ("setup", "accumulate", "inhibit", "minimum", "output")
    return core_target(
        lanes=draw(st.sampled_from([4, 8]), label="lanes"),
        update_lanes=draw(st.sampled_from([1, 2]), label="update lanes"),
        latency={phase: draw(small, label=phase) for phase in phases},
        timing=(draw(st.integers(1, 4)), draw(small)),
    )


@dataclass
class _Builder:
    """Appends nodes that fit; `at` is the node whose output is read next."""

    draw: object
    rng: np.random.Generator
    method: str | None = None
    folding: bool = True
    neurons: Callable | None = None
    nodes: list = field(default_factory=list)
    shapes: dict = field(default_factory=dict)
    dividers: tuple = ()
    at: str = ""
    shape: tuple = ()
    count: int = 0

    def input(self):
        flat = self.draw(st.integers(0, 3), label="flat input") == 0
        size = st.sampled_from([1, 3, 5, 6, 7])
        c, h, w = self.draw(st.integers(1, 5)), self.draw(size), self.draw(size)
        top = self.draw(st.sampled_from([1, 7, 255]), label="top")
        tables = [t for t in TABLES if self.method == t.method] or TABLES
        table = self.draw(st.sampled_from(tables), label="table")  # a core has one
        known = (table, *WITHOUT_TABLE)
        self.dividers = tuple(d for d in known if self.method in (None, d.method))
        beyond = self.draw(st.sampled_from([1.0, 1.5]), label="input beyond its full scale")
        size = (c * 2,) if flat else (c, h, w)
        self._append(source(size, top=top, step=0.125, high=0.125 * top * beyond))

    def layer(self):
        """Append an E-I layer and its LIF; a map may be flattened first."""
        if len(self.shape) == 3 and self.draw(st.integers(0, 3), label="flatten") == 0:
            self._append(Flatten(name=self._name("flatten"), inputs=(self.at,)))
        n_e = self.draw(st.integers(1, 10), label="n_e")
        self._append(self._synapses(n_e))
        self._append(self._lif())

    def pool(self):
        """Append a pooling, sometimes, which may drop a border."""
        kernel = self.draw(st.sampled_from([1, 1, 2, 3]), label="pool")
        if len(self.shape) == 3 and kernel > 1 and min(self.shape[1:]) >= kernel:
            self._append(AvgPool(name=self._name("pool"), inputs=(self.at,), kernel=kernel))

    def residual(self):
        """Add a branch, sometimes: the same spikes again, or a layer that keeps the shape."""
        kind = self.draw(st.sampled_from(["none", "none", "same", "layer"]), label="residual")
        if kind == "none":
            return
        self.pool()
        one = self.at
        if kind == "layer":
            self._append(self._synapses(self.shape[0], keep_shape=True))
            self._append(self._lif())
        self._append(Add(name=self._name("add"), inputs=(one, self.at)))

    def readout(self):
        if len(self.shape) == 3:
            self._append(Flatten(name=self._name("flatten"), inputs=(self.at,)))
        n_e = self.draw(st.integers(1, 10), label="classes")
        w_ee, w_ie, w_ei = self._weights(n_e, self.shape)
        if self._folds():
            self._append(folded_readout(self.at, self._signed(w_ee)))
            return
        node = readout(self.at, w_ee, w_ie, w_ei, shift_ee=self.rng.integers(0, 4, n_e))
        self._append(node)

    def _synapses(self, n_e, *, keep_shape=False):
        rng, draw = self.rng, self.draw
        fields = {
            "fraction": rng.integers(-6, 9, n_e),
            "align": rng.integers(0, 5, n_e),
            "floor": rng.integers(1, 99, n_e),
            "constant": rng.integers(1, 9999, n_e),
            "bias": rng.integers(-30, 31, n_e),
            "current_bits": draw(st.sampled_from([4, 8, 16]), label="current bits"),
            "division": self._division(),
        }
        name, folds = self._name("layer"), self._folds()
        fan_in, flat = self.shape, len(self.shape) == 1
        if not flat:
            kernel, fields["stride"], fields["padding"] = self._geometry(keep_shape=keep_shape)
            fan_in = (self.shape[0], kernel, kernel)
        w_ee, w_ie, w_ei = self._weights(n_e, fan_in)
        if folds:
            w_den, _, _ = self._weights(n_e, fan_in)
            made = folded_linear if flat else folded_conv
            return made(name, self.at, self._signed(w_ee), w_den, **fields)
        fields |= {"gain": self._gain(len(w_ie)), "shift_ee": rng.integers(0, 4, n_e)}
        return (linear if flat else conv)(name, self.at, w_ee, w_ie, w_ei, **fields)

    def _folds(self):
        return self.folding and self.draw(st.sampled_from([False, False, True]), label="folded")

    def _signed(self, w):
        """Return the numerator's weights, as wide as unsigned ones: half the magnitude, a sign."""
        return w // 2 * self.rng.choice([-1, 1], w.shape)

    def _division(self):
        divider = self.draw(st.sampled_from(self.dividers), label="divider")
        policy = self.draw(st.sampled_from(["minimum", "floor"]), label="policy")
        return Division(
            divider=divider, zero_policy="floor" if divider.method == "none" else policy
        )

    def _geometry(self, *, keep_shape):
        if keep_shape:
            kernel = self.draw(st.sampled_from([1, 3]), label="kernel")
            return kernel, 1, kernel // 2
        kernel = self.draw(st.integers(1, 3), label="kernel")
        stride = self.draw(st.sampled_from([1, 1, 1, 2, 3]), label="stride")
        padding = self.draw(st.integers(0, kernel - 1), label="padding")
        at = Conv(stride=stride, padding=padding)
        sizes = [at.windows(n, kernel) for n in self.shape[1:]]
        return (kernel, stride, padding) if min(sizes) > 0 else (1, stride, 0)

    def _gain(self, n_i):
        return self.rng.integers(0, 6, n_i)

    def _weights(self, n_e, fan_in):
        """Return weights with zeros, dead inhibitory rows and uninhibited excitatory ones."""
        rng = self.rng
        n_i = self.draw(st.integers(1, 6), label="n_i")
        top = self.draw(st.sampled_from([1, 15, 255]), label="largest weight")

        def weights(n, *rest):
            w = rng.integers(0, top + 1, (n, *rest)) * (rng.random((n, *rest)) < 0.7)
            return w * (rng.random((n, *(1,) * len(rest))) < 0.7)

        return weights(n_e, *fan_in), weights(n_i, *fan_in), weights(n_e, n_i)

    def _lif(self):
        n = self.shape[0]
        if self.neurons is not None:
            model = self.draw(self.neurons(n), label="neurons")
            return Neurons(name=self._name("lif"), inputs=(self.at,), model=model)
        bits = self.draw(st.sampled_from([6, 8, 16]), label="membrane bits")
        threshold = self.rng.integers(1, 1 << self.draw(st.integers(1, 5)), n)
        leak = self.draw(st.integers(0, 3), label="leak")
        reset = "zero" if self.rng.random() < 0.3 else "subtract"
        fields = {"threshold": threshold, "leak": leak, "membrane_bits": bits, "reset": reset}
        return lif(self._name("lif"), self.at, n, **fields)

    def _name(self, kind):
        self.count += 1
        return f"{kind}{self.count}"

    def _append(self, node):
        self.shape = node.shape(*(self.shapes[name] for name in node.inputs))
        self.shapes[node.name] = self.shape
        self.nodes.append(node)
        self.at = node.name

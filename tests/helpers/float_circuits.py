"""Random float circuits as training makes them, and the float twin of an integer circuit."""

from dataclasses import fields, replace

import numpy as np

from eideploy.circuit import (
    AvgPool,
    Circuit,
    Conv,
    Dense,
    Factored,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    IntegerCurrent,
    Layer,
    Logits,
    Neurons,
)
from eideploy.neurons import LIF


def synapses(rng, n_e, fan_in, n_i=None):
    n_i = n_i or max(1, n_e // 4)
    scale = 1 / np.sqrt(np.prod(fan_in))
    return {
        "w_ee": rng.exponential(scale, (n_e, *fan_in)),
        "w_ie": rng.exponential(scale, (n_i, *fan_in)),
        "w_ei": rng.exponential(1 / n_i, (n_e, n_i)),
    }


def gains(rng, n_e, n_i):
    return {
        "g_i": rng.uniform(0.05, 0.5, n_i),
        "g_e": rng.uniform(0.5, 1.5, n_e),
        "b_e": rng.normal(0, 0.2, n_e),
    }


def ei_linear(rng, name, reads, n_in, n_e, n_i=None):
    return layer(name, reads, **ei_fields(rng, n_e, (n_in,), n_i))


def ei_conv(rng, name, reads, channels, n_e, kernel=3, **geometry):
    fields = ei_fields(rng, n_e, (channels, kernel, kernel))
    return layer(name, reads, geometry=Conv(**geometry), **fields)


def ei_fields(rng, n_e, fan_in, n_i=None):
    w = synapses(rng, n_e, fan_in, n_i)
    return w | gains(rng, n_e, len(w["w_ie"]))


def layer(name, reads, *, g_e, b_e, geometry=None, **weights):
    """Return an E-I layer with an inhibitory population."""
    return Layer(
        name=name,
        inputs=(reads,),
        projection=Factored(**weights),
        geometry=geometry or Dense(),
        current=FloatCurrent(g_e=g_e, b_e=b_e),
    )


def readout(name, reads, **weights):
    """Return a readout with an inhibitory population."""
    return Layer(
        name=name,
        inputs=(reads,),
        projection=Factored(**weights),
        geometry=Dense(),
        current=Logits(),
    )


def plain(name, reads, weights, *, bias=0.0, geometry=None):
    """Return an ordinary layer, without an inhibitory population or a division."""
    n = len(weights)
    return Layer(
        name=name,
        inputs=(reads,),
        projection=Folded(w_num=weights),
        geometry=geometry or Dense(),
        current=FloatCurrent(g_e=np.ones(n), b_e=np.broadcast_to(bias, (n,)).copy()),
    )


def plain_readout(name, reads, weights, *, integrator=None):
    """Return an ordinary readout."""
    return Layer(
        name=name,
        inputs=(reads,),
        projection=Folded(w_num=weights),
        geometry=Dense(),
        current=Logits(integrator=integrator),
    )


def mlp(rng, *, n_in=12, n_e=8, classes=4, steps=3, tau=2.0):
    return Circuit(
        nodes=(
            Input(name="input", size=(n_in,)),
            ei_linear(rng, "linear1", "input", n_in, n_e),
            Neurons(name="lif1", inputs=("linear1",), model=LIF(tau=tau)),
            readout("readout", "lif1", **synapses(rng, classes, (n_e,))),
        ),
        steps=steps,
    )


def conv_net(rng, *, steps=3):
    return Circuit(
        nodes=(
            Input(name="input", size=(1, 6, 6)),
            ei_conv(rng, "conv1", "input", 1, 8, padding=1),
            Neurons(name="lif1", inputs=("conv1",), model=LIF()),
            AvgPool(name="pool1", inputs=("lif1",), kernel=2),
            ei_conv(rng, "conv2", "pool1", 8, 8, padding=1),
            Neurons(name="lif2", inputs=("conv2",), model=LIF()),
            Flatten(name="flatten", inputs=("lif2",)),
            readout("readout", "flatten", **synapses(rng, 4, (72,))),
        ),
        steps=steps,
    )


def with_layer(circuit, name, **changes):
    """Return the circuit with other fields of a node, or of the parts of a layer."""
    return replace(
        circuit,
        nodes=tuple(changed(n, **changes) if n.name == name else n for n in circuit.nodes),
    )


def changed(node, **changes):
    """Return a node with other fields, or a layer with other fields of its parts."""
    if not isinstance(node, Layer):
        return replace(node, **changes)
    parts = {}
    for name in ("projection", "geometry", "current"):
        part = getattr(node, name)
        own = {f.name: changes.pop(f.name) for f in fields(part) if f.name in changes}
        parts[name] = replace(part, **own)
    return replace(node, **parts, **changes)


def unit_of(node, per_threshold):
    """Return a float layer in units of its threshold that an integer layer stands for.

    2^fraction NUM / DEN + bias, over the threshold: the levels themselves are the weights, with
    g_E = 2^fraction / threshold, so that no scale of the quantizer is used.
    """
    w, current = node.projection, node.current
    projection = Factored(
        w_ee=w.w_ee * 2.0 ** w.shift.reshape(-1, *(1,) * (w.w_ee.ndim - 1)),
        w_ie=w.w_ie.astype(float),
        w_ei=w.w_ei.astype(float),
        g_i=w.g_i.astype(float),
    )
    scaled = FloatCurrent(
        g_e=2.0**current.fraction / per_threshold, b_e=current.bias / per_threshold
    )
    return replace(node, projection=projection, current=scaled)


def float_twin(circuit, original):
    """Return the float circuit that an integer circuit would be without rounding (A2..A10)."""
    nodes = []
    for node, old in zip(circuit.nodes, original.nodes, strict=True):
        match node:
            case Layer(current=IntegerCurrent()):
                lif = next(n for n in circuit.consumers(node.name) if isinstance(n, Neurons))
                nodes.append(unit_of(node, lif.model.threshold))
            case Layer(projection=w, current=Logits(logit_step=step)):
                projection = Factored(
                    w_ee=w.w_ee * 2.0 ** w.shift[:, None] * step,
                    w_ie=w.w_ie.astype(float),
                    w_ei=w.w_ei * step,
                )
                nodes.append(replace(node, projection=projection, current=Logits()))
            case _:
                nodes.append(old)
    return Circuit(nodes=tuple(nodes), steps=circuit.steps)

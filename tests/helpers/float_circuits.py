"""Random float circuits as training makes them, and the float twin of an integer circuit."""

from dataclasses import replace

import numpy as np

from eideploy.circuit import (
    LIF,
    AvgPool,
    Circuit,
    EIConv,
    EILinear,
    EIReadout,
    Flatten,
    Input,
    IntegerLIF,
    IntegerReadout,
)
from eideploy.circuit.integer import IntegerEIConv, IntegerEILayer


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
    w = synapses(rng, n_e, (n_in,), n_i)
    return EILinear(name=name, inputs=(reads,), **w, **gains(rng, n_e, len(w["w_ie"])))


def ei_conv(rng, name, reads, channels, n_e, kernel=3, **geometry):
    w = synapses(rng, n_e, (channels, kernel, kernel))
    own = gains(rng, n_e, len(w["w_ie"]))
    return EIConv(name=name, inputs=(reads,), **w, **own, **geometry)


def mlp(rng, *, n_in=12, n_e=8, classes=4, steps=3, tau=2.0):
    return Circuit(
        nodes=(
            Input(name="input", size=(n_in,)),
            ei_linear(rng, "linear1", "input", n_in, n_e),
            LIF(name="lif1", inputs=("linear1",), tau=tau),
            EIReadout(name="readout", inputs=("lif1",), **synapses(rng, classes, (n_e,))),
        ),
        steps=steps,
    )


def conv_net(rng, *, steps=3):
    return Circuit(
        nodes=(
            Input(name="input", size=(1, 6, 6)),
            ei_conv(rng, "conv1", "input", 1, 8, padding=1),
            LIF(name="lif1", inputs=("conv1",)),
            AvgPool(name="pool1", inputs=("lif1",), kernel=2),
            ei_conv(rng, "conv2", "pool1", 8, 8, padding=1),
            LIF(name="lif2", inputs=("conv2",)),
            Flatten(name="flatten", inputs=("lif2",)),
            EIReadout(name="readout", inputs=("flatten",), **synapses(rng, 4, (72,))),
        ),
        steps=steps,
    )


def with_layer(circuit, name, **changes):
    return replace(
        circuit,
        nodes=tuple(replace(n, **changes) if n.name == name else n for n in circuit.nodes),
    )


def unit_of(node, per_threshold):
    """Return a float layer in units of its threshold that an integer layer stands for.

    2^fraction NUM / DEN + bias, over the threshold: the levels themselves are the weights, with
    g_E = 2^fraction / threshold, so that no scale of the quantizer is used.
    """
    fields = {
        "name": node.name,
        "inputs": node.inputs,
        "w_ee": node.w_ee * 2.0 ** node.shift_ee.reshape(-1, *(1,) * (node.w_ee.ndim - 1)),
        "w_ie": node.w_ie.astype(float),
        "w_ei": node.w_ei.astype(float),
        "g_i": node.gain.astype(float),
        "g_e": 2.0**node.fraction / per_threshold,
        "b_e": node.bias / per_threshold,
    }
    if isinstance(node, IntegerEIConv):
        return EIConv(**fields, stride=node.stride, padding=node.padding)
    return EILinear(**fields)


def float_twin(circuit, original):
    """Return the float circuit that an integer circuit would be without rounding (A2..A10)."""
    nodes = []
    for node, old in zip(circuit.nodes, original.nodes, strict=True):
        if isinstance(node, IntegerEILayer):
            lif = next(n for n in circuit.consumers(node.name) if isinstance(n, IntegerLIF))
            nodes.append(unit_of(node, lif.threshold))
        elif isinstance(node, IntegerReadout):
            factor = 2.0 ** node.shift_ee[:, None] * node.logit_step
            nodes.append(
                EIReadout(
                    name=node.name,
                    inputs=node.inputs,
                    w_ee=node.w_ee * factor,
                    w_ie=node.w_ie.astype(float),
                    w_ei=node.w_ei * node.logit_step,
                )
            )
        else:
            nodes.append(old)
    return Circuit(nodes=tuple(nodes), steps=circuit.steps)

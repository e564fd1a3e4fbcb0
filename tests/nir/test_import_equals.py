"""An imported network is the graph's: random ones against NIR's equations, written apart."""

import io
from dataclasses import replace
from itertools import pairwise

import nir
import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from eideploy.backends.nir.conventions import CONVENTIONS
from eideploy.backends.nir.foreign import Reading, circuit_of, read_file
from eideploy.execute.float_reference import run_float
from eideploy.neurons import RESETS

DT, STEPS = 1e-4, 5


def by_the_equations(nodes, x, reset):
    """Return the mean over time of the output for inputs that stay; v' and z as NIR has them."""
    membranes, total = {}, 0
    for _ in range(STEPS):
        y = torch.tensor(x, dtype=torch.float64)
        for i, node in enumerate(nodes):
            y = _apply(node, y, membranes, i, reset)
        total = total + y
    return (total / STEPS).numpy()


def _apply(node, y, membranes, i, reset="zero"):
    t = {k: torch.tensor(np.asarray(v)) for k, v in vars(node).items() if k in FLOATS}
    match node:
        case nir.Linear():
            return y @ t["weight"].T
        case nir.Affine():
            return y @ t["weight"].T + t["bias"]
        case nir.Conv2d():
            own = {"stride": tuple(node.stride), "dilation": tuple(node.dilation)}
            padding = node.padding if isinstance(node.padding, str) else tuple(node.padding)
            return functional.conv2d(
                y, t["weight"], t["bias"], padding=padding, groups=node.groups, **own
            )
        case nir.AvgPool2d() | nir.SumPool2d():
            kernel = tuple(int(k) for k in node.kernel_size)
            stride = tuple(int(k) for k in node.stride)
            mean = functional.avg_pool2d(y, kernel, stride)
            return mean * kernel[0] * kernel[1] if isinstance(node, nir.SumPool2d) else mean
        case nir.Scale():
            return y * t["scale"]
        case nir.Flatten():
            return y.flatten(1)
    v = membranes.get(i, torch.zeros_like(y))
    if isinstance(node, nir.IF):
        v = v + DT * t["r"] * y
    else:
        v = v + DT / t["tau"] * (t["v_leak"] - v + t["r"] * y)
    z = v > t["v_threshold"]
    membranes[i] = torch.where(z, v - t["v_threshold"] if reset == "subtract" else t["v_reset"], v)
    return z.double()


FLOATS = ("weight", "bias", "scale", "r", "tau", "v_leak", "v_threshold", "v_reset")


def neurons(draw, rng, shape):
    """Return LIF or IF nodes whose parameters are one for all, or one for every channel."""
    each = (shape[0], *(1,) * (len(shape) - 1)) if draw(st.booleans()) else (1,) * len(shape)

    def some(low, high):
        return np.broadcast_to(rng.uniform(low, high, each), shape).copy()

    rest = {"v_threshold": some(0.3, 1.2), "v_reset": np.zeros(shape)}
    if draw(st.booleans()):
        return nir.IF(r=some(0.5, 2) / DT, **rest)
    tau = 2.0 ** draw(st.integers(0, 4))
    return nir.LIF(
        tau=np.full(shape, tau * DT), r=some(0.5, 2) * tau, v_leak=some(-0.2, 0.2), **rest
    )


def convolution(draw, rng, shape, out):
    geometry = draw(st.sampled_from(GEOMETRIES if min(shape[1:]) >= 3 else GEOMETRIES[1:]))
    kernel, padding, dilation, stride = geometry
    groups = draw(st.sampled_from([1, 2]))
    return nir.Conv2d(
        input_shape=shape[1:], weight=rng.normal(0, 0.7, (out, shape[0] // groups, *kernel)),
        stride=stride, padding=padding, dilation=dilation, groups=groups,
        bias=rng.normal(0, 0.2, out),
    )  # fmt: skip


GEOMETRIES = (  # kernel, padding, dilation, stride
    ((3, 3), (0, 0), (1, 1), (2, 2)),
    ((3, 3), (1, 1), (1, 1), (1, 1)),
    ((3, 3), "same", (1, 1), (1, 1)),
    ((3, 1), (1, 0), (1, 1), (1, 1)),
    ((1, 3), (0, 1), (1, 1), (1, 1)),
    ((2, 2), (2, 2), (2, 2), (1, 1)),
    ((1, 1), "valid", (1, 1), (1, 1)),
    ((5, 3), (2, 1), (1, 1), (1, 1)),
)


def pool(draw):
    kind = draw(st.sampled_from([nir.AvgPool2d, nir.SumPool2d]))
    return kind(kernel_size=np.array([2, 2]), stride=np.array([2, 2]), padding=np.zeros(2, int))


@st.composite
def networks(draw):
    """Return the nodes between Input (2, 8, 8) and Output."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    nodes, shape = [], (2, 8, 8)

    def add(node):
        nonlocal shape
        nodes.append(node)
        if not isinstance(node, nir.LIF | nir.IF):
            shape = tuple(_apply(node, torch.zeros(1, *shape).double(), {}, 0).shape[1:])

    if draw(st.booleans()):
        add(pool(draw))
    for _ in range(draw(st.integers(0, 2))):
        add(convolution(draw, rng, shape, 4))
        if draw(st.booleans()):
            add(nir.Scale(np.broadcast_to(rng.uniform(0.5, 2, (4, 1, 1)), shape).copy()))
        if draw(st.booleans()) and min(shape[1:]) >= 2:
            add(pool(draw))
        if draw(st.booleans()):
            add(neurons(draw, rng, shape))
        else:
            flat = int(np.prod(shape))
            add(nir.Flatten({"input": np.array(shape)}, 0, -1))
            add(neurons_for(draw, rng, flat))
            break
        if draw(st.booleans()) and min(shape[1:]) >= 2:
            add(pool(draw))
            add(nir.Scale(np.full(shape, 0.7)))
    if len(shape) == 3:
        add(nir.Flatten({"input": np.array(shape)}, 0, -1))
    add(nir.Affine(rng.normal(0, 0.5, (6, shape[0])), rng.normal(0, 0.3, 6)))
    add(neurons(draw, rng, shape))
    match draw(st.integers(0, 2)):
        case 0:
            add(nir.Linear(rng.normal(0, 1, (3, 6))))
        case 1:
            add(nir.Affine(rng.normal(0, 1, (3, 6)), rng.normal(0, 4, 3)))
    return nodes, shape


def neurons_for(draw, rng, n):
    """Return neurons behind a Flatten, which share what maps share."""
    full = np.ones(n)
    return nir.IF(r=full * rng.uniform(0.5, 2) / DT, v_threshold=full, v_reset=full * 0)


@settings(max_examples=60)
@given(
    network=networks(),
    seed=st.integers(0, 2**32 - 1),
    nested=st.booleans(),
    reset=st.sampled_from(RESETS),
)
def test_a_random_network_gives_the_same_output(network, seed, nested, reset):
    nodes, shape = network
    names = [f"n{i}" for i in range(len(nodes))]
    graph = _graph(names, nodes, (2, 8, 8), shape)
    if nested:
        around = ["inner"], [graph], (2, 8, 8), shape
        graph = _graph(*around)
    buffer = io.BytesIO()
    nir.write(buffer, graph)
    rule = {"subtract": "subtract", "zero": "reset"}[reset]
    convention = replace(CONVENTIONS["nir"], reset=rule)
    circuit, _, _ = circuit_of(
        read_file(buffer.getvalue(), where="it"),
        Reading(tool="nir", convention=convention, steps=STEPS, dt=DT), where="it",
    )  # fmt: skip
    x = np.random.default_rng(seed).random((4, 2, 8, 8))
    np.testing.assert_allclose(
        run_float(circuit, x).logits, by_the_equations(nodes, x, reset), atol=1e-9
    )


def _graph(names, nodes, size, shape):
    whole = {"input": nir.Input({"input": np.array(size)}), **dict(zip(names, nodes, strict=True))}
    whole["output"] = nir.Output({"output": np.array(shape)})
    order = ["input", *names, "output"]
    edges = list(pairwise(order))
    return nir.NIRGraph(whole, edges, type_check=False)

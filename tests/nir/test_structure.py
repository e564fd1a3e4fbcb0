"""Whatever stands between neurons is one layer; branches, sums, loops: against NIR's equations."""

import io
from itertools import pairwise

import nir
import numpy as np
import pytest
import torch
from torch.nn import functional

from eideploy.backends.nir.conventions import CONVENTIONS
from eideploy.backends.nir.foreign import Reading, circuit_of, read_file
from eideploy.circuit import Add
from eideploy.execute.float_reference import run_float

DT, STEPS = 1e-4, 6
SEED = 4
RNG = np.random.default_rng(SEED)


def w(*shape):
    return RNG.normal(0.15, 0.6, shape)


def lif(*shape, tau=2.0):
    full = np.ones(shape)
    return nir.LIF(
        tau=full * tau * DT, r=full * tau, v_leak=0.1 * full, v_threshold=full, v_reset=0 * full
    )


def conv(n, channels, kernel, *, stride=1, padding=0, size=(8, 8)):
    return nir.Conv2d(size, w(n, channels, *kernel), stride, padding, 1, 1, w(n) / 4)


def conv1d(n, channels, kernel, *, padding=0, stride=1, size=12):
    return nir.Conv1d(size, w(n, channels, kernel), stride, padding, 1, 1, w(n) / 4)


def pool(kind, size, stride, padding=(0, 0)):
    return kind(np.array(size), np.array(stride), np.array(padding))


def flat(*shape):
    return nir.Flatten({"input": np.array(shape)}, 0, -1)


def affine(n, m):
    return nir.Affine(w(n, m), w(n) / 3)


def chain(*nodes):
    """Return nodes by name, and edges, one behind the other."""
    names = ["input", *(f"n{i}" for i in range(len(nodes))), "output"]
    return dict(zip(names[1:-1], nodes, strict=True)), list(pairwise(names))


def branching():
    nodes = {
        "c1": conv(4, 1, (3, 3), padding=1), "one": lif(4, 8, 8),
        "c2": conv(4, 4, (5, 5), padding=2), "two": lif(4, 8, 8),
        "c3": conv(4, 4, (1, 1)), "c4": conv(4, 4, (3, 3), padding=1),
        "three": lif(4, 8, 8), "flat": flat(4, 8, 8), "fc": affine(5, 256),
    }  # fmt: skip
    edges = [
        ("input", "c1"), ("c1", "one"), ("one", "c2"), ("c2", "two"), ("one", "c3"), ("two", "c4"),
        ("c3", "three"), ("c4", "three"), ("three", "flat"), ("flat", "fc"),
        ("fc", "output"),
    ]  # fmt: skip
    return nodes, edges


def residual():
    nodes, edges = branching()
    kept = [e for e in edges if e not in (("one", "c3"), ("c3", "three"))]
    del nodes["c3"]
    return nodes, [*kept, ("one", "flat")]


def recurrent():
    nodes = {
        "fc": affine(20, 6),
        "one": lif(20),
        "rec": affine(20, 20),
        "out": nir.Linear(w(3, 20)),
    }
    edges = [("input", "fc"), ("fc", "one"), ("one", "rec"), ("rec", "one"), ("one", "out")]
    return nodes, [*edges, ("out", "output")]


def long_loop():
    nodes = {
        "fc": affine(20, 6), "one": lif(20), "on": affine(15, 20), "two": lif(15, tau=3.0),
        "back": affine(20, 15), "out": affine(3, 15),
    }  # fmt: skip
    edges = [
        ("input", "fc"), ("fc", "one"), ("one", "on"), ("on", "two"), ("two", "back"),
        ("back", "one"), ("two", "out"), ("out", "output"),
    ]  # fmt: skip
    return nodes, edges


MAPS, VECTOR, LINE = (1, 8, 8), (6,), (2, 12)
GRAPHS = {
    "two convolutions that pad": (MAPS, lambda: chain(
        conv(3, 1, (3, 3), padding=1), conv(2, 3, (3, 3), padding=1), flat(2, 8, 8), lif(128),
        nir.Linear(w(4, 128)))),
    "two convolutions, the second without padding": (MAPS, lambda: chain(
        conv(3, 1, (3, 3), padding=1), conv(2, 3, (3, 3)), lif(2, 6, 6), flat(2, 6, 6),
        nir.Linear(w(4, 72)))),
    "a stride for each axis": (MAPS, lambda: chain(
        conv(3, 1, (3, 2), stride=(2, 3)), lif(3, 3, 3), flat(3, 3, 3), nir.Linear(w(4, 27)))),
    "an overlapping padded pool of spikes": (MAPS, lambda: chain(
        conv(3, 1, (3, 3), padding=1), lif(3, 8, 8), pool(nir.AvgPool2d, (3, 3), (2, 2), (1, 1)),
        nir.Scale(np.full((3, 4, 4), 8.0)),
        conv(2, 3, (1, 1), size=(4, 4)), lif(2, 4, 4), flat(2, 4, 4), nir.Linear(w(4, 32)))),
    "a rectangular pool of spikes": (MAPS, lambda: chain(
        conv(3, 1, (3, 3), padding=1), lif(3, 8, 8), pool(nir.SumPool2d, (2, 4), (2, 4)),
        flat(3, 4, 2), affine(6, 24), lif(6), nir.Linear(w(3, 6)))),
    "lines": (LINE, lambda: chain(
        conv1d(4, 2, 3, padding=1), lif(4, 12), conv1d(3, 4, 4, stride=2), lif(3, 5), flat(3, 5),
        nir.Linear(w(4, 15)))),
    "weights behind weights": (VECTOR, lambda: chain(
        affine(9, 6), nir.Scale(w(9)), affine(7, 9), lif(7), affine(5, 7), nir.Linear(w(3, 5)))),
    "a scale at every position": (MAPS, lambda: chain(
        nir.Scale(w(1, 8, 8) + 1), conv(3, 1, (3, 3), padding=1), lif(3, 8, 8), flat(3, 8, 8),
        nir.Linear(w(4, 192)))),
    "branches with weights of their own": (MAPS, branching),
    "a residual sum": (MAPS, residual),
    "a recurrent layer": (VECTOR, recurrent),
    "a loop over two layers": (VECTOR, long_loop),
    "integrators and thresholds": (VECTOR, lambda: chain(
        affine(9, 6), nir.LI(3 * DT * np.ones(9), 3 * np.ones(9), 0 * np.ones(9)),
        nir.Threshold(np.ones(9)), affine(4, 9), nir.Threshold(0.2 * np.ones(4)))),
    "a delay of one step": (VECTOR, lambda: chain(
        affine(9, 6), lif(9), nir.Delay(DT * np.ones(9)), affine(4, 9), lif(4))),
}  # fmt: skip


def by_the_equations(nodes, edges, x):
    """Return the mean over time of the output; an edge from a node further on is one step late.

    Before the first step nothing has spiked, and a late edge carries the bias of its weights.
    """
    order = ["input", *nodes, "output"]
    state, total = {}, 0
    before = {
        n: torch.tensor(node.bias) for n, node in nodes.items() if isinstance(node, nir.Affine)
    }
    for _ in range(STEPS):
        values = {"input": x}
        for name in order[1:]:
            reads = [a for a, b in edges if b == name]
            known = [values[a] for a in reads if a in values]
            late = [before[a] for a in reads if a not in values and a in before]
            y = sum(known + late)
            if name != "output":
                y = apply(name, nodes[name], y, state)
            values[name] = y
        before, total = values, total + values["output"]
    return (total / STEPS).numpy()


def apply(name, node, y, state):
    t = {k: torch.tensor(np.asarray(v)) for k, v in vars(node).items() if k in FLOATS}
    match node:
        case nir.Linear():
            return y @ t["weight"].T
        case nir.Affine():
            return y @ t["weight"].T + t["bias"]
        case nir.Conv2d():
            stride, padding = tuple(node.stride), tuple(node.padding)
            return functional.conv2d(y, t["weight"], t["bias"], stride, padding)
        case nir.Conv1d():
            return functional.conv1d(y, t["weight"], t["bias"], node.stride, node.padding)
        case nir.AvgPool2d() | nir.SumPool2d():
            size, stride, padding = (
                tuple(int(n) for n in v) for v in (node.kernel_size, node.stride, node.padding)
            )
            mean = functional.avg_pool2d(y, size, stride, padding)
            return mean * size[0] * size[1] if isinstance(node, nir.SumPool2d) else mean
        case nir.Scale():
            return y * t["scale"]
        case nir.Flatten():
            return y.flatten(1)
        case nir.Threshold():
            return (y > t["threshold"]).double()
        case nir.Delay():
            state[name], late = y, state.get(name, torch.zeros_like(y))
            return late
    v = state.get(name, torch.zeros_like(y))
    v = v + DT / t["tau"] * (t["v_leak"] - v + t["r"] * y)
    if isinstance(node, nir.LI):
        state[name] = v
        return v
    z = v > t["v_threshold"]
    state[name] = torch.where(z, t["v_reset"], v)
    return z.double()


FLOATS = (
    "weight", "bias", "scale", "r", "tau", "v_leak", "v_threshold", "v_reset", "threshold",
)  # fmt: skip


def read(size, nodes, edges):
    whole = {
        "input": nir.Input({"input": np.array(size)}),
        **nodes,
        "output": nir.Output({"output": np.array([1])}),
    }
    buffer = io.BytesIO()
    nir.write(buffer, nir.NIRGraph(whole, edges, type_check=False))
    reading = Reading(tool="nir", convention=CONVENTIONS["nir"], steps=STEPS, dt=DT)
    circuit, _, _ = circuit_of(read_file(buffer.getvalue(), where="it"), reading, where="it")
    return circuit


@pytest.mark.parametrize("kind", GRAPHS)
def test_a_graph_gives_the_same_output(kind):
    size, make = GRAPHS[kind]
    RNG.bit_generator.state = np.random.default_rng(SEED).bit_generator.state
    nodes, edges = make()
    x = np.random.default_rng(5).random((5, *size))
    expected = by_the_equations(nodes, edges, torch.tensor(x))
    circuit = read(size, nodes, edges)
    found = run_float(circuit, x.reshape(5, *circuit.input.size)).logits
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert np.unique(expected).size > 3


def test_spikes_that_are_summed_are_added_where_they_have_no_weights_of_their_own():
    assert read(MAPS, *residual()).of(Add)
    assert not read(MAPS, *branching()).of(Add)

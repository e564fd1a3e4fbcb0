"""Files that are written for a reader: it computes the network's logits."""

from functools import partial

import nir
import numpy as np
import pytest
import torch

from eideploy.backends.nir.options import READERS, Reading
from eideploy.backends.nir.readers import save_for
from eideploy.backends.nir.reading import read
from eideploy.circuit import AvgPool, Circuit, Conv, Flatten, Input, Integrator, Neurons
from eideploy.errors import UsageError
from eideploy.execute.float_reference import run_float
from eideploy.neurons import LIF, NO_LEAK, GeneralLIF
from tests.helpers import foreign
from tests.helpers.float_circuits import plain, plain_readout

X = np.random.default_rng(1).integers(0, 257, (12, 1, 8, 8)) / 256


def layer(name, source, weights, geometry=None):
    bias = np.random.default_rng(len(weights)).normal(0, 0.1, len(weights))
    return plain(name, source, weights, bias=bias, geometry=geometry)


def spikes(name, source, **own):
    return Neurons(name=name, inputs=(source,), model=LIF(**{"reset": "zero", **own}))


def network(**own):
    """Return a convolutional network, with pools and two leaks."""
    rng = np.random.default_rng(0)
    return Circuit(
        nodes=(
            Input(name="input", size=(1, 8, 8)),
            layer("conv", "input", rng.normal(0.2, 0.5, (4, 1, 3, 3)), Conv(padding=1)),
            spikes("one", "conv", tau=2.0, threshold=0.7, **own),
            AvgPool(name="pool", inputs=("one",), kernel=2),
            Flatten(name="flat", inputs=("pool",)),
            layer("fc", "flat", rng.normal(0, 0.6, (20, 64))),
            spikes("two", "fc", tau=8.0, **own),
            plain_readout("readout", "two", rng.normal(0, 1, (5, 20))),
        ),
        steps=10,
    )


SEVERAL = {"reset": "subtract", "max_spikes": 255}  # as sinabs and rockpool have them


def mlp(one, two, integrator=None):
    """Return a network of two layers with these neurons, on samples of 8 numbers."""
    rng = np.random.default_rng(0)
    end = plain_readout("readout", "two", rng.normal(0, 1, (5, 16)), integrator=integrator)
    nodes = (
        Input(name="input", size=(8,)),
        layer("fc1", "input", rng.normal(0.1, 1, (24, 8))),
        Neurons(name="one", inputs=("fc1",), model=one),
        layer("fc2", "one", rng.normal(0.1, 0.6, (16, 24))),
        Neurons(name="two", inputs=("fc2",), model=two),
        end,
    )
    return Circuit(nodes=nodes, steps=20)


def filtered(**own):
    return mlp(*(GeneralLIF(beta=b, alpha=a, **own) for a, b in ((0.6, 0.9), (0.3, 0.5))))


def leaking(integrator=None, **own):
    return mlp(GeneralLIF(beta=0.9, **own), GeneralLIF(beta=0.5, **own), integrator)


def fit_for(reader):
    """Return a network that a reader has the neurons for."""
    return {"sinabs": partial(leaking, **SEVERAL), "rockpool": partial(filtered, **SEVERAL)}.get(
        reader, network
    )()


ZERO = {"reset": "zero", "fires": ">"}
READ = {
    "norse, convolutions": ("norse", network),
    "norse, filters": ("norse", partial(filtered, **ZERO)),
    "snntorch, filters": ("snntorch", partial(filtered, **ZERO)),
    "rockpool": ("rockpool", partial(filtered, **SEVERAL)),
    "sinabs": ("sinabs", partial(leaking, **SEVERAL)),
    "sinabs, no leak": ("sinabs", lambda: mlp(
        GeneralLIF(beta=1.0, v_min=-1.0, **SEVERAL), GeneralLIF(beta=0.8, **SEVERAL)
    )),
    "sinabs, last membranes": (
        "sinabs", partial(leaking, Integrator(read="last", beta=0.8), **SEVERAL)
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READ)
def test_a_reader_computes_the_network_of_its_file(case, tmp_path, capsys):
    """In the reader itself, in single precision."""
    reader, make = READ[case]
    circuit = make()
    size = circuit.input.size
    x = X if len(size) == 3 else np.random.default_rng(2).random((24, *size))
    x = np.round(x * 256) / 256
    save_for(circuit, tmp_path / "net.nir", reader)
    written = nir.read(tmp_path / "net.nir")
    if reader == "norse" and len(size) == 3:  # its Flatten merges a batch
        found = np.concatenate([foreign.outputs(reader, written, one[None], 10) for one in x])
    else:
        found = foreign.outputs(reader, written, x, circuit.steps)
    ours = run_float(circuit, x).logits
    theirs = circuit.logits.over_time(found.swapaxes(0, 1))
    same = np.abs(ours - theirs).max(1) < 1e-5 * np.abs(ours).max()
    assert same.mean() >= 0.95  # a membrane may meet its threshold within single precision
    assert np.unique(ours).size > 20


@pytest.mark.parametrize("reader", READERS)
def test_a_file_for_a_reader_is_the_network_and_ends_with_output(reader, tmp_path):
    circuit = fit_for(reader)
    save_for(circuit, tmp_path / "net.nir", reader)
    graph = nir.read(tmp_path / "net.nir")
    assert "output" in graph.nodes
    found = read(tmp_path / "net.nir", Reading()).circuit
    x = X.reshape(-1, 8)[:, : circuit.input.size[0]] if len(circuit.input.size) == 1 else X
    ours = run_float(circuit, x).logits
    np.testing.assert_allclose(run_float(found, x).logits, ours, atol=1e-5)
    assert np.unique(ours).size > 20
    kinds = {type(node).__name__ for node in graph.nodes.values()}
    if reader == "norse":
        assert kinds == {"Input", "Conv2d", "LIF", "SumPool2d", "Flatten", "Affine", "Output"}
    else:
        assert ("Linear" in kinds) == (reader != "sinabs")


def test_spikingjelly_computes_the_network_of_its_file(tmp_path):
    circuit = network()
    save_for(circuit, tmp_path / "net.nir", "spikingjelly")
    module = foreign.in_spikingjelly(nir.read(tmp_path / "net.nir"))
    logits, _ = foreign.run(module, X, circuit.steps)
    np.testing.assert_allclose(logits, run_float(circuit, X).logits, atol=1e-6)


def test_snntorch_computes_the_network_of_its_file(tmp_path, capsys):
    circuit = network()
    save_for(circuit, tmp_path / "net.nir", "snntorch")
    with torch.no_grad():
        for x, ours in zip(X, run_float(circuit, X).logits, strict=True):
            module = foreign.in_snntorch(nir.read(tmp_path / "net.nir"))
            logits, _ = foreign.run(module, x[None], circuit.steps)  # its Flatten merges a batch
            np.testing.assert_allclose(logits.ravel(), ours, atol=1e-6)


@pytest.mark.parametrize("reader", READERS)
def test_neurons_that_a_reader_has_not_are_refused(reader, tmp_path):
    others = reader in ("sinabs", "rockpool")
    said = (
        f"one are not those of {reader}: reset by subtraction"
        if others
        else f"{reader} does not read LI"
    )
    with pytest.raises(UsageError, match=said):
        save_for(network(reset="subtract"), tmp_path / "net.nir", reader)
    assert not (tmp_path / "net.nir").exists()


def test_snntorch_gets_no_neurons_without_a_leak(tmp_path):
    circuit = network()
    nodes = [
        spikes("two", "fc", tau=NO_LEAK) if node.name == "two" else node for node in circuit.nodes
    ]
    whole = Circuit(nodes=tuple(nodes), steps=10)
    with pytest.raises(UsageError, match=r"snntorch does not read IF \(two\)"):
        save_for(whole, tmp_path / "net.nir", "snntorch")
    save_for(whole, tmp_path / "net.nir", "norse")

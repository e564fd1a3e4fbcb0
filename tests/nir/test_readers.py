"""Files that are written for a reader: it computes the network's logits."""

import nir
import numpy as np
import pytest
import torch

from eideploy.backends.nir.options import READERS, Reading
from eideploy.backends.nir.readers import save_for
from eideploy.backends.nir.reading import read
from eideploy.circuit import (
    AvgPool,
    Circuit,
    Conv,
    Dense,
    Flatten,
    FloatCurrent,
    Folded,
    Input,
    Layer,
    Logits,
    Neurons,
)
from eideploy.errors import UsageError
from eideploy.execute.float_reference import run_float
from eideploy.neurons import LIF, NO_LEAK
from tests.helpers import foreign

X = np.random.default_rng(1).integers(0, 257, (12, 1, 8, 8)) / 256


def layer(name, source, weights, geometry=None):
    n = len(weights)
    bias = np.random.default_rng(n).normal(0, 0.1, n)
    return Layer(
        name=name,
        inputs=(source,),
        projection=Folded(w_num=weights),
        geometry=geometry or Dense(),
        current=FloatCurrent(g_e=np.ones(n), b_e=bias),
    )


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
            Layer(
                name="readout",
                inputs=("two",),
                projection=Folded(w_num=rng.normal(0, 1, (5, 20))),
                geometry=Dense(),
                current=Logits(),
            ),
        ),
        steps=10,
    )


@pytest.mark.parametrize("reader", READERS)
def test_a_file_for_a_reader_is_the_network_and_ends_with_output(reader, tmp_path):
    circuit = network()
    save_for(circuit, tmp_path / "net.nir", reader)
    graph = nir.read(tmp_path / "net.nir")
    assert "output" in graph.nodes
    found = read(tmp_path / "net.nir", Reading()).circuit
    ours = run_float(circuit, X).logits
    np.testing.assert_allclose(run_float(found, X).logits, ours, atol=1e-5)
    assert np.unique(ours).size > 20
    kinds = {type(node).__name__ for node in graph.nodes.values()}
    if reader == "norse":
        assert kinds == {"Input", "Conv2d", "LIF", "SumPool2d", "Flatten", "Affine", "Output"}
    else:
        assert "Linear" in kinds


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
    with pytest.raises(UsageError, match=f"{reader} does not read LI"):
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

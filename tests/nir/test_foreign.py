"""Our NIR files in nirtorch, SpikingJelly and snnTorch: the spikes are ours, every one."""

import nir
import numpy as np
import pytest
import torch

from eideploy.backends.nir import register, save
from eideploy.backends.nir.dialects import of_dialect
from eideploy.circuit import Neurons
from eideploy.config import load_config
from eideploy.data import load as load_data
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import observe
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.networks import build
from tests.helpers import foreign

SPIKES = frozenset({"spikes"})
IMAGES = 100


@pytest.fixture(scope="module")
def digits():
    return load_data("digits")


@pytest.fixture(scope="module")
def circuits(digits):
    """The presets' networks as E-I Init leaves them, by preset and reset."""
    x, found = digits.train.batch(slice(64)), {}
    for preset in ("digits-mlp", "digits-conv"):
        for reset in ("soft", "hard"):
            config = load_config(preset).with_overrides({"network.reset": reset})
            network = build(config.network, digits.input_shape, 10)
            initialise(network, torch.from_numpy(x), np.random.default_rng(0))
            found[preset, reset] = export(network, digits.input_shape)
    return found


def written(circuit, digits, dialect, folder):
    """Return the circuit of a dialect, and the graph that nir reads of its file."""
    form = of_dialect(circuit, observe(circuit, digits.train.batch(slice(64))), dialect)
    save(form, folder / "model.nir")
    register()
    return form, nir.read(folder / "model.nir")


def assert_same_spikes(form, module, x, *, batch=IMAGES, reset=lambda _: None):
    expected = run_float(form, x, keep=SPIKES)
    parts = []
    for start in range(0, len(x), batch):
        reset(module)
        spikes = _names(form)
        found, z = foreign.run(module, x[start : start + batch], form.steps, spikes.values())
        parts.append(found.reshape(-1, 10))
        for name, inner in spikes.items():
            theirs = z[inner].reshape(expected.spikes[name][:, start : start + batch].shape)
            ours = expected.spikes[name][:, start : start + batch]
            assert int((theirs != ours).sum()) == 0, name
    assert all(0.02 < z.mean() < 0.98 for z in expected.spikes.values())
    np.testing.assert_allclose(np.concatenate(parts), expected.logits, atol=1e-9)


def _names(form):
    roles = {"subtract": "_spikes", "zero": ""}
    return {n.name: n.name + roles[n.model.reset] for n in form.of(Neurons)}


@pytest.mark.parametrize("preset", ["digits-mlp", "digits-conv"])
@pytest.mark.parametrize("tool", ["spikingjelly", "nirtorch"])
def test_a_plain_network_spikes_alike(preset, tool, circuits, digits, tmp_path):
    form, graph = written(circuits[preset, "hard"], digits, "plain", tmp_path)
    module = getattr(foreign, f"in_{tool}")(graph)
    assert_same_spikes(form, module, digits.test.batch(slice(IMAGES)))


def test_a_plain_mlp_spikes_alike_in_snntorch(circuits, digits, tmp_path, capsys):
    import snntorch

    form, graph = written(circuits["digits-mlp", "hard"], digits, "plain", tmp_path)
    module = foreign.in_snntorch(graph)

    def at_rest(module):
        for part in module.modules():
            if isinstance(part, snntorch.Leaky):
                part.reset_mem()

    # its Flatten merges the samples of a batch
    assert_same_spikes(form, module, digits.test.batch(slice(IMAGES)), batch=1, reset=at_rest)


@pytest.mark.parametrize("preset", ["digits-mlp", "digits-conv"])
@pytest.mark.parametrize("dialect", ["ei", "folded", "plain"])
@pytest.mark.parametrize("reset", ["soft", "hard"])
def test_every_dialect_spikes_alike_in_nirtorch_with_our_node_map(
    preset, dialect, reset, circuits, digits, tmp_path
):
    form, graph = written(circuits[preset, reset], digits, dialect, tmp_path)
    assert_same_spikes(form, foreign.in_nirtorch(graph), digits.test.batch(slice(IMAGES)))


def test_a_plain_file_holds_standard_nodes_alone(circuits, digits, tmp_path):
    _, graph = written(circuits["digits-conv", "hard"], digits, "plain", tmp_path)
    kinds = {type(node).__name__ for node in graph.nodes.values()}
    assert kinds == {"Input", "Conv2d", "LIF", "AvgPool2d", "Flatten", "Linear", "Output"}

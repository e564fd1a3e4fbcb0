"""Files for nir 1.0.4 hold what it takes; it reads them itself, where pip can get it."""

import subprocess
import sys
from dataclasses import replace

import h5py
import numpy as np
import pytest

from eideploy.backends.nir import OLD, load, save
from eideploy.backends.nir.dialects import of_dialect
from eideploy.circuit import Neurons
from eideploy.execute.observe import observe
from tests.cli.support import PATIENCE_S
from tests.helpers.float_circuits import conv_net

# dataclass fields of nir 1.0.4 (from its source), beside `type`
TAKES = {
    "Input": {"shape"}, "Output": {"shape"}, "Linear": {"weight"}, "Affine": {"weight", "bias"},
    "Scale": {"scale"}, "Threshold": {"threshold"}, "LI": {"tau", "r", "v_leak"}, "I": {"r"},
    "Conv2d": {"input_shape", "weight", "stride", "padding", "dilation", "groups", "bias"},
    "Flatten": {"start_dim", "end_dim", "input_type"}, "IF": {"r", "v_threshold"},
    "AvgPool2d": {"kernel_size", "stride", "padding"},
    "LIF": {"tau", "r", "v_leak", "v_threshold"},
}  # fmt: skip
READ = """
import sys; sys.path.insert(0, sys.argv[1])
import importlib.metadata, nir
assert importlib.metadata.version("nir") == "1.0.4"
graph = nir.read(sys.argv[2])
print(len(graph.nodes), len(graph.edges), sorted({type(n).__name__ for n in graph.nodes.values()}))
"""


@pytest.fixture(params=["zero", "subtract"])
def plain(request, tmp_path):
    """Return a plain circuit and its file for the old release."""
    rng = np.random.default_rng(0)
    circuit = conv_net(rng)
    seen = observe(circuit, rng.random((4, *circuit.input.size)))
    form = of_dialect(circuit, seen, "plain").rewrite(
        Neurons, lambda n: with_reset(n, request.param)
    )
    save(form, tmp_path / "model.nir", compat=OLD)
    return form, tmp_path / "model.nir"


def with_reset(node, reset):
    return replace(node, model=replace(node.model, reset=reset))


def test_a_file_for_the_old_release_holds_the_fields_that_it_takes(plain):
    form, path = plain
    with h5py.File(path) as file:
        assert file["version"][()].decode() == "1.0.4"
        for node in file["node/nodes"].values():
            kind = node["type"][()].decode()
            assert set(node) - {"type", "metadata"} == TAKES[kind], kind
    assert [type(n) for n in load(path).nodes] == [type(n) for n in form.nodes]
    save(form, path)
    with h5py.File(path) as file:
        kinds = {n["type"][()].decode() for n in file["node/nodes"].values() if "v_reset" in n}
    assert kinds == ({"LIF"} if form.of(Neurons)[0].model.reset == "zero" else set())


@pytest.fixture(scope="module")
def old_nir(tmp_path_factory):
    """Install nir 1.0.4 into a folder of its own."""
    folder = tmp_path_factory.mktemp("nir104")
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        folder,
        "nir==1.0.4",
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.skip("pip does not answer")
    if done.returncode:
        pytest.skip("pip cannot get nir 1.0.4 here")
    return folder


@pytest.mark.slow
def test_the_old_release_reads_it(plain, old_nir):
    form, path = plain
    command = [sys.executable, "-c", READ, old_nir, path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0, done.stderr
    soft = form.of(Neurons)[0].model.reset == "subtract"
    assert ("'LIF'" in done.stdout) != soft
    assert ("'Threshold'" in done.stdout) == soft
    save(form, path)
    if not soft:  # what the option is for
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
        assert "v_reset" in done.stderr

"""Sound NIR and ONNX files, made in the working folder, and what reads and runs them."""

from pathlib import Path

import nir
import numpy as np

from eideploy import folders
from eideploy.backends import formats
from eideploy.backends.digital.build import load_build
from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import Compiling
from eideploy.backends.nir import graph
from eideploy.backends.onnx.runtime import onnxruntime_run
from eideploy.backends.onnx.skeleton import check_work
from eideploy.backends.onnx.writer import float_model, integer_model
from eideploy.options import Request
from eideploy.target import load_target
from tests.cli.support import BUILD
from tests.helpers.float_circuits import conv_net, mlp


def nir_file():
    nir.write("model.nir", graph(conv_net(np.random.default_rng(0))))
    return Path("model.nir")


def foreign_nir():
    """Write a small convolutional network as other tools do: r = tau / dt."""
    rng = np.random.default_rng(0)

    def lif(*shape):
        full = np.ones(shape)
        return nir.LIF(tau=full * 2e-4, r=full * 2, v_leak=full * 0, v_threshold=full)

    nodes = (
        nir.Input({"input": np.array([1, 8, 8])}),
        nir.Conv2d((8, 8), rng.normal(0, 1, (4, 1, 3, 3)), 1, 1, 1, 1, np.zeros(4)), lif(4, 8, 8),
        nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        nir.Flatten({"input": np.array([4, 4, 4])}, 0, -1),
        nir.Affine(rng.normal(0, 0.2, (10, 64)), np.ones(10)), lif(10),
        nir.Output({"output": np.array([10])}),
    )  # fmt: skip
    graph = nir.NIRGraph.from_list(*nodes, type_check=False)
    graph.metadata = {"steps": 2, "dt": 1e-4, "reset": "subtract"}
    nir.write("foreign.nir", graph)
    return Path("foreign.nir")


def read_foreign(path):
    """Read a graph as `compile` does, and give its network the integers of int8."""
    np.save("images.npy", np.random.default_rng(0).random((4, 1, 8, 8)))
    images = Path("images.npy").absolute()
    try:
        circuit = formats.named("nir").read(path, Request()).circuit
        run = folders.Run(folder=Path("runs/none"), circuit=circuit, content={"source": {}})
        compile_in_memory(run, Compiling(calibrate_on=images), load_target("digital"))
    finally:
        images.unlink()


def onnx_float():
    Path("model.onnx").write_bytes(
        float_model(mlp(np.random.default_rng(0)), {}).SerializeToString()
    )
    return Path("model.onnx")


def onnx_integer():
    program = load_build(Path(BUILD)).program
    Path("model.int.onnx").write_bytes(integer_model(program.circuit, {}).SerializeToString())
    return Path("model.int.onnx")


def run_onnx(path):
    """Run a model as `verify` does, on two samples."""
    if path.name == "model.onnx":
        circuit = mlp(np.random.default_rng(0))
        written = float_model(circuit, {})
    else:
        circuit = load_build(Path(BUILD)).program.circuit
        written = integer_model(circuit, {})
    check_work(path.read_bytes(), written, where=str(path))
    run = onnxruntime_run(path.read_bytes(), circuit, where=str(path))
    run(np.full((2, *circuit.input.size), 0.5, np.float32))

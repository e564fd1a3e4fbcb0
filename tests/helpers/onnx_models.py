"""Every program of others that runs our models, and what a model's graph is made of."""

import numpy as np
import onnxruntime
from onnx import TensorProto
from onnx.reference import ReferenceEvaluator
from onnx.utils import Extractor

from eideploy.backends.onnx.division import divided
from eideploy.backends.onnx.graph import Graph, declared, model
from eideploy.backends.onnx.runtime import (
    onnxruntime_run,
    openvino_run,
    reference_run,
    wide_integers,
)


def runs(model, circuit):
    """Return what runs `model`, by the name of the program."""
    data = model.SerializeToString()
    is_narrow = model.graph.output[0].name == "totals" and not wide_integers(data)
    narrow = {"OpenVINO": openvino_run(data, circuit, where="model")} if is_narrow else {}
    return narrow | {
        "onnxruntime": onnxruntime_run(data, circuit, where="model"),
        "onnxruntime unoptimised": onnxruntime_run(data, circuit, where="model", optimised=False),
        "reference evaluator": reference_run(data, circuit, where="model"),
    }


def quotients(node, num, den):
    """Return what a layer's operators divide NUM by DEN (S, B, positions, n_E) to, by program."""
    graph = Graph()
    out = divided(graph, node, "num", "den")
    reads = [declared(name, np.int64, list(num.shape)) for name in ("num", "den")]
    made = model(graph.proto("g", reads, [declared(out, np.int64, None)]), version="0", metadata={})
    feeds = {"num": num, "den": den}
    session = onnxruntime.InferenceSession(made.SerializeToString())
    return session.run(None, feeds)[0], ReferenceEvaluator(made).run(None, feeds)[0]


def from_levels(model):
    """Return an integer model cut where its levels enter."""
    return Extractor(model).extract_model(["levels"], ["totals"])


def graphs_of(graph):
    """Yield a graph and its subgraphs."""
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from graphs_of(attribute.g)


def operators_of(model):
    """Return (operator, types of its inputs) of every node of all graphs."""
    types = types_of(model)
    return [
        (node.op_type, tuple(types[name] for name in node.input))
        for graph in graphs_of(model.graph)
        for node in graph.node
    ]


def types_of(model):
    """Return the type of every value of all graphs, by name."""
    found = {}
    for graph in graphs_of(model.graph):
        for value in (*graph.value_info, *graph.input, *graph.output):
            found[value.name] = TensorProto.DataType.Name(value.type.tensor_type.elem_type)
        for constant in graph.initializer:
            found[constant.name] = TensorProto.DataType.Name(constant.data_type)
    return found


def metadata_of(model):
    """Return what the model says about itself."""
    return {entry.key: entry.value for entry in model.metadata_props}

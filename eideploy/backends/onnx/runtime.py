"""Runs models by programs of other people: onnxruntime, onnx's reference evaluator, OpenVINO."""

from collections.abc import Callable
from typing import Any

import numpy as np
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import load_model_from_string
from onnx.reference import ReferenceEvaluator
from onnxruntime.capi import onnxruntime_pybind11_state as state

from eideploy.backends.onnx.network import INPUT
from eideploy.circuit import Circuit
from eideploy.errors import FormatError
from eideploy.files import RESTORE

Array = NDArray[Any]
Run = Callable[[Array], Array]  # samples (B, ...) or (B, T, ...) to (B, classes)
FAULTS = (
    state.Fail,
    state.InvalidArgument,
    state.InvalidGraph,
    state.InvalidProtobuf,
    state.NotImplemented,
    state.RuntimeException,
    ValueError,
)


def onnxruntime_run(data: bytes, circuit: Circuit, *, where: str, optimised: bool = True) -> Run:
    """Return what runs a model in onnxruntime, on one thread.

    Args:
        data: the model file.
        circuit: what it was made from; says what a sample is.
        where: the model's place, for errors.
        optimised: whether onnxruntime may rewrite the graph.

    Raises:
        FormatError: onnxruntime does not take the model, now or when it runs.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4  # faults are raised, and told by us
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
    )
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except FAULTS as error:
        raise _refused("onnxruntime", error, where) from error

    def run(samples: Array) -> Array:
        try:
            (out,) = session.run(None, {INPUT: model_input(circuit, samples)})
        except FAULTS as error:
            raise _refused("onnxruntime", error, where) from error
        return np.asarray(out)

    return run


def reference_run(data: bytes, circuit: Circuit, *, where: str) -> Run:
    """Return what runs a model in onnx's reference evaluator.

    Raises:
        FormatError: the evaluator does not take the model, now or when it runs.
    """
    try:
        evaluator = ReferenceEvaluator(load_model_from_string(data))
    except (DecodeError, RuntimeError, ValueError, TypeError, KeyError) as error:
        raise _refused("onnx", error, where) from error

    def run(samples: Array) -> Array:
        try:
            (out,) = evaluator.run(None, {INPUT: model_input(circuit, samples)})
        except (RuntimeError, ValueError, TypeError, KeyError, IndexError) as error:
            raise _refused("onnx", error, where) from error
        return np.asarray(out)

    return run


def openvino_run(data: bytes, circuit: Circuit, *, where: str) -> Run:
    """Return what runs a model in OpenVINO, on the processor, its floats in float32.

    Raises:
        FormatError: the model has 64-bit integers, which OpenVINO would cut to 32 without a word;
            or OpenVINO does not take it, now or when it runs.
    """
    import openvino

    if reason := wide_integers(data):
        raise FormatError(
            f"OpenVINO has no 64-bit integers, and {reason}",
            where=where,
            fix="run the model in onnxruntime",
        )
    try:
        core = openvino.Core()
        options = {"INFERENCE_PRECISION_HINT": "f32"}  # not bfloat16, where the processor has it
        compiled = core.compile_model(core.read_model(data), "CPU", options)
    except RuntimeError as error:
        raise _refused("OpenVINO", error, where) from error

    def run(samples: Array) -> Array:
        try:
            return np.array(compiled(model_input(circuit, samples))[0])
        except RuntimeError as error:
            raise _refused("OpenVINO", error, where) from error

    return run


def wide_integers(data: bytes) -> str:
    """Return why a model computes with 64-bit integers, as it says itself; "" if it does not."""
    try:
        facts = load_model_from_string(data).metadata_props
    except DecodeError:  # which a runtime says when it is given the file
        return ""
    metadata: dict[str, str] = {p.key: p.value for p in facts}
    return metadata.get("wide_integers", "")


def model_input(circuit: Circuit, samples: Array) -> Array:
    """Return samples (B, ...) or (B, T, ...) as a model takes them, (B, 1 or T, ...) in float32."""
    is_static = samples.ndim == len(circuit.input.size) + 1
    return np.ascontiguousarray(samples[:, None] if is_static else samples, np.float32)


def _refused(tool: str, error: Exception, where: str) -> FormatError:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0]
    return FormatError(f"{tool} does not take the model: {reason}", where=where, fix=RESTORE)

"""ONNX as an exchange format: what it writes beside a build, and what runs that."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from eideploy.backends.onnx import FLOAT, INTEGER
from eideploy.backends.protocol import Format
from eideploy.emitted import Emitted

if TYPE_CHECKING:
    from eideploy.backends.executor import Build, Executor, Run
    from eideploy.circuit import Circuit


class ONNX(Format):
    """Both networks of a build as graphs that any runtime executes."""

    name = "onnx"
    title = "ONNX"
    line = "the float network and the integer program"
    package = "onnx"
    files = (Emitted(FLOAT, "run"), Emitted(INTEGER, "run"))
    executors: ClassVar[Mapping[str, str]] = {
        "onnx": "also the program in onnxruntime, logit by logit",
    }
    enables: ClassVar[Mapping[str, str]] = {
        "onnx": "compile --emit onnx, verify",
        "openvino": "verify: model.int.onnx in OpenVINO, where its numbers fit 22 bits",
    }

    def emit(
        self, circuit: "Circuit", integer: "Circuit", folder: Path, content: Mapping[str, Any]
    ) -> None:
        """Write both models."""
        from eideploy.backends.onnx.writer import emit

        emit(circuit, integer, folder, content)

    def checks(self) -> "Sequence[Executor]":
        """Return onnxruntime, the reference evaluator and OpenVINO."""
        from eideploy.backends.onnx.executors import EXECUTORS

        return EXECUTORS

    def run(self, integer: "Circuit", build: "Build | None", executor: str) -> "Run":
        """Return onnxruntime on the build's own model, or one that is written in passing."""
        from eideploy.backends.onnx.executors import run

        return run(integer, build, where=f"--executor {executor}")

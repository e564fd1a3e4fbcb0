"""What runs the models of a build; imports of what need not be installed are late."""

from collections.abc import Callable
from functools import partial

from eideploy.backends.executor import LOGITS, SUMS, Build, Executor, Reference, Run, missing
from eideploy.backends.onnx import FLOAT, INTEGER
from eideploy.circuit import Circuit
from eideploy.errors import UsageError

ONNXRUNTIME = "onnxruntime", "onnx"  # the package that runs, and what it needs
OPENVINO = "openvino", "onnx"
WRITTEN = "eideploy compile --emit onnx writes it"


def run(integer: Circuit, build: Build | None, *, where: str) -> Run:
    """Return what runs an integer program: the model of its build, where that holds one.

    Raises:
        UsageError: onnxruntime is not installed.
        FormatError: onnxruntime does not take the file.
    """
    if lack := missing(ONNXRUNTIME):
        raise UsageError(lack, where=where, fix="pip install 'eideploy[onnx]'")
    if build is not None and build.holds(INTEGER):
        return _onnxruntime(build, INTEGER)
    from eideploy.backends.onnx.runtime import onnxruntime_run
    from eideploy.backends.onnx.writer import integer_model

    data = integer_model(integer, {}).SerializeToString()
    return onnxruntime_run(data, integer, where="the program, written as ONNX in passing")


def _onnxruntime(build: Build, artefact: str, *, optimised: bool = True) -> Run:
    from eideploy.backends.onnx.runtime import onnxruntime_run

    data, where = _model(build, artefact)
    return onnxruntime_run(data, build.circuit, where=where, optimised=optimised)


def _openvino(build: Build) -> Run:
    from eideploy.backends.onnx.runtime import openvino_run

    data, where = _model(build, INTEGER)
    return openvino_run(data, build.circuit, where=where)


def _too_wide(build: Build) -> str:
    from eideploy.backends.onnx.words import words_of

    _, reason = words_of(build.integer)
    return reason and f"OpenVINO has no 64-bit integers, and {reason}"


def _reference(build: Build, artefact: str) -> Run:
    from eideploy.backends.onnx.runtime import reference_run

    data, where = _model(build, artefact)
    return reference_run(data, build.circuit, where=where)


def _model(build: Build, artefact: str) -> tuple[bytes, str]:
    """Return a build's model, once it is found to ask for no more than one of its circuit does."""
    from eideploy.backends.onnx.skeleton import check_work
    from eideploy.backends.onnx.writer import float_model, integer_model

    path = build.folder / artefact
    data = path.read_bytes()
    is_float = artefact == FLOAT
    expected = float_model(build.circuit, {}) if is_float else integer_model(build.integer, {})
    check_work(data, expected, where=str(path))
    return data, str(path)


def _executors(artefact: str, equals: Reference) -> tuple[Executor, ...]:
    """Return what runs a model."""
    ways: tuple[tuple[str, str, Callable[..., Run], tuple[str, ...]], ...] = (
        ("onnxruntime", "", _onnxruntime, ONNXRUNTIME),
        ("onnxruntime", "unoptimised", partial(_onnxruntime, optimised=False), ONNXRUNTIME),
        ("onnx", "reference evaluator", _reference, ("onnx",)),
    )
    return tuple(
        Executor(
            name=name,
            mode=mode,
            artefact=artefact,
            equals=equals,
            open=partial(opened, artefact=artefact),
            written=WRITTEN,
            packages=packages,
        )
        for name, mode, opened, packages in ways
    )


EXECUTORS: tuple[Executor, ...] = (
    *_executors(FLOAT, LOGITS),
    *_executors(INTEGER, SUMS),
    Executor(
        name="OpenVINO",
        artefact=INTEGER,
        equals=SUMS,
        open=_openvino,
        written=WRITTEN,
        packages=OPENVINO,
        refuses=_too_wide,
    ),
)

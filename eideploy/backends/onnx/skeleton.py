"""Whether a model asks for no more work than the one that this release writes of the same circuit.

A model can ask for any time and memory in a few bytes: by a loop, by an array of a stated size. So
before one is run, all of it but the numbers in its large arrays must be what the writer writes.
"""

import math

from google.protobuf.message import DecodeError
from onnx import ModelProto

from eideploy.errors import FormatError

SIZES = 16  # entries: an array of more is none of sizes, axes or pads
SPARE = 1 << 16  # bytes by which a model may be larger, for what it says of itself


def check_work(data: bytes, expected: ModelProto, *, where: str) -> None:
    """Refuse a model that differs from `expected` in more than numbers and metadata.

    Raises:
        FormatError: it does, or it is no model.
    """
    parsed = ModelProto()
    try:
        if len(data) > expected.ByteSize() + SPARE:
            raise DecodeError(f"it has {len(data)} bytes")
        parsed.ParseFromString(data)
    except DecodeError as error:
        raise _refused(f"the file is not a model of this build: {error}", where) from error
    if _skeleton(parsed) != _skeleton(expected):
        raise _refused("the model has other operators or sizes than this release writes", where)


def _skeleton(model: ModelProto) -> tuple[bytes, ...]:
    """Return what sets the work of a model, in the order in which it is written."""
    bare = ModelProto()
    bare.CopyFrom(model)
    for array in bare.graph.initializer:
        if math.prod(array.dims) > SIZES:
            array.raw_data = len(array.raw_data).to_bytes(8, "little")
    opsets = [entry.SerializeToString(deterministic=True) for entry in bare.opset_import]
    functions = [entry.SerializeToString(deterministic=True) for entry in bare.functions]
    return bare.graph.SerializeToString(deterministic=True), *opsets, *functions


def _refused(what: str, where: str) -> FormatError:
    return FormatError(what, where=where, fix="compile the run again with --emit onnx")

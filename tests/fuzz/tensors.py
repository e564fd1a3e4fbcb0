"""Safetensors files that lie about what they hold, or hold something else."""

import json
import struct

import numpy as np
from safetensors.numpy import load, save

from tests.fuzz.archives import with_value
from tests.fuzz.mutations import HUGE, changed


def _parted(data):
    (size,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def _joined(header, body):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def content_changed(data, rng):
    """Change what our mark in a safetensors file says: kind, version, graph, state."""
    header, body = _parted(data)
    mark = json.loads(header["__metadata__"]["eideploy"])
    if rng.random() < 0.8:
        mark["content"] = changed(mark["content"], rng)
    else:
        mark = changed(mark, rng)
    header["__metadata__"]["eideploy"] = json.dumps(mark)
    return _joined(header, body)


def tensors_lied_about(data, rng):
    """Let the header promise other shapes, types and places than there are."""
    header, body = _parted(data)
    names = [name for name in header if name != "__metadata__"]
    for name in rng.sample(names, min(len(names), rng.choice((1, 2)))):
        entry = header[name]
        match rng.randrange(6):
            case 0:
                entry["shape"] = rng.choice(
                    ([HUGE], [HUGE] * 4, [0], [], [-1], [1] * 70, [2**62, 4], "x", None)
                )
            case 1:
                entry["dtype"] = rng.choice(("F64", "F32", "F16", "BF16", "I8", "U64", "BOOL", "O"))
            case 2:
                entry["data_offsets"] = rng.choice(([0, HUGE], [0, 0], [8, 4], [-1, 2], "x"))
            case 3:
                del header[name]
            case 4:
                header[f"{name}x"] = header.pop(name)
            case _:
                other = header.get(rng.choice(names), entry)
                header[name] = other
    return _joined(header, body)


def tensors_reshaped(data, rng):
    """Write the arrays anew, one of them of another type or shape, or not numbers at all."""
    header, _ = _parted(data)
    arrays = load(data)
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    bad = rng.choice((np.nan, np.inf, -np.inf, -1.0, 1e300, 1e38))
    dtype = rng.choice((np.float64, np.float32, np.float16, np.int64, np.int8, np.uint64, np.bool_))
    with np.errstate(all="ignore"):
        arrays[name] = rng.choice(
            (
                lambda: array[..., None], lambda: array[:0], lambda: array.reshape(-1),
                lambda: np.zeros((1, *array.shape), array.dtype), lambda: array.astype(dtype),
                lambda: with_value(array, bad, rng), lambda: np.repeat(array.reshape(-1), 2),
            )
        )()  # fmt: skip
    kept = {k: np.ascontiguousarray(v) for k, v in arrays.items()}
    return save(kept, metadata=header["__metadata__"])


def numbers_changed(data, rng):
    """Change some of the bytes of the numbers, where no header tells."""
    header, body = _parted(data)
    body = bytearray(body)
    for _ in range(rng.choice((1, 30))):
        body[rng.randrange(len(body))] = rng.randrange(256)
    return _joined(header, bytes(body))

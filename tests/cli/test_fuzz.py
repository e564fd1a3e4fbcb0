"""Files changed at random, their hashes made to match: only stated errors come out."""

import json
import random
import struct

import pytest

from eideploy.errors import EideployError
from eideploy.flow.simulate import Request, simulate
from tests.cli.support import BUILD, rehash

ROUNDS = 60


def bytes_changed(data, rng):
    data = bytearray(data)
    for _ in range(rng.choice((1, 1, 3, 20))):
        place = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                data[place] = rng.choice(b'0123456789{}[]",:.-eE \n\0\xff')
            case 2:
                del data[place : place + rng.choice((1, 8, 1000))]
            case _:
                data[place:place] = rng.choice((b"9" * 5000, b"[" * 3000, b"-1", b"1e999", b"\0"))
        if not data:
            break
    return bytes(data)


def values_changed(value, rng, chance=0.05):
    """Return a JSON value with some of its parts replaced by others."""
    odd = [None, -1, 0, 1, 2**70, 1e308, "", "x", [], {}, True, "lif1", [1], 65536, 0.5]
    if rng.random() < chance:
        return rng.choice(odd)
    if isinstance(value, dict):
        kept = {k: v for k, v in value.items() if rng.random() > 0.005}
        return {k: values_changed(v, rng, chance) for k, v in kept.items()}
    if isinstance(value, list):
        return [values_changed(v, rng, chance) for v in value]
    return value


def tensors_changed(data, rng):
    """Return a safetensors file whose graph (the JSON in its header) is changed."""
    (size,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + size])
    mark = json.loads(header["__metadata__"]["eideploy"])
    mark["content"] = values_changed(mark["content"], rng, 0.01)
    header["__metadata__"]["eideploy"] = json.dumps(mark)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + size :]


def numbers_changed(data, rng):
    """Return a safetensors file with some of its numbers changed."""
    data = bytearray(data)
    (size,) = struct.unpack("<Q", data[:8])
    for _ in range(rng.choice((1, 30))):
        place = rng.randrange(8 + size, len(data))
        data[place] = rng.randrange(256)
    return bytes(data)


def json_changed(data, rng):
    return json.dumps(values_changed(json.loads(data), rng)).encode()


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("manifest.json", bytes_changed),
        ("manifest.json", json_changed),
        ("circuit.safetensors", bytes_changed),
        ("circuit.safetensors", tensors_changed),
        ("integer.safetensors", bytes_changed),
        ("integer.safetensors", tensors_changed),
        ("integer.safetensors", numbers_changed),
        ("target.toml", bytes_changed),
    ],
)
def test_a_build_changed_at_random_is_read_or_refused_never_fatal(built, samples, file, change):
    folder = built / BUILD
    path = folder / file
    whole, manifest = path.read_bytes(), (folder / "manifest.json").read_bytes()
    samples(1, 1, 8, 8)
    rng = random.Random(f"{file} {change.__name__}")
    errors = []
    for _ in range(ROUNDS):
        (folder / "manifest.json").write_bytes(manifest)
        path.write_bytes(change(whole, rng))
        if file != "manifest.json":
            rehash(folder)
        try:
            simulate(Request(folder=folder, input=built / "x.npy"))
        except EideployError as error:
            errors.append(error)
    assert errors
    assert all(error.what and error.where and error.fix for error in errors)

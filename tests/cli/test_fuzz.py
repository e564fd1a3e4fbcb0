"""Files changed at random, their hashes made to match: only stated errors come out."""

import random

import pytest

from eideploy.errors import EideployError
from eideploy.flow.requests.simulate import Simulate
from eideploy.flow.simulate import simulate
from tests.cli.support import BUILD, rehash
from tests.fuzz.mutations import json_changed, mixed_up
from tests.fuzz.tensors import content_changed, numbers_changed

ROUNDS = 60


@pytest.mark.parametrize(
    ("file", "change"),
    [
        ("manifest.json", mixed_up),
        ("manifest.json", json_changed),
        ("circuit.safetensors", mixed_up),
        ("circuit.safetensors", content_changed),
        ("integer.safetensors", mixed_up),
        ("integer.safetensors", content_changed),
        ("integer.safetensors", numbers_changed),
        ("target.toml", mixed_up),
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
            simulate(Simulate(folder, input=built / "x.npy"))
        except EideployError as error:
            errors.append(error)
    assert errors
    assert all(error.what and error.where and error.fix for error in errors)

"""The bits of a training: the same on every processor with AVX2, and told apart where not."""

from functools import cache

import numpy as np
import pytest
import torch

from eideploy import native
from eideploy.model.conditions import added, differences
from eideploy.nn import compiled
from tests.helpers.processors import PROCESSORS, on, python

TESTED = {"torch": "2.13.0", "numpy": "2.4.6"}  # that the digests below were recorded with
PLAIN, FUSED = "b98c6e7fa9a7e1a0", "704970ef90409b8f"
STEPS = "234df078f40ded14"  # of the weights of digits-conv after three batches
PROBE = """
from eideploy.portable import pin
{pin}
import numpy, torch
from eideploy.model.conditions import arithmetic
from eideploy.model.device import reproducible
with reproducible(1):
    print(arithmetic(fused={fused}))
"""
TRAIN = """
import hashlib, pathlib, sys, tempfile
from eideploy import cli
from eideploy.files import read_tensors
with tempfile.TemporaryDirectory() as folder:
    run = pathlib.Path(folder, "run")
    assert not cli.main(["train", "--out", str(run), "--set", "training.max_iterations=3"])
    kind = "training checkpoint"
    arrays, _ = read_tensors(run / "checkpoint.safetensors", kind=kind, version=2)
text = b"".join(arrays[name].tobytes() for name in sorted(arrays))
print(hashlib.sha256(text).hexdigest()[:16])
"""
has_avx2 = pytest.mark.skipif(
    not {"avx2", "fma"} <= set(native.processor()), reason="needs a processor with AVX2"
)
as_tested = pytest.mark.skipif(
    (torch.__version__.partition("+")[0], np.__version__) != tuple(TESTED.values()),
    reason=f"recorded with {TESTED}",
)
needs_compiler = pytest.mark.skipif(compiled.compiler() is None, reason="needs a C++ compiler")


def probe(*, pinned=True, fused=False):
    return PROBE.format(pin="pin()" if pinned else "", fused=fused)


def told(done):
    assert done.returncode == 0, done.stderr
    return done.stdout.split()[-1]


@cache
def here(code):
    """Return what a fresh Python says last on this processor."""
    return told(python(code))


@has_avx2
@as_tested
@pytest.mark.parametrize(
    ("fused", "digest"), [(False, PLAIN), pytest.param(True, FUSED, marks=needs_compiler)]
)
def test_a_training_step_has_the_recorded_bits(fused, digest):
    assert here(probe(fused=fused)) == digest


@has_avx2
@as_tested
def test_the_command_trains_to_the_recorded_bits():
    assert here(TRAIN) == STEPS


@pytest.mark.parametrize("processor", PROCESSORS)
def test_other_processors_give_the_same_bits(processor, tmp_path):
    there = on(processor, probe() + TRAIN, tmp_path).split()
    assert (there[0], there[-1]) == (here(probe()), here(TRAIN))


@needs_compiler
def test_the_compiled_kernel_gives_the_same_bits_on_another_makers_processor(tmp_path):
    expected = here(probe(fused=True))  # compiles it, too
    assert on("zen2", probe(fused=True), tmp_path).split()[-1] == expected


def test_without_the_pins_the_digest_tells_processors_apart(tmp_path):
    found = {on(p, probe(pinned=False), tmp_path).split()[-1] for p in ("haswell", "zen2")}
    assert len(found) == 2


@has_avx2
@pytest.mark.parametrize(
    "changed", [{"ATEN_CPU_CAPABILITY": "default"}, {"ONEDNN_MAX_CPU_ISA": "SSE41"}]
)
def test_the_digest_sees_what_a_library_was_told(changed):
    assert told(python(probe(), **changed)) != here(probe())


def test_what_differs_is_told_with_what_it_was():
    before = {"torch": "2.13.0", "threads": "1"}
    assert differences(before, before) == ""
    told = differences(before, {"torch": "2.13.0", "threads": "2", "kernel": "plain"})
    assert told == "threads 2, was 1; kernel plain, was unknown"


def test_conditions_are_kept_once_for_every_change():
    one, two = {"threads": "1"}, {"threads": "2"}
    assert added((), one) == (one,)
    assert added((one,), one) == (one,)
    assert added(added((one,), two), one) == (one, two, one)

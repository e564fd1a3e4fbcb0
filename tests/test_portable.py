"""What is set so that libraries compute alike on every processor with AVX2."""

import os
import sys

import pytest

from eideploy import portable

MODERN = ("sse2", "avx", "avx2", "fma")


@pytest.fixture
def fresh(monkeypatch):
    """Return a function that pins on a processor, numpy and torch not loaded; gives what is set."""
    for name in (*portable.TORCH, portable.NUMPY):
        monkeypatch.setenv(name, "")  # restored to what it was, even where pin sets it
        monkeypatch.delenv(name)
    for package in ("numpy", "torch"):
        monkeypatch.delitem(sys.modules, package, raising=False)

    def pinned(*has):
        monkeypatch.setattr(portable, "processor", lambda: has)
        portable.pin()
        return {n: os.environ[n] for n in (*portable.TORCH, portable.NUMPY) if n in os.environ}

    return pinned


def test_a_processor_with_avx2_is_asked_for_avx2(fresh):
    assert fresh(*MODERN) == portable.TORCH


def test_one_with_wider_vectors_does_not_use_them(fresh):
    found = fresh(*MODERN, "avx512f")
    assert found[portable.NUMPY] == "X86_V4"
    assert found.items() > portable.TORCH.items()


def test_one_without_avx2_is_left_alone(fresh):
    assert fresh("sse2", "avx") == {}


def test_what_is_set_stays(fresh, monkeypatch):
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx512")
    assert fresh(*MODERN)["ATEN_CPU_CAPABILITY"] == "avx512"


def test_a_library_that_is_loaded_is_not_pinned(fresh, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", object())
    assert set(fresh(*MODERN, "avx512f")) == {portable.NUMPY}

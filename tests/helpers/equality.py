"""Whether two frozen objects are the same throughout."""

from dataclasses import fields, is_dataclass

import numpy as np


def assert_same(one, two):
    """Compare values field by field, types included."""
    assert type(one) is type(two)
    if isinstance(one, np.ndarray):
        assert one.dtype == two.dtype
        np.testing.assert_array_equal(one, two)
    elif isinstance(one, tuple):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_same(a, b)
    elif isinstance(one, dict):
        assert_same(tuple(one.items()), tuple(two.items()))
    elif is_dataclass(one):
        for field in fields(one):
            assert_same(getattr(one, field.name), getattr(two, field.name))
    else:
        assert one == two

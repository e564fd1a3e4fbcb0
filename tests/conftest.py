"""What all tests share: properties are tried on the same examples in every run."""

import os

import pytest
from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("fixed")


def pytest_configure():
    """Refuse to skip the compiled kernel's tests where everything must run."""
    if os.environ.get("CI"):
        from eideploy.model.compiled import compiler

        if compiler() is None:
            raise pytest.UsageError("CI without a C++ compiler: the kernel's tests would not run")

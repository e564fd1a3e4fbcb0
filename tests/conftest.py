"""What all tests share: properties are tried on the same examples in every run."""

import os
import sys
from contextlib import nullcontext

import pytest
from hypothesis import settings

import tests.helpers.pinned  # noqa: F401 - before numpy and torch
from eideploy import cli
from tests.cli.support import TINY
from tests.helpers.chromium import PROGRAM
from tests.helpers.once import common, made_once
from tests.helpers.sparing import drawing_once, examples_traced_at_first

# Tests start hundreds of processes; each would compile every module anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

settings.register_profile("fixed", derandomize=True, deadline=None, database=None, max_examples=50)
settings.load_profile("fixed")


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """Return a folder with runs/digits-conv-1 and a build of it, to be copied."""

    def make(place):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            assert cli.main(["train", *TINY]) == 0
            assert cli.main(["compile"]) == 0

    return made_once(tmp_path_factory, "finished", make)


@pytest.fixture(autouse=True, scope="session")
def _charts(tmp_path_factory):
    """Draw equal charts of reports once: most reports of the tests are of the same networks."""
    from eideploy.report import html

    folder = common(tmp_path_factory) / "charts"
    folder.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(html, "drawn", drawing_once(html.drawn, folder))
        yield


@pytest.fixture(autouse=True)
def _examples(request):
    """Let coverage follow the first examples of a property alone."""
    test = getattr(request, "function", None)
    with examples_traced_at_first(test) if hasattr(test, "hypothesis") else nullcontext():
        yield


@pytest.fixture(autouse=True)
def _tools(request):
    """Skip a test without the program that it runs; where EIDEPLOY_REQUIRE_... is set, fail."""
    from eideploy.backends.digital.rtl import tools

    rtl, shells = "EIDEPLOY_REQUIRE_RTL", "EIDEPLOY_REQUIRE_SHELLS"
    needs = {
        "rtl": (tools.VERILATE, rtl),
        "rtl_full": (tools.VERILATE, rtl),
        "icarus": (tools.ICARUS, rtl),
        "yosys": (("yosys", "make"), rtl),
        "netlist": (("yosys", *tools.ICARUS), rtl),
        "zsh": (("zsh",), shells),
        "fish": (("fish",), shells),
    }
    if request.node.get_closest_marker("chromium") and PROGRAM is None:
        _lacking("chromium not installed", "EIDEPLOY_REQUIRE_CHROMIUM")
    for marker, (programs, required) in needs.items():
        if request.node.get_closest_marker(marker) and (lack := tools.missing(programs)):
            _lacking(f"{', '.join(lack)} not installed", required)


def _lacking(said, required):
    if os.environ.get(required) == "1":
        pytest.fail(said)
    pytest.skip(said)


def pytest_configure():
    """Refuse to skip the compiled kernel's tests where everything must run."""
    if os.environ.get("CI"):
        from eideploy.nn.compiled import compiler

        if compiler() is None:
            raise pytest.UsageError("CI without a C++ compiler: the kernel's tests would not run")

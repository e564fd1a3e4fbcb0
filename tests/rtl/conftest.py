"""Without the simulator that it needs a test of the RTL is skipped, or fails where asked to."""

import os

import pytest

from eideploy.rtl import tools

NEEDS = {"rtl": tools.VERILATE, "rtl_full": tools.VERILATE, "icarus": tools.ICARUS}


@pytest.fixture(autouse=True)
def _tools(request):
    for marker, needed in NEEDS.items():
        if request.node.get_closest_marker(marker) and (lack := tools.missing(needed)):
            said = f"{', '.join(lack)} not installed"
            if os.environ.get("EIDEPLOY_REQUIRE_RTL") == "1":
                pytest.fail(said)
            pytest.skip(said)

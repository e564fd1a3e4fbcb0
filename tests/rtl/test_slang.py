"""The SystemVerilog in slang, which parses and elaborates it as IEEE 1800 says."""

import pytest

from eideploy import shipped
from eideploy.backends.digital.bundle import sources, take, write_core
from tests.rtl.support import ALL, shape

slang = pytest.importorskip("pyslang")
CORES = {
    "table": shape("lut"),
    "iterative": shape("exact"),
    "two shifts": shape("shift2"),
    "general neurons": shape("none", general=ALL),
    "of another name": shape("lut", module="left"),
    "everything for speed": shape("lut", beside=2, pipelined=True, static=True),
}


def faults(folder, core):
    """Return how many errors and warnings slang has of a core, on a board."""
    module = core.target.core.module
    driver = slang.driver.Driver()
    driver.addStandardArgs()
    rtl = sources(folder / "rtl")
    take(shipped.folder("targets") / "digital/board", folder / "board", module)
    board = sorted((folder / "board").glob("*.sv"))
    # Which casts change nothing depends on the widths of a core.
    options = f"-Wextra -Wno-useless-cast --top {module}_board"
    assert driver.parseCommandLine(f"slang {options} {' '.join(map(str, rtl + board))}")
    assert driver.processOptions()
    assert driver.parseAllSources()
    driver.reportCompilation(driver.createCompilation(), quiet=True)
    return driver.diagEngine.numErrors, driver.diagEngine.numWarnings


@pytest.mark.parametrize("name", CORES)
def test_slang_finds_no_fault_in_a_core(name, tmp_path):
    write_core(CORES[name], tmp_path)
    assert faults(tmp_path, CORES[name]) == (0, 0)


def test_slang_finds_a_fault(tmp_path):
    write_core(CORES["table"], tmp_path)
    path = tmp_path / "rtl/eideploy_core.sv"
    path.write_text(path.read_text().replace("STAGE_IS_READOUT", "STAGE_IS_ABSENT"))
    assert faults(tmp_path, CORES["table"])[0] > 0

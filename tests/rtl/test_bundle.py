"""The folder that the backend writes: complete, runnable by itself, refused where it cannot be."""

import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from eideploy.backends.digital.bundle import write_bundle
from eideploy.backends.digital.core.state_machine import StateMachine
from eideploy.backends.digital.parameters import require_offered, shape_of
from eideploy.backends.digital.rtl import build, tools
from eideploy.backends.digital.rtl.bench import Manner, run_bundle
from eideploy.backends.digital.rtl.compare import differences
from eideploy.divisions import lut
from eideploy.errors import CapacityError, DataError, FormatError, UsageError
from tests.rtl.directed import DIRECTED, every_mantissa, windows
from tests.rtl.support import compared, placed, shape, simulated

CORE = shape("lut", lanes=4, update_lanes=2)


@pytest.fixture
def bundle(tmp_path):
    """Return a bundle and its program."""
    program = placed(windows("lut")[0], CORE)
    write_bundle(program, tmp_path, shape=CORE)
    return tmp_path, program


def test_a_program_fits_the_core_that_is_written_for_it():
    program = placed(every_mantissa("lut")[0], CORE)
    core = shape_of(program)
    assert (core.method, core.table_bits, core.entry_bits) == ("lut", 8, lut(8, 8).fraction_bits)


@pytest.mark.parametrize(
    ("part", "change", "what"),
    [
        ("core", {"lanes": 12, "update_lanes": 1}, "core.lanes = 12 is not a power of two"),
        ("core", {"lanes": 1, "update_lanes": 1}, "core.lanes = 1 is not in 2..128"),
        ("core", {"lanes": 256, "update_lanes": 1}, "core.lanes = 256 is not in 2..128"),
        ("latency", {"accumulate": 6}, "latency.accumulate = 6, the pipeline takes 7"),
    ],
)
def test_a_core_that_the_systemverilog_cannot_be_is_refused(part, change, what):
    target = replace(CORE.target, **{part: replace(getattr(CORE.target, part), **change)})
    with pytest.raises(CapacityError, match=what):
        require_offered(replace(CORE, target=target))


def test_a_tool_that_is_missing_is_named_with_the_package_that_holds_it(monkeypatch, bundle):
    monkeypatch.setattr(tools.shutil, "which", lambda tool: None if tool == "verilator" else tool)
    with pytest.raises(UsageError, match="verilator not installed") as caught:
        build.testbench(bundle[0])
    assert caught.value.fix == "apt install verilator"


@pytest.mark.rtl
def test_directed_networks_are_equal(tmp_path):
    for make in DIRECTED:
        circuit, x = make("lut")
        found, trace, _ = compared(placed(circuit, CORE), CORE, tmp_path, x)
        assert found.total == 0, (make.__name__, found)
        assert sum(int(count.sum()) for count in trace.waits.values()) == 0


@pytest.mark.rtl
def test_the_state_machine_says_what_the_core_does(bundle):
    folder, program = bundle
    x = windows("lut")[1][:1]
    core, model = run_bundle(program, folder, x), StateMachine(program).run(x[0])
    for name, membranes in model.membranes.items():
        np.testing.assert_array_equal(core.membranes[name][:, 0], membranes)
    np.testing.assert_array_equal(core.totals[0], model.totals)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param("run", marks=pytest.mark.rtl),
        pytest.param("iverilog", marks=pytest.mark.icarus),
    ],
)
def test_a_bundle_runs_by_its_own_makefile_in_any_folder(bundle, tmp_path, make):
    """Words that came with it go through, whatever its path and that of temporary files is."""
    folder, program = bundle
    there = shutil.copytree(folder, tmp_path / "it's a $place, #1")
    (tmp_path / "for now").mkdir()
    environment = {**os.environ, "TMPDIR": str(tmp_path / "for now")}
    said = subprocess.run(
        ["make", make], cwd=there, env=environment, capture_output=True, text=True, check=True
    )
    assert "sample 1" in said.stdout
    logits = (there / "trace/logits.hex").read_text().splitlines()
    assert len(logits) == program.stages[-1].n_e
    if make == "run":  # it is not made again
        again = subprocess.run(["make"], cwd=there, capture_output=True, text=True, check=True)
        assert "verilator" not in again.stdout.replace("+verilator", "")


@pytest.mark.rtl
def test_the_simulator_is_built_once_and_anew_after_any_change(bundle):
    folder, _ = bundle
    made = build.testbench(folder)
    assert build.testbench(folder) == made
    path = folder / "tb/testbench.cpp"
    path.write_text(path.read_text() + "\n")
    assert build._fingerprint(folder) not in str(made)


@pytest.mark.rtl
def test_a_core_that_does_not_compile_is_said_so(bundle):
    folder, _ = bundle
    path = folder / "rtl/eideploy_scale.sv"
    path.write_text(path.read_text().replace("endmodule", "endmodul"))
    with pytest.raises(
        DataError, match=r"the core cannot be built: %Error: rtl/eideploy_scale\.sv"
    ):
        build.testbench(folder)


@pytest.mark.rtl_full
def test_registers_start_from_random_values(bundle):
    """A pipeline that reset forgets shows, for some seed: the seed reaches the simulator."""
    folder, program = bundle
    path = folder / "rtl/eideploy_update.sv"
    path.write_text(path.read_text().replace("valids <= reset ? '0 : {", "valids <= {"))
    x = windows("lut")[1]
    expected = simulated(program.circuit, x)
    found = [run_bundle(program, folder, x, manner=Manner(seed=seed)) for seed in range(1, 33)]
    differing = [differences(program, trace, expected).total > 0 for trace in found]
    assert any(differing)
    assert not all(differing)


@pytest.mark.rtl
def test_a_trace_with_rows_missing_is_refused(bundle):
    folder, program = bundle

    def run(_bundle, _words, trace, _options, _on_line):
        for name in ("cycles.txt", "spikes.hex", "membranes.hex", "logits.hex"):
            (trace / name).write_text("")

    with pytest.raises(FormatError, match="0 rows were written"):
        run_bundle(program, folder, windows("lut")[1], run=run)


@pytest.mark.rtl
@pytest.mark.parametrize("method", ["lut", "exact", "shift", "shift2"])
def test_lint_is_clean(method, tmp_path):
    core = shape(method, lanes=8, update_lanes=2)
    write_bundle(placed(every_mantissa(method)[0], core), tmp_path, shape=core)
    subprocess.run(["make", "lint"], cwd=tmp_path, check=True, capture_output=True)

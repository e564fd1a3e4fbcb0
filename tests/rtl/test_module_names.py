"""Cores of two networks in one design: modules, packages and files have names of their own."""

import re
import subprocess
from functools import partial

import pytest

from eideploy.backends.digital.bundle import sources, write_bundle
from eideploy.backends.digital.rtl.bench import in_icarus, run_bundle, stimulus
from eideploy.backends.digital.rtl.compare import differences
from eideploy.backends.digital.rtl.trace import read_trace
from tests.rtl.directed import every_mantissa, windows
from tests.rtl.support import placed, simulated, tight

NETWORKS = {"left": every_mantissa, "right2": windows}
MODULE = re.compile(r"^\s*(?:module|package) (\w+)", re.MULTILINE)
PAIR = """module pair;
  left_testbench left ();
  right2_testbench right2 ();
  initial begin
    wait (left.ended && right2.ended);
    $finish;
  end
endmodule
"""


def named(name, method="lut"):
    """Return a network's program on its least core, whose modules begin with `name`; samples."""
    circuit, x = NETWORKS[name](method)
    core = tight(circuit, method, lanes=4, update_lanes=2, module=name)
    return placed(circuit, core), core, x


def written(folder):
    """Write both bundles; return program and samples of each."""
    runs = {}
    for name in NETWORKS:
        program, core, x = named(name)
        write_bundle(program, folder / name, shape=core)
        runs[name] = program, x
    return runs


def own_testbench(folder, name):
    """Let a testbench stand beside another: under a name, with files of its own, without an end."""
    path = folder / name / "tb/testbench.sv"
    text = path.read_text().replace(
        "module testbench;", f"module {name}_testbench;\n  reg ended = 0;"
    )
    text = re.sub(r'plusargs\("(images|words|trace)=', rf'plusargs("{name}_\1=', text)
    head, _, tail = text.rpartition("$finish;")
    path.write_text(f"{head}ended = 1;{tail}")
    return path


def given(folder, name, program, x):
    """Write the words of a network; return the options of its testbench."""
    place = folder / name
    (place / "trace").mkdir()
    (place / "given.txt").write_text(stimulus(program, x))
    places = {"images": "images", "words": "given.txt", "trace": "trace"}
    return [f"+{name}_{kind}={place / path}" for kind, path in places.items()]


def test_every_name_begins_with_that_of_the_core(tmp_path):
    written(tmp_path)
    for name in NETWORKS:
        paths = sources(tmp_path / name / "rtl")
        modules = [one for path in paths for one in MODULE.findall(path.read_text())]
        assert [path.stem for path in paths] == modules
        assert {one.partition("_")[0] for one in modules} == {name}
        for path in (tmp_path / name).rglob("*.*"):
            assert "eideploy_" not in path.read_text(), path


@pytest.mark.icarus
@pytest.mark.no_cover
def test_a_core_with_a_name_runs_by_its_own_makefile(tmp_path):
    program, core, x = named("right2")
    write_bundle(program, tmp_path, shape=core)
    found = run_bundle(program, tmp_path, x, run=in_icarus)
    assert differences(program, found, simulated(program.circuit, x)).total == 0


@pytest.mark.icarus
@pytest.mark.no_cover
def test_cores_of_two_networks_run_in_one_design(tmp_path):
    runs = written(tmp_path)
    paths = [path for name in runs for path in sources(tmp_path / name / "rtl")]
    benches = [own_testbench(tmp_path, name) for name in runs]
    (tmp_path / "pair.sv").write_text(PAIR)
    run = partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True)
    run(["iverilog", "-g2012", "-s", "pair", "-o", "pair.vvp", *paths, *benches, "pair.sv"])
    options = [one for name, (net, x) in runs.items() for one in given(tmp_path, name, net, x)]
    run(["vvp", "pair.vvp", *options])
    for name, (program, x) in runs.items():
        found = read_trace(program, tmp_path / name / "trace", samples=len(x))
        assert differences(program, found, simulated(program.circuit, x)).total == 0

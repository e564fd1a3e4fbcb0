"""Gates that yosys makes of a small core do what its SystemVerilog and the simulator do."""

import subprocess

import numpy as np
import pytest

from eideploy.backends.digital.bundle import CORE, sources, write_bundle
from eideploy.backends.digital.rtl.bench import in_icarus, run_bundle
from eideploy.backends.digital.rtl.compare import differences
from eideploy.circuit import Division
from eideploy.divisions import shift
from tests.helpers.layers import circuit, lif, linear, readout, source
from tests.rtl.support import placed, simulated, tight

GATES = f"synth -flatten -top {CORE}; check -assert; write_verilog -noattr netlist.v"


def small():
    """Return a network of four neurons and an inhibitory one, in few bits."""
    layer = linear(
        "one", "input", [[3, 0, 2, 0], [0, 2, 0, 0], [0, 2, 1, 2], [3, 2, 2, 2]],
        [[1, 0, 1, 0]], [[0], [2], [1], [3]], fraction=2, bias=1, current_bits=6,
        division=Division(divider=shift(), zero_policy="floor"),
    )  # fmt: skip
    return circuit(
        source((4,), top=3),
        layer,
        lif("lif", "one", 4, threshold=2, membrane_bits=8),
        readout("lif", [[1, 0, 3, 2], [2, 3, 0, 1]], [[1, 0, 1, 1]], [[1], [2]]),
        steps=2,
    )


@pytest.mark.netlist
@pytest.mark.parametrize("faster", [{}, {"beside": 1, "pipelined": True}], ids=["", "faster"])
def test_gates_compute_what_the_core_does(faster, tmp_path):
    core = tight(small(), "shift", lanes=2, update_lanes=1, **faster)
    program = placed(small(), core)
    write_bundle(program, tmp_path, shape=core)
    rtl = sources(tmp_path / "rtl")
    script = f"read_verilog -sv {' '.join(f'rtl/{path.name}' for path in rtl)}; {GATES}"
    subprocess.run(["yosys", "-q", "-p", script], cwd=tmp_path, check=True, capture_output=True)
    for path in rtl[1:]:
        path.unlink()
    (tmp_path / "netlist.v").rename(tmp_path / "rtl/netlist.sv")
    x = np.array([[3, 1, 0, 2], [0, 3, 2, 1], [1, 0, 3, 0]], float)
    expected = simulated(small(), x)
    assert 0 < expected.spikes["lif"].sum() < expected.spikes["lif"].size
    assert (
        differences(program, run_bundle(program, tmp_path, x, run=in_icarus), expected).total == 0
    )

"""What a tool means by the NIR files that it writes, where the files do not say it.

Read from the tools' own code, in the versions named, and compared with what they compute
(tests/nir/test_tools.py). docs/nir.md shows this table.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Leak = Literal["euler", "exponential"]
Gain = Literal["r", "one", "mean"]
SynapseGain = Literal["w_in", "one", "decay"]
Fires = Literal["above", "reached"]
Resets = Literal["subtract", "reset", "none"]
Late = Literal["no", "reset", "spike"]
Floor = Literal["none", "threshold"]
Readout = Literal["output", "mean", "last", "max"]
Tool = Literal["nir", "snntorch", "spikingjelly", "norse", "sinabs", "rockpool", "spyx", "lava-dl"]
TOOLS: tuple[Tool, ...] = get_args(Tool)


@dataclass(frozen=True, kw_only=True)
class Convention:
    """How the neurons of a file compute, of which a NIR file says little.

    version  of the tool whose code was read
    dt       seconds in a step, as tau is written, where neither the file nor the user says it
    leak     what a step keeps of a membrane: "euler", 1 - dt / tau; "exponential", exp(-dt / tau)
    gain     of a membrane's input: "r", r dt / tau (r dt without a leak), as NIR's equation has it;
             "one"; "mean", what the leak takes, 1 - what it keeps
    synapse  likewise of a synaptic filter's input: "w_in", w_in dt / tau_syn; "one"; "decay", what
             the filter keeps
    fires    "above" the threshold, or where it is "reached"
    reset    "subtract" the threshold, "reset" to v_reset, or "none"
    late     "no"; "reset": the reset follows one step late, behind leak and input; "spike": spikes
             are put out one step late, too
    spikes   most of them in a step
    floor    of the membrane: "none", or minus the "threshold"
    rests    whether a membrane starts at v_reset, not at zero
    readout  "output": the mean over time of what the last node puts out; else the "mean", the
             "last" or the largest ("max") membrane of the last neurons, which nothing resets then
    """

    version: str
    dt: float = 1e-4
    leak: Leak = "euler"
    gain: Gain = "r"
    synapse: SynapseGain = "w_in"
    fires: Fires = "above"
    reset: Resets = "reset"
    late: Late = "no"
    spikes: int = 1
    floor: Floor = "none"
    rests: bool = False
    readout: Readout = "output"


MOST = 255  # spikes in a step that the neurons of a circuit can have
CONVENTIONS: Mapping[Tool, Convention] = {
    "nir": Convention(version="1.0.8"),
    "snntorch": Convention(version="1.0.0", reset="subtract", late="reset"),
    "spikingjelly": Convention(version="2.0.0", fires="reached", rests=True),
    "norse": Convention(version="1.1.0", dt=1e-3, synapse="one"),
    "sinabs": Convention(
        version="3.1.3",
        dt=1.0,
        leak="exponential",
        gain="mean",
        fires="reached",
        reset="subtract",
        spikes=MOST,
        floor="threshold",
    ),
    "rockpool": Convention(
        version="3.1.0",
        dt=1e-3,
        leak="exponential",
        gain="one",
        synapse="decay",
        fires="reached",
        reset="subtract",
        spikes=MOST,
    ),
    "spyx": Convention(
        version="1.0.0", dt=1.0, gain="one", synapse="one", reset="subtract", late="spike"
    ),
    "lava-dl": Convention(version="0.6.0", fires="reached"),
}

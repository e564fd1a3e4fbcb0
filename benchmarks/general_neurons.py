"""Synthesise the core's neuron with each feature of general neurons, and its scanner of events.

    python benchmarks/general_neurons.py

Needs yosys; takes about three minutes. The tables of docs/digital_core.md are its output.
"""

import sys

from eideploy.backends.digital.parameters import Edges, General, Shape
from eideploy.backends.digital.rtl.synthesis import KINDS, synthesise
from eideploy.backends.digital.rtl.tools import require, version
from eideploy.errors import EideployError
from eideploy.target import load_target

ROWS = {
    "LIF neurons alone": None,
    "leaks by shifts or none at all, a neuron each": General(),
    "leaks by factors of 12 bits": General(leak_bits=12),
    "... and a filter of 12 bits": General(leak_bits=12, synapse_bits=12),
    "... and late resets and spikes": General(leak_bits=12, late=True),
    "... and firing above the threshold": General(leak_bits=12, above=True),
    "... and no reset": General(leak_bits=12, keeps=True),
    "... and a v_reset": General(leak_bits=12, rest=True),
    "... and a v_min": General(leak_bits=12, lowest=True),
    "... and up to 3 spikes a step": General(leak_bits=12, spike_bits=2),
    "... and up to 255 spikes a step": General(leak_bits=12, spike_bits=8),
    "all of these": General(
        leak_bits=12,
        synapse_bits=12,
        late=True,
        above=True,
        keeps=True,
        rest=True,
        lowest=True,
        spike_bits=8,
    ),
    "all but several spikes": General(
        leak_bits=12,
        synapse_bits=12,
        late=True,
        above=True,
        keeps=True,
        rest=True,
        lowest=True,
    ),
}

SCANNERS = {
    "feed-forward, one spike a step": {},
    "late edges to the stage itself or back": {"edges": Edges(late=True)},
    "... and ahead": {"edges": Edges(late=True, banks=True)},
    "up to 3 spikes a step": {"general": General(spike_bits=2)},
    "up to 255 spikes a step": {"general": General(spike_bits=8)},
}


def main() -> None:
    """Print the tables."""
    require(("yosys",), where="benchmarks/general_neurons.py")
    print(version("yosys"))
    kinds = [kind for kind in KINDS if kind != "block_memories"]
    heads = ["neuron", *(kind.replace("_", " ") for kind in kinds), "depth", "parameter bits"]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    target = load_target("digital")
    for name, general in ROWS.items():
        shape = Shape(target=target, method="none", table_bits=1, entry_bits=1, general=general)
        cells = synthesise(shape, top="neuron")
        bits = sum(shape.own_fields().values())
        counts = [*(cells.kinds[kind] for kind in kinds), cells.depth, bits]
        print(f"| {name} | {' | '.join(map(str, counts))} |", flush=True)
    heads = ["event scanner", *heads[1:-1]]
    print(f"\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name, parts in SCANNERS.items():
        shape = Shape(target=target, method="none", table_bits=1, entry_bits=1, **parts)
        cells = synthesise(shape, top="event_scanner")
        counts = [*(cells.kinds[kind] for kind in kinds), cells.depth]
        print(f"| {name} | {' | '.join(map(str, counts))} |", flush=True)


if __name__ == "__main__":
    try:
        main()
    except EideployError as error:
        sys.exit(f"error: {error}")

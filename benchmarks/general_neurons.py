"""Synthesise the core's neuron with each feature of general neurons, and its scanner of events.

    python benchmarks/general_neurons.py

Needs yosys; takes about three minutes. The tables of docs/digital_core.md are its output.
"""

import sys
from collections.abc import Iterable
from dataclasses import replace

from eideploy.backends.digital.parameters import Edges, General, Shape
from eideploy.backends.digital.rtl.synthesis import KINDS, synthesise
from eideploy.backends.digital.rtl.tools import require, version
from eideploy.errors import EideployError
from eideploy.target import load_target

FACTORS = General(leak_bits=12)
ONE_SPIKE = General(
    leak_bits=12, synapse_bits=12, late=True, above=True, keeps=True, rest=True, lowest=True
)
ROWS = {
    "LIF neurons alone": None,
    "leaks by shifts or none at all, a neuron each": General(),
    "leaks by factors of 12 bits": FACTORS,
    "... and a filter of 12 bits": replace(FACTORS, synapse_bits=12),
    "... and late resets and spikes": replace(FACTORS, late=True),
    "... and firing above the threshold": replace(FACTORS, above=True),
    "... and no reset": replace(FACTORS, keeps=True),
    "... and a v_reset": replace(FACTORS, rest=True),
    "... and a v_min": replace(FACTORS, lowest=True),
    "... and up to 3 spikes a step": replace(FACTORS, spike_bits=2),
    "... and up to 255 spikes a step": replace(FACTORS, spike_bits=8),
    "all of these": replace(ONE_SPIKE, spike_bits=8),
    "all but several spikes": ONE_SPIKE,
}
PLAIN = Edges()
SCANNERS = {
    "feed-forward, one spike a step": (None, PLAIN),
    "late edges to the stage itself or back": (None, Edges(late=True)),
    "... and ahead": (None, Edges(late=True, banks=True)),
    "up to 3 spikes a step": (General(spike_bits=2), PLAIN),
    "up to 255 spikes a step": (General(spike_bits=8), PLAIN),
}
COUNTED = [kind for kind in KINDS if kind != "block_memories"]


def shaped(general: General | None, edges: Edges = PLAIN) -> Shape:
    """Return the shipped core, without division, for such neurons and connections."""
    target = load_target("digital")
    return Shape(
        target=target, method="none", table_bits=1, entry_bits=1, general=general, edges=edges
    )


def counted(shape: Shape, top: str) -> list[int]:
    """Return the cells of a module by kind, and its depth."""
    cells = synthesise(shape, top=top)
    return [*(cells.kinds[kind] for kind in COUNTED), cells.depth]


def row(cells: Iterable[object]) -> None:
    """Print a row of a table as soon as it is known."""
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def main() -> None:
    """Print the tables."""
    require(("yosys",), where="benchmarks/general_neurons.py")
    print(version("yosys"))
    heads = [*(kind.replace("_", " ") for kind in COUNTED), "depth"]
    row(["neuron", *heads, "parameter bits"])
    print(f"|{'---|' * (len(heads) + 2)}")
    for name, general in ROWS.items():
        shape = shaped(general)
        row([name, *counted(shape, "eideploy_neuron"), sum(shape.own_fields().values())])
    print()
    row(["event scanner", *heads])
    print(f"|{'---|' * (len(heads) + 1)}")
    for name, parts in SCANNERS.items():
        row([name, *counted(shaped(*parts), "event_scanner")])


if __name__ == "__main__":
    try:
        main()
    except EideployError as error:
        sys.exit(f"error: {error}")

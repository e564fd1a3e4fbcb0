"""Synthesise the shipped core with each divider, and its neuron alone; print tables.

    python benchmarks/core_synthesis.py

Needs yosys; takes about ten minutes. The figures of docs/digital_core.md are its output.
"""

import sys

from eideploy.backends.digital.parameters import Shape
from eideploy.backends.digital.rtl.synthesis import KINDS, Cells, synthesise
from eideploy.backends.digital.rtl.tools import require, version
from eideploy.errors import EideployError
from eideploy.target import load_target

DIVIDERS = {"lut": (8, 9), "shift": (1, 1), "shift2": (1, 1), "exact": (1, 1)}


def main() -> None:
    """Print the tables."""
    require(("yosys",), where="benchmarks/core_synthesis.py")
    target = load_target("digital")
    print(version("yosys"))
    for family, top in (
        ("ecp5", "eideploy_core"),
        ("ecp5", "eideploy_neuron"),
        ("ice40", "eideploy_neuron"),
    ):
        print(f"\n{family}, module {top}\n")
        heads = ["divider", *(kind.replace("_", " ") for kind in KINDS), "depth"]
        print(f"| {' | '.join([*heads, 'cycles a neuron'])} |\n|{'---|' * (len(heads) + 1)}")
        for method, (table_bits, entry_bits) in DIVIDERS.items():
            core = Shape(target=target, method=method, table_bits=table_bits, entry_bits=entry_bits)
            print(row(method, synthesise(core, family=family, top=top), core), flush=True)


def row(method: str, cells: Cells, core: Shape) -> str:
    """Return a line of a table."""
    counts = [*cells.kinds.values(), cells.depth, core.target.divider[method].interval]
    return f"| {method} | {' | '.join(str(n) for n in counts)} |"


if __name__ == "__main__":
    try:
        main()
    except EideployError as error:
        sys.exit(f"error: {error}")

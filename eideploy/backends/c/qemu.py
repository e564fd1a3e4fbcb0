"""Runs a network in C on microcontrollers that QEMU emulates, and counts their instructions."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from eideploy import shipped
from eideploy.backends.c import SOURCE, WATCH
from eideploy.backends.c.executor import Running, in_folder_of_its_own, numbers
from eideploy.backends.c.network import Network
from eideploy.circuit import Array
from eideploy.errors import UsageError
from eideploy.execute.integer import run_integer
from eideploy.report.text import counted

TIMEOUT_S = 600
WATCHED = frozenset({"spikes", "membranes"})
QEMU_WATCH = "qemu/watch.c"
QUIET = ("-display", "none", "-serial", "none", "-monitor", "none")
PLACED = re.compile(r"^ (\.\S+)\s+0x[0-9a-f]+\s+(0x[0-9a-f]+) (\S+)$", re.M)


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

    @property
    def missing(self) -> str:
        """What of it is not installed here, "" if nothing."""
        programs = (self.compiler, self.emulator)
        return " and ".join(one for one in programs if shutil.which(one) is None)


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
    board=(
        "-M",
        "virt",
        "-bios",
        "none",
        "-icount",
        "shift=0",
        "-semihosting-config",
        "enable=on,target=native",
    ),
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


# What is linked with every program: a library's part of the compiler, and no start-up of its own.
LINKED = ("-nostartfiles", "-Wl,--no-warn-rwx-segments", "-lgcc")
INPUT, OUTPUT, MAP = "input.bin", "output.bin", "watch.map"


@dataclass(frozen=True, kw_only=True)
class Size:
    """Bytes of a network on a machine, by the linker's map.

    constants  weights, thresholds and tables
    code       of net.c, with what of the compiler's library it calls for 64 bits
    state      one net_state
    stack      that a step takes at most: the sum over the functions of net.c, none of which calls
               itself
    """

    constants: int
    code: int
    state: int
    stack: int


class Emulated(Running):
    """A network in C, compiled for a machine in QEMU.

    instructions  of every sample so far, over all its steps
    """

    behind = 4

    def __init__(
        self, network: Network, folder: Path, machine: Machine, *, optimise: str = "-O2"
    ) -> None:
        _require(machine)
        super().__init__(network, folder, QEMU_WATCH)
        self.machine, self.instructions = machine, list[int]()
        platform = shipped.folder("targets") / "c" / "bundle" / "qemu"
        self.program = folder / "watch.elf"
        common = [machine.compiler, *machine.flags, "-std=gnu99", optimise, "-fstack-usage"]
        common += ["-ffunction-sections", "-fdata-sections", f"-I{folder}", f"-I{platform}"]
        net = folder / "net.o"
        _checked([*common, "-c", str(folder / SOURCE), "-o", str(net)], folder)
        script = platform / f"{machine.platform}.ld"
        sources = [str(folder / WATCH), str(platform / f"{machine.platform}.c"), str(net)]
        linked = ["-T", str(script), f"-Wl,-Map={folder / MAP}", "-o", str(self.program)]
        _checked([*common, *linked, *sources, *LINKED], folder)

    @property
    def size(self) -> Size:
        """What the network takes."""
        placed = _placed((self.folder / MAP).read_text("utf-8"))
        of_net = {name: n for (name, file), n in placed.items() if file.endswith("net.o")}
        library = sum(
            n
            for (name, file), n in placed.items()
            if "libgcc" in file and name.startswith((".text", ".rodata"))
        )
        state = sum(n for (name, file), n in placed.items() if name in (".bss.s", ".sbss.s"))
        return Size(
            constants=sum(n for name, n in of_net.items() if "rodata" in name),
            code=sum(n for name, n in of_net.items() if name.startswith(".text")) + library,
            state=state,
            stack=_stack(self.folder / "net.su"),
        )

    def output(self, levels: bytes, *, still: bool, watch: bool) -> bytes:
        """Return what the program writes of the samples that it reads."""
        (self.folder / INPUT).write_bytes(bytes((still, watch)) + levels)
        emulated = [self.machine.emulator, *self.machine.board, *QUIET]
        _checked([*emulated, "-kernel", str(self.program)], self.folder)
        return (self.folder / OUTPUT).read_bytes()

    def _run(self, samples: Array, *, watch: bool) -> Array:
        raw = super()._run(samples, watch=watch)
        self.instructions += numbers(raw[:, -self.behind :], "uint32_t")[:, 0].tolist()
        return raw


class Differing:
    """Runs samples on a machine, and compares all that the network does with the simulator.

    spikes, membranes, logits  how many differ, of all samples so far
    """

    def __init__(self, network: Network, machine: Machine) -> None:
        self.circuit = network.circuit
        self.emulated = in_folder_of_its_own(lambda folder: Emulated(network, folder, machine))
        self.samples = self.spikes = self.membranes = self.logits = 0

    def __call__(self, samples: Array) -> Array:
        """Return the sums (B, classes)."""
        watched = self.emulated.watched(samples)
        expected = run_integer(self.circuit, samples, keep=WATCHED)
        for what in ("spikes", "membranes"):
            ours, theirs = getattr(watched, what), getattr(expected, what)
            unlike = sum(int((ours[n].swapaxes(0, 1) != theirs[n]).sum()) for n in theirs)
            setattr(self, what, getattr(self, what) + unlike)
        self.logits += int((watched.totals != expected.totals).sum())
        self.samples += len(samples)
        return watched.totals

    @property
    def differing(self) -> int:
        """How much differs in all."""
        return self.spikes + self.membranes + self.logits

    @property
    def content(self) -> dict[str, Any]:
        """What it found, for machines."""
        counts = self.emulated.instructions
        return {
            "machine": self.emulated.machine.name,
            "differences": {
                "spikes": self.spikes, "membranes": self.membranes, "logits": self.logits,
            },
            "instructions": {
                "least": min(counts), "mean": sum(counts) / len(counts), "most": max(counts),
            },
            "bytes": asdict(self.emulated.size),
        }  # fmt: skip

    @property
    def text(self) -> str:
        """What it found, to read."""
        counts, size = self.emulated.instructions, self.emulated.size
        return "\n".join(
            [
                f"{self.emulated.machine.name} in QEMU, {counted(self.samples, 'sample')}: "
                f"{counted(self.spikes, 'spike')}, {counted(self.membranes, 'membrane')}, "
                f"{counted(self.logits, 'logit')} differ",
                f"instructions per inference  {min(counts):,} min, {sum(counts) / len(counts):,.0f}"
                f" mean, {max(counts):,} max",
                f"bytes by the linker's map   {size.constants:,} constants, {size.code:,} code, "
                f"{size.state:,} state; {size.stack:,} of stack at most",
            ]
        )


def machine_for(executor: str, emulated: str = "") -> Machine:
    """Return the machine of an executor: that of a controller's spec where it is of that kind."""
    kinds = [machine for machine in MACHINES.values() if machine.executor == executor]
    usual = next(machine for machine in kinds if machine.name != "cortex-m0")
    return next((machine for machine in kinds if machine.name == emulated), usual)


def version(program: str) -> str:
    """Return what a program says of its version, in its first line."""
    done = subprocess.run(
        [program, "--version"], check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    return next(iter(done.stdout.splitlines()), "").strip()


def _require(machine: Machine) -> None:
    if machine.missing:
        raise UsageError(
            f"{machine.missing} not installed",
            where=f"--executor {machine.executor}",
            fix=f"apt install {machine.packages}",
        )


def _checked(command: Sequence[str], cwd: Path) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        command, cwd=cwd, check=False, capture_output=True, text=True, timeout=TIMEOUT_S
    )
    if done.returncode:
        message = (done.stderr or done.stdout).strip().splitlines()[:1]
        raise UsageError(
            f"{command[0]} fails: {''.join(message) or done.returncode}",
            where=" ".join(command[1:]),
            fix="report this as a bug",
        )
    return done


def _placed(text: str) -> dict[tuple[str, str], int]:
    """Return the bytes of every section of every file that a linker's map places."""
    begin = text.index("Linker script and memory map")
    sizes: dict[tuple[str, str], int] = {}
    for name, size, file in PLACED.findall(text[begin:]):
        sizes[name, file] = sizes.get((name, file), 0) + int(size, 16)
    return sizes


def _stack(usage: Path) -> int:
    """Return the sum over functions of net.c, of which none calls itself: an upper bound."""
    cells = [line.split("\t") for line in usage.read_text("utf-8").splitlines()]
    return sum(int(cell[1]) for cell in cells)

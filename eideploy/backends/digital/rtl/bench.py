"""Run samples through a bundle's core."""

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eideploy.backends.digital.bundle import IMAGES, WORDS
from eideploy.backends.digital.core.scan import port_words
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.rtl import tools
from eideploy.backends.digital.rtl.build import first_complaint, testbench
from eideploy.backends.digital.rtl.trace import RtlTrace, read_trace
from eideploy.circuit import Array
from eideploy.errors import DataError

OnLine = Callable[[str], None]
Run = Callable[[Path, Path, Path, Sequence[str], OnLine], None]  # bundle, words, trace, options


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the ports are driven.

    gap     probability in 1/1000 that a word is not offered in a cycle
    stall   ... that a logit is not taken
    meddle  ... that a busy core is offered a start and a word of configuration, to be ignored
    aborts  inferences that are broken off by a reset, before every other sample
    seed    of all these, and of what stands in registers and memories before reset
    limit   cycles of an inference that count as stuck
    """

    gap: int = 0
    stall: int = 0
    meddle: int = 0
    aborts: int = 0
    seed: int = 1
    limit: int = 1 << 30


PLAIN = Manner()


def run_bundle(
    program: Program,
    bundle: Path,
    samples: Array,
    *,
    manner: Manner = PLAIN,
    run: Run | None = None,
    on_sample: Callable[[], None] = lambda: None,
) -> RtlTrace:
    """Run samples (B, ...) or (B, T, ...) of floats through the core in `bundle`.

    `run` starts a simulator, Verilator by default; `on_sample` is called after every sample.

    Raises:
        UsageError: a tool is not installed.
        DataError: the core cannot be built, or is stuck.
        FormatError: it does not write what the program says.
    """

    def on_line(line: str) -> None:
        if line.startswith("sample "):
            on_sample()

    options = [f"{name}={value}" for name, value in asdict(manner).items()]
    with tempfile.TemporaryDirectory(prefix="eideploy-rtl-") as folder:
        words, trace = Path(folder, WORDS), Path(folder, "trace")
        trace.mkdir()
        words.write_text(stimulus(program, samples), "ascii")
        try:
            (run or in_verilator)(bundle, words, trace, options, on_line)
        except subprocess.CalledProcessError as error:
            raise DataError(
                f"the core's simulator stopped: {first_complaint(error)}",
                where=str(bundle),
                fix="the core or its testbench is at fault: report it",
            ) from error
        return read_trace(program, trace, samples=len(samples))


def stimulus(program: Program, samples: Array) -> str:
    """Return the words of all samples as a testbench reads them."""
    lines = []
    for sample in port_words(program, samples):
        for words in sample:
            lines += [
                f"{y:x} {column:x} {channel:x} {value:x}" for y, column, channel, value in words
            ]
            lines.append(".")
    return "".join(f"{line}\n" for line in lines)


def in_verilator(
    bundle: Path, words: Path, trace: Path, options: Sequence[str], on_line: OnLine
) -> None:
    """Run words in Verilator, from random initial states."""
    seed = next((o.partition("=")[2] for o in options if o.startswith("seed=")), "1")
    tools.run(
        [
            str(testbench(bundle)),
            str(bundle / IMAGES),
            str(words),
            str(trace),
            *options,
            "+verilator+rand+reset+2",
            f"+verilator+seed+{seed}",
        ],
        on_line=on_line,
    )


def in_icarus(
    bundle: Path, words: Path, trace: Path, options: Sequence[str], on_line: OnLine
) -> None:
    """Run words in Icarus Verilog, where what was never written is unknown."""
    tools.require(tools.ICARUS, where="Icarus Verilog")
    given = " ".join(f"+{option}" for option in options)
    tools.run(
        [
            "make",
            "iverilog",
            f"WORDS={words}",
            f"TRACE={trace}",
            f"OBJ={trace}",
            f"OPTIONS={given}",
        ],
        folder=bundle,
        on_line=on_line,
    )

"""What a testbench wrote down, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eideploy.backends.digital.program import Program, Stage, spike_bits_of
from eideploy.circuit import Array
from eideploy.errors import FormatError
from eideploy.numeric.fixed import Int

PHASES = ("setup", "accumulate", "inhibit", "minimum", "update", "output")
_NIBBLES = np.full(256, 255, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)


@dataclass(frozen=True, kw_only=True, eq=False)
class RtlTrace:
    """What the core did with B samples in T steps.

    spikes, membranes  by LIF node, (T, B, n_E, height, width)
    totals             (B, classes)
    phases             by stage and phase, cycles (T, B); `waits` cycles of a stage for a port
    in_order           every row was written once, in the order of its addresses
    """

    spikes: Mapping[str, Array]
    membranes: Mapping[str, Int]
    totals: Int
    phases: Mapping[str, Mapping[str, Int]]
    waits: Mapping[str, Int]
    in_order: bool


def read_trace(program: Program, folder: Path, *, samples: int) -> RtlTrace:
    """Read the files that a testbench wrote into `folder`.

    Raises:
        FormatError: more or fewer rows than the program writes, or bits that are unknown.
    """
    core, widths = program.target.core, program.target.widths
    steps = program.circuit.steps
    hidden = [stage for stage in program.stages if not stage.is_readout]
    row_counts = [stage.positions * stage.groups_e for stage in hidden]
    word_counts = [stage.positions * -(-stage.n_e // core.update_lanes) for stage in hidden]
    spike_bits = spike_bits_of(program.circuit)
    row_bits = core.lanes * spike_bits
    rows = _rows(folder / "spikes.hex", row_bits, sum(row_counts) * steps * samples)
    words = _rows(
        folder / "membranes.hex",
        core.update_lanes * widths.membrane,
        sum(word_counts) * steps * samples,
    )
    readout = program.stages[-1]
    logits = _rows(folder / "logits.hex", widths.accumulator, readout.n_e * samples)
    by_run = (samples, steps)
    spikes, membranes, in_order = {}, {}, True
    at_row = at_word = 0
    addresses, bits = (part.reshape(*by_run, sum(row_counts), -1) for part in rows)
    word_addresses, word_bits = (part.reshape(*by_run, sum(word_counts), -1) for part in words)
    for stage, n_rows, n_words in zip(hidden, row_counts, word_counts, strict=True):
        row, word = slice(at_row, at_row + n_rows), slice(at_word, at_word + n_words)
        at_row, at_word = row.stop, word.stop
        banks = np.arange(steps)[:, None, None] % 2 * stage.spike_bank
        in_order &= _counts_from(addresses[:, :, row] - banks, stage.spike_base)
        base = stage.membrane_base // core.update_lanes
        in_order &= _counts_from(word_addresses[:, :, word], base)
        counts = bits[:, :, row].reshape(*by_run, -1, spike_bits) @ (1 << np.arange(spike_bits))
        spikes[stage.lif] = _as_map(stage, counts)
        values = _signed(word_bits[:, :, word].reshape(*by_run, -1, widths.membrane))
        membranes[stage.lif] = _as_map(stage, values)
    in_order &= _counts_from(logits[0].reshape(samples, 1, -1), 0)
    counts = _cycles(program, folder / "cycles.txt", samples)
    return RtlTrace(
        spikes=spikes,
        membranes=membranes,
        totals=_signed(logits[1]).reshape(samples, -1),
        phases={
            stage.name: dict(zip(PHASES, counts[i], strict=False))
            for i, stage in enumerate(program.stages)
        },
        waits={stage.name: counts[i, -1] for i, stage in enumerate(program.stages)},
        in_order=in_order,
    )


def _rows(path: Path, bits: int, count: int) -> tuple[Int, Array]:
    """Return the addresses (count,) and the bits (count, bits), lowest first, of a file of rows."""
    digits = -(-bits // 4)
    data = np.frombuffer(path.read_bytes(), np.uint8)
    if data.size != count * (8 + digits + 1):
        raise _foreign(path, f"{data.size // (8 + digits + 1)} rows were written, not {count}")
    nibbles = _NIBBLES[data.reshape(count, -1)[:, :-1]]
    if (nibbles == 255).any():
        raise _foreign(path, "a bit that was written is unknown")
    address = nibbles[:, :8].astype(np.int64) @ (1 << 4 * np.arange(8)[::-1])
    spread = np.unpackbits(nibbles[:, :7:-1, None], axis=2, bitorder="little", count=4)
    return address, spread.reshape(count, -1)[:, :bits]


def _cycles(program: Program, path: Path, samples: int) -> Int:
    """Return (stages, phases and waits, T, B)."""
    lines = [[int(n) for n in line.split()] for line in path.read_text("ascii").splitlines()]
    stages, steps = len(program.stages), program.circuit.steps
    counts = np.zeros((stages, len(PHASES) + 1, steps, samples), np.int64)
    for sample, step, stage, *numbers in lines:
        if not (sample < samples and step < steps and stage < stages):
            raise _foreign(path, f"stage {stage} ran in step {step} of sample {sample}")
        counts[stage, :, step, sample] = numbers
    return counts


def _counts_from(addresses: Int, base: int) -> bool:
    """Return whether the addresses (B, T, n, ...) count up from `base` in every step."""
    flat = addresses.reshape(*addresses.shape[:2], -1)
    return bool((flat == base + np.arange(flat.shape[2])).all())


def _as_map(stage: Stage, values: Array) -> Array:
    """Return (B, T, rows, lanes) as (T, B, n_E, height, width)."""
    samples, steps = values.shape[:2]
    grid = values.reshape(samples, steps, stage.height, stage.width, -1)[..., : stage.n_e]
    return grid.transpose(1, 0, 4, 2, 3)


def _signed(bits: Array) -> Int:
    """Return (..., bits) as integers in two's complement."""
    weights = np.left_shift(np.int64(1), np.arange(bits.shape[-1]))
    weights[-1] = -weights[-1]
    return np.asarray(bits.astype(np.int64) @ weights)


def _foreign(path: Path, what: str) -> FormatError:
    return FormatError(
        what, where=str(path), fix="the core or its testbench is at fault: report it"
    )

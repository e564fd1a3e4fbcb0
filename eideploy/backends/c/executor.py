"""Runs a network in C on this machine: written, compiled, given samples, read out.

What a build holds is not compiled: it is data, whoever wrote it. `verify` finds out whether it is
what is written here.
"""

import shutil
import subprocess
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from tempfile import mkdtemp

import numpy as np

from eideploy import native
from eideploy.backends.c import FOLDER, SOURCE, WATCH
from eideploy.backends.c.emit import network_files, watch_file
from eideploy.backends.c.network import Network
from eideploy.backends.executor import SUMS, Build, Executor, Run
from eideploy.circuit import Array, Circuit
from eideploy.errors import UsageError
from eideploy.execute.integer import quantize_input
from eideploy.execute.samples import over_time

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
TIMEOUT_S = 600


def compiler() -> str | None:
    """Return the path of the C compiler, `$CC` or the first of the usual ones, if any."""
    return native.program("CC", "cc", "gcc", "clang")


def run(integer: Circuit, *, where: str) -> Run:
    """Return what runs an integer circuit in C.

    Raises:
        UsageError: there is no C compiler, or it fails.
        CapacityError: the circuit has what there is no C for.
    """
    folder = Path(mkdtemp(prefix="eideploy-c-"))
    removed = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        program = Compiled(integer, folder, where=where)
    except BaseException:
        removed()
        raise
    weakref.finalize(program, removed)
    return program.totals


@dataclass(frozen=True, kw_only=True, eq=False)
class Watched:
    """What a network in C did: (B, T, ...) of each node of neurons, and its sums (B, classes)."""

    membranes: Mapping[str, Array]
    spikes: Mapping[str, Array]
    totals: Array


class Compiled:
    """A network in C, compiled in a folder."""

    def __init__(
        self,
        circuit: Circuit,
        folder: Path,
        flags: Sequence[str] = ("-O2",),
        *,
        where: str = "a C compiler",
    ) -> None:
        self.network, self.program = Network(circuit), folder / "watch"
        for name, text in {**network_files(self.network), WATCH: watch_file(self.network)}.items():
            (folder / name).write_text(text, "ascii")
        command = compiler()
        if command is None:
            raise UsageError("there is no C compiler", where=where, fix="install gcc, or set $CC")
        sources = [str(folder / name) for name in (SOURCE, WATCH)]
        done = subprocess.run(
            [command, *STRICT, *flags, *sources, "-o", str(self.program)],
            check=False,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        if done.returncode:
            reason = next((line for line in done.stderr.splitlines() if "error" in line), "failed")
            raise UsageError(
                f"{command} does not compile the network: {reason.strip()}",
                where=where,
                fix="set $CC to another compiler of C99",
            )

    def totals(self, samples: Array) -> Array:
        """Return the readout's sums of samples (B, ...) or (B, T, ...)."""
        return self._numbers(self._run(samples, watch=False), self.network.total.kind).reshape(
            len(samples), -1
        )

    def watched(self, samples: Array) -> Watched:
        """Return what all neurons hold after every step, and the sums."""
        network, steps = self.network, self.network.circuit.steps
        raw = self._run(samples, watch=True).reshape(len(samples), -1)
        split = raw.shape[1] - network.total.bytes
        by_step = raw[:, :split].reshape(len(samples), steps, -1)
        membranes, spikes, at = {}, {}, 0
        nodes = {own: name for name, own in network.names.items()}
        for member in network.watched:
            part, at = by_step[..., at : at + member.bytes], at + member.bytes
            own, _, what = member.name.rpartition("_")
            shape = network.circuit.shapes[nodes[own]]
            if what == "v":
                numbers = self._numbers(part, member.kind)
                membranes[nodes[own]] = numbers.reshape(len(samples), steps, *shape)
            else:
                bits = np.unpackbits(part, axis=-1, bitorder="little")[..., : prod(shape)]
                spikes[nodes[own]] = bits.reshape(len(samples), steps, *shape)
        totals = self._numbers(raw[:, split:], network.total.kind)
        return Watched(membranes=membranes, spikes=spikes, totals=totals)

    def _run(self, samples: Array, *, watch: bool) -> Array:
        circuit = self.network.circuit
        given = quantize_input(circuit, over_time(circuit, samples)).swapaxes(0, 1)
        levels = given.astype(self.network.input_type.removesuffix("_t"))
        manner = "moving" if levels.shape[1] == circuit.steps else "still"
        done = subprocess.run(
            [self.program, manner, *(["watch"] if watch else [])],
            input=levels.tobytes(),
            capture_output=True,
            check=True,
            timeout=TIMEOUT_S,
        )
        return np.frombuffer(done.stdout, np.uint8)

    @staticmethod
    def _numbers(raw: Array, kind: str) -> Array:
        return np.ascontiguousarray(raw).view(kind.removesuffix("_t"))


def _no_compiler(build: Build) -> str:
    del build
    return "" if compiler() else "there is no C compiler"


EXECUTORS = (
    Executor(
        name="C compiler",
        artefact=f"{FOLDER}/{SOURCE}",
        equals=SUMS,
        open=lambda build: run(build.integer, where="a C compiler"),
        written="eideploy compile --emit c writes it",
        refuses=_no_compiler,
    ),
)

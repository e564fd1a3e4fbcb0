"""Runs a network in C on this machine: written, compiled, given samples, read out.

What a build holds is not compiled: it is data, whoever wrote it. `verify` finds out whether it is
what is written here.
"""

import shutil
import subprocess
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from tempfile import mkdtemp
from typing import ClassVar, TypeVar

import numpy as np

from eideploy import native
from eideploy.backends.c import FOLDER, SOURCE, WATCH
from eideploy.backends.c.emit import network_files, watch_file
from eideploy.backends.c.network import Network, network_of
from eideploy.backends.executor import SUMS, Build, Executor, Run
from eideploy.circuit import Array
from eideploy.errors import UsageError
from eideploy.execute.integer import quantize_input
from eideploy.execute.samples import over_time

R = TypeVar("R")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")
TIMEOUT_S = 600


def compiler() -> str | None:
    """Return the path of the C compiler, `$CC` or the first of the usual ones, if any."""
    return native.program("CC", "cc", "gcc", "clang")


def run(network: Network, *, where: str) -> Run:
    """Return what runs a network in C.

    Raises:
        UsageError: there is no C compiler, or it fails.
    """
    return in_folder_of_its_own(partial(Compiled, network, where=where)).totals


def in_folder_of_its_own(make: Callable[[Path], R]) -> R:
    """Return what `make` makes in a new folder, which goes with it."""
    folder = Path(mkdtemp(prefix="eideploy-c-"))
    removed = partial(shutil.rmtree, folder, ignore_errors=True)
    try:
        user = make(folder)
    except BaseException:
        removed()
        raise
    weakref.finalize(user, removed)
    return user


@dataclass(frozen=True, kw_only=True, eq=False)
class Watched:
    """What a network in C did: (B, T, ...) of each node of neurons, and its sums (B, classes)."""

    membranes: Mapping[str, Array]
    spikes: Mapping[str, Array]
    totals: Array


class Running(ABC):
    """A network in C, written into a folder, as a program that runs samples.

    A sample gives what the neurons hold after every step where they are watched, the sums, and
    `behind` bytes that are the program's own.
    """

    behind: ClassVar[int] = 0

    def __init__(self, network: Network, folder: Path, watch: str) -> None:
        self.network, self.folder = network, folder
        files = {**network_files(self.network), WATCH: watch_file(self.network, watch)}
        for name, text in files.items():
            (folder / name).write_text(text, "ascii")

    @abstractmethod
    def output(self, levels: bytes, *, still: bool, watch: bool) -> bytes:
        """Return what the program writes of the samples that it reads."""

    def totals(self, samples: Array) -> Array:
        """Return the readout's sums of samples (B, ...) or (B, T, ...)."""
        return self._sums(self._run(samples, watch=False))

    def watched(self, samples: Array) -> Watched:
        """Return what all neurons hold after every step, and the sums."""
        network, steps = self.network, self.network.circuit.steps
        raw = self._run(samples, watch=True)
        split = raw.shape[1] - network.total.bytes - self.behind
        by_step = raw[:, :split].reshape(len(samples), steps, -1)
        membranes, spikes, at = {}, {}, 0
        nodes = {own: name for name, own in network.names.items()}
        for member in network.watched:
            part, at = by_step[..., at : at + member.bytes], at + member.bytes
            own, _, what = member.name.rpartition("_")
            shape = network.circuit.shapes[nodes[own]]
            if what == "v":
                values = numbers(part, member.kind)
                membranes[nodes[own]] = values.reshape(len(samples), steps, *shape)
            elif member.size == prod(shape):  # a byte each, but for one neuron alone the same
                spikes[nodes[own]] = part.reshape(len(samples), steps, *shape)
            else:
                bits = np.unpackbits(part, axis=-1, bitorder="little")[..., : prod(shape)]
                spikes[nodes[own]] = bits.reshape(len(samples), steps, *shape)
        return Watched(membranes=membranes, spikes=spikes, totals=self._sums(raw))

    def _sums(self, raw: Array) -> Array:
        end = raw.shape[1] - self.behind
        part = raw[:, end - self.network.total.bytes : end]
        return numbers(part, self.network.total.kind).reshape(len(raw), -1)

    def _run(self, samples: Array, *, watch: bool) -> Array:
        circuit = self.network.circuit
        by_step = quantize_input(circuit, over_time(circuit, samples)).swapaxes(0, 1)
        levels = by_step.astype(self.network.input_type.removesuffix("_t"))
        still = levels.shape[1] != circuit.steps
        written = self.output(levels.tobytes(), still=still, watch=watch)
        return np.frombuffer(written, np.uint8).reshape(len(samples), -1)


class Compiled(Running):
    """A network in C, compiled for this machine."""

    def __init__(
        self,
        network: Network,
        folder: Path,
        flags: Sequence[str] = ("-O2",),
        *,
        where: str = "a C compiler",
    ) -> None:
        super().__init__(network, folder, WATCH)
        self.program = folder / "watch"
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

    def output(self, levels: bytes, *, still: bool, watch: bool) -> bytes:
        """Return what the program writes of the samples that it reads."""
        done = subprocess.run(
            [self.program, "still" if still else "moving", *(["watch"] if watch else [])],
            input=levels,
            capture_output=True,
            check=True,
            timeout=TIMEOUT_S,
        )
        return done.stdout


def numbers(raw: Array, kind: str) -> Array:
    """Return bytes as integers of a type of C."""
    return np.ascontiguousarray(raw).view(kind.removesuffix("_t"))


def _no_compiler(build: Build) -> str:
    del build
    return "" if compiler() else "there is no C compiler"


EXECUTORS = (
    Executor(
        name="C compiler",
        artefact=f"{FOLDER}/{SOURCE}",
        equals=SUMS,
        open=lambda build: run(network_of(build.program), where="a C compiler"),
        written="eideploy compile --emit c writes it",
        refuses=_no_compiler,
    ),
)

"""Time the integer simulator beside torch's float inference of the same network, interleaved.

    python benchmarks/simulate_speed.py RUN ... [--rounds N] [--batch N] [--threads N]
    python benchmarks/simulate_speed.py --memory
    python benchmarks/simulate_speed.py --compile

Every round predicts one batch of each RUN with torch (the run's network, evaluating, its compiled
kernel) and with the integer simulator (the run compiled for its default target), one after the
other, so that a busy machine slows both alike. Printed are the medians of the time (the
processor's, of several threads the clock's) and of the ratio of samples per second in the same
round, with its quartiles. --memory prints the peak memory
of a process that simulates VGG-16 (32x32, T 4) on 64 samples, --compile the time and the peak
memory of calibrating it on 32 images and running all passes on it; its weights are those of E-I
Init on random images.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read once, when numpy and torch are imported
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import re
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import Compiling
from eideploy.backends.digital.pipeline import compile_circuit
from eideploy.backends.digital.program import Program
from eideploy.circuit import Array, Circuit, store
from eideploy.data import load
from eideploy.divisions import lut
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.folders import load_run
from eideploy.memory import keep_freed_memory
from eideploy.model.checkpoint import load_network
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.named import NAMED
from eideploy.model.networks import build
from eideploy.scheme import load_scheme
from eideploy.target import load_target

NETWORK, SHAPE, CLASSES = "vgg16", (3, 32, 32), 10
CALIBRATION, SIMULATED = 32, 64  # images
SAVED = "--circuit"


def compare(path: Path, rounds: int, size: int, threads: int) -> None:
    """Print a table row: both times, and the ratio of their speeds."""
    run = load_run(path)
    circuit = compile_in_memory(run, Compiling(), load_target("digital")).program.circuit
    network = load_network(path).eval()
    data = load(str(run.data), None, steps=circuit.steps).train
    samples = np.concatenate([data.batch(slice(size))] * 2)[:size]
    x = torch.from_numpy(samples).to(next(network.parameters()))

    def in_floats() -> None:
        with torch.no_grad():
            network(x)

    def in_integers() -> None:
        run_integer(circuit, samples)

    clock = time.process_time if threads == 1 else time.perf_counter
    both = [(seconds(in_floats, clock), seconds(in_integers, clock)) for _ in range(rounds + 1)]
    times = both[1:]
    ratios = [floats / integers for floats, integers in times]
    low, middle, high = statistics.quantiles(ratios, n=4)
    floats, integers = (1000 * statistics.median(column) for column in zip(*times, strict=True))
    spread = f"{middle:.2f} ({low:.2f}-{high:.2f})"
    print(f"| {path.name} | {floats:.0f} ms | {integers:.0f} ms | {spread} |", flush=True)


def seconds(task: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the time that a task takes, of all threads of the processor or by another clock."""
    start = clock()
    task()
    return clock() - start


def vgg16() -> tuple[Circuit, Array]:
    """Return the float circuit of an initialised VGG-16 and its calibration images."""
    images = np.random.default_rng(0).random((CALIBRATION, *SHAPE), np.float32)
    network = build(NAMED[NETWORK], SHAPE, CLASSES)
    initialise(network, torch.from_numpy(images), np.random.default_rng(0))
    return export(network, SHAPE), images


def compiled() -> Program:
    """Return VGG-16 for the large digital core; print what calibration and passes took."""
    circuit, images = vgg16()
    before, start, clock = peak_mib(), time.process_time(), time.perf_counter()
    ranges = observe(circuit, images)
    calibrated = time.process_time() - start
    program = compile_circuit(
        circuit,
        target=load_target("digital-large"),
        scheme=load_scheme("int8"),
        ranges=ranges,
        divider=lut(8, 8),
        zero_policy="minimum",
    )
    taken = time.process_time() - start
    print(
        f"{NETWORK} compiled in {taken:.1f} s, of which calibration {calibrated:.1f} s"
        f" (clock {time.perf_counter() - clock:.1f} s); peak {peak_mib():.0f} MiB,"
        f" before it {before:.0f} MiB",
        flush=True,
    )
    return program


def simulated_apart() -> None:
    """Simulate VGG-16 in a process that did not compile it; print its peak memory."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "circuit.safetensors"
        store.save(compiled().circuit, path)
        subprocess.run([sys.executable, __file__, SAVED, str(path)], check=True)


def simulate(path: Path) -> None:
    """Simulate a saved circuit on random images; print time and peak memory."""
    circuit = store.load(path)
    images = np.random.default_rng(1).random((SIMULATED, *SHAPE), np.float32)
    taken = seconds(lambda: run_integer(circuit, images))
    print(f"{NETWORK}, batch {SIMULATED}: {taken:.1f} s, peak {peak_mib():.0f} MiB", flush=True)


def peak_mib() -> float:
    """Return the most memory that this program has held.

    Of the resources that getrusage tells, a program inherits those of the process that started it.
    """
    status = Path("/proc/self/status")
    if not status.is_file():  # not Linux
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    assert found is not None
    return int(found[1]) / 1024


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument(SAVED, type=Path, help="simulate this circuit in this very process")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    os.environ["OMP_NUM_THREADS"] = str(options.threads)  # as the simulator's kernel reads it
    keep_freed_memory()  # as the command line does
    for run in options.runs:
        compare(run, options.rounds, options.batch, options.threads)
    if options.compile:
        compiled()
    if options.memory:
        simulated_apart()
    if options.circuit:
        simulate(options.circuit)


if __name__ == "__main__":
    main()

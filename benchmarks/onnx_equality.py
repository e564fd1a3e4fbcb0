"""Run ONNX models of trained networks on all their samples, and count what differs, as Markdown.

    python benchmarks/onnx_equality.py RUN... [--schemes int8 int4] [--divisions lut shift exact]

The integer model is compared with the integer simulator in onnxruntime (graph optimised and as it
was written) on every sample, and in onnx's reference evaluator on the first 200; the float model
with the float reference and with the network in PyTorch. Samples are both splits of the data.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

from eideploy.backends.digital.jobs.compile import compile_in_memory
from eideploy.backends.digital.options import Compiling
from eideploy.backends.onnx.runtime import Run, onnxruntime_run, reference_run
from eideploy.backends.onnx.writer import float_model, integer_model
from eideploy.circuit import Array
from eideploy.data import load
from eideploy.divisions import named
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import batches
from eideploy.folders import Run as Trained
from eideploy.folders import load_run
from eideploy.model.checkpoint import load_network
from eideploy.model.evaluate import predict
from eideploy.target import load_target

REFERENCE_SAMPLES = 200


def samples_of(run: Trained) -> Array:
    """Return the samples of both splits."""
    data = load(run.data or "", None, steps=run.circuit.steps)
    return np.concatenate([part.batch(slice(None)) for part in (data.train, data.test)])


def outputs(run: Run, x: Array) -> Array:
    """Return what `run` puts out, batch by batch."""
    return np.concatenate([run(batch) for batch in batches(x)])


def integer_row(run: Trained, x: Array, scheme: str, division: str) -> str:
    """Return a row of the integer table."""
    options = Compiling(scheme=scheme, division=named(division))
    circuit = compile_in_memory(run, options, load_target("digital")).program.circuit
    expected = np.concatenate([run_integer(circuit, batch).totals for batch in batches(x)])
    data = integer_model(circuit, {}).SerializeToString()
    few = x[:REFERENCE_SAMPLES]
    cells = [run.folder.name, scheme, named(division).label, f"{len(x)} x {expected.shape[1]}"]
    for name, run_model, given in (
        ("optimised", onnxruntime_run(data, circuit, where="model"), x),
        ("unoptimised", onnxruntime_run(data, circuit, where="model", optimised=False), x),
        ("reference", reference_run(data, circuit, where="model"), few),
    ):
        found = outputs(run_model, given)
        differ = found != expected[: len(given)]
        assert found.dtype == np.int64, name
        cells.append(f"{int(differ.sum())}")
    return f"| {' | '.join(cells)} |"


def float_row(run: Trained, x: Array, kind: type[np.floating]) -> str:
    """Return a row of the float table."""
    data = float_model(run.circuit, {}, kind=kind).SerializeToString()
    found = outputs(onnxruntime_run(data, run.circuit, where="model"), x)
    reference = np.concatenate([run_float(run.circuit, batch).logits for batch in batches(x)])
    cells = [run.folder.name, np.dtype(kind).name, f"{len(x)}"]
    network = load_network(run.folder)
    in_torch = [predict(network.to(kind), x) for kind in (torch.float64, torch.float32)]
    for other in (reference, *in_torch):
        difference = np.abs(found - other).max(1)
        predictions = int((found.argmax(1) != other.argmax(1)).sum())
        cells.append(f"{difference.max():.1e}, {int((difference > 1e-5).sum())}, {predictions}")
    return f"| {' | '.join(cells)} |"


def head(*names: str) -> None:
    """Print the head of a table."""
    print(f"| {' | '.join(names)} |\n|{'---|' * len(names)}")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--schemes", nargs="+", default=["int8", "int4"])
    parser.add_argument("--divisions", nargs="+", default=["lut", "shift", "exact"])
    args = parser.parse_args()
    torch.set_num_threads(1)
    given = [(run, samples_of(run)) for run in map(load_run, args.runs)]
    head("network", "model computes in", "samples", "to the float reference",
         "to PyTorch, float64", "to PyTorch, float32")  # fmt: skip
    for run, x in given:
        for kind in (np.float64, np.float32):
            print(float_row(run, x, kind), flush=True)
    print()
    head("network", "scheme", "division", "logits", "onnxruntime", "unoptimised",
         "reference evaluator")  # fmt: skip
    for run, x in given:
        for scheme in args.schemes:
            for division in args.divisions:
                print(integer_row(run, x, scheme, division), flush=True)


if __name__ == "__main__":
    main()

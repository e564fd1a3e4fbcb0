"""One cell of a sweep: a program on one run's samples."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import __version__, folders
from eideploy.circuit import Array, Circuit
from eideploy.circuit.integer import IntegerSynapses, ZeroPolicy
from eideploy.errors import DataError
from eideploy.flow.compile import Options, compile_in_memory
from eideploy.flow.samples import Split, samples_of
from eideploy.memory import keep_freed_memory
from eideploy.numeric.division import named
from eideploy.program import Program
from eideploy.report.compare import compare
from eideploy.scheme import Scheme
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.integer import run_integer
from eideploy.simulate.observe import BATCH, batches


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One program on one run's samples; JSON-able, so that it may travel to another machine."""

    run: str
    run_sha256: str
    scheme: str
    scheme_table: Mapping[str, Any]
    division: str
    policy: ZeroPolicy
    target: str
    target_sha256: str
    split: Split
    samples: int | None
    contrast: tuple[float, ...]
    data_dir: str | None
    version: str = __version__

    @property
    def key(self) -> str:
        """A name that everything which matters for the figures goes into."""
        facts = asdict(self) | {"run": Path(self.run).name, "data_dir": None}
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:24]


def measure(cell: Cell) -> dict[str, Any]:
    """Return the figures of a cell, JSON-able."""
    keep_freed_memory()
    data_dir = None if cell.data_dir is None else Path(cell.data_dir)
    run = folders.load_run(Path(cell.run))
    divider = named(cell.division)
    options = Options(
        target=cell.target, scheme=cell.scheme, divider=divider, zero_policy=cell.policy,
        data_dir=data_dir,
    )  # fmt: skip
    made = compile_in_memory(run, options)
    samples, labels = samples_of(
        run, input_file=None, split=cell.split, count=cell.samples, data_dir=data_dir
    )
    found = compare(run.circuit, made.program, samples, labels)
    synapses = made.program.circuit.of(IntegerSynapses)
    weights = sum(w.size for n in synapses for w in (n.w_ee, n.w_ie, n.w_ei))
    return {
        "run": Path(cell.run).name,
        "scheme": made.scheme.name,
        "division": cell.division,
        "policy": cell.policy,
        "samples": found.samples,
        "float_accuracy": found.float_accuracy,
        "accuracy": found.integer_accuracy,
        "agreement": found.agreement,
        "mismatch": {layer.name: layer.mismatch for layer in found.layers},
        "saturated": max((layer.saturated_current for layer in found.layers), default=0.0),
        "cycles": found.cycles.median,
        "weights": int(weights),
        "weight_bits": _weight_bits(made.scheme, synapses),
        "table_bits": divider.stored_bits,
        "bound": divider.bound,
        "contrast": [
            _at_contrast(run.circuit, made.program, samples, labels, c) for c in cell.contrast
        ],
    }


def _weight_bits(scheme: Scheme, synapses: Sequence[IntegerSynapses]) -> int:
    """Return how many bits the weights take in the scheme's numbers."""
    total = 0
    for place, node in enumerate(synapses):
        bits = scheme.bits_of(first=place == 0)
        sizes = ((node.w_ee, bits.w_ee), (node.w_ie, bits.w_ie), (node.w_ei, bits.w_ei))
        total += sum(w.size * b for w, b in sizes)
    return int(total)


def _at_contrast(
    circuit: Circuit,
    program: Program,
    samples: Array,
    labels: Array | None,
    contrast: float,
) -> dict[str, float]:
    """Return the accuracies on samples times `contrast`, cut off where the input's range ends."""
    if labels is None:
        raise DataError(
            "contrasts need labels", where="--contrast", fix="sweep over a run with a data set"
        )
    scaled = np.minimum(samples * np.float32(contrast), circuit.input.high)
    right = np.zeros(2)
    for start, batch in enumerate(batches(scaled)):
        y = labels[start * BATCH : start * BATCH + len(batch)]
        right += [
            (run_float(circuit, batch).logits.argmax(1) == y).sum(),
            (run_integer(program.circuit, batch).totals.argmax(1) == y).sum(),
        ]
    return {
        "contrast": contrast,
        "float": right[0] / len(labels),
        "integer": right[1] / len(labels),
    }

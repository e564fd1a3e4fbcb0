"""One cell of a sweep: a program on one run's samples."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import __version__, folders
from eideploy.backends.digital.jobs.compile import calibration
from eideploy.backends.digital.options import Compiling
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.circuit.integer import Integers, IntegerSynapses
from eideploy.data.origin import Place
from eideploy.divisions import named
from eideploy.errors import DataError, FormatError
from eideploy.files import read_json, write_json
from eideploy.flow.inhibition import decided
from eideploy.flow.samples import samples_of
from eideploy.folders import Run
from eideploy.memory import keep_freed_memory
from eideploy.options.choices import Form, Split, ZeroPolicy
from eideploy.passes.place import place
from eideploy.program import Program
from eideploy.recipe import Recipe
from eideploy.scheme import Bits, Scheme, load_scheme
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.integer import run_integer
from eideploy.simulate.observe import BATCH, batches
from eideploy.target import load_target
from eideploy.validate.compare import compare


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One program on one run's samples; picklable, so that it may travel to another machine."""

    run: str
    run_sha256: str
    scheme: str
    scheme_table: Mapping[str, Any]
    division: str
    policy: ZeroPolicy
    inhibition: Form
    target: str
    target_sha256: str
    split: Split
    samples: int | None
    contrast: tuple[float, ...]
    place: Place
    version: str = __version__

    @property
    def key(self) -> str:
        """A name that everything which matters for the figures goes into."""
        facts = asdict(self) | {"run": Path(self.run).name, "data_dir": None}
        del facts["place"]  # the same data, wherever they lie
        return _digest(facts)[:24]


def write_cell(path: Path, figures: Mapping[str, Any]) -> None:
    """Write the figures of a cell, atomically, with what tells whether they were changed."""
    write_json(path, {"sha256": _digest(figures), "figures": figures})


def read_cell(path: Path) -> dict[str, Any]:
    """Return the figures that `write_cell` wrote.

    Raises:
        FormatError: missing, damaged or changed.
    """
    content = read_json(path)
    figures = content.get("figures")
    if not isinstance(figures, dict) or content.get("sha256") != _digest(figures):
        raise FormatError(
            "the cell was changed",
            where=str(path),
            fix="remove it: the same sweep measures it again",
        )
    return figures


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def measure(cell: Cell) -> dict[str, Any]:
    """Return the figures of a cell, JSON-able."""
    keep_freed_memory()
    given = _given(cell.run, cell.run_sha256, cell.split, cell.samples, cell.place)
    run, samples, labels = given.run, given.samples, given.labels
    recipe = Recipe(
        scheme=load_scheme(cell.scheme),
        divider=named(cell.division),
        zero_policy=cell.policy,
        inhibition=cell.inhibition,
    )
    scheme, divider, target = recipe.scheme, recipe.divider, load_target(cell.target)
    integer, decision = decided(
        run.circuit, recipe, target=target, ranges=given.ranges, samples=given.calibrated_on
    )
    program = place(integer, target=target)
    found = compare(run.circuit, program, samples, labels)
    layers = program.circuit.of(Integers)
    return {
        "run": Path(cell.run).name,
        "scheme": scheme.name,
        "division": cell.division,
        "policy": cell.policy,
        "inhibition": cell.inhibition,
        "folded": list(decision.folded),
        "samples": found.samples,
        "float_accuracy": found.float_accuracy,
        "accuracy": found.integer_accuracy,
        "agreement": found.agreement,
        "mismatch": {layer.name: layer.mismatch for layer in found.layers},
        "saturated": max((layer.saturated_current for layer in found.layers), default=0.0),
        "cycles": found.cycles.median,
        "weights": sum(size for node in layers for size, _ in _weights(scheme.bits, node)),
        "weight_bits": _weight_bits(scheme, layers),
        "table_bits": divider.stored_bits,
        "bound": divider.bound,
        "contrast": [_at_contrast(run.circuit, program, samples, labels, c) for c in cell.contrast],
    }


@dataclass(frozen=True, kw_only=True, eq=False)
class _Given:
    """What every cell of a run begins with."""

    run: Run
    ranges: Ranges
    calibrated_on: Array
    samples: Array
    labels: Array | None


@lru_cache(maxsize=1)
def _given(folder: str, sha256: str, split: Split, count: int | None, place: Place) -> _Given:
    """Read and calibrate a run once in a process; most cells are of the run before."""
    del sha256  # by which another run in the same folder is told apart
    run = folders.load_run(Path(folder))
    ranges, calibrated_on, _ = calibration(run, Compiling(), place)
    samples, labels = samples_of(run, input_file=None, split=split, count=count, place=place)
    return _Given(
        run=run, ranges=ranges, calibrated_on=calibrated_on, samples=samples, labels=labels
    )


def _weight_bits(scheme: Scheme, layers: Sequence[Integers]) -> int:
    """Return how many bits the weights take in the scheme's numbers."""
    return sum(
        size * bits
        for place, node in enumerate(layers)
        for size, bits in _weights(scheme.bits_of(first=place == 0), node)
    )


def _weights(bits: Bits, node: Integers) -> list[tuple[int, int]]:
    """Return the size and the bits of every array of weights."""
    widths = (bits.w_ee, bits.w_ie)  # of a folded layer: the numerator's, the denominator's
    found = [(int(w.size), b) for w, b in zip(node.weights, widths, strict=False)]
    if isinstance(node, IntegerSynapses):
        found.append((int(node.w_ei.size), bits.w_ei))
    return found


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

"""What another tool computes, compared with the circuit that its file became."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from eideploy.backends.nir.conventions import CONVENTIONS
from eideploy.backends.nir.foreign import Graph
from eideploy.backends.nir.meaning import as_tool
from eideploy.backends.nir.options import Reading
from eideploy.circuit import Array, Circuit, Layer, Neurons
from eideploy.data.own.files import read_arrays
from eideploy.errors import DataError, EideployError
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.report.text import counted, percent

OUTPUTS = ("rates", "logits", "spikes")
SAVE = "write it with numpy.savez(path, x=samples, rates=mean spikes a step)"
SAME = 1e-5  # of an output: single precision, over many steps
TIES = 0.01  # of the samples, whose membranes meet thresholds within single precision
TRIED = 32  # samples that other conventions are tried on


@dataclass(frozen=True, kw_only=True, eq=False)
class Expected:
    """What a tool computes: samples x, and the outputs of each, (B, classes)."""

    x: Array
    outputs: Array


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two networks on the same samples.

    same       fraction of the samples whose outputs are the same
    agreement  fraction with the same class
    largest    difference of an output
    """

    samples: int
    same: float
    agreement: float
    largest: float

    @property
    def holds(self) -> bool:
        """Whether they are the same network, but for single precision."""
        return self.same >= 1 - TIES

    @property
    def text(self) -> str:
        """The comparison in words."""
        return (
            f"the same outputs on {percent(self.same)} of {counted(self.samples, 'sample')}, the "
            f"same class on {percent(self.agreement)}; the largest difference is {self.largest:.3g}"
        )


def compared(
    path: Path, circuit: Circuit, graph: Graph, reading: Reading, steps: int
) -> tuple[str, Array]:
    """Return how a circuit compares with what its tool computes, in words, and the samples.

    Raises:
        DataError: the file is missing, damaged or of other samples; the outputs differ.
    """
    expected = read_expected(path, circuit)
    agreement = comparison(circuit, expected)
    if not agreement.holds:
        raise DataError(
            f"the network's outputs are not those in {path.name}: {agreement.text}",
            where=str(path),
            fix=_advice(circuit, graph, reading, steps, expected, agreement),
        )
    return f"expected {path.name}: {agreement.text}", expected.x


def comparison(circuit: Circuit, expected: Expected) -> Comparison:
    """Return how a circuit compares with expected outputs."""
    parts = [run_float(circuit, batch).logits for batch in batches(expected.x)]
    ours, theirs = np.concatenate(parts), expected.outputs
    difference = np.abs(ours - theirs).max(1)
    return Comparison(
        samples=len(ours),
        same=float((difference < SAME * max(1.0, float(np.abs(theirs).max()))).mean()),
        agreement=float((ours.argmax(1) == theirs.argmax(1)).mean()),
        largest=float(difference.max()),
    )


def read_expected(path: Path, circuit: Circuit) -> Expected:
    """Read an .npz file of x, and of rates, logits or spikes.

    Raises:
        DataError: missing, damaged, or not of this network.
    """
    arrays = _arrays(path)
    name = next((name for name in OUTPUTS if name in arrays), None)
    if "x" not in arrays or name is None:
        raise DataError(
            f"the file holds {', '.join(arrays) or 'nothing'}, no x or none of "
            f"{', '.join(OUTPUTS)}",
            where=str(path),
            fix=SAVE,
        )
    if arrays[name].dtype.kind not in "fiub":
        raise DataError(
            f"{name} holds {arrays[name].dtype}, not real numbers", where=str(path), fix=SAVE
        )
    x, outputs = arrays["x"], arrays[name].astype(np.float64)
    size = circuit.input.size
    flat = int(np.prod(size))
    shapes = [(len(x), *size), (len(x), circuit.steps, *size)] if x.ndim else []
    if x.ndim and x.size == len(x) * flat:
        x = x.reshape(len(x), *size)
    elif x.ndim and x.size == len(x) * circuit.steps * flat:
        x = x.reshape(len(x), circuit.steps, *size)
    if x.shape not in shapes or x.dtype.kind not in "fiub" or not len(x):
        raise DataError(
            f"x is of shape {x.shape}, of {circuit.steps} steps",
            where=str(path),
            fix=f"give samples (samples, {', '.join(map(str, size))}), or step by step "
            f"(samples, {circuit.steps}, ...); --steps says how many there are",
        )
    classes = circuit.shapes[circuit.output.name][0]
    if outputs.ndim == 3:
        by_time = outputs.swapaxes(0, 1) if outputs.shape[0] == len(x) else outputs
        outputs = circuit.logits.over_time(by_time)
    elif name == "spikes":
        outputs = outputs / circuit.steps
    if outputs.shape != (len(x), classes) or not np.isfinite(outputs).all():
        raise DataError(
            f"{name} is of shape {arrays[name].shape}, of {len(x)} samples and {classes} outputs",
            where=str(path),
            fix=f"give {name} (samples, {classes}), the mean over the steps",
        )
    return Expected(x=np.asarray(x), outputs=outputs)


def _arrays(path: Path) -> Mapping[str, Array]:
    try:
        return read_arrays(path)
    except DataError as error:
        fix = SAVE if path.exists() else error.fix
        raise DataError(error.what, where=str(path), fix=fix) from error


def _are_no_rates(circuit: Circuit, expected: Expected) -> bool:
    """Return whether a circuit puts out rates of spikes, and what is expected cannot be such."""
    readout = circuit.output
    spiking = [n for n in circuit.of(Neurons) if readout.inputs == (n.name,)]
    if not (isinstance(readout, Layer) and spiking) or circuit.logits.integrator is not None:
        return False
    weights = readout.weights[0]
    if weights.shape[0] != weights.shape[1] or (weights != np.eye(len(weights))).any():
        return False
    outputs, most = expected.outputs, spiking[0].model.most_spikes
    return bool((outputs < -SAME).any() or (outputs > most + SAME).any())


def _advice(
    circuit: Circuit,
    graph: Graph,
    reading: Reading,
    steps: int,
    expected: Expected,
    agreement: Comparison,
) -> str:
    """Return which other reading gives what is expected, or else what may be the reason."""
    some = Expected(x=expected.x[:TRIED], outputs=expected.outputs[:TRIED])
    best, words = agreement.same, ""
    for option, other in _others(reading):
        try:
            otherwise, _, _ = as_tool(graph, other, steps=steps, where="")
            tried = comparison(otherwise, some)
        except EideployError:
            continue
        if tried.holds:
            return f"read it with {option}, which gives the same on {len(some.x)} samples tried"
        if tried.same > best:
            best, words = tried.same, f"; {option} comes nearest, {percent(tried.same)} the same"
    if _are_no_rates(circuit, expected):
        return (
            "give the rates of its spikes: some of these outputs are below zero or above what "
            "spikes a step can be, as membranes are, of which eideploy reads only those that "
            "nothing resets, by --assume readout=mean, last or max"
        )
    return (
        "see that --steps, the inputs and the file are those that these outputs are of, and say "
        f"how the tool computes with --from, --dt, --reset and --assume (docs/nir.md){words}"
    )


def _others(reading: Reading) -> Iterator[tuple[str, Reading]]:
    """Yield other ways to read a graph, with the options that say so."""
    for tool in CONVENTIONS:
        if tool != reading.tool:
            yield f"--from {tool}", replace(reading, tool=tool, assume={}, reset=None, dt=None)
    own = f"--from {reading.tool} " if reading.tool else ""
    ways = {
        "fires": ("above", "reached"),
        "late": ("no", "reset"),
        "reset": ("subtract", "reset", "none"),
        "gain": ("one", "r"),
        "floor": ("none", "threshold"),
        "spikes": ("1",),
        "readout": ("last", "max", "mean"),
    }
    for key, value in ((key, value) for key, values in ways.items() for value in values):
        yield (
            f"{own}--assume {key}={value}",
            replace(reading, assume={**reading.assume, key: value}),
        )
    for first, second in (("subtract", "no"), ("reset", "no")):
        words = {"reset": first, "late": second}
        yield (
            f"{own}--assume reset={first} --assume late={second}",
            replace(reading, assume={**reading.assume, **words}),
        )

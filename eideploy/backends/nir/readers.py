"""Ordinary networks as other programs read NIR: the nodes that they know, in their units.

What each takes was read in its code and tried (docs/nir.md); a written file is read back and run
before it takes its name.
"""

import io
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nir
import numpy as np

from eideploy.backends.nir.foreign import read_file
from eideploy.backends.nir.meaning import as_tool
from eideploy.backends.nir.options import Reader, Reading
from eideploy.backends.nir.write import graph
from eideploy.circuit import Array, Circuit
from eideploy.errors import InvariantError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.files import write_atomic

SAMPLES = 4  # random ones, on which a file that is read back has to give the same logits
LOGITS = 1e-5


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a program reads.

    dt       seconds in a step
    scales   whether it takes r = tau / dt, so that inputs are added as they are; else r = 1
    r        of neurons without a leak; None where it reads these wrongly
    fires    at the threshold or above it
    affine   whether it knows Affine alone, and no Linear
    sums     whether it knows SumPool2d alone, and no AvgPool2d
    """

    dt: float = 1e-4
    scales: bool = True
    r: float | None = None
    reached: bool = False
    affine: bool = False
    sums: bool = False


PROFILES: Mapping[Reader, Profile] = {
    "snntorch": Profile(),
    "spikingjelly": Profile(r=1e4, reached=True),
    "norse": Profile(dt=1e-3, scales=False, r=1.0, affine=True, sums=True),
    "snn-mlir": Profile(r=1.0),
}
KNOWN = ("Input", "Output", "Linear", "Affine", "Conv2d", "Flatten", "AvgPool2d", "LIF", "IF")


def save_for(circuit: Circuit, path: Path, reader: Reader) -> None:
    """Write an ordinary network for a reader, atomically, once it gives the same logits.

    Raises:
        UsageError: neurons or nodes that the program does not read.
        InvariantError: the file gives others.
    """
    written = _Rewritten(circuit, reader).graph()
    buffer = io.BytesIO()
    nir.write(buffer, written)
    found, _, _ = as_tool(
        read_file(buffer.getvalue(), where=str(path)),
        Reading(input_high=circuit.input.high),
        steps=circuit.steps,
        where=str(path),
    )
    rng = np.random.default_rng(0)
    x = circuit.input.high * rng.random((SAMPLES, *circuit.input.size))
    x = np.round(x * 256) / 256
    ours, theirs = (run_float(one, x).logits for one in (circuit, found))
    if not np.allclose(ours, theirs, atol=LOGITS * max(1.0, float(np.abs(ours).max()))):
        raise InvariantError(
            f"the file for {reader} gives other logits, by {np.abs(ours - theirs).max():g}",
            where=str(path),
            fix="leave --nir-for out, and report the network",
        )
    write_atomic(path, buffer.getvalue())


class _Rewritten:
    """The plain graph of a circuit, node after node in the reader's terms."""

    def __init__(self, circuit: Circuit, reader: Reader) -> None:
        self.circuit, self.reader, self.profile = circuit, reader, PROFILES[reader]
        whole = graph(circuit)
        self.nodes: dict[str, Any] = dict(whole.nodes)
        self.edges: list[tuple[str, str]] = list(whole.edges)

    def graph(self) -> Any:  # noqa: ANN401 (nir has no types)
        self._drop_sums()
        self._refuse_others()
        for name, node in list(self.nodes.items()):
            match node:
                case nir.LIF() | nir.IF():
                    self._spike(name, node)
                case nir.AvgPool2d() if self.profile.sums:
                    self._sum(name, node)
        if self.profile.affine:
            for name, node in list(self.nodes.items()):
                if isinstance(node, nir.Linear):
                    none = np.zeros(len(node.weight), node.weight.dtype)
                    self.nodes[name] = nir.Affine(weight=node.weight, bias=none)
        metadata = {
            "dt": self.profile.dt,
            "steps": self.circuit.steps,
            "reset": "zero",
            "tool": "spikingjelly" if self.profile.reached else "nir",
            "written_for": self.reader,
        }
        return nir.NIRGraph(self.nodes, self.edges, metadata=metadata)

    def _drop_sums(self) -> None:
        """Let what a node of ones sums flow into what reads it, which sums as well."""
        for name, node in list(self.nodes.items()):
            if isinstance(node, nir.Scale) and (np.asarray(node.scale) == 1).all():
                into = [a for a, b in self.edges if b == name]
                out = [b for a, b in self.edges if a == name]
                kept = [edge for edge in self.edges if name not in edge]
                self.edges = kept + [(a, b) for a in into for b in out]
                del self.nodes[name]

    def _refuse_others(self) -> None:
        kinds: dict[str, list[str]] = defaultdict(list)
        for name, node in self.nodes.items():
            kinds[type(node).__name__].append(name)
        no_leak = self.profile.r is None
        wrong = [k for k in kinds if k not in KNOWN or (k == "IF" and no_leak)]
        if wrong:
            listed = ", ".join(f"{kind} ({kinds[kind][0]})" for kind in wrong)
            raise UsageError(
                f"{self.reader} does not read {listed} as they are meant",
                where=f"--nir-for {self.reader}",
                fix="train with --reset hard and a leak, or leave that reader out",
            )

    def _spike(self, name: str, node: Any) -> None:  # noqa: ANN401
        threshold = _threshold(np.asarray(node.v_threshold), reached=self.profile.reached)
        none = np.zeros_like(threshold)
        self._require_zero_reset(name, node)
        if isinstance(node, nir.IF):
            assert self.profile.r is not None  # it was refused
            r = np.full_like(threshold, self.profile.r)
            self.nodes[name] = nir.IF(r=r, v_threshold=threshold, v_reset=none)
            return
        steps = np.asarray(node.r, np.float64)  # tau over dt, as our files have it
        self.nodes[name] = nir.LIF(
            tau=steps * self.profile.dt,
            r=steps if self.profile.scales else np.ones_like(steps),
            v_leak=none,
            v_threshold=threshold,
            v_reset=none,
        )
        if not self.profile.scales:
            if (steps != steps.flat[0]).any():
                raise UsageError(
                    f"{self.reader} takes r = 1, and the leaks of {name} differ between neurons",
                    where=f"--nir-for {self.reader}",
                    fix="leave that reader out, or take one leak for all",
                )
            for before in [a for a, b in self.edges if b == name]:
                self._weigh(before, float(steps.flat[0]), bias=True)

    def _require_zero_reset(self, name: str, node: Any) -> None:  # noqa: ANN401
        if np.any(node.v_reset):
            raise UsageError(
                f"{name} is reset to {float(np.max(node.v_reset)):g}, and the files for readers "
                "hold neurons that are reset to zero",
                where=f"--nir-for {self.reader}",
                fix="leave that reader out",
            )

    def _sum(self, name: str, node: Any) -> None:  # noqa: ANN401
        """Add windows up, and let the weights behind divide."""
        self.nodes[name] = nir.SumPool2d(
            kernel_size=node.kernel_size, stride=node.stride, padding=node.padding
        )
        area = float(np.prod(node.kernel_size))
        todo = [b for a, b in self.edges if a == name]
        while todo:
            one = todo.pop()
            if isinstance(self.nodes[one], nir.Flatten | nir.AvgPool2d | nir.SumPool2d):
                todo += [b for a, b in self.edges if a == one]
            else:
                self._weigh(one, 1 / area, bias=False)

    def _weigh(self, name: str, times: float, *, bias: bool) -> None:
        node = self.nodes[name]
        fields = {**vars(node), "weight": np.asarray(node.weight) * times}
        if bias and "bias" in fields:
            fields["bias"] = np.asarray(node.bias) * times
        own = {f: fields[f] for f in type(node).__dataclass_fields__ if f in fields}
        drop = ("input_type", "output_type", "metadata")
        self.nodes[name] = type(node)(**{f: v for f, v in own.items() if f not in drop})


def _threshold(below: Array, *, reached: bool) -> Array:
    """Return thresholds that single precision holds, of ones that are fired above in double.

    Neurons that fire at theta have the number below it. What is fired above where single precision
    holds it stays; else the next number of single precision below theta is.
    """
    single = below.astype(np.float32)
    holds = single.astype(np.float64) == below
    theta = np.nextafter(below, np.inf).astype(np.float32)
    down, up = np.float32(0), np.float32(np.inf)
    at = np.where(holds, np.nextafter(single, up), theta)
    above = np.where(holds, single, np.nextafter(theta, down))
    return (at if reached else above).astype(np.float64)

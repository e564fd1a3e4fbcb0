"""Ordinary networks as other programs read NIR: the nodes that they know, in their units.

What each takes was read in its code and tried (docs/nir.md); a written file is read back and run
before it takes its name.
"""

import io
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nir
import numpy as np

from eideploy.backends.nir.conventions import CONVENTIONS, Convention, Gain, Tool
from eideploy.backends.nir.foreign import read_file
from eideploy.backends.nir.meaning import as_tool
from eideploy.backends.nir.options import Reader, Reading
from eideploy.backends.nir.write import graph
from eideploy.circuit import Array, Circuit, Neurons
from eideploy.errors import InvariantError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.files import write_atomic
from eideploy.neurons import GeneralLIF
from eideploy.neurons.general import MOST_SPIKES

SAMPLES = 4  # random ones, on which a file that is read back has to give the same logits
LOGITS = 1e-5
SHORTEST = 1e-3  # steps: a time constant of which nothing is left after one


LINEAR = ("Input", "Output", "Linear", "Affine")
MAPS = (*LINEAR, "Conv2d", "Flatten", "AvgPool2d")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What a program reads.

    means    the tool whose convention the file is in
    kinds    of nodes that it reads as they are meant
    dt       seconds in a step
    gain     of LIF: "r", r dt / tau, which is one by its r; "mean", r is 1, and the weights before
             make up for dt / tau; "one"
    r        of neurons without a leak
    affine   whether it knows Affine alone, and no Linear
    sums     whether it knows SumPool2d alone, and no AvgPool2d
    """

    means: Tool = "nir"
    kinds: tuple[str, ...] = (*MAPS, "LIF", "IF")
    dt: float = 1e-4
    gain: Gain = "r"
    r: float = 1.0
    affine: bool = False
    sums: bool = False

    @property
    def convention(self) -> Convention:
        """How its neurons compute."""
        return CONVENTIONS[self.means]

    @property
    def several(self) -> bool:
        """Whether its neurons have several spikes a step, each of which subtracts a threshold."""
        return self.convention.spikes > 1

    @property
    def tau(self) -> Callable[[Array], Array]:
        """What makes a time constant, in steps, of one by Euler's rule."""
        return _exponential if self.convention.leak == "exponential" else np.asarray


PROFILES: Mapping[Reader, Profile] = {
    "snntorch": Profile(kinds=(*MAPS, "LIF", "CubaLIF")),
    "spikingjelly": Profile(means="spikingjelly", r=1e4),
    "norse": Profile(
        kinds=(*MAPS, "LIF", "IF", "CubaLIF"), dt=1e-3, gain="mean", affine=True, sums=True
    ),
    "sinabs": Profile(
        means="sinabs", kinds=(*MAPS, "LIF", "IF", "LI"), dt=1.0, gain="one", affine=True, sums=True
    ),
    "rockpool": Profile(means="rockpool", kinds=(*LINEAR, "CubaLIF"), dt=1e-3, gain="one"),
    "snn-mlir": Profile(),
}


def save_for(circuit: Circuit, path: Path, reader: Reader) -> None:
    """Write an ordinary network for a reader, atomically, once it gives the same logits.

    Raises:
        UsageError: neurons or nodes that the program does not read.
        CapacityError: edges that carry a delay, layers that read several nodes.
        InvariantError: the file gives others.
    """
    circuit.require_plain_edges(by=f"the file for {reader}", instead="leave that reader out")
    written = _Rewritten(circuit, reader).graph()
    buffer = io.BytesIO()
    nir.write(buffer, written)
    again, _, _ = as_tool(
        read_file(buffer.getvalue(), where=str(path)),
        Reading(input_high=circuit.input.high),
        steps=circuit.steps,
        where=str(path),
    )
    rng = np.random.default_rng(0)
    x = circuit.input.high * rng.random((SAMPLES, *circuit.input.size))
    x = np.round(x * 256) / 256
    ours, theirs = (run_float(one, x).logits for one in (circuit, again))
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
        whole = graph(_reset_to_zero(circuit, reader) if self.profile.several else circuit)
        self.nodes: dict[str, Any] = dict(whole.nodes)
        self.edges: list[tuple[str, str]] = list(whole.edges)

    def graph(self) -> Any:  # noqa: ANN401 (nir has no types)
        self._drop_sums()
        self._refuse_others()
        for name, node in list(self.nodes.items()):
            match node:
                case nir.LIF() | nir.IF():
                    self._spike(name, node)
                case nir.CubaLIF():
                    self._filter(name, node)
                case nir.LI():
                    self._integrate(name, node)
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
            "reset": "subtract" if self.profile.several else "zero",
            "tool": self.profile.means,
            "written_for": self.reader,
        }
        if self.profile.gain == "one":
            metadata["gain"] = "one"
        if self.circuit.logits.integrator is not None:
            metadata["readout"] = self.circuit.logits.integrator.read
        return nir.NIRGraph(self.nodes, self.edges, metadata=metadata)

    def _drop_sums(self) -> None:
        """Let what a node of ones sums flow into what reads it, which sums as well."""
        for name, node in list(self.nodes.items()):
            if isinstance(node, nir.Scale) and (np.asarray(node.scale) == 1).all():
                into = [a for a, b in self.edges if b == name]
                out = [b for a, b in self.edges if a == name]
                others = [edge for edge in self.edges if name not in edge]
                self.edges = others + [(a, b) for a in into for b in out]
                del self.nodes[name]

    def _refuse_others(self) -> None:
        kinds: dict[str, list[str]] = defaultdict(list)
        for name, node in self.nodes.items():
            kinds[type(node).__name__].append(name)
        wrong = [kind for kind in kinds if kind not in self.profile.kinds]
        if wrong:
            listed = ", ".join(f"{kind} ({kinds[kind][0]})" for kind in wrong)
            raise UsageError(
                f"{self.reader} does not read {listed} as they are meant",
                where=f"--nir-for {self.reader}",
                fix="train with --reset hard and a leak, or leave that reader out",
            )

    def _spike(self, name: str, node: Any) -> None:  # noqa: ANN401
        fires = self._fires(name, node)
        if isinstance(node, nir.IF):
            r = np.full_like(fires["v_threshold"], self.profile.r)
            self.nodes[name] = nir.IF(r=r, **fires)
            return
        steps = np.asarray(node.r, np.float64)  # tau over dt, as our files have it
        self.nodes[name] = nir.LIF(
            tau=self.profile.tau(steps) * self.profile.dt,
            r=steps if self.profile.gain == "r" else np.ones_like(steps),
            v_leak=np.zeros_like(steps),
            **fires,
        )
        if self.profile.gain == "mean":
            self._weigh_before(name, self._one_number(name, steps))

    def _filter(self, name: str, node: Any) -> None:  # noqa: ANN401
        """Write a neuron with a filter, whose inputs some programs let decay at once."""
        tau_mem, tau_syn = (
            self.profile.tau(np.asarray(steps, np.float64)) for steps in (node.r, node.w_in)
        )
        decays = self.profile.convention.synapse == "decay"
        self.nodes[name] = nir.CubaLIF(
            tau_mem=tau_mem * self.profile.dt,
            tau_syn=tau_syn * self.profile.dt,
            r=tau_mem - 1 if decays else tau_mem,  # rockpool takes tau_mem / (1 + r) for its step
            w_in=np.ones_like(tau_syn) if decays else tau_syn,
            v_leak=np.zeros_like(tau_mem),
            **self._fires(name, node),
        )
        if decays:
            share = 1 - 1 / self._one_number(name, np.asarray(node.w_in))
            if share <= 0:
                raise UsageError(
                    f"{self.reader} filters inputs after they were added, and {name} keeps nothing "
                    "of them",
                    where=f"--nir-for {self.reader}",
                    fix="leave that reader out",
                )
            self._weigh_before(name, 1 / share)

    def _integrate(self, name: str, node: Any) -> None:  # noqa: ANN401
        steps = np.asarray(node.r, np.float64)
        one = np.ones_like(steps)
        tau = self.profile.tau(steps) * self.profile.dt
        self.nodes[name] = nir.LI(tau=tau, r=one, v_leak=0 * one)

    def _fires(self, name: str, node: Any) -> dict[str, Array]:  # noqa: ANN401
        self._require_zero_reset(name, node)
        reached = self.profile.convention.fires == "reached"
        threshold = _threshold(np.asarray(node.v_threshold), reached=reached)
        return {"v_threshold": threshold, "v_reset": np.zeros_like(threshold)}

    def _one_number(self, name: str, steps: Array) -> float:
        """Return the time constant that all neurons have, for which weights make up."""
        if (steps != steps.flat[0]).any():
            raise UsageError(
                f"weights make up for the time constants of {self.reader}, and those of {name} "
                "differ between neurons",
                where=f"--nir-for {self.reader}",
                fix="leave that reader out, or take one for all",
            )
        return float(steps.flat[0])

    def _weigh_before(self, name: str, times: float) -> None:
        for before in [a for a, b in self.edges if b == name]:
            self._weigh(before, times, bias=True)

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


def _reset_to_zero(circuit: Circuit, reader: Reader) -> Circuit:
    """Return a circuit whose neurons stand for the reader's: NIR has no others.

    Raises:
        UsageError: neurons that compute otherwise than the reader's.
    """
    has_floor = PROFILES[reader].convention.floor == "threshold"

    def stand_in(node: Neurons) -> Neurons:
        model = node.float_model
        if not isinstance(model, GeneralLIF) or not fits(model):
            raise UsageError(
                f"the neurons {node.name} are not those of {reader}: reset by subtraction in the "
                f"same step, spikes at >= threshold, up to {MOST_SPIKES} spikes a step"
                + (", a floor of minus the threshold if they do not leak" if has_floor else ""),
                where=f"--nir-for {reader}",
                fix="leave that reader out",
            )
        zero = GeneralLIF(
            beta=model.beta, alpha=model.alpha, threshold=model.threshold, reset="zero"
        )
        return replace(node, model=zero)

    def fits(model: GeneralLIF) -> bool:
        rule = (model.reset, model.delay, model.fires, model.max_spikes)
        falls = model.v_min is None
        if has_floor and np.all(np.asarray(model.beta) == 1):
            falls = model.v_min is not None and bool(np.all(model.v_min == -model.threshold))
        return rule == ("subtract", "none", ">=", MOST_SPIKES) and falls

    return circuit.rewrite(Neurons, stand_in)


def _exponential(steps: Array) -> Array:
    """Return the tau for which exp(-1 / tau) is 1 - 1 / steps; of a step alone, almost none."""
    with np.errstate(divide="ignore"):
        return np.maximum(-1 / np.log1p(-1 / steps), SHORTEST)


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

"""What an execution did, step by step."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from eideploy.circuit import Array
from eideploy.errors import UsageError

KEEP_ALL = frozenset({"spikes", "currents", "inhibition", "divisors", "inputs", "membranes"})


def require_kinds(keep: Collection[str]) -> None:
    """Refuse kinds of arrays that no trace keeps.

    Raises:
        UsageError: there are some, or `keep` is a text.
    """
    unknown = {keep} if isinstance(keep, str) else set(keep) - KEEP_ALL
    if unknown:
        raise UsageError(
            f"a trace cannot keep {', '.join(sorted(unknown))}"
            if not isinstance(keep, str)
            else f"the kinds to keep are the text {keep!r}, not a set",
            where="keep",
            fix=f"give a set of some of {', '.join(sorted(KEEP_ALL))}",
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """The record of one batch; every array is (T, B, ...) but for `logits`.

    logits      (B, classes): the scores of the classes, in units of the float network
    totals      (B, classes): what is read of the readout over time: its sum, or what its integrator
                says ((A12), (A38) in docs/arithmetic.md); integers in an integer circuit
    spikes      bool, by LIF node
    currents    integrated current, by E-I layer (integer: in membrane LSB)
    inhibition  s_I, (T, B, n_I, ...), by E-I layer and readout
    divisors    I_div before zeros are replaced, by E-I layer
    inputs      what each E-I layer and readout read; in an integer circuit also what the input puts
                out, under the input's name
    membranes   after the reset, by LIF node
    saturated   how many divided currents (by E-I layer), membranes (by LIF node) and, in an integer
                circuit, values of the input were clipped
    zeros       how many divisors were zero, by E-I layer
    entries     how many values `saturated` and `zeros` count among, by node; of the input those
                that are not zero

    Kinds that were not asked for are empty.
    """

    logits: Array
    totals: Array
    spikes: Mapping[str, Array] = field(default_factory=dict)
    currents: Mapping[str, Array] = field(default_factory=dict)
    inhibition: Mapping[str, Array] = field(default_factory=dict)
    divisors: Mapping[str, Array] = field(default_factory=dict)
    inputs: Mapping[str, Array] = field(default_factory=dict)
    membranes: Mapping[str, Array] = field(default_factory=dict)
    saturated: Mapping[str, int] = field(default_factory=dict)
    zeros: Mapping[str, int] = field(default_factory=dict)
    entries: Mapping[str, int] = field(default_factory=dict)


class Recorder:
    """Collects a trace while an executor walks the circuit."""

    def __init__(self, keep: frozenset[str], steps: int) -> None:
        self.keep, self.steps = keep, steps
        self.kinds: dict[str, dict[str, list[Array]]] = {kind: {} for kind in KEEP_ALL}
        self.counts: dict[str, dict[str, int]] = {"saturated": {}, "zeros": {}, "entries": {}}

    def array(self, kind: str, name: str, value: Array) -> None:
        """Keep (T, B, ...) or, constant over time, (1, B, ...), if `kind` was asked for.

        It is called for one part of the samples after the other.
        """
        if kind in self.keep:
            value = value.astype(np.int64) if value.dtype.kind in "iu" else value
            repeat = self.steps // value.shape[0]
            repeated = value.repeat(repeat, axis=0) if repeat > 1 else value
            self.kinds[kind].setdefault(name, []).append(repeated)

    def count(self, kind: str, name: str, number: int, per: Array) -> None:
        """Count over all time steps what was counted over `per`, (T or 1, B, ...)."""
        counted = self.counts[kind].get(name, 0)
        self.counts[kind][name] = counted + number * (self.steps // per.shape[0])

    def add_steps(self, steps: Sequence["Recorder"]) -> None:
        """Keep what recorders of one step each have, in order."""
        for kind, by_node in steps[0].kinds.items():
            for name in by_node:
                values = [_whole(step.kinds[kind][name]) for step in steps]
                self.kinds[kind].setdefault(name, []).append(np.concatenate(values))
        for kind, counts in steps[0].counts.items():
            for name in counts:
                counted = sum(step.counts[kind][name] for step in steps)
                self.counts[kind][name] = self.counts[kind].get(name, 0) + counted

    def trace(self, logits: Array, totals: Array) -> Trace:
        """Return what was recorded."""
        counts = self.counts
        kinds = {
            kind: {name: _whole(parts) for name, parts in by_node.items()}
            for kind, by_node in self.kinds.items()
        }
        return Trace(
            logits=logits,
            totals=totals,
            saturated=counts["saturated"],
            zeros=counts["zeros"],
            entries=counts["entries"],
            **kinds,
        )


def _whole(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

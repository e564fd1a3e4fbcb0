"""What an execution did, step by step."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eideploy.circuit import Array

KEEP_ALL = frozenset({"spikes", "currents", "inhibition", "divisors", "inputs", "membranes"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Trace:
    """The record of one batch; every array is (T, B, ...) but for `logits`.

    logits      (B, classes): mean over time of the readout's current
    totals      (B, classes): the readout's sum over time, an integer in an integer circuit
    spikes      bool, by LIF node
    currents    integrated current, by E-I layer (integer: in membrane LSB)
    inhibition  s_I, (T, B, n_I, ...), by E-I layer and readout
    divisors    I_div before zeros are replaced, by E-I layer
    inputs      what each E-I layer and readout read; in an integer circuit also what the input puts
                out, under the input's name
    membranes   after the reset, by LIF node
    saturated   how many divided currents (by E-I layer) and membranes (by LIF node) were clipped
    zeros       how many divisors were zero, by E-I layer
    entries     how many values `saturated` and `zeros` count among, by node

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
        self.kinds: dict[str, dict[str, Array]] = {kind: {} for kind in KEEP_ALL}
        self.counts: dict[str, dict[str, int]] = {"saturated": {}, "zeros": {}, "entries": {}}

    def array(self, kind: str, name: str, value: Array) -> None:
        """Keep (T, B, ...) or, constant over time, (1, B, ...), if `kind` was asked for."""
        if kind in self.keep:
            repeat = self.steps // value.shape[0]
            self.kinds[kind][name] = value.repeat(repeat, axis=0) if repeat > 1 else value

    def count(self, kind: str, name: str, number: int, per: Array) -> None:
        """Count over all time steps what was counted over `per`, (T or 1, B, ...)."""
        self.counts[kind][name] = number * (self.steps // per.shape[0])

    def trace(self, logits: Array, totals: Array) -> Trace:
        """Return what was recorded."""
        counts = self.counts
        return Trace(
            logits=logits,
            totals=totals,
            saturated=counts["saturated"],
            zeros=counts["zeros"],
            entries=counts["entries"],
            **self.kinds,
        )

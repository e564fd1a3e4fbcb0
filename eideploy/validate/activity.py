"""Whether a network says anything: neurons that fire, and logits that differ between samples."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.circuit import Array
from eideploy.execute.trace import Trace

SILENT = 0.002  # of the steps, below which a layer carries next to nothing


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What a network did on some samples.

    samples   how many
    rates     of neurons that spike in a step, by LIF node; without those that spike at every one
    constant  whether all samples gave the same logits, though the samples differ
    """

    samples: int
    rates: Mapping[str, float]
    constant: bool

    @property
    def silent(self) -> dict[str, float]:
        """The rates of the layers that fire next to never."""
        return {name: rate for name, rate in self.rates.items() if rate < SILENT}

    @property
    def why_dead(self) -> str:
        """The reason in words; empty where there is none."""
        if self.silent:
            return f"hardly a neuron of {', '.join(self.silent)} fires"
        return "the logits are the same for all samples" if self.constant else ""


class ActivityTally:
    """Sums over batches."""

    def __init__(self) -> None:
        self.samples, self.steps = 0, 0
        self.spikes: dict[str, Array] = {}
        self.first: tuple[Array, Array] | None = None
        self.differ = {"samples": False, "logits": False}

    def add(self, trace: Trace, batch: Array) -> None:
        """Take a batch, and the trace of it, in which spikes were kept."""
        self.samples += len(batch)
        for name, spikes in trace.spikes.items():
            before = self.spikes.get(name, 0)
            self.spikes[name] = before + spikes.sum((0, 1), dtype=np.int64)
            self.steps = len(spikes)
        if self.first is None:
            self.first = np.array(batch[0]), trace.totals[0]
        for kind, values, one in zip(self.differ, (batch, trace.totals), self.first, strict=True):
            self.differ[kind] |= bool((values != one).any())

    def activity(self) -> Activity:
        """Return what was seen."""
        slots = self.samples * self.steps
        changing = {name: counts[counts < slots] for name, counts in self.spikes.items()}
        return Activity(
            samples=self.samples,
            rates={
                name: float(counts.mean() / slots)
                for name, counts in changing.items()
                if counts.size
            },
            constant=self.differ["samples"] and not self.differ["logits"],
        )

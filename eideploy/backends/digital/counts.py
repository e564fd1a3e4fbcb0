"""What a run of a program takes, stage by stage: cycles of a core, or what a family counts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.numeric.fixed import Int

PHASES = ("setup", "accumulate", "inhibit", "minimum", "update", "output")


@dataclass(frozen=True, kw_only=True, eq=False)
class StageCycles:
    """What one stage did; every array is (T, B).

    phases          cycles of every phase of PHASES, its drain included
    events          set spike bits that were scanned and input words that were taken
    row_operations  rows of weights that were multiplied and added
    active          active inhibitory units
    useful, offered  weight lanes that held a weight in accumulate, and all lanes while it scanned
    """

    phases: Mapping[str, Int]
    events: Int
    row_operations: Int
    active: Int
    useful: Int
    offered: Int

    @property
    def total(self) -> Int:
        """Cycles of the stage, (T, B) (C8, C9)."""
        return _added(self.phases.values())

    @property
    def lane_utilisation(self) -> float:
        """Fraction of the lanes that held a weight while accumulate scanned."""
        return float(self.useful.sum() / self.offered.sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class Cycles:
    """What every stage did, by name in program order."""

    stages: Mapping[str, StageCycles]

    @property
    def per_stage(self) -> dict[str, Int]:
        """Cycles by stage, each (T, B)."""
        return {name: stage.total for name, stage in self.stages.items()}

    @property
    def per_inference(self) -> Int:
        """Cycles of every sample, (B,) (C10)."""
        return _added(total.sum(0) for total in self.per_stage.values())


def _added(parts: Iterable[Int]) -> Int:
    return np.asarray(np.sum(list(parts), axis=0, dtype=np.int64))

"""What of a simulation is saved, batch by batch."""

from pathlib import Path

import numpy as np

from eideploy.circuit import Array
from eideploy.execute.trace import Trace
from eideploy.flow.samples import write_npz


class Saved:
    """Logits (B, classes) and, of the kinds `keep`, spikes and currents (B, T, ...) by layer."""

    def __init__(self, keep: frozenset[str]) -> None:
        self.keep = keep
        self.parts: list[dict[str, Array]] = []

    def add(self, trace: Trace) -> None:
        """Take what is to be saved of one batch."""
        arrays = {"logits": trace.logits}
        for kind in sorted(self.keep):
            for name, value in getattr(trace, kind).items():
                arrays[f"{kind}/{name}"] = value.swapaxes(0, 1)
        self.parts.append(arrays)

    def write(self, path: Path) -> None:
        """Write all batches as one .npz file."""
        names = self.parts[0]
        write_npz(path, {n: np.concatenate([part[n] for part in self.parts]) for n in names})

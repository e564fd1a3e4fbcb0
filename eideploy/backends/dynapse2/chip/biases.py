"""The bias generator: codes to currents and back.

Without a measured table the generator's current is a formula over the published full scales,

    I(coarse, fine) = max(floor, full_scale[type][coarse] * fine / (fines - 1))

and a circuit's current is the bias's factor times that. Measured ramps are not monotone and their
full scales differ by some percent from chip to chip, so the search for a code tries them all.
targets/dynapse2/README.md says how far the formula lies from a measured table.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.errors import FormatError
from eideploy.files import check_version, read_json
from eideploy.typed import Fault, Positive, instead, refuse, typed

VERSION = 1
TYPES = ("N", "P")


@dataclass(frozen=True, kw_only=True)
class Code:
    """A bias's setting, the current that it gives in ampere, and its error relative to the aim."""

    coarse: int
    fine: int
    current: float
    error: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Dac:
    """A board's bias generator.

    currents  by type N or P: (coarse, fine) ampere
    factors   by bias name
    measured  whether a table was measured, else the formula
    """

    currents: Mapping[str, Array]
    factors: Mapping[str, float]
    measured: bool

    def current(self, name: str, coarse: Array | int, fine: Array | int) -> Array:
        """Return what the codes (...) of the bias `name` give, in ampere."""
        return np.asarray(self.currents[name[-1]][coarse, fine] * self.factors[name])

    def code(self, name: str, ampere: float) -> Code:
        """Return the code whose current is nearest to `ampere`, by ratio; 0 A: the lowest.

        With the formula the error is at most 1.7 % from 9 pA times the factor to the full scale,
        and below that half a step of the lowest range, 0.14 pA times the factor.
        """
        offered = self.currents[name[-1]] * self.factors[name]
        distance = offered if ampere <= 0 else np.abs(np.log(offered / ampere))
        coarse, fine = (int(i) for i in np.unravel_index(int(distance.argmin()), offered.shape))
        current = float(offered[coarse, fine])
        error = 0.0 if ampere <= 0 else current / ampere - 1
        return Code(coarse=coarse, fine=fine, current=current, error=error)

    def offered(self, name: str) -> Array:
        """Return all currents that a bias can be set to, ascending, in ampere."""
        return np.unique(self.currents[name[-1]] * self.factors[name])

    def reach(self, name: str) -> tuple[float, float]:
        """Return the smallest and the largest current of a bias, in ampere."""
        offered = self.currents[name[-1]] * self.factors[name]
        return float(offered.min()), float(offered.max())


@dataclass(frozen=True, kw_only=True)
class _Table:
    """A file of measured currents in ampere, by type, coarse and fine; and factors by bias."""

    version: int
    currents: Mapping[str, tuple[tuple[Positive, ...], ...]]
    factors: Mapping[str, Positive] = field(default_factory=dict)


def load_dac(spec: ChipSpec) -> Dac:
    """Return the generator of a spec: by its measured table if it names one, else the formula.

    Raises:
        FormatError: the table is missing, damaged or of other counts than the spec's.
    """
    factors = {name: bias.factor for name, bias in spec.biases.items()}
    if spec.board.bias_table:
        return _read(spec.source.parent / spec.board.bias_table, spec, factors)
    fine = np.arange(spec.dac.fine) / (spec.dac.fine - 1)
    scales = {"N": spec.dac.full_scale_n, "P": spec.dac.full_scale_p}
    currents = {
        kind: np.maximum(np.outer(scale, fine), spec.dac.floor) for kind, scale in scales.items()
    }
    return Dac(currents=currents, factors=factors, measured=False)


def _read(path: Path, spec: ChipSpec, factors: Mapping[str, float]) -> Dac:
    content = read_json(path)
    check_version(content.get("version"), VERSION, where=str(path))
    table = typed(_Table, content, where=str(path), error=FormatError)
    currents = {kind: _rectangle(rows) for kind, rows in table.currents.items()}
    faults = _contradictions(table.factors, currents, spec)
    refuse(faults, error=FormatError, where=str(path))
    return Dac(currents=currents, factors={**factors, **table.factors}, measured=True)


def _contradictions(
    factors: Mapping[str, float], currents: Mapping[str, Array], spec: ChipSpec
) -> Iterator[Fault]:
    for name in factors:
        if name not in spec.biases:
            yield Fault(
                what=f"factors.{name} is of no bias of the spec",
                fix=instead(f"factors.{name}", [f"factors.{bias}" for bias in spec.biases]),
            )
    shape = (spec.dac.coarse, spec.dac.fine)
    for kind in TYPES:
        if kind not in currents or currents[kind].shape != shape:
            measured = currents[kind].shape if kind in currents else "no currents"
            yield Fault(
                what=f"currents.{kind} has shape {measured}, the spec offers {shape}",
                fix=f"list {shape[1]} currents in ampere for each of {shape[0]} coarse steps",
            )


def _rectangle(rows: Sequence[Sequence[float]]) -> Array:
    """Return rows as an array; of ragged ones, an empty one."""
    return np.array(rows if len({*map(len, rows)}) == 1 else [], np.float64)

"""From the values of a user's samples to what the network sees, which is never negative."""

from dataclasses import dataclass

import numpy as np

from eideploy.data.dataset import Stored, extremes
from eideploy.errors import DataError

BYTE = 255
DARK = 128  # bytes that all lie below are no grey levels of 0 to 255


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The network sees (value - offset) / divisor, from 0 to `high`."""

    offset: float
    divisor: float
    high: float

    @property
    def text(self) -> str:
        """The map in words."""
        if self.offset:
            return f"the network sees (value + {-self.offset:g}) / {self.divisor:g}"
        if self.divisor != 1:
            return f"the network sees value / {self.divisor:g}"
        return f"the network sees the values as they are, 0 to {self.high:g}"


def scale_of(parts: list[Stored], where: str, *, pictures: bool = False) -> Scale:
    """Return the scale of samples, of all parts alike.

    Values below 0 are moved up, all linearly to 0 to 1. Bytes of pictures, and others that reach
    DARK, are divided by 255, other values above 1 by the largest; values from 0 to 1 and counts of
    event frames stay.

    Raises:
        DataError: all values are the same.
    """
    bounds = [extremes(part) for part in parts]
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    if low == high:
        raise DataError(f"every value is {low:g}", where=where, fix="give samples that differ")
    if low < 0:
        return Scale(offset=low, divisor=high - low, high=1.0)
    if parts[0].ndim == 5:
        return Scale(offset=0.0, divisor=1.0, high=max(1.0, high))
    if pictures or (parts[0].dtype == np.uint8 and high >= DARK):
        return Scale(offset=0.0, divisor=BYTE, high=1.0)
    return Scale(offset=0.0, divisor=max(1.0, high), high=1.0)

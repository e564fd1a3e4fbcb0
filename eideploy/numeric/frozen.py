"""Records whose arrays nobody changes."""

from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True, kw_only=True, eq=False)
class Frozen:
    """A dataclass whose arrays are read-only copies."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                frozen = value.copy()
                frozen.flags.writeable = False
                object.__setattr__(self, field.name, frozen)

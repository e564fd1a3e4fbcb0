"""The one node that the `ei` dialect adds to NIR: division by the shunting current.

NIR has no quotient of two signals and no ports: what flows into a node is summed. So numerator and
divisor come stacked, one above the other, as one signal of twice the channels.
"""

from dataclasses import dataclass
from typing import Any

import nir
import nir.ir
import numpy as np
from numpy.typing import NDArray

TYPE = "EIDivision"


@dataclass(eq=False)
class EIDivision(nir.NIRNode):  # type: ignore[misc]  # nir has no types
    """The integrated current of an E-I layer (M5, M6), from [num; den] stacked on the first axis.

        current = gain * num / den + bias

    Where den is zero, the smallest positive den of the same sample and step, over all channels and
    positions, stands for it; where none is positive the current is the bias.

    input_shape  (2 n_E,) or (2 n_E, h, w): num in the first n_E entries, den in the others
    gain, bias   (n_E,): g_E and b_E
    """

    input_shape: NDArray[Any]
    gain: NDArray[Any]
    bias: NDArray[Any]

    def __post_init__(self) -> None:
        channels, *positions = (int(n) for n in self.input_shape)
        if channels != 2 * len(self.gain) or self.gain.shape != self.bias.shape:
            raise ValueError(f"{TYPE} of {len(self.gain)} neurons takes {2 * len(self.gain)} rows")
        self.input_type = {"input": np.array([channels, *positions])}
        self.output_type = {"output": np.array([channels // 2, *positions])}


def register() -> None:
    """Teach `nir.read` the extension; harmless when called again."""
    known: list[str] = vars(nir.ir)["__all_ir"]  # the names that nir looks up in its module
    if TYPE not in known:
        known.append(TYPE)
        nir.ir.EIDivision = EIDivision

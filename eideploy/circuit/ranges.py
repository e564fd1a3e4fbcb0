"""What calibration observed on samples: the annotation that quantization reads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from eideploy.circuit.node import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerRange:
    """What one E-I layer saw, over samples, steps and positions.

    divisor_floor    median over (sample, step) of the smallest positive I_div; 0 if none was
    zero_divisors    fraction of the I_div entries that were exactly zero
    mean_input       (n_in,) or (channels,): mean input of every presynaptic neuron (channel)
    mean_inhibition  (n_I,): mean s_I
    constant_divisor (n_E,): the constant in place of I_div with the least squared error of the
                     current, which counts by its nearness to the threshold (A23)
    second_moment    (blocks, m, m): mean products x x^T of the inputs of a row of weights, m inputs
                     at a time, the last block filled up with zeros; a patch counts by 1 / I_div^2,
                     as it does for the current
    """

    divisor_floor: float
    zero_divisors: float
    mean_input: Array
    mean_inhibition: Array
    constant_divisor: Array
    second_moment: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranges:
    """Calibration of a circuit.

    samples       how many samples were run
    input_values  (n,) distinct input values that were seen, ascending, at most 1024 of them
    layers        every E-I layer by name
    """

    samples: int
    input_values: Array
    layers: Mapping[str, LayerRange]

    def without_moments(self) -> "Ranges":
        """Return the ranges without second moments, which are large and have served."""
        none = np.zeros((0, 0, 0), np.float32)
        layers = {name: replace(seen, second_moment=none) for name, seen in self.layers.items()}
        return replace(self, layers=layers)

"""What calibration observed on samples: the annotation that quantization reads."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from eideploy.circuit.node import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Chosen:
    """What quantization chose for a layer by measured error (A14, A16).

    full_scale_ee, full_scale_ie  (n_E,), (n_I,): full scale of every row over its largest weight
    error                         (n_E,): root mean square of what rounding adds to num / den of a
                                  neuron that is about to fire; to num in a readout
    """

    full_scale_ee: Array
    full_scale_ie: Array
    error: Array


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
    chosen           once it is quantized
    """

    divisor_floor: float
    zero_divisors: float
    mean_input: Array
    mean_inhibition: Array
    constant_divisor: Array
    second_moment: Array
    chosen: Chosen | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class InputRange:
    """What the input's grid would change in the layers that read it, over windows of samples.

    largest           the largest value that was seen
    steps, rounding   (n,), steps descending: the mean change of a current, in thresholds and within
                      0 to 1, where the input is rounded to multiples of the step
    scales, clipping  (m,), likewise: where it is clipped to the full scale
    """

    largest: float
    steps: Array
    rounding: Array
    scales: Array
    clipping: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class Ranges:
    """Calibration of a circuit.

    samples  how many samples were run
    layers   every E-I layer by name
    input    None where nothing but its largest possible value is known
    """

    samples: int
    layers: Mapping[str, LayerRange]
    input: InputRange | None = None

    def after(self, chosen: Mapping[str, Chosen]) -> "Ranges":
        """Return the ranges with what was chosen, without second moments, which have served."""
        none = np.zeros((0, 0, 0), np.float32)
        layers = {
            name: replace(layer, second_moment=none, chosen=chosen[name])
            for name, layer in self.layers.items()
        }
        return replace(self, layers=layers)

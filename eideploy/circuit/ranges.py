"""What calibration observed on samples: the annotation that quantization reads."""

from collections.abc import Mapping
from dataclasses import dataclass

from eideploy.circuit.node import Array


@dataclass(frozen=True, kw_only=True, eq=False)
class LayerRange:
    """What one E-I layer saw, over samples, steps and positions.

    divisor_floor    median over (sample, step) of the smallest positive I_div; 0 if none was
    zero_divisors    fraction of the I_div entries that were exactly zero
    mean_input       (n_in,) or (channels,): mean input of every presynaptic neuron (channel)
    mean_inhibition  (n_I,): mean s_I
    """

    divisor_floor: float
    zero_divisors: float
    mean_input: Array
    mean_inhibition: Array


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

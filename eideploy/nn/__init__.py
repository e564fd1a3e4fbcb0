"""Layers of E-I circuits for PyTorch, with torch's names and habits (docs/nn.md)."""

from eideploy.portable import pin

pin()  # torch is loaded by the modules below

from eideploy.nn.coding import DirectCoding  # noqa: E402
from eideploy.nn.initialise import initialise  # noqa: E402
from eideploy.nn.layers import Conv2d, EILayer, Linear, Readout, Shunting  # noqa: E402
from eideploy.nn.neurons import IF, LIF  # noqa: E402
from eideploy.nn.pooling import AvgPool2d, GlobalAvgPool2d  # noqa: E402
from eideploy.nn.stages import Sequential  # noqa: E402

__all__ = [
    "IF",
    "LIF",
    "AvgPool2d",
    "Conv2d",
    "DirectCoding",
    "EILayer",
    "GlobalAvgPool2d",
    "Linear",
    "Readout",
    "Sequential",
    "Shunting",
    "initialise",
]

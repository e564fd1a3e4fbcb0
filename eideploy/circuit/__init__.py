"""IR 1: what the network computes, as frozen nodes; no torch."""

from eideploy.circuit.folded import (
    FoldedConv,
    FoldedLinear,
    FoldedReadout,
    IntegerFoldedConv,
    IntegerFoldedLinear,
    IntegerFoldedReadout,
    PlainConv,
    PlainLinear,
)
from eideploy.circuit.graph import Circuit
from eideploy.circuit.integer import (
    Division,
    IntegerEIConv,
    IntegerEILinear,
    IntegerInput,
    IntegerLIF,
    IntegerReadout,
    SumPool,
)
from eideploy.circuit.node import Array, Node, Shape
from eideploy.circuit.nodes import (
    LIF,
    Add,
    AvgPool,
    EIConv,
    EILinear,
    EIReadout,
    Flatten,
    Input,
)
from eideploy.circuit.ranges import Chosen, InputRange, LayerRange, Ranges

__all__ = [
    "LIF",
    "Add",
    "Array",
    "AvgPool",
    "Chosen",
    "Circuit",
    "Division",
    "EIConv",
    "EILinear",
    "EIReadout",
    "Flatten",
    "FoldedConv",
    "FoldedLinear",
    "FoldedReadout",
    "Input",
    "InputRange",
    "IntegerEIConv",
    "IntegerEILinear",
    "IntegerFoldedConv",
    "IntegerFoldedLinear",
    "IntegerFoldedReadout",
    "IntegerInput",
    "IntegerLIF",
    "IntegerReadout",
    "LayerRange",
    "Node",
    "PlainConv",
    "PlainLinear",
    "Ranges",
    "Shape",
    "SumPool",
]

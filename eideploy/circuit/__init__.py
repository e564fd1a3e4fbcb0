"""IR 1: what the network computes, as frozen nodes; no torch."""

from eideploy.circuit.current import Current, Division, FloatCurrent, IntegerCurrent, Logits
from eideploy.circuit.geometry import Conv, Dense, Geometry
from eideploy.circuit.graph import Circuit, require_circuit
from eideploy.circuit.integrator import IntegerIntegrator, Integrator
from eideploy.circuit.layer import Layer
from eideploy.circuit.node import Array, Node, Shape
from eideploy.circuit.nodes import Add, AvgPool, Flatten, Input, IntegerInput, Neurons
from eideploy.circuit.projection import Factored, Folded
from eideploy.circuit.ranges import Chosen, InputRange, LayerRange, Ranges

__all__ = [
    "Add",
    "Array",
    "AvgPool",
    "Chosen",
    "Circuit",
    "Conv",
    "Current",
    "Dense",
    "Division",
    "Factored",
    "Flatten",
    "FloatCurrent",
    "Folded",
    "Geometry",
    "Input",
    "InputRange",
    "IntegerCurrent",
    "IntegerInput",
    "IntegerIntegrator",
    "Integrator",
    "Layer",
    "LayerRange",
    "Logits",
    "Neurons",
    "Node",
    "Ranges",
    "Shape",
    "require_circuit",
]

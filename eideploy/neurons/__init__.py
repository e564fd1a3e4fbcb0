"""Models of neurons, each with all that is known of it."""

from eideploy.neurons.general import GeneralLIF, IntegerGeneralLIF
from eideploy.neurons.lif import LIF, MOST_LEAK, NO_LEAK, RESETS, IntegerLIF, leak_of
from eideploy.neurons.models import model_called, models
from eideploy.neurons.neuron import IntegerNeuron, Neuron, NirPart, PerNeuron
from eideploy.numeric.fixed import Array
from eideploy.numeric.operators import Numbers, Operators

__all__ = [
    "LIF",
    "MOST_LEAK",
    "NO_LEAK",
    "RESETS",
    "Array",
    "GeneralLIF",
    "IntegerGeneralLIF",
    "IntegerLIF",
    "IntegerNeuron",
    "Neuron",
    "NirPart",
    "Numbers",
    "Operators",
    "PerNeuron",
    "leak_of",
    "model_called",
    "models",
]

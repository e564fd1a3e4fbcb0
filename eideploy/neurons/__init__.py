"""Models of neurons, each with all that is known of it."""

from eideploy.neurons.lif import LIF, MOST_LEAK, NO_LEAK, RESETS, IntegerLIF
from eideploy.neurons.models import model_called, models
from eideploy.neurons.neuron import IntegerNeuron, Neuron, NirPart

__all__ = [
    "LIF",
    "MOST_LEAK",
    "NO_LEAK",
    "RESETS",
    "IntegerLIF",
    "IntegerNeuron",
    "Neuron",
    "NirPart",
    "model_called",
    "models",
]

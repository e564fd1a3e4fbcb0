"""Every model of a neuron by the names of its classes, as files of circuits have them."""

from typing import TYPE_CHECKING

from eideploy import packages
from eideploy.neurons.general import GeneralLIF
from eideploy.neurons.lif import LIF
from eideploy.neurons.neuron import IntegerNeuron, Neuron

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

SHIPPED: tuple[type[Neuron], ...] = (LIF, GeneralLIF)
GROUP = "eideploy.neurons"  # of entry points, by which installed packages offer classes


def models() -> tuple[type[Neuron], ...]:
    """Return the class of every model: the shipped ones, then those of installed packages."""
    return SHIPPED + tuple(map(of_package, packages.offered(GROUP)))


def model_called(kind: str) -> type[Neuron] | type[IntegerNeuron] | None:
    """Return a model's class, of floats or of integers, by its name; None where there is none."""
    shipped = _of(SHIPPED, kind)
    return shipped or _of(models(), kind)  # other packages are looked for last


def _of(models: tuple[type[Neuron], ...], kind: str) -> type[Neuron] | type[IntegerNeuron] | None:
    classes = (own for model in models for own in (model, model.integers))
    return next((own for own in classes if own.__name__ == kind), None)


def of_package(point: "EntryPoint") -> type[Neuron]:
    """Return the class of an entry point.

    Raises:
        PackageError: it cannot be used.
    """
    return packages.class_of(point, "neuron", Neuron, "is not a model of a neuron")

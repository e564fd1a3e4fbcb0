"""Modules of PyTorch, as circuits."""

from typing import TYPE_CHECKING, Any

from eideploy.circuit import Circuit
from eideploy.errors import UsageError
from eideploy.flow import keeping
from eideploy.flow.result import Result
from eideploy.options import PathLike, as_path
from eideploy.shown import kind_of

if TYPE_CHECKING:
    from torch import Tensor, nn


def export(
    module: "nn.Module",
    sample: "Tensor",
    *,
    steps: int | None = None,
    high: float | None = None,
) -> Circuit:
    """Return the circuit that computes what a PyTorch module does.

    The module is run once on `sample`, in evaluation; what its forward does otherwise for other
    samples is not seen. The circuit's logits are the mean over time of what it returns.

    Args:
        module: made of layers of eideploy.nn or torch, and of neurons of eideploy.nn, snnTorch or
            SpikingJelly; branches may be added.
        sample: a batch as its forward takes it: (B, ...), (T, B, ...), or (B, T, ...) where forward
            swaps the axes.
        steps: T, of a module whose forward is a single step and whose neurons keep their membranes.
        high: the largest entry a sample may have (default: 1, or the largest of `sample`).

    Raises:
        CapacityError: operations that no circuit has, all of them, each with its place.
        DataError: a sample below 0, or not finite.
        UsageError: weights that nothing has filled.
    """
    from eideploy.nn.exporting.export import export as traced  # late: with it comes torch

    return traced(module, sample, steps=steps, high=high)


def save_run(
    network: "Circuit | nn.Module",
    data: Any,  # noqa: ANN401 - paths, names and whatever holds samples
    *,
    sample: "Tensor | None" = None,
    steps: int | None = None,
    name: str = "network",
    out: PathLike | None = None,
) -> Result:
    """Keep a network as a run, which every later job takes: compile_run, simulate_build and others.

    Its accuracy on the test samples, in floats, is measured and told.

    Args:
        network: a circuit, or a module that `export` takes.
        data: what it was trained on, as `train_network` takes it: a path, the name of a data set,
            a Dataset, arrays, torch's data sets and loaders.
        sample: of a module, a batch as its forward takes it.
        steps: of a module whose forward is a single step.
        name: of the run.
        out: new folder (default: numbered).

    Raises:
        UsageError: a module without a sample.
        CapacityError: a module that no circuit computes.
        DataError: data that do not fit the network; `out` exists already.
    """
    circuit = as_circuit(network, sample, steps=steps)
    return keeping.keep(circuit, data, name=name, out=as_path(out))


def as_circuit(
    network: "Circuit | nn.Module", sample: "Tensor | None", *, steps: int | None = None
) -> Circuit:
    """Return a network as a circuit.

    Raises:
        UsageError: neither, or a module without a sample.
    """
    if isinstance(network, Circuit):
        return network
    if not hasattr(network, "named_modules"):
        raise UsageError(
            f"{kind_of(network)} is neither a circuit nor a module",
            where="network",
            fix="give a float circuit, as load_run(folder).circuit, or a torch.nn.Module",
        )
    if sample is None:
        raise UsageError(
            f"a module is exported on a sample, and {type(network).__name__} has none",
            where="sample",
            fix="give sample=x, a batch as its forward takes it",
        )
    return export(network, sample, steps=steps)

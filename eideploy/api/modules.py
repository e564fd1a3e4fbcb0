"""Modules of PyTorch, as circuits."""

from typing import TYPE_CHECKING

from eideploy.circuit import Circuit

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

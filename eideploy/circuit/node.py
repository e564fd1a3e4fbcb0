"""The base of every node: frozen fields, read-only arrays, checks that say what and where."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eideploy.errors import FormatError
from eideploy.numeric.frozen import Frozen

Array = NDArray[Any]
RESTORE = "restore the file from a copy, or export the network again"
Shape = tuple[int, ...]  # of one sample at one time step: (features,) or (channels, height, width)


@dataclass(frozen=True, kw_only=True, eq=False)
class Node(Frozen):
    """One operation of a circuit.

    inputs   names of the nodes whose outputs it reads
    delayed  those of them that it reads one step late: what they put out in the step before
    """

    name: str
    inputs: tuple[str, ...] = ()
    delayed: tuple[str, ...] = ()

    arity = range(1, 2)  # how many inputs the node reads

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(len(self.inputs) in self.arity, f"reads {len(self.inputs)} nodes")
        self.require(set(self.delayed) <= set(self.inputs), f"does not read all of {self.delayed}")
        self.check()

    def check(self) -> None:
        """Raise FormatError where the fields contradict each other."""

    def shape(self, *inputs: Shape) -> Shape:
        """Return the output shape for the given input shapes, or raise FormatError.

        A shape that is not known yet is empty; that of the first input is known.
        """
        raise NotImplementedError

    @property
    def kind(self) -> str:
        """What sort of node it is, in a word."""
        return type(self).__name__

    def require(self, holds: bool, otherwise: str) -> None:  # noqa: FBT001
        """Raise FormatError naming this node unless `holds`."""
        if not holds:
            raise FormatError(
                f"{self.kind} {otherwise}",
                where=f"node {self.name}",
                fix=RESTORE,
            )

    def require_array(
        self, field: str, value: Array, shape: Shape, *, low: float | None = None
    ) -> None:
        """Require that the array `field` has `shape`, finite entries, and none below `low`."""
        self.require(value.shape == shape, f"{field} has shape {value.shape}, expected {shape}")
        self.require(bool(np.isfinite(value).all()), f"{field} has entries that are not finite")
        if low is not None and value.size:
            least = value.min()
            self.require(bool(least >= low), f"{field} has an entry {least}, below {low}")

    def require_integers(self, field: str, value: Array) -> None:
        """Require an array of int64."""
        self.require(value.dtype == np.int64, f"{field} is {value.dtype}, expected int64")


@dataclass(frozen=True, kw_only=True, eq=False)
class Part(Frozen):
    """One of the things that a layer is composed of; `check` refuses in the layer's name."""

    def check(self, node: Node, n_e: int) -> None:
        """Raise FormatError where the fields do not fit a layer of `n_e` neurons (channels)."""

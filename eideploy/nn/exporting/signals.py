"""What flows in a module that is being exported."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from eideploy.nn.exporting.nodes import Drive


@dataclass(frozen=True, kw_only=True, eq=False)
class Signal:
    """What a tensor holds.

    node       the circuit's node that puts it out, or that `drive` reads; "" of what is not known
    lead       how many axes stand before those of a sample: the batch, or time and batch
    drive      sums of weights, which no neurons have read yet
    step       which step of a loop it is of
    is_mean    whether it is the mean over time
    membranes  whether it holds the membranes of `node`
    """

    node: str
    lead: int
    drive: Drive | None = None
    step: int | None = None
    is_mean: bool = False
    membranes: bool = False


class Signals:
    """Which tensors hold what; they are kept, so that no other can be taken for one of them."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Tensor, Signal]] = {}

    def of(self, value: object) -> Signal | None:
        """Return what a value holds, if it is such a tensor."""
        return self._known[id(value)][1] if id(value) in self._known else None

    def shares(self, tensor: Tensor) -> bool:
        """Return whether another known tensor has the memory of a known one."""
        memory = tensor.untyped_storage().data_ptr()
        others = (other for other, _ in self._known.values() if other is not tensor)
        return any(other.untyped_storage().data_ptr() == memory for other in others)

    def put(self, tensor: Tensor, signal: Signal) -> None:
        """Say what a tensor holds."""
        self._known[id(tensor)] = tensor, signal

    def within(self, values: Any) -> list[Signal]:  # noqa: ANN401
        """Return what arguments hold, those in lists among them."""
        if isinstance(values, tuple | list):
            return [signal for value in values for signal in self.within(value)]
        signal = self.of(values)
        return [] if signal is None else [signal]

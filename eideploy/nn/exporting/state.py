"""What is known of a module that is being exported: its nodes so far, and what tensors hold."""

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

from torch import Tensor, nn

from eideploy import circuit as ir
from eideploy.nn.exporting.nodes import Nodes
from eideploy.nn.exporting.signals import Signal, Signals

T = TypeVar("T")
KINDS = "Linear, Conv2d, Readout, LIF, IF, pooling, flatten and sums of spikes (docs/nn.md)"
USE = f"build the network of {KINDS}"
POOL = "take means over square windows side by side, or over whole square maps"


class Unsupported(Exception):  # noqa: N818 - it becomes a line of an error
    """Why an operation is of no circuit, in words that follow its name, and what to do."""

    def __init__(self, why: str, fix: str = USE) -> None:
        super().__init__(why)
        self.fix = fix


class State:
    """What is known so far.

    Args:
        sample: the module's input.
        steps: T, where the module is a single step.
        high: the largest entry of a sample.

    Attributes:
        steps: T, once it is known.
        swapped: whether the samples are (B, T, ...).
        calls: how often neurons were called.
    """

    def __init__(self, sample: Tensor, steps: int | None, high: float) -> None:
        self.high, self.given_steps, self.steps = high, steps, steps
        self.nodes: Nodes | None = None
        self.swapped = False
        self.signals = Signals()
        self.signals.put(sample, Signal(node="input", lead=-1))
        self.known: dict[tuple[object, ...], Any] = {}
        self.calls: Counter[nn.Module] = Counter()

    def of(self, value: object) -> Signal:
        """Return what a value holds, which is not membranes."""
        signal = self.signals.of(value)
        if signal is None:
            raise Unsupported("does not read a signal first")
        if signal.membranes:
            raise Unsupported(
                "reads membranes", "read the spikes, the first of what neurons return"
            )
        return signal

    def spiking(self, x: Tensor, lead: int, does: str) -> Signal:
        """Return a signal that is no current, of so many axes before a sample's."""
        signal = self.of(x)
        if signal.drive is not None:
            raise Unsupported(
                f"{does} currents, which no neurons have read", "put neurons before it"
            )
        if signal.is_mean:
            raise Unsupported(f"{does} the mean over time", "take the mean at the end")
        if signal.lead == -1:
            return self.settled(x, lead)
        if signal.lead != lead:
            shape = tuple(self.nodes_so_far().shapes[signal.node])
            raise Unsupported(f"{does} {tuple(x.shape)}, of samples {shape}", "flatten it before")
        return signal

    def settled(self, x: Tensor, lead: int) -> Signal:
        """Return the input, now that it is known which axes are a sample's."""
        size = tuple(x.shape[lead:])
        if lead not in (1, 2) or (self.given_steps and lead == 2) or len(size) not in (1, 3):
            raise Unsupported(
                f"takes samples of shape {size} from {tuple(x.shape)}",
                "give (B, features), (B, channels, height, width), or these with T in front",
            )
        if self.nodes is None:
            self.nodes = Nodes(ir.Input(name="input", size=size, high=self.high))
        elif self.nodes.shapes["input"] != size:
            raise Unsupported("takes the samples apart in another way than before")
        if lead == 2:
            self.takes(x.shape[1] if self.swapped else len(x))
        return Signal(node="input", lead=lead)

    def nodes_so_far(self) -> Nodes:
        """Return the nodes, once the input is one of them."""
        assert self.nodes is not None  # what reads the input settles it
        return self.nodes

    def takes(self, steps: int) -> None:
        """Take note of how many steps there are."""
        if self.steps not in (None, steps):
            raise Unsupported(f"takes {steps} steps, and others take {self.steps}")
        self.steps = steps

    def once(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what was made of the same before, as in an earlier step of a loop."""
        if key not in self.known:
            self.known[key] = make()
        result: T = self.known[key]
        return result

    def append(self, node: Callable[..., str], signal: Signal, *more: object) -> Signal:
        """Return what a node makes of a signal; of all steps of a loop it is the same node."""
        nodes, reads = self.nodes_so_far(), signal.node
        name = self.once((node, reads, *more), lambda: node(nodes, reads, *more))
        return Signal(node=name, lead=signal.lead, step=signal.step)

"""What functions of torch are in a circuit: sums of branches, shapes, time."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod
from typing import Any

import torch
from torch import Tensor

from eideploy.nn.exporting.nodes import Nodes
from eideploy.nn.exporting.signals import Signal
from eideploy.nn.exporting.state import POOL, State, Unsupported

SUMS = "add spikes of two branches of the same shape"
WINDOW = "kernel_size", "stride", "padding", "divisor_override"
POOLED = "input", *WINDOW[:3], "ceil_mode", "count_include_pad", WINDOW[3]  # of avg_pool2d
DROPPED = "input", "p", "training"  # of dropout
FLOATS = (torch.float32, torch.float64)
SHOW = "show still images by x.expand(T, *x.shape) or DirectCoding(T), and take steps in order"


def signal_of(
    state: State,
    name: str,
    by_place: tuple[Any, ...],
    by_name: Mapping[str, Any],
    out: Any,  # noqa: ANN401
) -> Signal:
    """Return what the result of a function holds."""
    arguments = (*by_place, *by_name.values())
    x = next(value for value in _flat(arguments) if state.signals.of(value))
    match name:
        case "add" | "radd" | "iadd":
            _refuse_shared(state, out)
            return _sum(state, arguments)
        case "flatten" | "reshape" | "view":
            return reshaped(state, x, out)
        case "expand" | "repeat" | "broadcast_to" | "unsqueeze":
            return shown(state, x, out)
        case "stack":
            called = _called(("tensors", "dim"), by_place, by_name)
            if called.get("axis", called.get("dim", 0)) not in (0, -out.ndim):
                raise Unsupported("stacks along another axis than the first", SHOW)
            return _stacked(state, arguments[0], out)
        case "transpose" | "permute" | "movedim" | "swapaxes":
            return _swapped(state, x, out)
        case "getitem" | "select":
            return step(state, x, arguments[-1])
        case "mean":
            return _mean(state, x, arguments[1:], out)
        case "avg_pool2d":
            called = _called(POOLED, by_place, by_name)
            return pooled(state, x, out, window_of(*map(called.get, WINDOW)))
        case "adaptive_avg_pool2d":
            return averaged_maps(state, x, out)
        case "dropout" if _called(DROPPED, by_place, by_name).get("training"):
            raise Unsupported("drops in evaluation, too", "give it training=self.training")
        case "float" | "double" | "to" if out.dtype not in (x.dtype, *FLOATS):
            raise Unsupported(f"makes {out.dtype} of {x.dtype}", "compute in float32 or float64")
        case "contiguous" | "clone" | "detach" | "float" | "double" | "to" | "dropout":
            return state.of(x)
    raise Unsupported("is of no circuit")


def _called(
    names: tuple[str, ...], by_place: tuple[Any, ...], by_name: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a function by their names, in whichever way they are given."""
    return {**dict(zip(names, by_place, strict=False)), **by_name}


def _refuse_shared(state: State, out: Tensor) -> None:
    """Refuse a sum in place, as of a += b, where another tensor has the same memory, as a view."""
    if state.signals.of(out) and state.signals.shares(out):
        raise Unsupported("changes in place what another tensor shares", "write a = a + b")


def _sum(state: State, arguments: tuple[Any, ...]) -> Signal:
    parts = [value for value in arguments if isinstance(value, Tensor)]
    numbers = [value for value in arguments if isinstance(value, int | float)]
    if len(parts) == 1 and numbers == [0]:
        return state.of(parts[0])  # of sum(), which begins with 0
    if len(parts) != 2 or parts[0].shape != parts[1].shape or numbers not in ([], [1]):
        raise Unsupported("adds something else than another branch", SUMS)
    lead = max(state.of(part).lead for part in parts)
    one, other = (state.spiking(part, lead, "adds") for part in parts)
    if one.step != other.step:
        raise Unsupported("adds different steps", "collect them: torch.stack(list).mean(0)")
    return state.append(Nodes.add, one, other.node)


def reshaped(state: State, x: Tensor, out: Tensor) -> Signal:
    """Return a signal that is flattened, or as it was."""
    if out.shape == x.shape:
        return state.of(x)
    signal = state.of(x)
    lead = next((n for n in (1, 2) if out.shape == (*x.shape[:n], prod(x.shape[n:]))), 0)
    if signal.lead > 0 and lead != signal.lead:
        raise Unsupported(
            f"makes {tuple(out.shape)} of {tuple(x.shape)}",
            "flatten all axes of a sample: .flatten(2) of (T, B, ...), .flatten(1) of (B, ...)",
        )
    signal = state.spiking(x, lead, "flattens")
    if len(state.nodes_so_far().shapes[signal.node]) == 1:
        return signal
    return state.append(Nodes.flatten, signal)


def shown(state: State, x: Tensor, out: Tensor) -> Signal:
    """Return a signal that is shown at every step."""
    signal = state.of(x)
    size = x.shape[1:] if signal.lead == 2 and len(x) == 1 else x.shape
    if out.shape[1:] != size or signal.step is not None:
        raise Unsupported(f"makes {tuple(out.shape)} of {tuple(x.shape)}", SHOW)
    if signal.lead == -1:
        signal = state.settled(x, 1)
    if signal.lead != 1 and len(x) != 1:
        raise Unsupported("shows a sequence again", SHOW)
    if len(out) > 1:
        state.takes(len(out))
    return replace(signal, lead=2)


def _stacked(state: State, tensors: Any, out: Tensor) -> Signal:  # noqa: ANN401
    parts = [state.of(part) for part in tensors]
    if out.shape[1:] != tensors[0].shape:
        raise Unsupported("stacks something else than steps", "stack steps: torch.stack(list)")
    steps = [part.step for part in parts]
    alike = {(part.node, id(part.drive)) for part in parts}
    if len(alike) != 1 or steps not in ([None] * len(out), list(range(len(out)))):
        raise Unsupported("stacks something else than all steps of one signal", SHOW)
    first = state.settled(tensors[0], 1) if parts[0].lead == -1 else parts[0]
    state.takes(len(out))
    return replace(first, lead=2, step=None)


def _swapped(state: State, x: Tensor, out: Tensor) -> Signal:
    signal = state.of(x)
    if signal.lead != -1 or out.shape != (x.shape[1], x.shape[0], *x.shape[2:]):
        raise Unsupported("swaps axes", "swap time and batch of the samples alone")
    state.swapped = True
    return state.settled(x, 2)


def step(state: State, x: Tensor, at: object) -> Signal:
    """Return one step of a sequence."""
    signal = state.of(x)
    if not isinstance(at, int) or signal.step is not None:
        raise Unsupported(f"takes [{at}]", "take whole steps of a sequence: x[t]")
    if signal.lead == -1:
        signal = state.settled(x, 2)
    if signal.lead != 2:
        raise Unsupported(f"takes [{at}] of something that is not a sequence")
    state.takes(len(x))
    return replace(signal, lead=1, step=at % len(x))


def _mean(state: State, x: Tensor, arguments: tuple[Any, ...], out: Tensor) -> Signal:
    signal = state.of(x)
    axes = sorted(n % x.ndim for n in _flat(arguments) if type(n) is int)
    if axes == [x.ndim - 2, x.ndim - 1] and x.ndim - signal.lead == 3:
        return averaged_maps(state, x, out)
    if axes == [0] and signal.lead == 2 and signal.step is None and out.ndim == x.ndim - 1:
        return replace(signal, lead=1, is_mean=True)
    raise Unsupported(f"of axes {axes}", "take the mean over time at the end, .mean(0)")


def pooled(state: State, x: Tensor, out: Tensor, kernel: int) -> Signal:
    """Return the means over windows."""
    signal = state.spiking(x, x.ndim - 3, "pools")
    if tuple(out.shape[-2:]) != tuple(size // kernel for size in x.shape[-2:]):
        raise Unsupported("pools windows that overlap, or with padding", POOL)
    return state.append(Nodes.pool, signal, kernel)


def window_of(kernel: Any, stride: Any, padding: Any, divisor: Any) -> int:  # noqa: ANN401
    """Return the side of square windows side by side, of which pooling takes the means."""
    sides = {side for pair in (kernel, stride or kernel) for side in _flat((pair,))}
    if len(sides) > 1 or any(_flat((padding,))):
        raise Unsupported("pools windows that overlap, or are padded or not square", POOL)
    side = int(sides.pop())
    if divisor not in (None, side**2):
        raise Unsupported(f"divides the sums of its windows by {divisor}", POOL)
    return side


def averaged_maps(state: State, x: Tensor, out: Tensor) -> Signal:
    """Return the means over whole maps."""
    height, width = x.shape[-2:]
    if height != width or out.numel() * height * width != x.numel():
        raise Unsupported(f"makes {tuple(out.shape)} of {tuple(x.shape)}", POOL)
    signal = pooled(state, x, x.new_empty(1, 1), height)
    if out.ndim == x.ndim:
        return signal
    return state.append(Nodes.flatten, signal)


def _flat(values: Any) -> Iterator[Any]:  # noqa: ANN401
    for value in values:
        if isinstance(value, tuple | list):
            yield from _flat(value)
        else:
            yield value

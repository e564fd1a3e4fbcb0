"""What modules are in a circuit: layers, neurons, pooling."""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from eideploy import circuit as ir
from eideploy.nn.coding import DirectCoding
from eideploy.nn.exporting import foreign
from eideploy.nn.exporting.functions import averaged_maps, pooled, reshaped, shown, window_of
from eideploy.nn.exporting.nodes import Drive, array, drive_of
from eideploy.nn.exporting.signals import Signal
from eideploy.nn.exporting.state import State, Unsupported
from eideploy.nn.layers import EILayer
from eideploy.nn.neurons import LIF, Step
from eideploy.nn.pooling import GlobalAvgPool2d

SAME = (nn.Identity, nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
OWN = (EILayer, LIF, GlobalAvgPool2d, DirectCoding)
PLAIN = (
    nn.Linear,
    nn.Conv2d,
    nn.BatchNorm1d,
    nn.BatchNorm2d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool2d,
    nn.Flatten,
)
WRITTEN = "torch.nn.", "eideploy.nn."
SEQUENCE = (
    "integrates over the first axis, and reads no sequence (T, B, ...)",
    "give it one: show images by x.expand(T, *x.shape), or DirectCoding(T)",
)
SINGLE = (
    "takes a single step, and is given something else",
    "call it step by step, in order, or export a module that is one step: export(..., steps=T)",
)


def is_whole(module: nn.Module) -> bool:
    """Return whether a module is one operation, whatever it does within."""
    if isinstance(module, nn.Sequential):
        return False
    plain = type(module).__module__.startswith("torch.nn.modules")
    return plain or isinstance(module, OWN + SAME + PLAIN) or foreign.is_foreign(module)


def signal_of(
    state: State,
    module: nn.Module,
    arguments: tuple[Any, ...],
    out: Any,  # noqa: ANN401
) -> Signal | tuple[Signal, ...]:
    """Return what the results of a module hold."""
    x = arguments[0]
    if isinstance(module, OWN + SAME + PLAIN) and not _is_as_written(module):
        raise Unsupported("has a forward of its own", "compute beside the layer what it has not")
    match module:
        case EILayer():
            return _driven(state, module, x, module.axes)
        case LIF():
            over_time = len(arguments) == 1 and module.steps is None
            own = foreign.Neurons(model=module.model, over_time=over_time)
            return _spikes(state, module, own, arguments)
        case nn.Linear():
            return _driven(state, module, x, 1)
        case nn.Conv2d():
            return _driven(state, module, x, 3)
        case nn.BatchNorm1d() | nn.BatchNorm2d():
            return _normalised(state, module, x)
        case nn.AvgPool2d():
            window = module.kernel_size, module.stride, module.padding, module.divisor_override
            return pooled(state, x, out, window_of(*window))
        case GlobalAvgPool2d() | nn.AdaptiveAvgPool2d():
            return averaged_maps(state, x, out)
        case nn.Flatten():
            return reshaped(state, x, out)
        case DirectCoding():
            return shown(state, x, out)
    if isinstance(module, SAME):
        return state.of(x)
    if not foreign.is_foreign(module):
        raise Unsupported("is of no circuit")
    try:
        return _spikes(state, module, foreign.neurons_of(module), arguments)
    except foreign.Inexact as error:
        raise Unsupported(str(error), foreign.FIX) from None


def _is_as_written(module: nn.Module) -> bool:
    """Return whether a layer computes by torch's forward or ours, or SpikingJelly's of its name."""
    forward = module.forward
    of_a_layer = forward.__qualname__ in {f"{layer.__name__}.forward" for layer in PLAIN}
    wrapped = of_a_layer and forward.__module__.startswith("spikingjelly.")
    return wrapped or forward.__module__.startswith(WRITTEN)


def _driven(state: State, module: nn.Module, x: Tensor, axes: int) -> Signal:
    signal = state.spiking(x, x.ndim - axes, "weighs")
    drive = state.once((module, signal.node), lambda: _drive(module))
    return replace(signal, drive=drive)


def _drive(module: nn.Module) -> Drive:
    drive = drive_of(module) if isinstance(module, EILayer) else _plain_drive(module)
    geometry, kernel = drive.geometry, drive.projection.weights[0].shape[-1]
    if isinstance(geometry, ir.Conv) and geometry.padding >= kernel:
        raise Unsupported(
            f"has padding {geometry.padding} for a kernel of {kernel}", "pad by less than a kernel"
        )
    return drive


def _normalised(state: State, module: nn.BatchNorm1d | nn.BatchNorm2d, x: Tensor) -> Signal:
    signal = state.of(x)
    drive = signal.drive
    if drive is None or drive.current is None or not isinstance(drive.projection, ir.Folded):
        raise Unsupported(
            "normalizes something other than the current of an ordinary layer",
            "put batch normalization behind torch.nn.Linear or Conv2d alone",
        )
    return replace(signal, drive=state.once((module, id(drive)), lambda: _scaled(module, drive)))


def _scaled(module: nn.BatchNorm1d | nn.BatchNorm2d, drive: Drive) -> Drive:
    """Return a drive with the running statistics in its weights."""
    current, projection = drive.current, drive.projection
    assert current is not None
    assert isinstance(projection, ir.Folded)
    if module.running_mean is None or module.running_var is None:
        raise Unsupported("has no running statistics", "let it track_running_stats")
    mean, variance = (array(t.double()) for t in (module.running_mean, module.running_var))
    weight, bias = (t if t is None else array(t.double()) for t in (module.weight, module.bias))
    rows = (1.0 if weight is None else weight) / np.sqrt(variance + module.eps)
    shift = (0.0 if bias is None else bias) - mean * rows
    w = projection.w_num
    whole = ir.Folded(w_num=w * rows.reshape(-1, *(1,) * (w.ndim - 1)))
    b_e = current.b_e * rows + shift
    return replace(drive, projection=whole, current=ir.FloatCurrent(g_e=current.g_e, b_e=b_e))


def _spikes(
    state: State, module: nn.Module, neurons: foreign.Neurons, arguments: tuple[Any, ...]
) -> tuple[Signal, Signal]:
    signal, count = state.of(arguments[0]), state.calls[module]
    if signal.drive is None or signal.drive.current is None:
        raise Unsupported("reads no current", "put Linear or Conv2d before the neurons")
    if neurons.over_time != (signal.lead == 2):
        raise Unsupported(*(SEQUENCE if neurons.over_time else SINGLE))
    if neurons.over_time:
        state.takes(len(arguments[0]))
    elif signal.step not in (None, count):
        raise Unsupported("does not read the steps in order", SINGLE[1])
    if (neurons.over_time or state.given_steps) and count:
        raise Unsupported("is called twice", "make neurons of their own for each place")
    state.calls[module] += 1
    key = module, signal.node, id(signal.drive)
    if count and key not in state.known:
        raise Unsupported("reads another layer than before", "make neurons for each place")
    node = state.once(key, lambda: _append_neurons(state, signal, neurons))
    _require_membranes(state, arguments[1:], node, count)
    step = None if neurons.over_time or state.given_steps else count
    spikes = Signal(node=node, lead=signal.lead, step=step)
    return spikes, replace(spikes, membranes=True)


def _append_neurons(state: State, signal: Signal, neurons: foreign.Neurons) -> str:
    assert signal.drive is not None
    nodes = state.nodes_so_far()
    layer = nodes.layer(signal.node, signal.drive.times(neurons.gain))
    return nodes.neurons(layer, neurons.model)


def _require_membranes(state: State, arguments: tuple[Any, ...], node: str, count: int) -> None:
    """Refuse membranes that are not those of the step before, or 0 at first."""
    if arguments and isinstance(arguments[0], Step):
        if state.given_steps:
            raise Unsupported("forgets its membranes", "loop over the steps within forward")
        arguments = arguments[0]
    elif arguments == (None,):
        arguments = ()  # they are kept by the neurons
    for membranes in arguments:
        signal = state.signals.of(membranes)
        if signal is None:
            known = not count and (membranes is None or not bool(membranes.any()))
        else:
            known = signal.membranes and (signal.node, signal.step) == (node, count - 1)
        if not known:
            raise Unsupported(
                "is given other membranes than its own of the step before", "hand them on"
            )


def _plain_drive(module: nn.Module) -> Drive:
    assert isinstance(module, nn.Linear | nn.Conv2d)
    weight = array(module.weight)
    bias = np.zeros(len(weight), weight.dtype) if module.bias is None else array(module.bias)
    geometry: ir.Geometry = ir.Dense()
    if isinstance(module, nn.Conv2d):
        if module.groups != 1 or isinstance(module.padding, str) or not _is_square(module):
            raise Unsupported(
                "has groups, dilation, or sides that differ",
                "use square kernels, and numbers for stride and padding",
            )
        if module.padding_mode != "zeros":
            raise Unsupported(f"pads by {module.padding_mode}", 'take padding_mode="zeros"')
        geometry = ir.Conv(stride=module.stride[0], padding=int(module.padding[0]))
    return Drive(
        word="linear" if isinstance(module, nn.Linear) else "conv",
        projection=ir.Folded(w_num=weight),
        geometry=geometry,
        current=ir.FloatCurrent(g_e=np.ones(len(bias), weight.dtype), b_e=bias),
    )


def _is_square(module: nn.Conv2d) -> bool:
    pairs = module.kernel_size, module.stride, module.padding
    return all(pair[0] == pair[1] for pair in pairs) and tuple(module.dilation) == (1, 1)

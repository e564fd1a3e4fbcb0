"""The layers of a published checkpoint, from the names, numbers and shapes of its tensors.

A plain network numbers its modules, and the gap between two E-I layers says what lies between:
after a convolution a norm, split, LIF, dropout and merge (6 numbers in all), a pooling if it is one
more, and a flattening before the first linear layer. A residual one names its blocks.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn

from eideploy.errors import ConfigError, FormatError
from eideploy.model.networks import Network, ResidualBlock
from eideploy.nn import LIF, Conv2d, EILayer, GlobalAvgPool2d, Linear, Readout, Shunting

ANEW = "name a checkpoint of the published code; other networks cannot be imported"
BETWEEN: Mapping[tuple[str, str, int], tuple[type[nn.Module], ...]] = {
    ("conv", "conv", 6): (),
    ("conv", "conv", 7): (nn.AvgPool2d,),
    ("conv", "linear", 7): (nn.Flatten,),
    ("conv", "linear", 8): (nn.AvgPool2d, nn.Flatten),
    ("linear", "linear", 5): (),
    ("linear", "linear", 6): (),  # with a dropout, in a classifier of several layers
}
M = TypeVar("M", bound=nn.Module)
LAYER = re.compile(r"layers\.(\d{1,6})\.(conv_ee\.weight|weight_ee)")
BLOCK = re.compile(r"layer(\d{1,3})\.(\d{1,4})\.")


class Tensors:
    """The tensors of a file, each used once, with errors that name them."""

    def __init__(self, tensors: Mapping[str, Tensor], *, where: str) -> None:
        self.where = where
        self.left = {str(name): tensor for name, tensor in tensors.items()}
        for name, tensor in self.left.items():
            if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
                raise self.error(f"{name} is not a tensor of real numbers")

    def error(self, what: str) -> FormatError:
        """Return a FormatError about this file."""
        return FormatError(what, where=self.where, fix=ANEW)

    def take(self, name: str) -> Tensor:
        """Return a tensor and mark it as used."""
        if name not in self.left:
            raise self.error(f"tensor {name} is missing")
        return self.left.pop(name)

    def look(self, name: str) -> Tensor:
        """Return a tensor."""
        if name not in self.left:
            raise self.error(f"tensor {name} is missing")
        return self.left[name]

    def layers(self) -> list[tuple[int, str]]:
        """Return number and kind, conv or linear, of the E-I layers of a plain network."""
        matches = [m for m in map(LAYER.fullmatch, self.left) if m]
        kinds = {int(m[1]): "conv" if m[2].startswith("conv") else "linear" for m in matches}
        if len(kinds) < 2 or sorted(kinds.items())[-1][1] != "linear":
            raise self.error("the tensors name no E-I layers that end in a linear one")
        return sorted(kinds.items())

    def first_fan_in(self) -> int:
        """Return the inputs of the first E-I layer of a fully connected network."""
        number, _ = self.layers()[0]
        name = f"layers.{number}.weight_ee"
        tensor = self.look(name)
        if not tensor.ndim:
            raise self.error(f"tensor {name} has shape ()")
        return int(tensor.shape[-1])

    def require_all_used(self) -> None:
        """Raise FormatError if a tensor belongs to no layer that is known."""
        if self.left:
            names = ", ".join(sorted(self.left)[:4])
            raise self.error(f"{len(self.left)} tensors belong to no known layer: {names}")


def plain(
    tensors: Tensors, shape: tuple[int, int, int], *, steps: int, tau: float, static: bool
) -> Network:
    """Return the fully connected or VGG network of numbered tensors.

    Raises:
        FormatError: a gap that no known arrangement explains, or sizes that do not fit.
    """
    layers = tensors.layers()
    first = 2 if static else 1  # images get a time axis before it is merged into the batch
    if layers[0][0] != first:
        raise tensors.error(f"the first layer is layers.{layers[0][0]}, expected layers.{first}")
    modules: list[nn.Module] = [] if layers[0][1] == "conv" else [nn.Flatten()]
    for place, (number, kind) in enumerate(layers):
        last = place == len(layers) - 1
        layer = _layer(tensors, f"layers.{number}", kind, readout=last)
        fill(layer, tensors, f"layers.{number}", f"layers.{number + 1}")
        modules.append(layer)
        if not last:
            modules += [LIF(tau, steps=steps), *_between(tensors, layers[place], layers[place + 1])]
    _check_sizes(tensors, modules, shape)
    return _network(modules, steps)


def residual(tensors: Tensors, *, steps: int, tau: float) -> Network:
    """Return the residual network of named tensors: stem, stages of basic blocks, classifier.

    Raises:
        FormatError: missing tensors or shapes that do not fit.
    """
    stem = _layer(tensors, "conv1", "conv")
    fill(stem, tensors, "conv1", "norm1")
    modules: list[nn.Module] = [stem, LIF(tau, steps=steps)]
    now = stem.n_e
    for stage, block in _blocks(tensors):
        name = f"layer{stage}.{block}"
        n_e = int(tensors.look(f"{name}.conv1.conv_ee.weight").shape[0])
        stride = 2 if stage > 1 and not block else 1
        part = _checked(tensors, name, ResidualBlock, now, n_e, stride=stride, steps=steps, tau=tau)
        fill(part.main[0], tensors, f"{name}.conv1", f"{name}.norm1")
        fill(part.main[2], tensors, f"{name}.conv2", f"{name}.norm2")
        if len(part.shortcut):
            fill(part.shortcut[0], tensors, f"{name}.downsample.0", f"{name}.downsample.1")
        modules.append(part)
        now = n_e
    readout = _layer(tensors, "fc", "linear", readout=True)
    fill(readout, tensors, "fc", "final_ei_norm")
    return _network([*modules, GlobalAvgPool2d(), nn.Flatten(), readout], steps)


@torch.no_grad()
def fill(layer: nn.Module, tensors: Tensors, synapses: str, norm: str) -> None:
    """Give `layer` memory, and in it the tensors of the modules `synapses` and `norm`.

    Raises:
        FormatError: a tensor is missing or has another shape than the layer.
    """
    assert isinstance(layer, EILayer)
    conv = isinstance(layer, Conv2d)
    names = {
        f"{synapses}.conv_ee.weight" if conv else f"{synapses}.weight_ee": layer.excitatory,
        f"{synapses}.conv_ie.weight" if conv else f"{synapses}.weight_ie": layer.inhibitory,
        f"{norm}.weight_ei": layer.lateral,
    }
    places = {name: (part, "weight") for name, part in names.items()}
    gains = {f"{norm}.{name}": (layer, name) for name in ("gain_i", "gain_e", "bias")}
    spare = {} if isinstance(layer, Shunting) else gains  # a readout has them too, unused
    places |= {name: place for name, place in gains.items() if name not in spare}
    values = {name: tensors.take(name) for name in places}
    for name, (part, parameter) in places.items():
        shape, expected = values[name].shape, part.get_parameter(parameter).shape
        if [n for n in shape if n != 1] != [n for n in expected if n != 1]:
            shapes = f"shape {tuple(shape)}, expected {tuple(expected)}"
            raise tensors.error(f"tensor {name} has {shapes}")
    for name in spare:
        tensors.take(name)
    layer.to_empty(device="cpu")
    for name, (part, parameter) in places.items():
        target = part.get_parameter(parameter)
        target.copy_(values[name].reshape(target.shape))


def _layer(tensors: Tensors, name: str, kind: str, *, readout: bool = False) -> EILayer:
    weight = tensors.look(f"{name}.conv_ee.weight" if kind == "conv" else f"{name}.weight_ee")
    if kind == "conv":
        if weight.ndim != 4 or weight.shape[2] != weight.shape[3] or not weight.shape[2] % 2:
            raise tensors.error(f"tensor {name}.conv_ee.weight has shape {tuple(weight.shape)}")
        n_e, channels, kernel = weight.shape[:3]
        return _checked(tensors, name, Conv2d, channels, n_e, kernel, 1, kernel // 2)
    if weight.ndim != 2:
        raise tensors.error(f"tensor {name}.weight_ee has shape {tuple(weight.shape)}")
    n_e, inputs = weight.shape
    return _checked(tensors, name, Readout if readout else Linear, inputs, n_e)


def _checked(
    tensors: Tensors,
    name: str,
    kind: Callable[..., M],
    *arguments: int,
    **options: float,
) -> M:
    try:
        with torch.device("meta"):  # no memory before its tensors are found to be of these sizes
            return kind(*map(int, arguments), **options)
    except ConfigError as error:
        raise tensors.error(f"{name}: {error.what}") from error


def _between(tensors: Tensors, one: tuple[int, str], other: tuple[int, str]) -> list[nn.Module]:
    gap = other[0] - one[0]
    kinds = BETWEEN.get((one[1], other[1], gap))
    if kinds is None:
        place = f"layers.{one[0]} ({one[1]}) and layers.{other[0]} ({other[1]})"
        known = sorted(g for a, b, g in BETWEEN if (a, b) == (one[1], other[1]))
        raise tensors.error(f"a gap of {gap} between {place} is none of the known {known}")
    return [nn.AvgPool2d(2) if kind is nn.AvgPool2d else kind() for kind in kinds]


def _blocks(tensors: Tensors) -> list[tuple[int, int]]:
    """Return stage, from 1, and block, from 0, of every residual block, in order."""
    blocks = sorted({(int(m[1]), int(m[2])) for m in map(BLOCK.match, tensors.left) if m})
    stages = [stage for stage, _ in blocks]
    expected = [(s, b) for s in range(1, len(set(stages)) + 1) for b in range(stages.count(s))]
    if not blocks or blocks != expected:
        raise tensors.error(f"the residual blocks are {blocks}, so some are missing")
    return blocks


def _check_sizes(tensors: Tensors, modules: list[nn.Module], shape: tuple[int, int, int]) -> None:
    """Raise FormatError unless the map sizes add up from the input's to the readout's fan-in."""
    channels, height, width = shape
    features = 0
    for module in modules:
        match module:
            case Conv2d():
                expected = module.fan_in // module.kernel_size**2
                if expected != channels:
                    raise tensors.error(f"a convolution takes {expected} channels, gets {channels}")
                channels = module.n_e
            case nn.AvgPool2d():
                height, width = height // 2, width // 2
            case nn.Flatten():
                features = channels * height * width
            case Linear() | Readout():
                if module.fan_in != features:
                    at = f"a linear layer takes {module.fan_in} inputs, gets {features}"
                    raise tensors.error(f"{at} from a {shape} image")
                features = module.n_e


def _network(modules: list[nn.Module], steps: int) -> Network:
    """Return the network of `modules`, whose first E-I layer is the encoder."""
    readout = modules[-1]
    assert isinstance(readout, Readout)
    cut = next(i for i, m in enumerate(modules) if isinstance(m, EILayer)) + 1
    encoder, body = nn.Sequential(*modules[:cut]), nn.Sequential(*modules[cut:-1])
    return Network(encoder, body, readout, steps=steps)

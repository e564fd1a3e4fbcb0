"""Checkpoints of the paper's published code, read as data and turned into a circuit.

Nothing of that code is needed or run: widths, kernels and the places of pooling follow from the
shapes and the numbers of the tensors (see docs/method.md, "Published checkpoints").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from eideploy.circuit import Circuit
from eideploy.errors import FormatError
from eideploy.files import read_json
from eideploy.model.authors_layers import Tensors, plain, residual
from eideploy.model.export import export
from eideploy.model.networks import Network
from eideploy.model.pth import ANEW, number, read_pth
from eideploy.shown import kind_of

SIZES = {  # channels, height and width that the published code feeds, by data set
    "mnist": (1, 28, 28),
    "cifar10": (3, 32, 32),
    "cifar100": (3, 32, 32),
    "tinyimagenet200": (3, 32, 32),
}
EVENT_SIZE = (2, 48, 48)
MODEL = "model.safetensors"
OURS = {  # our name of a data set that `eideploy.data` reads as the published code feeds it
    "mnist": "mnist",
    "cifar10": "cifar10",
    "cifar100": "cifar100",
    "tinyimagenet200": "tinyimagenet",
    "dvsgesture": "dvs-gesture",
    "cifar10dvs": "cifar10-dvs",
}
LONGEST_TAU = 1e6  # steps, beyond any there are
HIGHEST_COUNT = 255.0  # most events of a pixel in a step that an imported network may get


@dataclass(frozen=True, kw_only=True)
class _Settings:
    """What the checkpoint's config says, checked."""

    dataset: str
    arch: str
    steps: int
    tau: float
    events: bool


def read_checkpoint(
    path: Path, size: tuple[int, int] | None = None
) -> tuple[Circuit, dict[str, Any]]:
    """Return the circuit of a published checkpoint, and what the file says of its origin.

    Args:
        size: height and width of its input, where not those that the published code feeds.
        path: a `.pth` file of the published training code, or a `.safetensors` file with its
            `config.json` beside it (`file_of` finds it in a folder).

    Raises:
        FormatError: the file is missing, damaged, holds anything but data, or is no E-I network of
            a known architecture; the tensor, the gap or the key at fault is named.
    """
    network, shape, description = read_network(path, size)
    high = HIGHEST_COUNT if description["events"] else 1.0
    return export(network, shape, high=high), description


def file_of(path: Path) -> Path:
    """Return the file of a checkpoint that is named by it, or by the folder that holds it.

    Raises:
        FormatError: the folder holds none.
    """
    if not path.is_dir():
        return path
    if not (path / MODEL).is_file():
        raise FormatError(
            f"the folder holds no {MODEL}", where=str(path), fix="name the folder of a checkpoint"
        )
    return path / MODEL


def name_of(path: Path) -> str:
    """Return what a checkpoint is called: as its file, or as its folder where that tells more."""
    return path.resolve().parent.name if path.name == MODEL else path.stem


def known_data(description: Mapping[str, Any], shape: tuple[int, ...]) -> str | None:
    """Return the data set of `eideploy.data` that a described checkpoint takes, if there is one."""
    name = _plain(description["dataset"])
    known = EVENT_SIZE if description["events"] else SIZES.get(name)
    return OURS.get(name) if shape == known else None


def read_network(
    path: Path, size: tuple[int, int] | None = None
) -> tuple[Network, tuple[int, int, int], dict[str, Any]]:
    """Return the torch network, its input's shape, and the description; see `read_checkpoint`."""
    state, config, extra = _read_model(path) if path.suffix == ".safetensors" else _read_pth(path)
    settings = _settings(config, where=f"{path}, config")
    tensors = Tensors(state, where=str(path))
    steps, tau = settings.steps, settings.tau
    shape = _size(settings, tensors, size)
    if settings.arch == "ResNet":
        network = residual(tensors, steps=steps, tau=tau)
    else:
        network = plain(tensors, shape, steps=steps, tau=tau, static=not settings.events)
    tensors.require_all_used()
    network.initialised.fill_(value=True)
    network.requires_grad_(requires_grad=False)
    return network, shape, {"file": path.name, **vars(settings), **extra}


def _read_pth(path: Path) -> tuple[Mapping[str, Tensor], Mapping[str, Any], dict[str, Any]]:
    content, state = read_pth(path, tensors="model_state_dict")
    config = content.get("config")
    if type(config) is not dict:
        raise FormatError("the file holds no config", where=str(path), fix=ANEW)
    extra = {
        name: value
        for key, name in (("next_epoch", "epochs"), ("best_val_acc", "best_accuracy"))
        if (value := number(content.get(key))) is not None
    }
    return state, config, extra


def _read_model(path: Path) -> tuple[Mapping[str, Tensor], Mapping[str, Any], dict[str, Any]]:
    config = read_json(path.with_name("config.json"))
    try:
        return load_file(path), config, {}
    except (OSError, SafetensorError) as error:
        raise FormatError(f"the file is damaged: {error}", where=str(path), fix=ANEW) from error


def _settings(config: Mapping[str, Any], *, where: str) -> _Settings:
    kind, arch, dataset = (_short(config.get(key)) for key in ("type", "arch", "dataset"))
    if kind != "EI-SNN":
        raise _refused(f"type is {kind}, and only an EI-SNN has E-I circuits to deploy", where)
    if arch not in ("MLP", "VGG", "ResNet"):
        raise _refused(f"arch is {arch}, not one of MLP, VGG, ResNet", where)
    if config.get("ei_ratio", 4) != 4:
        raise _refused(f"ei_ratio is {_short(config['ei_ratio'])}, not 4", where)
    neuron = config.get("neuron", {})
    steps, tau = config.get("T"), neuron.get("tau", 2.0) if isinstance(neuron, Mapping) else None
    if type(steps) is not int or not 1 <= steps <= 1 << 16:
        raise _refused(f"T is {_short(steps)}, not a number of time steps", where)
    if not isinstance(tau, int | float) or not 1 <= tau <= LONGEST_TAU:
        raise _refused(
            f"neuron.tau is {_short(tau)}, not a number from 1 to {LONGEST_TAU:g}", where
        )
    name = _plain(dataset)
    if "dvs" not in name and name not in SIZES:
        raise _refused(f"dataset is {dataset}, whose image size is not known", where)
    return _Settings(dataset=dataset, arch=arch, steps=steps, tau=float(tau), events="dvs" in name)


def _size(
    settings: _Settings, tensors: Tensors, size: tuple[int, int] | None
) -> tuple[int, int, int]:
    """Return channels, height and width of a sample; a first linear layer may say otherwise."""
    channels, *usual = EVENT_SIZE if settings.events else SIZES[_plain(settings.dataset)]
    height, width = size or usual
    if settings.arch == "MLP":
        inputs = tensors.first_fan_in()
        if inputs != channels * height * width:
            if size is not None:
                raise FormatError(
                    f"the first layer takes {inputs} values, "
                    f"{channels}x{height}x{width} are {channels * height * width}",
                    where=tensors.where,
                    fix="leave out --size, or give the one that the checkpoint was trained on",
                )
            return 1, 1, inputs
    return channels, height, width


def _plain(dataset: object) -> str:
    """Return the name of a data set in small letters and digits alone."""
    return "".join(c for c in str(dataset).lower() if c.isalnum())


def _short(value: object) -> str:
    """Return a scalar as text, of anything else its type alone: nested data can be endless."""
    plain = value is None or type(value) in (str, float, bool)
    short = type(value) is int and value.bit_length() <= 64
    return str(value)[:80] if plain or short else kind_of(value)


def _refused(what: str, where: str) -> FormatError:
    return FormatError(what, where=where, fix="name an E-I checkpoint of the published code")

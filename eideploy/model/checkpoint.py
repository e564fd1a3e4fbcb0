"""The state of a training in one file without code: parameters, momentum, what was measured."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor

from eideploy.config import Config, parse_config
from eideploy.data import Dataset
from eideploy.errors import ConfigError, FormatError
from eideploy.files import RESTORE, read_tensors, stored, write_tensors
from eideploy.model.ablation import ablate
from eideploy.model.conditions import Conditions
from eideploy.model.device import parameters_in
from eideploy.model.metrics import EpochMetrics, LayerHealth
from eideploy.model.networks import Network, Shape, build
from eideploy.typed import Within

FILE = "checkpoint.safetensors"
KIND = "training checkpoint"
VERSION = 2
Size = Annotated[int, Within(1, 1 << 31)]


@dataclass(frozen=True, kw_only=True)
class Partial:
    """An epoch that was stopped between two of its batches, and what it had come to.

    loss       the sum over the images so far
    right      images of which the largest logit was that of their class
    generator  the state of numpy's random generator, JSON-able
    """

    batches: int
    images: int
    loss: float
    right: int
    generator: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Content:
    """What stands in the file beside the tensors."""

    config: str
    input_shape: tuple[Size, Size, Size]
    classes: Size
    metrics: tuple[EpochMetrics, ...]
    partial: Partial | None
    initial: tuple[LayerHealth, ...] = ()
    conditions: tuple[Conditions, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """A training between two batches.

    metrics     one entry per epoch done
    initial     the layers before the first epoch
    conditions  what its bits depended on, an entry for every change; none: not known
    """

    config: Config
    network: Network
    input_shape: tuple[int, int, int]
    classes: int
    momentum: Mapping[str, Tensor]
    metrics: tuple[EpochMetrics, ...]
    partial: Partial | None = None
    initial: tuple[LayerHealth, ...] = ()
    conditions: tuple[Conditions, ...] = ()


def save_state(state: State, folder: Path) -> None:
    """Write the checkpoint of `folder`, replacing the earlier one in a single step."""
    groups = {"parameter": state.network.state_dict(), "momentum": state.momentum}
    arrays = {
        f"{group}/{name}": tensor.detach().cpu().numpy()
        for group, tensors in groups.items()
        for name, tensor in tensors.items()
    }
    content = _Content(
        config=state.config.to_toml(),
        input_shape=state.input_shape,
        classes=state.classes,
        metrics=state.metrics,
        partial=state.partial,
        initial=state.initial,
        conditions=state.conditions,
    )
    write_tensors(folder / FILE, arrays, kind=KIND, version=VERSION, content=asdict(content))


def load_state(folder: Path, file: str = FILE) -> State:
    """Read the checkpoint of `folder`, or another that was copied there as `file`.

    Raises:
        FormatError: missing, damaged, or its parts do not belong together.
    """
    path = folder / file
    arrays, table = read_tensors(path, kind=KIND, version=VERSION)
    content = stored(_Content, table, what="the checkpoint", where=str(path))
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    try:
        return _assemble(tensors, content, where=str(path))
    except (KeyError, TypeError, ValueError, RuntimeError, ConfigError) as error:
        raise FormatError(
            f"the checkpoint contradicts itself: {error}", where=str(path), fix=RESTORE
        ) from error


def load_network(folder: Path) -> Network:
    """Return the network of the checkpoint of `folder`; raises FormatError as `load_state`."""
    return load_state(folder).network


def _assemble(tensors: Mapping[str, Tensor], content: _Content, *, where: str) -> State:
    config = parse_config(content.config, where=where)
    shape, classes = content.input_shape, content.classes
    parameters = _group(tensors, "parameter")
    with torch.device("meta"):  # takes no memory, whatever sizes the file claims
        _network(config, shape, classes).load_state_dict(parameters, assign=True)
    network = _network(config, shape, classes)
    network.load_state_dict(parameters)
    return State(
        config=config,
        network=network,
        input_shape=shape,
        classes=classes,
        momentum=_group(tensors, "momentum"),
        metrics=content.metrics,
        partial=content.partial,
        initial=content.initial,
        conditions=content.conditions,
    )


def _group(tensors: Mapping[str, Tensor], group: str) -> dict[str, Tensor]:
    start = f"{group}/"
    return {n.removeprefix(start): t for n, t in tensors.items() if n.startswith(start)}


def _network(config: Config, input_shape: Shape, classes: int) -> Network:
    network = ablate(build(config.network, input_shape, classes), config.ablation)
    return network.to(parameters_in(config.training))


def new_state(config: Config, dataset: Dataset) -> State:
    """Return a training that has not begun: weights NaN, no momentum, no metrics.

    Raises:
        ConfigError: the network cannot be built, or takes another number of steps than the samples.
    """
    if dataset.steps not in (None, config.network.steps):
        raise ConfigError(
            f"the samples have {dataset.steps} frames, the network takes {config.network.steps}",
            where="network.steps",
            fix=f"set network.steps to {dataset.steps}",
        )
    return State(
        config=config,
        network=_network(config, dataset.input_shape, dataset.classes),
        input_shape=dataset.input_shape,
        classes=dataset.classes,
        momentum={},
        metrics=(),
    )

"""The state of a training in one file without code: parameters, momentum, what was measured."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated

import torch
from torch import Tensor

from eideploy.config import Config, parse_config
from eideploy.data import Dataset
from eideploy.errors import ConfigError, FormatError
from eideploy.files import RESTORE, read_tensors, stored, write_tensors
from eideploy.model.ablation import ablate
from eideploy.model.conditions import Conditions
from eideploy.model.device import parameters_in
from eideploy.model.metrics import EpochMetrics, LayerHealth, Partial, Setback
from eideploy.model.networks import Network, Shape, build
from eideploy.typed import Within

FILE = "checkpoint.safetensors"
BEST = "best.safetensors"  # likewise, of the epoch with the best test accuracy, without momentum
KIND = "training checkpoint"
VERSION = 2
Size = Annotated[int, Within(1, 1 << 31)]


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
    best: float = 0.0
    setbacks: tuple[Setback, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """A training between two batches.

    metrics     one entry per epoch done
    initial     the layers before the first epoch
    conditions  what its bits depended on, an entry for every change; none: not known
    begun       of a partial epoch: parameters and momentum that it began with, by names in the file
    best        the greatest skill so far, by which a collapse is known
    setbacks    the epochs that were begun again
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
    begun: Mapping[str, Tensor] = field(default_factory=dict)
    best: float = 0.0
    setbacks: tuple[Setback, ...] = ()


def save_state(state: State, folder: Path, file: str = FILE) -> None:
    """Write the checkpoint of `folder`, replacing the earlier one in a single step."""
    groups = {**_groups(state), "begun": state.begun if state.partial else {}}
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
        best=state.best,
        setbacks=state.setbacks,
    )
    write_tensors(folder / file, arrays, kind=KIND, version=VERSION, content=asdict(content))


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
        begun=_group(tensors, "begun"),
        best=content.best,
        setbacks=content.setbacks,
    )


def as_begun(state: State) -> State:
    """Return a state that remembers its parameters and momentum as those that an epoch begins with.

    What an epoch left partial began with is remembered already.
    """
    if state.partial is not None and state.begun:
        return state
    begun = {
        f"{group}/{name}": tensor.detach().clone()
        for group, tensors in _groups(state).items()
        for name, tensor in tensors.items()
    }
    return replace(state, begun=begun)


def begun_with(state: State) -> dict[str, Tensor]:
    """Return the parameters that the epoch began with, as the state remembers."""
    return _group(state.begun, "parameter")


def begun_again(state: State, setback: Setback) -> State:
    """Return the state that the epoch began with, its parameters put back in place."""
    state.network.load_state_dict(begun_with(state))
    return replace(
        state,
        momentum=_group(state.begun, "momentum"),
        partial=None,
        setbacks=(*state.setbacks, setback),
    )


def _groups(state: State) -> dict[str, Mapping[str, Tensor]]:
    return {"parameter": state.network.state_dict(), "momentum": state.momentum}


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

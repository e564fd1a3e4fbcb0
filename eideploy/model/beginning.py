"""Where a training begins: at E-I Init, at another network's parameters, or where it was left."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from eideploy.config import Config
from eideploy.data import Dataset
from eideploy.errors import ConfigError
from eideploy.model.batches import batches
from eideploy.model.checkpoint import FILE, State, load_state, new_state, save_state
from eideploy.model.health import measure_health
from eideploy.model.initialise import initialise
from eideploy.model.networks import Network
from eideploy.model.processes import Group


def begin(
    config: Config, dataset: Dataset, folder: Path | None, start: Network | None, *, resume: bool
) -> State:
    """Return the state to go on from, as `training.train` says of its arguments.

    Raises:
        ConfigError, DataError, FormatError: as of a training.
    """
    if resume and folder is not None and (folder / FILE).exists():
        state = load_state(folder)
        _check_same(config, state.config, folder)
        return replace(state, config=config)
    state = new_state(config, dataset)
    if start is not None:
        state.network.load_state_dict(start.state_dict())
        return replace(state, initial=measure_health(state.network, dataset.test))
    first = next(batches(config, dataset, 0)).x.to(next(state.network.parameters()).dtype)
    rng = np.random.default_rng(config.seed)
    initialise(state.network, first, rng, config.ablation)
    return replace(state, initial=measure_health(state.network, dataset.test))


def sent(begun: State | None, group: Group) -> State:
    """Return the state of process 0, sent to the others as its checkpoint."""
    if begun is not None and group.size == 1:
        return begun
    with TemporaryDirectory() as name:
        folder = Path(name)
        if begun is not None:
            save_state(begun, folder)
        content = group.send((folder / FILE).read_bytes() if begun is not None else b"")
        (folder / FILE).write_bytes(content)
        return load_state(folder)


def _check_same(wanted: Config, stored: Config, folder: Path) -> None:
    """Refuse another configuration, but for more epochs."""
    epochs = max(wanted.training.epochs, stored.training.epochs)
    stored = replace(stored, training=replace(stored.training, epochs=epochs))
    pairs = zip(wanted.to_toml().splitlines(), stored.to_toml().splitlines(), strict=True)
    differing = [f"{old} (now {new.rpartition('= ')[2]})" for new, old in pairs if new != old]
    if differing:
        raise ConfigError(
            f"the run was started with {', '.join(differing)}",
            where=str(folder),
            fix="resume with the configuration it was started with, or train again",
        )

"""Job: show a configuration."""

import os
from dataclasses import asdict

from eideploy.backends.dynapse2.config import is_for_chip, load_chip_config
from eideploy.config import load_config
from eideploy.config.commented import commented
from eideploy.flow.requests.config import ShowConfig
from eideploy.flow.requests.train import as_texts
from eideploy.flow.result import Result


def show(request: ShowConfig) -> Result:
    """Return a configuration as TOML with comments.

    Raises:
        ConfigError: no such preset or file, or a key or value that is wrong.
    """
    name = os.fspath(request.preset)
    read = load_chip_config if is_for_chip(name) else load_config
    config = read(name).with_overrides(as_texts(request.overrides))
    return Result(text=commented(config).rstrip("\n"), content=asdict(config))

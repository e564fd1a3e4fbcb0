"""Job: show a configuration."""

import os
from dataclasses import asdict
from typing import Any

from eideploy.backends import families
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
    trainer = families.trainer_of(name)
    load = trainer.configuration if trainer else load_config
    config: Any = load(name).with_overrides(as_texts(request.overrides))
    return Result(text=commented(config).rstrip("\n"), content=asdict(config))

"""What to train: network, training, data, ablation and seed, from a preset or a TOML file.

`sections.py` says what there is to choose, `checks.py` what excludes what, `reading.py` how texts
and tables become checked values, `configuration.py` puts them together.
"""

from eideploy.config.configuration import DEFAULT_PRESET, Config, load_config, parse_config, presets
from eideploy.config.sections import Ablation, Architecture, Data, Training, Width

__all__ = [
    "DEFAULT_PRESET",
    "Ablation",
    "Architecture",
    "Config",
    "Data",
    "Training",
    "Width",
    "load_config",
    "parse_config",
    "presets",
]

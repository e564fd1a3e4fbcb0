"""A configuration with comments says what every key means, and reads back as itself."""

import dataclasses
import re
from pathlib import Path

import pytest

from eideploy import cli
from eideploy.backends.dynapse2.config import ChipConfig, chip_presets, load_chip_config
from eideploy.config import Config, load_config, parse_config, presets
from eideploy.config.commented import allowed, commented
from eideploy.config.reading import leaves, toml_value
from eideploy.config.sections import Architecture, Training
from eideploy.options.docstrings import docstrings

CONFIGS = {name: load_config(name) for name in presets()} | {
    name: load_chip_config(name) for name in chip_presets()
}


@pytest.mark.parametrize("name", CONFIGS)
def test_it_reads_back_as_itself(name):
    config = CONFIGS[name]
    assert type(config).of_toml(commented(config), where=name) == config


@pytest.mark.parametrize("whole", [Config(), ChipConfig()], ids=["circuits", "chips"])
def test_every_key_has_a_comment(whole):
    parts = [whole, *(p for p in vars(whole).values() if dataclasses.is_dataclass(p))]
    for kind in map(type, parts):
        said = docstrings(kind.__module__)
        for field in dataclasses.fields(kind):
            assert dataclasses.is_dataclass(getattr(kind(), field.name)) or (
                said[kind.__name__, field.name].endswith(".")
            )


def test_choices_and_bounds_are_said():
    assert allowed(Architecture, "kind") == 'One of "mlp", "vgg", "resnet".'
    assert allowed(Architecture, "steps") == "1 to 1024."
    assert allowed(Training, "epochs") == "1 to 100000."


def test_what_is_printed_is_what_is_trained(capsys):
    assert cli.main(["config", "digits-mlp", "--set", "training.epochs=7"]) == 0
    printed = parse_config(capsys.readouterr().out, where="printed")
    assert printed == load_config("digits-mlp").with_overrides({"training.epochs": "7"})


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["digits-con"], "there is no preset digits-con"),
        (["--set", "training.epoch=7"], "training.epoch"),
        (["missing.toml"], "cannot read the configuration"),
    ],
)
def test_what_there_is_not_is_refused(words, what, capsys):
    assert cli.main(["config", *words]) != 0
    assert what in capsys.readouterr().err


def test_the_documents_say_the_defaults():
    page = (Path(__file__).parent.parent / "docs" / "training.md").read_text("utf-8")
    said = {}
    for keys, defaults in re.findall(r"^\| (`[^|]+) \| (`[^|]+) \| ", page, re.MULTILINE):
        names = re.findall(r"`([a-z_.]+)`", keys)
        said |= dict(zip(names, re.findall("`([^`]+)`", defaults), strict=True))
    config = Config()
    assert said == {
        path: toml_value(getattr(part, field.name)) for path, part, field in leaves(config)
    }

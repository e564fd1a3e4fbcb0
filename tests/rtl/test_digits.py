"""The shipped core on the digits: 100 test images, every scheme and divider, no difference."""

import json

import pytest

from eideploy import cli

PRESETS = "digits-conv", "digits-mlp"
SCHEMES = "int8", "int4"
DIVISIONS = "lut", "shift", "shift2", "exact"


@pytest.fixture(scope="session")
def runs(tmp_path_factory):
    """Return runs of both presets, trained for a few epochs: how well does not matter here."""
    place = tmp_path_factory.mktemp("runs")
    for preset in PRESETS:
        options = ["--set", "training.epochs=6", "--set", "training.warmup_epochs=1"]
        assert cli.main(["train", preset, *options, "--out", str(place / preset)]) == 0
    return place


@pytest.mark.rtl_full
@pytest.mark.parametrize("inhibition", ["factored", "folded"])
@pytest.mark.parametrize("division", DIVISIONS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_hundred_images_without_a_difference(
    preset, scheme, division, inhibition, runs, tmp_path, capsys
):
    build = str(tmp_path / "build")
    options = ["--scheme", scheme, "--division", division, "--inhibition", inhibition]
    options += ["--out", build]
    assert cli.main(["compile", str(runs / preset), "--target", "digital", *options]) == 0
    capsys.readouterr()
    assert cli.main(["simulate", build, "--executor", "rtl", "--samples", "100", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    differ = found["rtl"]["differences"]
    assert differ.pop("samples") == 100
    assert set(differ.values()) == {0}

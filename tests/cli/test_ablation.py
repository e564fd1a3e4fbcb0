"""A run of an ablation: recorded, and told apart at compile."""

import json
import tomllib

import pytest

from tests.cli.support import TINY


@pytest.mark.parametrize("switch", ["ablation.sign = false", "ablation.epsilon = 0.01"])
def test_run_that_leaves_the_circuit_is_finished_and_cannot_be_compiled(switch, call, empty):
    found = call("train", *TINY, "--set", switch.replace(" ", ""), "--out", "run")
    assert found.code == 0
    key, _, value = switch.removeprefix("ablation.").partition(" = ")
    recorded = tomllib.loads((empty / "run/config.toml").read_text())["ablation"]
    assert recorded[key] == json.loads(value)
    found = call("compile", "run")
    assert found.code == 1
    assert found.out == ""
    assert found.err.splitlines()[-3:] == [
        f"error: the run was trained with {switch}, so it is no longer an E-I circuit",
        "  where: run",
        "  fix:   name a run that was trained without this ablation",
    ]


def test_run_of_an_ablation_of_the_training_alone_compiles(call, empty):
    assert call("train", *TINY, "--set", "ablation.gradient_scaling=false").code == 0
    assert call("compile").code == 0


@pytest.mark.parametrize(
    ("settings", "what", "where", "fix"),
    [
        (
            ["ablation.sign=no"],
            "ablation.sign = 'no' is not true or false",
            "--set",
            "give ablation.sign true or false",
        ),
        (
            ["ablation.epsilon=0"],
            "ablation.epsilon = 0 is outside of 1e-12 to 1.0",
            "--set",
            "choose ablation.epsilon from 1e-12 to 1.0",
        ),
        (
            ["ablation.epsilon=adaptiv"],
            "ablation.epsilon = 'adaptiv' is not 'adaptive' or a number",
            "--set",
            "give ablation.epsilon 'adaptive' or a number",
        ),
        (
            ["ablation.gradient_scale=false"],
            "there is no key ablation.gradient_scale",
            "--set",
            "write ablation.gradient_scaling",
        ),
        (
            ["ablation.sign=false", "network.normalization=batch"],
            "a batch-normalised network has nothing that ablation.sign could change",
            "ablation.sign",
            "leave [ablation] out",
        ),
        (
            ["ablation.epsilon=0.1", "ablation.straight_through=false"],
            "no gradient could pass straight through",
            "ablation.straight_through, ablation.epsilon",
            "set one of them only",
        ),
        (
            ["ablation.sign=false", "training.kernel=fused"],
            "the fused kernel computes the whole method, without ablation.sign",
            "training.kernel",
            'set training.kernel = "plain"',
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(refused, settings, what, where, fix):
    words = [word for setting in settings for word in ("--set", setting)]
    refused("train", *words, code=1, what=what, where=where, fix=fix)

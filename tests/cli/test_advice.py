"""What errors advise is taken by the tool: each advice is followed, wherever it can be."""

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy import __version__, nearest
from eideploy.backends.digital.report.advice import advice as report_advice
from eideploy.backends.dynapse2.config import ChipConfig, load_chip_config
from eideploy.command_line.commands import COMMANDS as DECLARED
from eideploy.command_line.misuse import options
from eideploy.command_line.unknown_options import OPTIONS, SEVERAL, instead
from eideploy.config import Config, load_config
from eideploy.config.reading import leaves
from eideploy.config.synonyms import ELSEWHERE, SYNONYMS, advice
from eideploy.divisions import named
from eideploy.target import load_target
from tests.cli.support import BUILD, RUN

COMMANDS = {name: [*options(command)] for name, command in DECLARED.items() if " " not in name}
KEYS = {kind: [path for path, _, _ in leaves(kind())] for kind in (Config, ChipConfig)}


def fix_of(found):
    return found.err.splitlines()[-1].removeprefix("  fix:   ")


@pytest.mark.parametrize(
    ("argv", "fix"),
    [
        ("train --gpu", "write --set training.device=cuda"),
        ("train --lr 0.1", "write --set training.rate=0.1"),
        ("train --learning-rate=0.1", "write --set training.rate=0.1"),
        ("train --learning-rate high", "write --set training.rate=0.01"),
        ("train --batch-size 64", "write --set training.batch=64"),
        ("train --steps 8", "write --set network.steps=8"),
        ("train --size 14x14", "write --set data.size=14x14"),
        ("train --epoch 9", "write --set training.epochs=9"),
        ("train --optimizer adam", "write --set training.optimizer=adam"),
        ("train --format bf16", "eideploy compile --scheme chooses the format of numbers"),
        ("train digits-dynapse2 --optimizer adam", "settings are changed by --set KEY=VALUE"),
        ("train digits-dynapse2 --epochs 9", "write --set training.epochs=9"),
        ("compile --set training.epochs=3", "--set is an option of eideploy train"),
        ("compile --format onnx", "--scheme chooses the format of numbers, --emit that of files"),
        ("compile --samples 9", "write --calibration-samples"),
        ("compile --gpu", "eideploy compile --help lists all"),
        ("simulate --chip 3", "write --chips"),
        ("simulate --scheme int4", "--scheme is an option of eideploy train, compile"),
        ("sweep --scheme int4", "write --schemes"),
        ("compile --bits 4", "write --scheme int4"),
        ("data check x --set data.sensor=8x8", "write --sensor 8x8"),
        ("data check x --set training.epochs=8", "--set is an option of eideploy train"),
        ("verify --split all", "--split is an option of eideploy simulate, sweep"),
    ],
)
def test_an_option_of_another_tool_or_command_is_answered_with_what_it_is_here(
    empty, call, argv, fix
):
    found = call(*argv.split())
    assert (found.code, found.out) == (2, "")
    assert fix in fix_of(found)


def test_bits_that_no_scheme_has_are_not_made_one(empty, call):
    del empty
    assert fix_of(call("compile", "--bits", "16")).startswith("write --scheme; ")


@pytest.mark.parametrize("argv", ["train --gpu", "compile --set a=b", "train --gpu 0"])
def test_an_option_is_not_answered_with_another_that_looks_like_it(empty, call, argv):
    assert not {"--out", "--reset"} & set(re.findall(r"--\w+", fix_of(call(*argv.split()))))


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_may_be_abbreviated(empty, call, command):
    for option in COMMANDS[command]:
        if option.startswith("--") and option != "--version":
            words = [command, *(["x"] if command == "import" else []), option[:-1]]
            assert f"unrecognized arguments: {option[:-1]}" in call(*words).err


WORDS = sorted({*OPTIONS, *SEVERAL, *SYNONYMS, *ELSEWHERE})


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("preset", [None, "digits-mlp", "digits-dynapse2"])
def test_what_is_advised_for_an_option_is_an_option_or_a_setting_that_is_taken(command, preset):
    own, settings = COMMANDS[command], set()
    for word in WORDS:
        for value in (None, "7", "fast"):
            said = instead(f"--{word}", value, own=own, others=COMMANDS, preset=preset)
            if said is None or " is an option of " in said:
                continue
            named_options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", said))
            assert named_options <= {*own, "--scheme"}, (word, said)
            if said.startswith("write --set "):
                settings.add(shlex.split(said)[2])
    load = load_chip_config if preset == "digits-dynapse2" else load_config
    config = load(preset or "digits-conv")
    for setting in settings:
        key, _, chosen = setting.partition("=")
        config.with_overrides({key: chosen})


@pytest.mark.parametrize(
    ("key", "fix"),
    [
        ("training.learning_rate", "write training.rate"),
        ("training.lr", "write training.rate"),
        ("lr", "write training.rate"),
        ("training.optimiser", "write training.optimizer"),
        ("training.gpu", "write training.device"),
        ("gpu", "write training.device"),
        ("training.batch_size", "write training.batch"),
        ("data.dataset", "write data.name"),
        ("network.timesteps", "write network.steps"),
        ("training.format", "leave it out; eideploy compile --scheme"),
        ("training.epoch", "write training.epochs"),
        ("training.lable_smoothing", "write training.label_smoothing"),
        ("epochs", "write training.epochs"),
        ("training.seed", "write seed"),
        ("training.seeds", "write seed"),
        ("training.sizes", "write data.size"),
        ("traininx.rate", "write training.rate"),
        ("training.nesterov", "use one of training.epochs, training.max_iterations, "),
        ("nesterov", "use one of network.kind, "),
    ],
)
def test_a_key_is_answered_by_what_it_means_not_by_what_it_looks_like(empty, refused, key, fix):
    refused("train", "--set", f"{key}=1", code=1, what=f"no key {key}", where="--set", fix=fix)


@pytest.mark.parametrize("kind", KEYS)
def test_every_key_that_is_advised_is_one(kind):
    known = KEYS[kind]
    sections = {key.rpartition(".")[0] for key in known}
    for word in (*SYNONYMS, *ELSEWHERE):
        for section in sections:
            said = advice(f"{section}.{word}".lstrip("."), known)
            for key in re.findall(r"(?:network|training|data|neuron|synapses|ablation)\.\w+", said):
                assert key in known, (section, word, said)


def test_a_whole_section_is_answered_with_its_keys(empty, refused):
    refused("train", "--set", "data=digits", code=1, what="data = 'digits' is not a section",
            where="--set", fix="set one of data.name, ")  # fmt: skip


@given(st.sampled_from(sorted({o for own in COMMANDS.values() for o in own})), st.data())
def test_a_letter_that_is_missing_is_a_slip_and_a_word_of_other_letters_is_none(option, data):
    known = [one.lstrip("-") for one in COMMANDS["simulate"]]
    word = option.lstrip("-")
    cut = data.draw(st.integers(0, max(len(word) - 1, 0)))
    slip = word[:cut] + word[cut + 1 :]
    if len(word) > 4:
        assert nearest.nearest(slip, [word]) == word
    assert nearest.nearest("qqqqqq", known) is None


@pytest.mark.parametrize(("word", "known"), [("int8", ["int4"]), ("digits-conv2", ["digits-conv"])])
def test_another_number_is_no_slip(word, known):
    assert nearest.nearest(word, known) is None


def test_of_two_that_are_as_near_none_is_advised():
    assert nearest.nearest("int", ["int4", "int8"]) is None


@pytest.mark.parametrize("target", ["digital", "digital-large"])
def test_the_divisions_that_are_advised_are_taken(trained, call, target):
    found = call("compile", "--target", target, "--division", "constant")
    assert "the target cannot divide by constant" in found.err
    here, elsewhere = fix_of(found).split("; ")
    offered = here.removeprefix("choose one of ").split(", ")
    assert "none" not in offered
    assert len(offered) >= 3
    for name in offered:
        assert named(name).method in load_target(target).divider
    assert call("compile", "--target", target, "--division", offered[0], "--out", "b").code == 0
    (other,) = elsewhere.removesuffix(" can (--target)").split(", ")
    taken = call("compile", "--target", other, "--division", "constant", "--out", "c")
    assert taken.code == 0, taken.err


def test_the_sweep_that_is_advised_takes_every_division(trained, refused):
    refused("sweep", "--target", "digital", code=2, what="the target cannot divide by constant",
            where="target digital", fix="--target digital-model")  # fmt: skip
    assert {*load_target("digital-model").divider} >= {named(d).method for d in ("pwl", "constant")}


def test_a_folder_is_advised_where_the_command_takes_it(built, refused):
    name = BUILD.removeprefix("builds/")
    refused("verify", name, code=2, what="no such folder", where=name, fix=f"name {BUILD}")
    refused("compile", name, code=2, what="no such folder", where=name, fix="the folder of a run")
    refused("compile", "runs/digits-cnov-1", code=2, what="no such folder", where="digits-cnov-1",
            fix=f"name {RUN}")  # fmt: skip


LAYER = {"layer": "fc", "name": "lif", "mismatch": 0.2, "saturated_current": 0.0,
         "saturated_membrane": 0.0, "zero_divisors": 0.0, "rate": 0.001,
         "division_error": None}  # fmt: skip


@pytest.mark.parametrize(
    ("imported", "division", "fixes"),
    [
        (False, "lut 8x8", ("(--lut), or fine-tune", "eideploy report RUN", "train --finetune")),
        (True, "none", ("more bits (--scheme)", "how the network was read", "which pass costs it")),
    ],
)
def test_a_report_advises_nothing_that_its_network_does_not_take(imported, division, fixes):
    content = {
        "executors": [], "layers": [LAYER], "resources": [], "samples": 500,
        "input": {"rounding": 0.0, "saturated": 0.0},
        "accuracy": {"float": 0.9, "integer": 0.8, "constant": False},
        "provenance": {"made_by": __version__, "imported": imported, "division": division},
    }  # fmt: skip
    said = " | ".join(entry.fix for entry in report_advice(content))
    assert all(fix in said for fix in fixes)
    assert ("--lut" in said) == (division != "none")
    assert ("finetune" in said or "fine-tune" in said) == (not imported)


def test_a_nir_file_for_a_mixed_signal_chip_is_refused_whatever_is_said_beside_it(empty, refused):
    (empty / "net.nir").write_bytes(b"\x89HDF\r\n\x1a\n")
    refused("compile", "none.nir", "--target", "dynapse2", code=1, what="No such file",
            where="none.nir", fix="name a NIR file that exists")  # fmt: skip
    for more in ((), ("--steps", "4")):
        refused("compile", "net.nir", "--target", "dynapse2", *more, code=2,
                what="a NIR file has no data", where="net.nir",
                fix="eideploy train digits-dynapse2")  # fmt: skip

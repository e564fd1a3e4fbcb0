import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.config import (
    Ablation,
    Architecture,
    Config,
    Data,
    Training,
    load_config,
    parse_config,
    presets,
)
from eideploy.errors import ConfigError

WIDTHS = st.builds(
    lambda first, rest: (first, *rest),
    st.integers(4, 512),
    st.lists(st.integers(4, 512) | st.just("P"), max_size=4),
)
ABLATIONS = st.builds(
    Ablation,
    initialisation=st.sampled_from(["ei", "kaiming"]),
    sign=st.booleans(),
    epsilon=st.just("adaptive") | st.floats(1e-12, 1),
    gradient_scaling=st.booleans(),
)


def refusal(build):
    with pytest.raises(ConfigError) as error:
        build()
    return str(error.value)


@pytest.mark.parametrize("name", presets())
def test_every_preset_reads_and_says_the_data_set_it_is_for(name):
    data = load_config(name).data.name
    assert name.startswith((data, data.replace("-", "")))


PUBLISHED = {  # the paper's table 5: batch, steps, peak rate, epochs of warm-up
    "cifar10-resnet18": (128, 4, 0.001, 30),
    "cifar10-vgg11": (128, 4, 0.002, 10),
    "cifar10-vgg16": (128, 4, 0.001, 30),
    "cifar10-vgg19": (128, 4, 0.001, 30),
    "cifar10-vgg8": (128, 4, 0.002, 10),
    "cifar100-vgg16": (128, 4, 0.001, 30),
    "cifar100-vgg19": (128, 4, 0.001, 30),
    "cifar10dvs-vgg11": (32, 10, 0.001, 10),
    "cifar10dvs-vgg8": (32, 10, 0.001, 10),
    "dvsgesture-vgg8": (32, 16, 0.001, 10),
    "tinyimagenet-resnet18": (128, 4, 0.003, 10),
}

OWN = (
    "digits-conv",
    "digits-events-resnet",
    "digits-events-vgg8",
    "digits-mlp",
    "digits-resnet",
    "digits-vgg8",
    "fashion-mnist-conv",
)


def test_the_presets_are_the_digits_and_the_published_recipes():
    assert presets() == tuple(sorted([*PUBLISHED, *OWN]))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_recipe_is_that_of_the_paper(name):
    config = load_config(name)
    t = config.training
    assert (t.batch, config.network.steps, t.rate, t.warmup_epochs) == PUBLISHED[name]
    assert (t.epochs, t.momentum, t.weight_decay, config.seed) == (300, 0.9, 5e-4, 2025)
    assert t.warmup_rate == (1e-3 if name.startswith("tiny") else 1e-7)
    assert config.data.augmentation == "published"
    layers = [w for w in config.network.widths if w != "P"]
    depth = int(name.rpartition("-")[2].lstrip("vgresnt"))
    residual = config.network.kind == "resnet"
    assert depth == (2 * len(layers) * config.network.blocks + 2 if residual else len(layers) + 3)


def test_every_key_is_in_the_documentation():
    text = (Path(__file__).parent.parent / "docs/training.md").read_text("utf-8")
    keys = {line.partition(" = ")[0] for line in Config().to_toml().splitlines() if " = " in line}
    assert len(keys) > 30
    assert {key for key in keys if f"{key}`" not in text} == set()


@given(
    widths=WIDTHS,
    rate=st.floats(0, 10),
    epochs=st.integers(5, 1000),
    seed=st.integers(0, 2**32 - 1),
    name=st.text(max_size=20),
    ablation=ABLATIONS,
)
def test_toml_text_reads_back_as_the_same_configuration(widths, rate, epochs, seed, name, ablation):
    config = Config(
        network=Architecture(widths=widths),
        training=Training(rate=rate, epochs=epochs),
        data=Data(name=name),
        ablation=ablation,
        seed=seed,
    )
    assert parse_config(config.to_toml(), where="test") == config


def test_a_file_is_read_like_a_preset(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(load_config("digits-mlp").to_toml())
    assert load_config(path) == load_config("digits-mlp")


@pytest.mark.parametrize(
    "section", [{"training": Training(epochs=True, warmup_epochs=0)}, {"seed": True}]
)
def test_true_is_no_number_in_python_either(section):
    with pytest.raises(ConfigError, match="= True is not a number"):
        Config(**section)


def test_a_text_that_reads_as_a_number_stays_a_text():
    config = load_config("digits-conv").with_overrides({"data.path": "0x10"})
    assert config.data.path == "0x10"


def test_overrides_change_what_they_name_and_nothing_else():
    config = load_config("digits-conv")
    changed = config.with_overrides(
        {"training.epochs": "7", "network.widths": '[8, "P"]', "seed": "3", "data.name": "mine"}
    )
    assert changed.training == dataclasses.replace(config.training, epochs=7)
    assert changed.network.widths == (8, "P")
    assert (changed.seed, changed.data.name) == (3, "mine")


@pytest.mark.parametrize(
    ("key", "value", "text"),
    [
        (
            "training.epoch",
            "3",
            "there is no key training.epoch\n  where: --set\n  fix:   write training.epochs",
        ),
        ("epochs", "3", "there is no key epochs\n  where: --set\n  fix:   write training.epochs"),
        (
            "training.rate",
            "fast",
            "training.rate = 'fast' is not a number or 'auto'\n"
            "  where: --set\n"
            "  fix:   give training.rate a number or 'auto'",
        ),
        (
            "training.epochs",
            "true",
            "training.epochs = True is not an integer\n"
            "  where: --set\n"
            "  fix:   give training.epochs an integer",
        ),
        (
            "network.kind",
            "rnn",
            "network.kind = 'rnn' is not one of 'mlp', 'vgg' or 'resnet'\n"
            "  where: --set\n"
            "  fix:   give network.kind one of 'mlp', 'vgg' or 'resnet'",
        ),
        (
            "network.widths",
            '[8, "Q"]',
            "network.widths[1] = 'Q' is not an integer or 'P'\n"
            "  where: --set\n"
            "  fix:   give network.widths[1] an integer or 'P'",
        ),
        (
            "training",
            "3",
            "training = 3 is not a section\n  where: --set\n  fix:   set one of training.epochs, "
            "training.max_iterations, training.batch, training.optimizer, training.rate, "
            "training.warmup_epochs, training.warmup_rate, training.momentum, "
            "training.weight_decay, "
            "training.label_smoothing, training.clip_ratio, training.setbacks, "
            "training.distillation, "
            "training.precision, training.kernel, training.device, training.threads",
        ),
        (
            "data.size",
            "0x0",
            "data.size = '0x0' is not HEIGHTxWIDTH from 1x1 to 4096x4096, e.g. 28x28\n"
            "  where: --set\n"
            "  fix:   give data.size HEIGHTxWIDTH from 1x1 to 4096x4096, e.g. 28x28",
        ),
        (
            "training.rate",
            "-1",
            "training.rate = -1 is outside of 0.0 to 10.0\n"
            "  where: --set\n"
            "  fix:   choose training.rate from 0.0 to 10.0",
        ),
        (
            "training.rate",
            "nan",
            "training.rate = nan is outside of 0.0 to 10.0\n"
            "  where: --set\n"
            "  fix:   choose training.rate from 0.0 to 10.0",
        ),
        (
            "network.widths",
            "[8, 65537]",
            "the widths hold 65537 neurons\n"
            "  where: network.widths\n"
            "  fix:   give every layer at most 65536",
        ),
        (
            "network.widths",
            f"[{'8, ' * 1025}]",
            "the widths have 1025 entries\n  where: network.widths\n  fix:   give at most 1024",
        ),
        (
            "network.widths",
            "[8, 3]",
            "the widths hold 3 excitatory neurons, which leaves no inhibitory one "
            "(n_I = n_E // 4)\n"
            "  where: network.widths\n"
            "  fix:   give every layer at least 4, or set a lower network.ei_ratio",
        ),
        (
            "network.widths",
            '["P", 8]',
            "the widths name no first layer\n"
            "  where: network.widths\n"
            "  fix:   begin with a number of excitatory neurons",
        ),
        (
            "network.kind",
            "mlp",
            "the widths pool, which a mlp does not\n"
            "  where: network.widths\n"
            '  fix:   remove the "P"',
        ),
        (
            "network.blocks",
            "3",
            "network.blocks = 3 has no effect on a vgg\n"
            "  where: network.blocks\n"
            '  fix:   leave it out, or set network.kind = "resnet"',
        ),
    ],
)
def test_a_wrong_override_says_what_where_and_what_to_do(key, value, text):
    assert refusal(lambda: Config().with_overrides({key: value})) == text


def test_all_faults_of_a_file_are_told_at_once_with_what_to_do_about_each():
    text = """
    seed = -1
    [network]
    widths = [8, "Q", 2.5]
    [training]
    lr = 0.1
    momentum = "high"
    """
    assert refusal(lambda: parse_config(text, where="mine.toml")) == (
        "network.widths[1] = 'Q' is not an integer or 'P'; "
        "network.widths[2] = 2.5 is not an integer or 'P'; "
        "training.momentum = 'high' is not a number; there is no key training.lr; "
        "seed = -1 is outside of 0 to 4294967295\n"
        "  where: mine.toml\n"
        "  fix:   give network.widths[1] an integer or 'P'; "
        "give network.widths[2] an integer or 'P'; give training.momentum a number; "
        "write training.rate; choose seed from 0 to 4294967295"
    )


def test_all_that_excludes_each_other_is_told_at_once():
    keys = {"training.batch": "1", "network.kind": "mlp", "network.widths": "[8]"}
    with pytest.raises(ConfigError) as error:
        Config().with_overrides({**keys, "network.blocks": "3", "network.steps": "1"})
    assert error.value.what.startswith("network.blocks = 3 has no effect on a mlp; one image")
    assert error.value.where == "network.blocks, training.batch, network.steps"


def test_a_configuration_that_python_makes_is_held_to_the_same_bounds():
    text = refusal(lambda: Config(training=Training(rate=-1.0), ablation=Ablation(epsilon=0.0)))
    assert text.startswith("training.rate = -1.0 is outside of 0.0 to 10.0; ablation.epsilon = 0.0")


def test_an_unknown_key_with_no_relative_lists_the_known_ones():
    text = refusal(lambda: Config().with_overrides({"zzz.qqq": "1"}))
    assert text.startswith("there is no key zzz.qqq")
    assert "network.kind, network.widths" in text


def test_one_image_for_one_step_is_refused():
    overrides = {"training.batch": "1", "network.steps": "1"}
    text = refusal(lambda: Config().with_overrides(overrides))
    assert text.startswith("one image shown for one step has no variance")


def test_a_preset_or_file_that_is_not_there_is_named(tmp_path):
    assert refusal(lambda: load_config("digit")).startswith("there is no preset digit")
    assert "No such file" in refusal(lambda: load_config(tmp_path / "none.toml"))


def test_text_that_is_not_toml_is_refused(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text("seed = [")
    text = refusal(lambda: load_config(path))
    assert text.startswith("not TOML: ")
    assert str(path) in text

"""What to write instead of an option that a command does not have."""

import shlex
from collections.abc import Mapping, Sequence

from eideploy.backends import families
from eideploy.config import DEFAULT_PRESET, load_config
from eideploy.config.reading import Described, leaves, toml_value
from eideploy.config.synonyms import ELSEWHERE, SYNONYMS
from eideploy.errors import ConfigError
from eideploy.nearest import nearest
from eideploy.scheme import scheme_names

OPTIONS: Mapping[str, Sequence[str]] = {  # what an option may be called here, by its name elsewhere
    **dict.fromkeys(("o", "output", "output-dir", "outdir"), ("--out", "--save")),
    **dict.fromkeys(("n", "limit", "num-samples", "max-samples"), ("--samples",)),
    "samples": ("--calibration-samples",),
    **dict.fromkeys(("bits", "dtype", "quant", "quantization"), ("--scheme", "--schemes")),
    "scheme": ("--schemes",),
    **dict.fromkeys(("divider", "division"), ("--division", "--divisions")),
    **dict.fromkeys(("table", "lookup-table"), ("--lut",)),
    "inhibition": ("--inhibitions",),
    **dict.fromkeys(("policy", "zero-policy"), ("--zero-policy", "--policies")),
    **dict.fromkeys(("board", "hardware", "chip"), ("--target",)),
    **dict.fromkeys(("timesteps", "time-steps", "num-steps"), ("--steps",)),
    **dict.fromkeys(("data", "dataset"), ("--input", "--calibrate-on")),
    **dict.fromkeys(("data-path", "data-root", "data-folder"), ("--data-dir",)),
    "input": ("--calibrate-on",),
    **dict.fromkeys(("workers", "processes", "n-jobs"), ("--jobs",)),
    **dict.fromkeys(("continue", "resume-from"), ("--resume",)),
    **dict.fromkeys(("random-seed", "manual-seed"), ("--seed",)),
    "synthesis": ("--synth",),
}
SEVERAL: Mapping[str, Sequence[str]] = {  # by a name elsewhere, options that share its meaning
    "format": ("--scheme chooses the format of numbers", "--emit that of files"),
}
# settings that are refused of a data set by name, and what has to be set beside them
OF_OWN: Mapping[str, Mapping[str, str]] = {
    key: {"data.path": "mine"} for key in ("data.size", "data.sensor", "data.framing")
}
VALUES = {"gpu": "cuda", "cuda": "cuda", "cpu": "cpu"}
SETTINGS = "settings are changed by --set KEY=VALUE, e.g. --set training.epochs=20"
SET = "--set"


def instead(
    option: str,
    value: str | None,
    *,
    own: Sequence[str],
    others: Mapping[str, Sequence[str]],
    preset: str | None,
) -> str | None:
    """Return what to write instead of `option`, or where it stands; None if nobody knows.

    Args:
        option: as it was written, "--lr".
        value: the word behind it, if there was one.
        own: the options of the command.
        others: those of every command, by its name.
        preset: that was to be trained, where the command trains.
    """
    word = option.lstrip("-").lower().replace("_", "-")
    if known := next((one for one in OPTIONS.get(word, ()) if one in own), None):
        scheme = f"int{value}" if word == "bits" else ""
        return f"write {known} {scheme}" if scheme in scheme_names() else f"write {known}"
    parts = SEVERAL.get(word, ())
    if parts and all(part.split()[0] in own for part in parts):
        return ", ".join(parts)
    key, _, setting_value = (value or "").partition("=")
    if option == SET and (own_name := f"--{key.rpartition('.')[2]}") in own:
        return f"write {own_name} {setting_value}"
    if SET in own and (setting := _setting(word.replace("-", "_"), value, preset)):
        return setting
    if having := [name for name, options in others.items() if option in options]:
        return f"{option} is an option of eideploy {', '.join(having)}"
    if near := nearest(word, [one.lstrip("-") for one in own if one.startswith("--")]):
        return f"write --{near}"
    return SETTINGS if SET in own else None


def _setting(word: str, value: str | None, preset: str | None) -> str | None:
    """Return how the setting that `word` means is changed."""
    config = _config(preset)
    defaults = {path: getattr(holder, spec.name) for path, holder, spec in leaves(config)}
    tails = [key.rpartition(".")[2] for key in defaults]
    if word in tails or SYNONYMS.get(word) not in defaults:
        keys, words = ELSEWHERE.get(word, ((), ""))
        if words and set(keys) <= defaults.keys():
            return words
        word = nearest(word, tails) or word
    alike = [key for key in defaults if key.rpartition(".")[2] == word]
    key = alike[0] if alike else SYNONYMS.get(word)
    if key not in defaults:
        return None
    default = toml_value(defaults[key]).strip('"')
    for chosen in (value, VALUES.get(word), default):
        try:
            config.with_overrides({**OF_OWN.get(key, {}), key: chosen or ""})
        except ConfigError:
            continue
        if chosen:
            return f"write --set {shlex.quote(f'{key}={chosen}')}"
    return None


def _config(preset: str | None) -> Described:
    """Return what is to be trained; the word behind an unknown option may stand in its place."""
    name = preset or DEFAULT_PRESET
    try:
        trainer = families.trainer_of(name)
        return trainer.configuration(name) if trainer else load_config(name)
    except ConfigError:
        return load_config(DEFAULT_PRESET)

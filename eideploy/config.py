"""What to train: network, training, data and seed, read from a preset or a TOML file and checked.

A configuration is data: a preset under `presets/` and a user's own file are read alike.
"""

import dataclasses
import difflib
import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from eideploy.errors import ConfigError

DEFAULT_PRESET = "digits-conv"
PRESETS = Path(__file__).resolve().parent / "presets"
Width = int | Literal["P"]


def _bounded(default: Any, low: float, high: float) -> Any:  # noqa: ANN401
    return field(default=default, metadata={"low": low, "high": high})


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The architecture; classes and the input's shape come from the data set."""

    kind: Literal["mlp", "vgg", "resnet"] = "vgg"
    widths: tuple[Width, ...] = (16, "P", 32, "P", 64)  # excitatory neurons or channels; P: pooling
    blocks: int = _bounded(2, 1, 64)  # basic blocks a stage, of a resnet only
    normalization: Literal["ei", "batch"] = "ei"  # batch: the baseline, which is no circuit
    classifier: Literal["flatten", "pool"] = "flatten"  # pool: of a vgg, by the mean of each map
    steps: int = _bounded(4, 1, 1024)  # T, time steps an image is shown for, or event frames


@dataclass(frozen=True, kw_only=True)
class Training:
    """The optimiser and its schedule (M14, M15), and the loss (M16)."""

    epochs: int = _bounded(40, 1, 100_000)
    max_iterations: int = _bounded(0, 0, 2**31)  # batches after which to end; 0: after the epochs
    batch: int = _bounded(32, 1, 65_536)
    rate: float = _bounded(0.01, 0.0, 10.0)  # peak learning rate
    warmup_epochs: int = _bounded(4, 0, 100_000)
    warmup_rate: float = _bounded(1e-7, 0.0, 10.0)  # learning rate of the first iteration
    momentum: float = _bounded(0.9, 0.0, 0.9999)
    weight_decay: float = _bounded(5e-4, 0.0, 1.0)
    label_smoothing: float = _bounded(0.0, 0.0, 0.9)
    precision: Literal["float32", "float64", "bfloat16"] = "float32"  # bfloat16: of the currents
    kernel: Literal["auto", "fused", "plain"] = "auto"  # fused: compiled; auto: where it can be
    device: Literal["auto", "cpu", "cuda"] = "auto"  # auto: cuda where there is one
    threads: int = _bounded(1, 1, 1024)  # of torch; another number gives other bits


@dataclass(frozen=True, kw_only=True)
class Data:
    """The data set, and how its training samples are changed.

    A sample may be moved, too: each of the last four bounds holds both ways, 0 for not.
    """

    name: str = "digits"
    augmentation: Literal["published", "none"] = "published"  # what docs/data.md says of the set
    shift: float = _bounded(0.0, 0.0, 64.0)  # pixels, along either axis
    rotate: float = _bounded(0.0, 0.0, 180.0)  # degrees
    scale: float = _bounded(0.0, 0.0, 0.9)  # relative change of size
    shear: float = _bounded(0.0, 0.0, 1.0)  # columns moved per row


@dataclass(frozen=True, kw_only=True)
class Config:
    """One training, completely described.

    Raises:
        ConfigError: a value is out of bounds or contradicts another; the key is named.
    """

    network: Architecture = Architecture()
    training: Training = Training()
    data: Data = Data()
    seed: int = _bounded(0, 0, 2**32 - 1)

    def __post_init__(self) -> None:
        for path, holder, spec in _leaves(self):
            _check_bounds(path, getattr(holder, spec.name), spec)
        _check_widths(self.network)
        _check_training(self.training, steps=self.network.steps)

    def with_overrides(self, overrides: Mapping[str, str]) -> "Config":
        """Return a copy with values such as `{"training.epochs": "3"}`, which `--set` gives.

        Raises:
            ConfigError: a key is unknown, or a value does not fit it.
        """
        content = _as_dict(self)
        for path, text in overrides.items():
            section, _, key = path.rpartition(".")
            holder = content.get(section) if section else content
            if not isinstance(holder, dict):
                raise _unknown_key(path, _paths(), "--set")
            holder[key] = _parse_text(text)
        return _from_dict(content, where="--set")

    def to_toml(self) -> str:
        """Return the TOML text that reads back as this very configuration."""
        lines = [f"seed = {self.seed}"]
        for section in ("network", "training", "data"):
            lines += ["", f"[{section}]"]
            values = vars(getattr(self, section)).items()
            lines += [f"{key} = {_toml_value(value)}" for key, value in values]
        return "\n".join(lines) + "\n"


def presets() -> tuple[str, ...]:
    """Return the names of the shipped presets."""
    return tuple(sorted(path.stem for path in PRESETS.glob("*.toml")))


def load_config(name: str | Path) -> Config:
    """Read a configuration by preset name or from a path that ends in .toml.

    Raises:
        ConfigError: no such preset or file, not TOML, or a key or value that is wrong.
    """
    if str(name) in presets():
        return parse_config((PRESETS / f"{name}.toml").read_text("utf-8"), where=f"preset {name}")
    path = Path(name)
    if path.suffix != ".toml":
        raise ConfigError(
            f"there is no preset {name}",
            where="train",
            fix=f"name one of {', '.join(presets())}, or a file that ends in .toml",
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"cannot read the configuration: {error}", where=str(path), fix="name a readable file"
        ) from error
    return parse_config(text, where=str(path))


def parse_config(text: str, *, where: str) -> Config:
    """Read a configuration from TOML text; `where` names its origin in errors.

    Raises:
        ConfigError: not TOML, or a key or value that is wrong.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"not TOML: {error}", where=where, fix="correct that line") from error
    return _from_dict(content, where=where)


def _from_dict(content: Mapping[str, Any], *, where: str) -> Config:
    return _build(Config, content, prefix="", where=where)  # type: ignore[no-any-return]


def _build(kind: type[Any], content: Mapping[str, Any], *, prefix: str, where: str) -> Any:  # noqa: ANN401
    hints = get_type_hints(kind)
    values = {}
    for key, value in content.items():
        if key not in hints:
            raise _unknown_key(prefix + key, _paths(), where)
        values[key] = _convert(prefix + key, value, hints[key], where)
    return kind(**values)


def _convert(path: str, value: Any, hint: Any, where: str) -> Any:  # noqa: ANN401
    if dataclasses.is_dataclass(hint):
        if isinstance(value, dict):
            return _build(hint, value, prefix=f"{path}.", where=where)  # type: ignore[arg-type]
    elif get_origin(hint) is tuple:
        if isinstance(value, list | tuple) and all(type(v) is int or v == "P" for v in value):
            return tuple(value)
    elif get_origin(hint) is Literal:
        if value in get_args(hint):
            return value
    elif hint is float and type(value) in (int, float):
        return float(value)
    elif type(value) is hint:
        return value
    raise ConfigError(
        f"{path} = {value!r} is not {_words(hint)}", where=where, fix=f"give {path} {_words(hint)}"
    )


def _words(hint: Any) -> str:  # noqa: ANN401
    if dataclasses.is_dataclass(hint):
        return "a section"
    if get_origin(hint) is Literal:
        return f"one of {', '.join(get_args(hint))}"
    return {int: "an integer", float: "a number", str: "a text"}.get(
        hint, 'a list of integers and "P"'
    )


def _leaves(config: Config) -> list[tuple[str, Any, "dataclasses.Field[Any]"]]:
    """Return (key path, the section that holds it, its field) of every value."""
    found: list[tuple[str, Any, dataclasses.Field[Any]]] = []
    for spec in dataclasses.fields(config):
        part = getattr(config, spec.name)
        if dataclasses.is_dataclass(part):
            found += [(f"{spec.name}.{s.name}", part, s) for s in dataclasses.fields(part)]
        else:
            found.append((spec.name, config, spec))
    return found


def _paths() -> list[str]:
    return [path for path, _, _ in _leaves(Config())]


def _unknown_key(path: str, known: list[str], where: str) -> ConfigError:
    close = difflib.get_close_matches(path, known, n=1, cutoff=0.6)
    tail = [p for p in known if p.rpartition(".")[2] == path.rpartition(".")[2]]
    fix = f"write {(tail or close)[0]}" if tail or close else f"use one of {', '.join(known)}"
    return ConfigError(f"there is no key {path}", where=where, fix=fix)


def _check_bounds(path: str, value: Any, spec: "dataclasses.Field[Any]") -> None:  # noqa: ANN401
    if "low" not in spec.metadata:
        return
    low, high = spec.metadata["low"], spec.metadata["high"]
    if not (math.isfinite(value) and low <= value <= high):
        raise ConfigError(
            f"{path} = {value} is outside of {low} to {high}",
            where=path,
            fix=f"choose {path} from {low} to {high}",
        )


def _check_widths(network: Architecture) -> None:
    numbers = [w for w in network.widths if w != "P"]
    if not numbers or network.widths[0] == "P":
        raise _bad_widths("name no first layer", "begin with a number of excitatory neurons")
    if small := [w for w in numbers if w < 4]:
        raise _bad_widths(
            f"hold {small[0]} excitatory neurons, which leaves no inhibitory one (n_I = n_E // 4)",
            "give every layer at least 4",
        )
    if len(numbers) < len(network.widths) and network.kind != "vgg":
        raise _bad_widths(f"pool, which a {network.kind} does not", 'remove the "P"')


def _bad_widths(what: str, fix: str) -> ConfigError:
    return ConfigError(f"the widths {what}", where="network.widths", fix=fix)


def _check_training(training: Training, *, steps: int) -> None:
    if training.warmup_epochs >= training.epochs:
        raise ConfigError(
            f"{training.warmup_epochs} epochs of warm-up leave none of {training.epochs} to train",
            where="training.warmup_epochs",
            fix=f"choose fewer than {training.epochs}, or more training.epochs",
        )
    if training.batch * steps == 1:
        raise ConfigError(
            "one image shown for one step has no variance, which E-I Init needs",
            where="training.batch, network.steps",
            fix="choose a larger training.batch",
        )


def _as_dict(config: Config) -> dict[str, Any]:
    return dataclasses.asdict(config)


def _parse_text(text: str) -> Any:  # noqa: ANN401
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _toml_value(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, tuple):
        return f"[{', '.join(_toml_value(v) for v in value)}]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return repr(value)

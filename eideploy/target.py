"""What a chip offers, read from targets/<name>/spec.toml."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eideploy import shipped
from eideploy.errors import SpecError, UsageError
from eideploy.tables import build, read_toml

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class Core:
    """Parallelism: lanes P, update lanes R, entries of the program memory."""

    lanes: int
    update_lanes: int
    layers: int


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Depths of the memories; rows are of P entries."""

    weight_rows: int
    accumulator_rows: int
    inhibition_rows: int
    membrane_words: int
    spike_rows: int
    parameter_words: int
    lane_rows: int
    gain_words: int
    table_entries: int


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Widths in bits; accumulator, current and membrane are signed."""

    weight: int
    input: int
    accumulator: int
    inhibition: int
    divisor: int
    current: int
    membrane: int
    table_entry: int


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Cycles from the last issue of a phase to its last effect."""

    setup: int
    accumulate: int
    inhibit: int
    minimum: int
    output: int


@dataclass(frozen=True, kw_only=True)
class DividerTiming:
    """Cycles between two divisions, and from operands to updated neuron."""

    interval: int
    latency: int


@dataclass(frozen=True, kw_only=True)
class Target:
    """A chip as data; a pass asks it questions, never its name."""

    source: Path  # the spec's file
    name: str
    backend: str
    description: str
    core: Core
    memory: Memory
    widths: Widths
    latency: Latency
    divider: Mapping[str, DividerTiming]  # by method; what is not listed is not offered


def load_target(name: str) -> Target:
    """Return the shipped target called `name`, or the one in the file that `name` is the path of.

    Raises:
        UsageError: neither a shipped target nor a file.
        SpecError: a key that is unknown, missing, of the wrong type or out of bounds.
    """
    path = Path(name)
    if path.suffix != ".toml" and not path.is_file():
        path = shipped.folder("targets") / name / "spec.toml"
        if name not in target_names():
            raise UsageError(
                f"no target is called {name!r}",
                where="--target",
                fix=f"choose one of {', '.join(target_names())}, or name a spec.toml",
            )
    return read_target(path)


def target_names() -> tuple[str, ...]:
    """Return the names of the shipped targets."""
    return shipped.names("targets", "{}/spec.toml")


def read_target(path: Path) -> Target:
    """Read and check a spec.toml."""
    spec = read_toml(path)
    if spec.pop("version", None) != VERSION:
        raise SpecError("version is missing or unknown", where=str(path),
                        fix=f"write version = {VERSION} at the top")  # fmt: skip
    table = spec.pop("divider", {})
    if not isinstance(table, dict) or not table:
        raise SpecError("no [divider.*] section", where=str(path), fix="add one, e.g. divider.lut")
    dividers = {
        str(method): build(DividerTiming, entry, path, f"divider.{method}.")
        for method, entry in table.items()
    }
    target = build(Target, {**spec, "divider": dividers, "source": path}, path, "")
    if target.core.lanes % target.core.update_lanes:
        raise SpecError(
            f"core.update_lanes = {target.core.update_lanes} does not divide "
            f"core.lanes = {target.core.lanes}",
            where=str(path),
            fix="let a row of lanes hold whole update groups",
        )
    return target

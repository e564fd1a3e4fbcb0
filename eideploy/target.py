"""What a chip offers, read from targets/<name>/spec.toml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from eideploy import shipped
from eideploy.backends import families
from eideploy.backends.protocol import Family, Spec
from eideploy.divisions import method_called, methods
from eideploy.errors import SpecError, UsageError
from eideploy.tables import is_file, read_toml
from eideploy.typed import Fault, Line, Name, Within, refuse, typed

VERSION = 1
SPEC = "spec.toml"
# What a spec may ask for at most: it becomes the header of a core that other programs compile.
MOST_LANES, MOST_ENTRIES, MOST_CYCLES = 1024, 65_536, 4096
MOST_BITS = 64
DEEPEST = 1 << 32  # of one memory, and of all together:
MOST_WORDS = 1 << 26  # a network of 11 million weights takes a sixth
Lanes = Annotated[int, Within(1, MOST_LANES)]
Entries = Annotated[int, Within(1, MOST_ENTRIES)]
Cycles = Annotated[int, Within(1, MOST_CYCLES)]
Depth = Annotated[int, Within(1, DEEPEST)]


@dataclass(frozen=True, kw_only=True)
class Core:
    """Parallelism: lanes P, update lanes R; entries of the program and the route memory.

    inhibition  forms of a layer that it runs: "factored", with its inhibitory population; "both",
                folded ones, too
    """

    lanes: Lanes
    update_lanes: Lanes
    layers: Entries
    routes: Entries
    inhibition: Literal["factored", "both"] = "factored"


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Depths of the memories; rows are of P entries."""

    weight_rows: Depth
    accumulator_rows: Depth
    inhibition_rows: Depth
    membrane_words: Depth
    spike_rows: Depth
    parameter_words: Depth
    lane_rows: Depth
    gain_words: Depth
    axis_words: Depth
    table_entries: Depth


@dataclass(frozen=True, kw_only=True)
class Widths:
    """Widths in bits; accumulator, current, membrane, bias and fraction are signed.

    They are at most what a scheme, or the simulator's integers of 64 bits, can ask for.
    shift, align  of the shifts' amounts
    """

    weight: Annotated[int, Within(1, 16)]
    input: Annotated[int, Within(1, 16)]
    accumulator: Annotated[int, Within(2, MOST_BITS)]
    inhibition: Annotated[int, Within(1, MOST_BITS)]
    divisor: Annotated[int, Within(1, MOST_BITS)]
    current: Annotated[int, Within(2, 32)]
    membrane: Annotated[int, Within(2, 32)]
    table_entry: Annotated[int, Within(1, 17)]
    gain: Annotated[int, Within(1, 16)]
    threshold: Annotated[int, Within(1, 32)]
    bias: Annotated[int, Within(2, MOST_BITS)]
    fraction: Annotated[int, Within(2, 8)]
    shift: Annotated[int, Within(1, 6)]
    align: Annotated[int, Within(1, 6)]


@dataclass(frozen=True, kw_only=True)
class Latency:
    """Cycles from the last issue of a phase to its last effect."""

    setup: Cycles
    accumulate: Cycles
    inhibit: Cycles
    minimum: Cycles
    output: Cycles


@dataclass(frozen=True, kw_only=True)
class DividerTiming:
    """Cycles between two divisions, and from operands to updated neuron."""

    interval: Cycles
    latency: Cycles


@dataclass(frozen=True, kw_only=True)
class Target:
    """A chip as data; a pass asks it questions, never its name."""

    source: Path  # the spec's file
    name: Name
    backend: Line
    description: Line
    clock_hz: Annotated[int, Within(1, 10**11)] | None = None  # stated by the spec's author
    core: Core
    memory: Memory
    widths: Widths
    latency: Latency
    divider: Mapping[str, DividerTiming]  # by method; what is not listed is not offered

    @property
    def words(self) -> int:
        """How many numbers all memories together hold."""
        depths = {f.name: getattr(self.memory, f.name) for f in fields(self.memory)}
        return sum(n * (self.core.lanes if k.endswith("rows") else 1) for k, n in depths.items())


def load_target(name: str, *, option: str = "--target") -> Target:
    """Return the shipped digital target called `name`, or the one that `name` is the path of.

    Args:
        name: a shipped target, a spec, or the folder of a spec.toml.
        option: what an error names as the place of `name`.

    Raises:
        UsageError: none of these, or of a family that runs no integers.
        SpecError: a key that is unknown, missing, of the wrong type or out of bounds.
    """
    path = spec_of(name, option)
    family = family_of(path)
    target = family.read_spec(path)
    if not isinstance(target, Target):
        raise UsageError(
            f"{target.name} is {family.kind}, and integers run on digital ones",
            where=f"{option} {name}",
            fix="choose a digital target, or eideploy compile --target " + name,
        )
    return target


def load_any(name: str, *, option: str = "--target") -> Spec:
    """Return the target called `name`, of any family; as load_target."""
    path = spec_of(name, option)
    spec: Spec = family_of(path).read_spec(path)
    return spec


def family_of(path: Path) -> Family[Any]:
    """Return the family that serves a spec.toml, as its `backend` says.

    Raises:
        SpecError: it is no such file, or no backend is called that.
    """
    name = read_toml(path, VERSION).get("backend")
    if not isinstance(name, str):
        return families.default()  # which says what is missing
    try:
        return families.named(name)
    except UsageError as error:
        raise SpecError(error.what, where=f"{path}, key backend", fix=error.fix) from None


def spec_of(name: str, option: str = "--target") -> Path:
    """Return the file of the spec called `name`, a shipped target or a path.

    Raises:
        UsageError: there is none.
    """
    if name in target_names():
        return shipped.folder("targets") / name / SPEC
    path = Path(name)
    if is_file(path / SPEC):
        return path / SPEC
    if path.suffix != ".toml" and not is_file(path):
        raise UsageError(
            f"no target is called {name!r}",
            where=option,
            fix=f"choose one of {', '.join(target_names())}, or name a {SPEC}",
        )
    return path


def target_names() -> tuple[str, ...]:
    """Return the names of the shipped targets."""
    return shipped.names("targets", f"{{}}/{SPEC}")


def read_target(path: Path) -> Target:
    """Read and check a spec.toml."""
    table, where = read_toml(path, VERSION), str(path)
    target = typed(Target, table, where=where, error=SpecError, given={"source": str(path)})
    refuse(_contradictions(target), error=SpecError, where=where)
    return target


def _contradictions(target: Target) -> Iterator[Fault]:
    core = target.core
    for method in sorted(m for m in target.divider if not method_called(m)):
        yield Fault(
            what=f"divider.{method} is no method of division",
            fix=f"remove divider.{method}, or name one of {_known_methods()}",
        )
    if not target.divider:
        yield Fault(
            what="divider lists no method of division", fix=f"add one of {_known_methods()}"
        )
    if core.lanes % core.update_lanes:
        yield Fault(
            what=f"core.update_lanes = {core.update_lanes} does not divide "
            f"core.lanes = {core.lanes}",
            fix="choose core.update_lanes so that it does",
        )
    if (words := target.words) > MOST_WORDS:
        yield Fault(
            what=f"the memories have {words} words, at most {MOST_WORDS} are reasonable",
            fix="choose smaller depths in [memory]",
        )


def _known_methods() -> str:
    return ", ".join(kind.method for kind in methods())

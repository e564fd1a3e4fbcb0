"""What a chip offers, read from targets/<name>/spec.toml."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

from eideploy import shipped
from eideploy.backends import families
from eideploy.backends.protocol import Family, Spec
from eideploy.divisions import method_called, methods
from eideploy.errors import SpecError, UsageError
from eideploy.nearest import nearest
from eideploy.tables import is_file, read_toml
from eideploy.typed import Fault, Line, Matching, Name, Within, refuse, typed

VERSION = 1
SPEC, BOARDS = "spec.toml", "boards"
# What a spec may ask for at most: it becomes the header of a core that other programs compile.
MOST_LANES, MOST_ENTRIES, MOST_CYCLES = 1024, 65_536, 4096
MOST_BITS = 64
DEEPEST = 1 << 32  # of one memory, and of all together:
MOST_WORDS = 1 << 26  # a network of 11 million weights takes a sixth
Lanes = Annotated[int, Within(1, MOST_LANES)]
Entries = Annotated[int, Within(1, MOST_ENTRIES)]
Cycles = Annotated[int, Within(1, MOST_CYCLES)]
Depth = Annotated[int, Within(1, DEEPEST)]
Count = Annotated[int, Within(0, DEEPEST)]
# A spec may come from others, within a build: what of it other programs are given, or read as their
# own language, are these words alone. Routers run scripts that an option names.
Site = Annotated[
    str, Matching(re.compile(r"\w{1,32}", re.ASCII).fullmatch, "a word of letters and digits")
]
Part = Annotated[
    str,
    Matching(re.compile(r"[A-Za-z0-9][A-Za-z0-9/_-]{0,63}").fullmatch, "an FPGA's name"),
]
MODULE = "eideploy"
MODULES = re.compile(r"[a-z][a-z0-9_]{0,31}")
Module = Annotated[
    str, Matching(MODULES.fullmatch, "a lower-case letter, then up to 31 of them, digits or _")
]
Flash = Annotated[
    str,
    Matching(
        re.compile(
            r"openFPGALoader --(board|cable) [A-Za-z0-9][\w.-]{0,63} \{bitstream\}"
        ).fullmatch,
        "openFPGALoader with the name of a board or a cable, and {bitstream}",
    ),
]
OPTIONS = {
    "ecp5": r"--(um5?g?-)?\d+k --package \w+ --speed [678]",
    "gowin": r"--device [A-Za-z0-9][A-Za-z0-9/_-]* --vopt family=[A-Za-z0-9][\w-]*",
    "vivado": "",
}
MOST_LEDS = 9
GOWIN_PARTS = ("GW2AR", "GW1NR")
DRIFT = 0.02  # of a bit of the serial line: half of what ten bits may drift by


@dataclass(frozen=True, kw_only=True)
class Core:
    """Parallelism: lanes P, update lanes R; entries of the program and the route memory.

    inhibition  forms of a layer that it runs: "factored", with its inhibitory population; "folded",
                without; "both"
    minimum     whether it finds the smallest positive divisor of a layer, for the policy `minimum`
    neurons     models of neurons that it has: "lif" alone, or "general", any leak, filter and reset
    inhibitory_lanes  Q, of inhibitory neurons, which an event reaches together with P others;
                without any they take turns in the P lanes
    pipelined   whether it has more registers on its long paths, for a higher clock
    pooled_events  whether the spikes of a pooling window are added up, and each neuron's sum is one
                event of its layer
    static_input  whether the port takes a sample once, in the first time step, for samples that are
                the same in all: a first layer that reads nothing else keeps its sums; where a spec
                says nothing, that of a board does so if calibration samples have no time axis
    module      what the names of its modules, its package and their files begin with: cores of two
                networks that have other names fit into one design
    """

    lanes: Lanes
    update_lanes: Lanes
    layers: Entries
    routes: Entries
    inhibition: Literal["factored", "folded", "both"] = "factored"
    minimum: bool = True
    neurons: Literal["lif", "general"] = "lif"
    inhibitory_lanes: Annotated[int, Within(0, MOST_LANES)] = 0
    pipelined: bool = False
    pooled_events: bool = False
    static_input: bool | None = None
    module: Module = MODULE

    @property
    def lanes_i(self) -> int:
        """Q, and none where no layer has inhibitory neurons."""
        return self.inhibitory_lanes if self.runs_factored else 0

    @property
    def sums_i(self) -> int:
        """Inhibitory sums in a row: of Q lanes, or of the P where there are none of their own."""
        return self.lanes_i or self.lanes

    @property
    def runs_factored(self) -> bool:
        """Whether layers keep their inhibitory population."""
        return self.inhibition != "folded"

    @property
    def runs_folded(self) -> bool:
        """Whether layers may be folded."""
        return self.inhibition != "factored"


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
class Resources:
    """What an FPGA has, in the cells that its tools count."""

    lookup_tables: Count
    flip_flops: Count
    block_memories: Count  # of 18 Kbit
    multipliers: Count  # of 18x18 bits


@dataclass(frozen=True, kw_only=True)
class Pins:
    """Where the signals of a board are on its FPGA.

    clock     the oscillator; rx, tx: seen from the FPGA
    leds      those that show the class, the lowest bit first
    standard  the voltage standard of all of them, or of the LEDs alone with `led_standard`
    leds_low  whether an LED is lit by 0
    """

    clock: Site
    rx: Site
    tx: Site
    leds: list[Site]
    standard: Site
    led_standard: Site | None = None
    leds_low: bool = False


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board with an FPGA: what its tools, its pins and its serial line are.

    part           as its maker calls the FPGA
    tool           what places and routes it; vivado's is not open: its files are written, not run
    options        of that tool, which say the part, and nothing else (`OPTIONS`)
    oscillator_hz  on the board
    baud           of the serial line
    flash          the command that configures the FPGA, with {bitstream} in it
    sources        where the numbers come from
    """

    part: Part
    tool: Literal["ecp5", "gowin", "vivado"]
    options: list[Line]
    oscillator_hz: Annotated[int, Within(10**6, 10**9)]
    baud: Annotated[int, Within(9600, 12 * 10**6)]
    flash: Flash
    resources: Resources
    pins: Pins
    sources: list[Line]


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
    board: Board | None = None  # the core is cut to the network, as it fits its FPGA

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


def _table(path: Path) -> dict[str, object]:
    """Return a spec's table; with `extends` on top of that of a shipped target, key by key."""
    table = read_toml(path, VERSION)
    base = table.pop("extends", None)
    if base is None:
        return table
    if base not in shipped.names("targets", f"{{}}/{SPEC}"):
        raise SpecError(
            f"extends = {base!r} is not a shipped target",
            where=str(path),
            fix=f"name one of {', '.join(shipped.names('targets', f'{{}}/{SPEC}'))}",
        )
    return _on_top(read_toml(shipped.folder("targets") / str(base) / SPEC, VERSION), table)


def _on_top(base: Mapping[str, object], own: Mapping[str, object]) -> dict[str, object]:
    """Return a table of another's keys and its own, which prevail, in the tables within, too."""
    inner = {
        key: _on_top(below, value)
        for key, value in own.items()
        if isinstance(value, dict) and isinstance(below := base.get(key), dict)
    }
    return {**base, **own, **inner}


def spec_of(name: str, option: str = "--target") -> Path:
    """Return the file of the spec called `name`, a shipped target or a path.

    Raises:
        UsageError: there is none.
    """
    if name in board_names():
        return shipped.folder("targets") / BOARDS / f"{name}.toml"
    if name in target_names():
        return shipped.folder("targets") / name / SPEC
    path = Path(name)
    if is_file(path / SPEC):
        return path / SPEC
    if path.suffix != ".toml" and not is_file(path):
        near = nearest(name, target_names())
        begun = [one for one in target_names() if name and one.startswith(name)]
        choices = f"choose one of {', '.join(begun or target_names())}, or name a {SPEC}"
        raise UsageError(
            f"no target is called {name!r}",
            where=option,
            fix=f"write {near}" if near else choices,
        )
    return path


def target_names() -> tuple[str, ...]:
    """Return the names of the shipped targets, those of boards last."""
    return (*shipped.names("targets", f"{{}}/{SPEC}"), *board_names())


def dividing(method: str, like: Target) -> dict[str, Target]:
    """Return the shipped targets of the same backend that divide by a method, by name."""
    specs = {name: load_any(name) for name in target_names()}
    return {
        name: spec
        for name, spec in specs.items()
        if isinstance(spec, Target) and spec.backend == like.backend and method in spec.divider
    }


def board_names() -> tuple[str, ...]:
    """Return the names of the shipped boards."""
    return shipped.names("targets", f"{BOARDS}/{{}}.toml")


def read_target(path: Path) -> Target:
    """Read and check a spec.toml."""
    table, where = _table(path), str(path)
    target = typed(Target, table, where=where, error=SpecError, given={"source": str(path)})
    refuse(_contradictions(target), error=SpecError, where=where)
    return target


def spec_text(target: Target) -> str:
    """Return a spec.toml that `read_target` makes the same target of, its `source` apart."""
    content = asdict(target)
    del content["source"]
    return "".join(f"{line}\n" for line in _lines({"version": VERSION, **content}, ""))


def _lines(table: Mapping[str, object], path: str) -> Iterator[str]:
    """Yield the lines of a table, those of the tables in it last."""
    inner = {key: value for key, value in table.items() if isinstance(value, dict)}
    own = {k: v for k, v in table.items() if k not in inner and v is not None}
    if path and own:
        yield f"\n[{path}]"
    for key, value in own.items():
        yield f"{key} = {json.dumps(value)}"
    for key, value in inner.items():
        yield from _lines(value, f"{path}.{key}" if path else key)


def _contradictions(target: Target) -> Iterator[Fault]:
    core = target.core
    for method in sorted(m for m in target.divider if not method_called(m)):
        yield Fault(
            what=f"divider.{method} is not a method of division",
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
    if target.board is not None:
        yield from _faults_of_board(target.board, target.clock_hz)


def _faults_of_board(board: Board, clock_hz: int | None) -> Iterator[Fault]:
    options = " ".join(board.options)
    if re.fullmatch(OPTIONS[board.tool], options, re.ASCII) is None:
        yield Fault(
            what=f"board.options are {options!r}, which say more than the part",
            fix="give those of a shipped board with the same tool, for your part",
        )
    if board.tool == "gowin" and board.part[:5] not in GOWIN_PARTS:
        yield Fault(
            what=f"board.part = {board.part!r} is of no family whose loop is known",
            fix=f"choose a part of {' or '.join(GOWIN_PARTS)}",
        )
    if not 1 <= len(board.pins.leds) <= MOST_LEDS:
        yield Fault(
            what=f"board.pins.leds are {len(board.pins.leds)}",
            fix=f"name 1 to {MOST_LEDS} of them",
        )
    if clock_hz is None:
        yield Fault(what="there is no clock_hz", fix="give the clock that the board's loop makes")
        return
    cycles = max(round(clock_hz / board.baud), 1)
    if abs(clock_hz / cycles / board.baud - 1) >= DRIFT:
        yield Fault(
            what=f"board.baud = {board.baud} is not a fraction of clock_hz = {clock_hz} to 2 %",
            fix="choose a baud of which clock_hz is a multiple",
        )


def _known_methods() -> str:
    return ", ".join(kind.method for kind in methods())

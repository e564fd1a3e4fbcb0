"""What a board of DYNAP-SE2 chips offers, read from targets/<name>/spec.toml."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated

from eideploy.errors import SpecError, UsageError
from eideploy.tables import read_toml
from eideploy.target import load_any, target_names
from eideploy.typed import Fault, Line, Name, Positive, Within, instead, refuse, typed

VERSION = 1
BACKEND = "dynapse2"
UNUSED = "none"
RECEPTORS = ("ampa", "nmda", "gaba", "shunt")
SOMA_ROLES = ("membrane_leak", "membrane_gain", "threshold", "refractory", "pulse", "dc")
SYNAPSE_ROLES = tuple(f"{r}_{what}" for r in RECEPTORS for what in ("tau", "gain"))
MOST_SYNAPSES = 1 << 25  # of a board; the largest grid of chips has 15 million
ROLES = SOMA_ROLES + SYNAPSE_ROLES  # what a population says in ampere
WEIGHT_ROLES = ("weight_0", "weight_1", "weight_2", "weight_3")
ADAPTATION_ROLES = tuple(f"adaptation_{what}" for what in ("gain", "tau", "pulse", "weight"))
OTHER_ROLES = ("nmda_gate", *ADAPTATION_ROLES)


@dataclass(frozen=True, kw_only=True)
class Board:
    """Chips in a grid, chip = y * columns + x; input comes in at `entry`."""

    columns: Annotated[int, Within(1, 15)]
    rows: Annotated[int, Within(1, 15)]
    entry: Annotated[int, Within(0, 224)]  # the chip whose hops (0, 0) an input event has
    defects: Line = ""  # a file beside the spec; empty: none known
    bias_table: Line = ""  # a file of measured currents beside the spec; empty: the formula


@dataclass(frozen=True, kw_only=True)
class Chip:
    """Counts of one chip."""

    cores: Annotated[int, Within(1, 8)]
    neurons: Annotated[int, Within(1, 65_536)]  # a core
    cams: Annotated[int, Within(1, 65_536)]  # a neuron: synapses
    destinations: Annotated[int, Within(1, 1024)]  # a neuron: SRAM entries
    tags: Annotated[int, Within(2, 65536)]
    hops: Annotated[int, Within(1, 127)]  # along an axis, either way
    weight_bits: Annotated[int, Within(4, 4)]  # of a synapse's mask, one a base current


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """How a spike comes to the host: the event's hops, and what the host sees.

    x_hop, y_hop  of the SRAM entry of a monitored neuron
    seen_x        x_hop of the event of chip x = 0 as the host reads it; one more a column
    marker        tag that marks time, never a neuron's
    """

    x_hop: Annotated[int, Within(-127, 127)]
    y_hop: Annotated[int, Within(-127, 127)]
    seen_x: Annotated[int, Within(-127, 127)]
    marker: Annotated[int, Within(0, 65535)]


@dataclass(frozen=True, kw_only=True)
class BiasDac:
    """The bias generator: coarse 0..coarse-1, fine 0..fine-1, currents in ampere."""

    coarse: Annotated[int, Within(1, 64)]
    fine: Annotated[int, Within(2, 4096)]
    floor: Positive
    full_scale_n: tuple[Positive, ...]  # by coarse step, N type
    full_scale_p: tuple[Positive, ...]


Coarse = Annotated[int, Within(0, 63)]
Fine = Annotated[int, Within(0, 4095)]
ChipCode = tuple[Coarse, Fine]


@dataclass(frozen=True, kw_only=True)
class Bias:
    """One bias: the factor from the generator's current to the circuit's, and what it sets."""

    factor: Positive
    role: Line = ""  # of ROLES, WEIGHT_ROLES or OTHER_ROLES; empty: left as samna has it
    code: ChipCode | None = None  # coarse and fine on every core in use, of a bias without a role


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Of the circuits: capacitances in farad, potentials in volt, dark current in ampere.

    c_spike is that of the node that the threshold current charges; 0: a spike takes no time.
    """

    c_membrane: Positive
    c_ampa: Positive
    c_nmda: Positive
    c_gaba: Positive
    c_shunt: Positive
    c_adaptation: Positive
    c_refractory: Positive
    c_pulse: Positive
    dark_current: Positive
    kappa_n: Positive
    kappa_p: Positive
    thermal_voltage: Positive
    threshold_voltage: Positive
    c_spike: Annotated[float, Within(0.0, 1e-9)] = 0.0


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which dendrite stands for what the E-I circuit asks."""

    excitation: Line
    subtractive: Line
    divisive: Line


@dataclass(frozen=True, kw_only=True)
class ChipSpec:
    """A board as data; a pass asks it questions, never its name."""

    source: Path  # the spec's file
    name: Name
    backend: Line
    description: Line
    board: Board
    chip: Chip
    monitor: Monitor
    dendrites: Mapping[str, "Dendrite"]
    roles: Roles
    dac: BiasDac
    constants: Constants
    latches: tuple[Line, ...]
    biases: Mapping[str, Bias]
    chip_biases: Mapping[str, Mapping[str, ChipCode]] = field(default_factory=dict)

    @property
    def chips(self) -> int:
        """How many chips the board has."""
        return self.board.columns * self.board.rows

    def position(self, chip: int) -> tuple[int, int]:
        """Return x and y of a chip, in hops."""
        return chip % self.board.columns, chip // self.board.columns

    @cached_property
    def bias_names(self) -> tuple[str, ...]:
        """The names of a core's biases, in the spec's order."""
        return tuple(self.biases)

    @cached_property
    def bias_of(self) -> Mapping[str, str]:
        """The bias that sets a role."""
        return {bias.role: name for name, bias in self.biases.items() if bias.role}

    def capacitance(self, receptor: str) -> float:
        """Return the capacitance of a dendrite, in farad."""
        return float(getattr(self.constants, f"c_{receptor}"))


@dataclass(frozen=True, kw_only=True)
class Dendrite:
    """The number that a synapse names a dendrite by."""

    code: Annotated[int, Within(0, 65535)]


def read_spec(path: Path) -> ChipSpec:
    """Read and check a spec.toml of backend dynapse2.

    Raises:
        SpecError: naming every key that is unknown, missing, wrong or contradicts another.
    """
    table, where = read_toml(path, VERSION), str(path)
    spec = typed(ChipSpec, table, where=where, error=SpecError, given={"source": str(path)})
    contradictions = (*_biases(spec), *_dendrites(spec), *_places(spec))
    refuse(contradictions, error=SpecError, where=where)
    return spec


def load_chip(name: str) -> ChipSpec:
    """Return the spec of a mixed-signal chip, a shipped target or a file.

    Raises:
        UsageError: there is no such target, or it is not a mixed-signal one.
        SpecError: its spec is wrong.
    """
    spec = load_any(name)
    if not isinstance(spec, ChipSpec):
        raise UsageError(
            f"target {name} is not a mixed-signal chip",
            where="target",
            fix="choose dynapse2, or a spec of your own",
        )
    return spec


def called(spec: ChipSpec) -> str:
    """Return what `load_chip` finds a spec by from any folder: its name if shipped, else its file.

    A spec of one's own may have the name of a shipped one.
    """
    shipped = spec.name in target_names() and load_any(spec.name) == spec
    return spec.name if shipped else str(spec.source.resolve())


def _biases(spec: ChipSpec) -> Iterator[Fault]:
    known = {*ROLES, *WEIGHT_ROLES, *OTHER_ROLES}
    roles = [bias.role for bias in spec.biases.values() if bias.role]
    for role in sorted(set(roles) - known):
        yield Fault(what=f"biases: role {role!r} is unknown", fix=instead(role, sorted(known)))
    for role in sorted(known - set(roles)):
        yield Fault(what=f"biases: no bias has role {role!r}", fix=f"give one the role {role!r}")
    for role in sorted({role for role in roles if roles.count(role) > 1}):
        yield Fault(what=f"biases: two biases have role {role!r}", fix="leave it to one of them")
    for key in ("full_scale_n", "full_scale_p"):
        if (count := len(getattr(spec.dac, key))) != spec.dac.coarse:
            yield Fault(
                what=f"dac.{key} lists {count} currents for {spec.dac.coarse} steps",
                fix=f"list {spec.dac.coarse} currents in dac.{key}",
            )
    for name, bias in spec.biases.items():
        if bias.code is not None and bias.role:
            yield Fault(
                what=f"biases.{name} has a role and a code",
                fix=f"leave out biases.{name}.code: what has a role is set by the network",
            )
        if bias.code is not None and not all(
            number < most
            for number, most in zip(bias.code, (spec.dac.coarse, spec.dac.fine), strict=True)
        ):
            yield Fault(
                what=f"biases.{name}.code = {list(bias.code)} is no code of dac",
                fix=f"choose coarse below {spec.dac.coarse} and fine below {spec.dac.fine}",
            )
        if not name.endswith(("_N", "_P")):
            yield Fault(
                what=f"biases.{name} ends neither in _N nor in _P, the type of its transistor",
                fix=f"write {name}_N or {name}_P",
            )


def _dendrites(spec: ChipSpec) -> Iterator[Fault]:
    needed = {*RECEPTORS, UNUSED}
    codes = [d.code for d in spec.dendrites.values()]
    for name in sorted(needed - set(spec.dendrites)):
        yield Fault(what=f"dendrites.{name} is missing", fix=f"set dendrites.{name}")
    for name in sorted(set(spec.dendrites) - needed):
        known = [f"dendrites.{one}" for one in sorted(needed)]
        key = f"dendrites.{name}"
        yield Fault(what=f"there is no key {key}", fix=instead(key, known))
    if len(set(codes)) != len(codes):
        yield Fault(what=f"dendrites share a code: {sorted(codes)}", fix="give each its own code")
    for role, receptor in vars(spec.roles).items():
        if receptor not in RECEPTORS:
            receptors = ", ".join(RECEPTORS)
            yield Fault(
                what=f"roles.{role} = {receptor!r} is none of {receptors}",
                fix=f"choose roles.{role} from {receptors}",
            )


def _places(spec: ChipSpec) -> Iterator[Fault]:
    board, chip = spec.board, spec.chip
    for key, name in {"defects": board.defects, "bias_table": board.bias_table}.items():
        if name and Path(name).name != name:
            yield Fault(
                what=f"board.{key} = {name!r} is not the name of a file beside the spec",
                fix=f"put the file beside the spec, and write its name in board.{key}",
            )
    if board.entry >= spec.chips:
        yield Fault(
            what=f"board.entry = {board.entry}, the board has {spec.chips} chips",
            fix=f"choose board.entry below {spec.chips}",
        )
    if spec.monitor.marker >= chip.tags:
        yield Fault(
            what=f"monitor.marker = {spec.monitor.marker}, there are {chip.tags} tags",
            fix=f"choose monitor.marker below {chip.tags}",
        )
    if (neurons := chip.cores * chip.neurons) > chip.tags:
        yield Fault(
            what=f"chip.cores x chip.neurons = {neurons} neurons cannot "
            f"each have one of chip.tags = {chip.tags} to be monitored by",
            fix="correct chip.cores, chip.neurons or chip.tags",
        )
    if (synapses := spec.chips * neurons * chip.cams) > MOST_SYNAPSES:
        yield Fault(
            what=f"the board has {synapses} synapses, at most {MOST_SYNAPSES} are reasonable",
            fix="correct chip.cams, or choose a smaller board",
        )
    reached = {
        "monitor.x_hop": abs(spec.monitor.x_hop),
        "monitor.y_hop": abs(spec.monitor.y_hop),
        "board.columns": board.columns,
        "board.rows": board.rows,
    }
    for key, steps in reached.items():
        if steps > chip.hops:
            yield Fault(
                what=f"{key} is beyond chip.hops = {chip.hops}",
                fix=f"choose {key} of at most {chip.hops}",
            )

"""What a board of DYNAP-SE2 chips offers, read from targets/<name>/spec.toml."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from eideploy.tables import bounded, build, read_toml, refuse

VERSION = 1
BACKEND = "dynapse2"
UNUSED = "none"
RECEPTORS = ("ampa", "nmda", "gaba", "shunt")
SOMA_ROLES = ("membrane_leak", "membrane_gain", "threshold", "refractory", "pulse", "dc")
SYNAPSE_ROLES = tuple(f"{r}_{what}" for r in RECEPTORS for what in ("tau", "gain"))
MOST_SYNAPSES = 1 << 25  # of a board; the largest grid of chips has 15 million
ROLES = SOMA_ROLES + SYNAPSE_ROLES  # what a population says in ampere
WEIGHT_ROLES = ("weight_0", "weight_1", "weight_2", "weight_3")
OTHER_ROLES = (
    "nmda_gate", "adaptation_gain", "adaptation_tau", "adaptation_pulse", "adaptation_weight",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Board:
    """Chips in a grid, chip = y * columns + x; input comes in at `entry`."""

    columns: int = bounded(1, 15)
    rows: int = bounded(1, 15)
    entry: int = bounded(0, 224)  # the chip whose hops (0, 0) an input event has
    defects: str = ""  # a file beside the spec; empty: none known
    bias_table: str = ""  # a file of measured currents beside the spec; empty: the formula


@dataclass(frozen=True, kw_only=True)
class Chip:
    """Counts of one chip."""

    cores: int = bounded(1, 8)
    neurons: int = bounded(1, 65_536)  # a core
    cams: int = bounded(1, 65_536)  # a neuron: synapses
    destinations: int = bounded(1, 1024)  # a neuron: SRAM entries
    tags: int = bounded(2, 65536)
    hops: int = bounded(1, 127)  # along an axis, either way
    weight_bits: int = bounded(4, 4)  # of a synapse's mask, one a base current


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """How a spike comes to the host: the event's hops, and what the host sees.

    x_hop, y_hop  of the SRAM entry of a monitored neuron
    seen_x        x_hop of the event of chip x = 0 as the host reads it; one more a column
    marker        tag that marks time, never a neuron's
    """

    x_hop: int = bounded(-127, 127)
    y_hop: int = bounded(-127, 127)
    seen_x: int = bounded(-127, 127)
    marker: int = bounded(0, 65535)


@dataclass(frozen=True, kw_only=True)
class BiasDac:
    """The bias generator: coarse 0..coarse-1, fine 0..fine-1, currents in ampere."""

    coarse: int = bounded(1, 64)
    fine: int = bounded(2, 4096)
    floor: float
    full_scale_n: tuple[float, ...]  # by coarse step, N type
    full_scale_p: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class Bias:
    """One bias: the factor from the generator's current to the circuit's, and what it sets."""

    factor: float
    role: str = ""  # of ROLES, WEIGHT_ROLES or OTHER_ROLES; empty: left as samna has it


@dataclass(frozen=True, kw_only=True)
class Constants:
    """Of the circuits: capacitances in farad, potentials in volt, dark current in ampere."""

    c_membrane: float
    c_ampa: float
    c_nmda: float
    c_gaba: float
    c_shunt: float
    c_adaptation: float
    c_refractory: float
    c_pulse: float
    dark_current: float
    kappa_n: float
    kappa_p: float
    thermal_voltage: float
    threshold_voltage: float


@dataclass(frozen=True, kw_only=True)
class Roles:
    """Which dendrite stands for what the E-I circuit asks."""

    excitation: str
    subtractive: str
    divisive: str


@dataclass(frozen=True, kw_only=True)
class ChipSpec:
    """A board as data; a pass asks it questions, never its name."""

    source: Path  # the spec's file
    name: str
    backend: str
    description: str
    board: Board
    chip: Chip
    monitor: Monitor
    dendrites: Mapping[str, "Dendrite"]
    roles: Roles
    dac: BiasDac
    constants: Constants
    latches: tuple[str, ...]
    biases: Mapping[str, Bias]

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

    code: int = bounded(0, 65535)


def read_spec(path: Path) -> ChipSpec:
    """Read and check a spec.toml of backend dynapse2.

    Raises:
        SpecError: naming every key that is unknown, missing, wrong or contradicts another.
    """
    spec = build(ChipSpec, read_toml(path, VERSION), path, source=path)
    refuse([*_biases(spec), *_dendrites(spec), *_places(spec)], path)
    return spec


def _biases(spec: ChipSpec) -> list[str]:
    known = {*ROLES, *WEIGHT_ROLES, *OTHER_ROLES}
    found = [bias.role for bias in spec.biases.values() if bias.role]
    missing = sorted(known - set(found))
    twice = sorted({role for role in found if found.count(role) > 1})
    return [
        *(f"biases: role {role!r} is unknown" for role in sorted(set(found) - known)),
        *(f"biases: no bias has role {role!r}" for role in missing),
        *(f"biases: two biases have role {role!r}" for role in twice),
        *(
            f"dac.{key} lists {len(getattr(spec.dac, key))} currents for {spec.dac.coarse} steps"
            for key in ("full_scale_n", "full_scale_p")
            if len(getattr(spec.dac, key)) != spec.dac.coarse
        ),
        *(
            f"biases.{name} ends neither in _N nor in _P, the type of its transistor"
            for name in spec.biases
            if not name.endswith(("_N", "_P"))
        ),
    ]


def _dendrites(spec: ChipSpec) -> list[str]:
    needed = {*RECEPTORS, UNUSED}
    codes = [d.code for d in spec.dendrites.values()]
    faults = [f"dendrites.{name} is missing" for name in sorted(needed - set(spec.dendrites))]
    faults += [f"dendrites.{name} is unknown" for name in sorted(set(spec.dendrites) - needed)]
    if len(set(codes)) != len(codes):
        faults.append(f"dendrites share a code: {sorted(codes)}")
    chosen = {field.name: getattr(spec.roles, field.name) for field in fields(spec.roles)}
    return faults + [
        f"roles.{role} = {found!r} is none of {', '.join(RECEPTORS)}"
        for role, found in chosen.items()
        if found not in RECEPTORS
    ]


def _places(spec: ChipSpec) -> list[str]:
    named = {"defects": spec.board.defects, "bias_table": spec.board.bias_table}
    faults = [
        f"board.{key} = {name!r} is no name of a file beside the spec"
        for key, name in named.items()
        if name and Path(name).name != name
    ]
    if spec.board.entry >= spec.chips:
        faults.append(f"board.entry = {spec.board.entry}, the board has {spec.chips} chips")
    if spec.monitor.marker >= spec.chip.tags:
        faults.append(f"monitor.marker = {spec.monitor.marker}, there are {spec.chip.tags} tags")
    if spec.chip.cores * spec.chip.neurons > spec.chip.tags:
        faults.append(
            f"chip.cores x chip.neurons = {spec.chip.cores * spec.chip.neurons} neurons cannot "
            f"each have one of chip.tags = {spec.chip.tags} to be monitored by"
        )
    if (
        synapses := spec.chips * spec.chip.cores * spec.chip.neurons * spec.chip.cams
    ) > MOST_SYNAPSES:
        faults.append(f"the board has {synapses} synapses, at most {MOST_SYNAPSES} are reasonable")
    reached = {
        "monitor.x_hop": abs(spec.monitor.x_hop),
        "monitor.y_hop": abs(spec.monitor.y_hop),
        "board.columns": spec.board.columns,
        "board.rows": spec.board.rows,
    }
    return faults + [
        f"{key} is beyond chip.hops = {spec.chip.hops}"
        for key, steps in reached.items()
        if steps > spec.chip.hops
    ]

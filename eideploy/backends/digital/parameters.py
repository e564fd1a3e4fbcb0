"""`eideploy_pkg` of the core's SystemVerilog: every size, from the spec and the program."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil

from eideploy.backends.digital.core.layout import AxisEntry, RouteEntry
from eideploy.backends.digital.program import Program, Stage, count_cycles_of, spike_bits_of
from eideploy.circuit import Circuit, Neurons
from eideploy.divisions import SHIFT_INDEX_BITS, SHIPPED, Divider, Rtl
from eideploy.errors import CapacityError
from eideploy.neurons import IntegerGeneralLIF
from eideploy.target import Core, DividerTiming, Latency, Target

DIVIDERS: Mapping[str, type[Divider]] = {kind.method: kind for kind in SHIPPED if kind.rtl}
LATENCIES = {"setup": 4, "accumulate": 7, "inhibit": 6, "minimum": 5, "output": 2}
MINIMUM_PARTS = 3  # of the minimum's tree over the lanes
PHASES = ("setup", "accumulate", "inhibit", "minimum", "update", "output")
MEMORIES = (
    "steps",
    "program",
    "route",
    "axis_y",
    "axis_x",
    "weight",
    "lane",
    "parameter",
    "gain",
    "table",
)
STAGE_FLAGS = ("is_readout", "is_folded", "has_floor", "to_zero", "is_last")
STAGE_NUMBERS = (
    "positions",
    "width",
    "n_e",
    "groups_e",
    "groups_i",
    "rows_i",
    "step_y",
    "step_x",
    "weight_base",
    "inhibitory_base",
    "accumulator_base",
    "inhibition_base",
    "membrane_base",
    "spike_base",
    "parameter_base",
    "lane_base",
    "gain_base",
)
LEAK_BITS = 4  # of a shift; of the units of factors one more
# What a stage says of general neurons, and what each has of its own; both packed in this order.
GENERAL_FIELDS = {
    "synapse_leak": LEAK_BITS + 1,
    "has_synapse": 1,
    "is_late": 1,
    "spikes_late": 1,
    "is_above": 1,
    "keeps": 1,
}
WINDOW_FIELDS = ("window", "step_line", "step_group", "step_window", "step_band")  # of a route
OWN_FIELDS = ("leak", "synapse_leak", "v_reset", "v_min")
STEP_BITS = 17  # of the 65536 time steps that a circuit may take
MOST_LANES = 128  # rows of 64-bit sums that Verilator takes
PORT_BITS = 32  # of an address, and of a word of the configuration port
Fields = dict[str, int]  # widths by name, the first one lowest


@dataclass(frozen=True, kw_only=True)
class General:
    """What a core's general neurons have, beside the leak by a factor; nothing else is built.

    leak_bits, synapse_bits  of the factors; no synapse_bits without a filter
    late    resets, and spikes, of the step before
    above   fires above the threshold
    keeps   resets nothing
    rest, lowest  a v_reset, and a v_min
    spike_bits    of the most spikes of a step
    """

    leak_bits: int = 1
    synapse_bits: int = 0
    late: bool = False
    above: bool = False
    keeps: bool = False
    rest: bool = False
    lowest: bool = False
    spike_bits: int = 1


def general_of(circuit: Circuit) -> General | None:
    """Return what a circuit's general neurons have; None where all are LIF neurons."""
    models = [n.model for n in circuit.of(Neurons) if isinstance(n.model, IntegerGeneralLIF)]
    if not models:
        return None
    filters = [m.synapse_leak for m in models if m.synapse_leak is not None]
    return General(
        leak_bits=max(1, *(int(m.leak.max()).bit_length() for m in models)),
        synapse_bits=max((max(1, int(leak.max()).bit_length()) for leak in filters), default=0),
        late=any(m.delay != "none" for m in models),
        above=any(m.fires == ">" for m in models),
        keeps=any(m.reset == "none" for m in models),
        rest=any(m.v_reset is not None for m in models),
        lowest=any(m.v_min is not None for m in models),
        spike_bits=spike_bits_of(circuit),
    )


@dataclass(frozen=True, kw_only=True)
class Edges:
    """What a core's connections need beside those that lead on in the same step.

    late   spikes of the step before are read
    banks  ... of a stage that has run again by then: its rows of even and odd steps lie apart
    window  the longest side of a window whose spikes are added up; 1 where none is
    """

    late: bool = False
    banks: bool = False
    window: int = 1


def edges_of(stages: Sequence[Stage]) -> Edges:
    """Return what the connections of stages need."""
    return Edges(
        late=any(route.is_late for stage in stages for route in stage.routes),
        banks=any(stage.spike_bank > 0 for stage in stages),
        window=max(route.window for stage in stages for route in stage.routes),
    )


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What one core, and one simulator of it, is built for; programs of that shape share it.

    table_bits, entry_bits  of the division table; 1 where the core has none
    general                 None where its neurons are LIF neurons
    edges                   what its connections need
    """

    target: Target
    method: str
    table_bits: int
    entry_bits: int
    general: General | None = None
    edges: Edges = Edges()

    @property
    def update_depth(self) -> int:
        """Cycles from a neuron's issue to its membrane, those of counting its spikes left out."""
        core, rtl = self.target.core, self.rtl
        registers = rtl.registers if core.pipelined else 0
        return rtl.depth + registers + (self.target.widths.current if rtl.is_serial else 0)

    @property
    def rtl(self) -> Rtl:
        """What the SystemVerilog has of the method."""
        rtl = DIVIDERS[self.method].rtl
        assert rtl is not None  # it is one of DIVIDERS
        return rtl

    @property
    def aligned_bits(self) -> int:
        """Width of a DEN << align, and at least what is looked at below a divisor's leading one."""
        widths = self.target.widths
        aligned = widths.divisor + (1 << widths.align) - 1
        return max(aligned, 1 + max(self.table_bits, SHIFT_INDEX_BITS))

    @property
    def address_bits(self) -> int:
        """Width of every address and count, of which the neurons of a stage are one."""
        memory, core = self.target.memory, self.target.core
        neurons = core.lanes * min(memory.accumulator_rows, memory.lane_rows)
        deepest = max(*vars(memory).values(), core.layers, core.routes, neurons)
        return int(deepest).bit_length()

    @property
    def spike_bits(self) -> int:
        """Width of what a neuron puts out in a step."""
        return self.general.spike_bits if self.general else 1

    @property
    def window_bits(self) -> int:
        """Width of what a neuron puts out in a window that is added up, or else in a step."""
        return (self.edges.window**2 * ((1 << self.spike_bits) - 1)).bit_length()

    @property
    def leak_bits(self) -> int:
        """Width of a shift, or of the unit of factors."""
        return LEAK_BITS + bool(self.general)

    def own_fields(self) -> Fields:
        """Return the fields of what a general neuron has of its own; none of a LIF neuron."""
        has, membrane = self.general, self.target.widths.membrane
        if has is None:
            return {}
        widths = (has.leak_bits, has.synapse_bits, membrane * has.rest, membrane * has.lowest)
        return {name: bits for name, bits in zip(OWN_FIELDS, widths, strict=True) if bits}

    def stage_fields(self) -> Fields:
        """Return the fields of a program entry."""
        widths = self.target.widths
        return {
            **dict.fromkeys(STAGE_FLAGS, 1),
            **dict.fromkeys(STAGE_NUMBERS, self.address_bits),
            **({"rows": self.address_bits} if self.target.core.lanes_i else {}),
            "leak": self.leak_bits,
            **({"general": sum(GENERAL_FIELDS.values())} if self.general else {}),
            **({"max_spikes": self.spike_bits} if self.spike_bits > 1 else {}),
            **({"spike_bank": self.address_bits} if self.edges.banks else {}),
            **({"is_static": 1} if self.target.core.static_input else {}),
            "current_top": widths.current - 1,
            "membrane_top": widths.membrane - 1,
        }

    def route_fields(self) -> Fields:
        """Return the fields of a word of the route memory."""
        lacks = {"is_late": not self.edges.late, "bank": not self.edges.banks}
        if self.edges.window == 1:
            lacks |= dict.fromkeys(WINDOW_FIELDS, True)
        names = [name for name in RouteEntry.__dataclass_fields__ if not lacks.get(name)]
        return {n: 1 if n.startswith("is_") else self.address_bits for n in names}

    def axis_fields(self) -> Fields:
        """Return the fields of a word of an axis memory."""
        return dict.fromkeys(AxisEntry.__dataclass_fields__, self.address_bits)

    def parameter_fields(self) -> Fields:
        """Return the fields of one neuron in the parameter memory."""
        w, own = self.target.widths, sum(self.own_fields().values())
        return {
            "threshold": w.threshold,
            "bias": w.bias,
            "fraction": w.fraction,
            "floor": w.divisor,
            **({"own": own} if own else {}),
        }

    def row_bits(self) -> dict[str, int]:
        """Return the width of a row of every memory of MEMORIES."""
        w, lanes, r = self.target.widths, self.target.core.lanes, self.target.core.update_lanes
        return {
            "steps": STEP_BITS,
            "program": sum(self.stage_fields().values()),
            "route": sum(self.route_fields().values()),
            "axis_y": sum(self.axis_fields().values()),
            "axis_x": sum(self.axis_fields().values()),
            "weight": (lanes + self.target.core.lanes_i) * w.weight,
            "lane": lanes * (w.shift + w.align),
            "parameter": r * sum(self.parameter_fields().values()),
            "gain": w.gain,
            "table": self.entry_bits,
        }


def shape_of(program: Program) -> Shape:
    """Return the shape of the core that runs `program`.

    Raises:
        CapacityError: the spec asks for a core that this RTL does not describe.
    """
    divider = program.division.divider
    if divider.rtl is None or divider.method not in DIVIDERS:
        raise CapacityError(
            f"the shipped SystemVerilog does not divide by {divider.label}",
            where=str(program.target.source),
            fix=f"divide by one of {', '.join(m for m, kind in DIVIDERS.items() if kind.divides)}",
        )
    _require_neurons(program)
    shape = Shape(
        target=program.target,
        method=divider.method,
        table_bits=divider.index_bits if divider.rtl.has_table else 1,
        entry_bits=divider.fraction_bits if divider.rtl.has_table else 1,
        general=general_of(program.circuit),
        edges=edges_of(program.stages),
    )
    require_offered(shape)
    return shape


def _require_neurons(program: Program) -> None:
    """Refuse neurons that this RTL has not.

    Raises:
        CapacityError: naming their models.
    """
    lacks = set[str]()
    for node in program.circuit.of(Neurons):
        model = node.integer_model
        if isinstance(model, IntegerGeneralLIF):
            if model.rtl() is None:
                lacks.add(f"neurons of several spikes a step with a late reset ({node.name})")
        elif model.rtl() is None or model.most_spikes > 1:
            lacks.add(f"{node.kind} neurons")
    if lacks:
        raise CapacityError(
            f"the shipped SystemVerilog has no {' and no '.join(sorted(lacks))}",
            where=str(program.target.source),
            fix="compile for digital-model, which is only simulated",
        )


def require_offered(shape: Shape) -> None:
    """Refuse a spec that this RTL cannot be.

    Raises:
        CapacityError: naming every number of the spec that it cannot have.
    """
    if faults := misfits(shape):
        raise CapacityError(
            "; ".join(faults),
            where=str(shape.target.source),
            fix="change these numbers of the spec, or compile the run again if an earlier release "
            "made the build: the shipped SystemVerilog cannot be such a core",
        )


def misfits(shape: Shape) -> list[str]:
    """Return what this RTL cannot be: other lanes, or in less time than its pipelines take."""
    target = shape.target
    faults = [
        f"core.{name} = {value} is not a power of two"
        for name, value in (
            ("lanes", target.core.lanes),
            ("update_lanes", target.core.update_lanes),
            ("inhibitory_lanes", target.core.inhibitory_lanes),
        )
        if value & (value - 1)
    ]
    if not 2 <= target.core.lanes <= MOST_LANES:
        faults.append(f"core.lanes = {target.core.lanes} is not in 2..{MOST_LANES}")
    if shape.address_bits > PORT_BITS:
        faults.append(f"addresses take {shape.address_bits} bits, of at most {PORT_BITS}")
    for phase, least in least_latencies(target.core).items():
        cycles = getattr(target.latency, phase)
        if cycles < least:
            faults.append(f"latency.{phase} = {cycles}, the pipeline takes {least}")
    timing, depth = target.divider[shape.method], shape.update_depth
    if timing.latency < depth:
        faults.append(f"divider.{shape.method}.latency = {timing.latency}, it takes {depth}")
    if shape.rtl.is_serial and timing.interval < depth:
        section = f"divider.{shape.method}"
        faults.append(f"{section}.interval = {timing.interval}, a division takes {depth}")
    return faults


def least_latencies(core: Core) -> dict[str, int]:
    """Return the cycles that every phase but update drains for, at least.

    With lanes of their own the last event of a stage may add to s_I, which is read next. Pipelined,
    a register stands between the reading of a sum and adding to it.
    """
    return LATENCIES | {
        "accumulate": LATENCIES["accumulate"] + bool(core.lanes_i) + core.pipelined,
        "inhibit": LATENCIES["inhibit"] + core.pipelined,
        "minimum": LATENCIES["minimum"] + core.pipelined + minimum_parts(core) - MINIMUM_PARTS,
    }


def minimum_parts(core: Core) -> int:
    """Return between how many registers the tree over the lanes finds the least divisor.

    Pipelined, no two comparisons stand between two of them.
    """
    levels = (core.lanes - 1).bit_length()
    return max(MINIMUM_PARTS, levels) if core.pipelined else MINIMUM_PARTS


def timed(target: Target) -> Target:
    """Return the target whose phases and divisions take no cycle more than its pipelines."""
    dividers = dict(target.divider)
    for method in DIVIDERS.keys() & target.divider.keys():
        shape = Shape(target=target, method=method, table_bits=1, entry_bits=1)
        depth = shape.update_depth
        interval = depth if shape.rtl.is_serial else 1
        dividers[method] = DividerTiming(interval=interval, latency=depth)
    latency = Latency(**least_latencies(target.core))
    return replace(target, latency=latency, divider=dividers)


def divides_in_rtl(target: Target) -> dict[str, list[str]]:
    """Return, of every method that the target offers and this RTL has, what stands against it."""
    methods = [method for method in DIVIDERS if method in target.divider]
    shapes = [Shape(target=target, method=m, table_bits=1, entry_bits=1) for m in methods]
    return {shape.method: misfits(shape) for shape in shapes}


def package_text(shape: Shape) -> str:
    """Return eideploy_pkg.sv."""
    lines = [f"  localparam {kind}{name} = {value};" for kind, name, value in _constants(shape)]
    head = "// Every size of the core; written by the digital backend from the target's spec."
    return "\n".join([head, "package eideploy_pkg;", *lines, "endpackage", ""])


def _constants(shape: Shape) -> Iterator[tuple[str, str, int | str]]:
    """Yield (type, name, value) of every constant."""
    for kind, name, value in _sizes(shape):
        yield f"{kind} ", name.upper(), value
    for prefix, fields in (
        ("stage", shape.stage_fields()),
        ("route", shape.route_fields()),
        ("axis", shape.axis_fields()),
        ("parameter", shape.parameter_fields()),
    ):
        at = 0
        for name, bits in fields.items():
            yield "integer ", f"{prefix}_{name}".upper(), at
            at += bits
    yield from _general(shape)
    yield from _edges(shape)
    for number, name in enumerate(MEMORIES):
        yield "integer ", f"config_{name}".upper(), number
    for number, name in enumerate((*PHASES, "clear", "idle")):
        yield "logic [2:0] ", name.upper(), number
    for number, name in enumerate(("ie", "ee", "ei", "den")):
        yield "logic [1:0] ", f"kind_{name}".upper(), number
    for number, name in enumerate(DIVIDERS):
        yield "integer ", f"divider_{name}".upper(), number
    steps, index = DIVIDERS[shape.method].steps(), SHIFT_INDEX_BITS
    yield "integer ", "SHIFT_STEPS", len(steps)
    yield "integer ", "SHIFT_INDEX", index
    for name, bits, values in (
        ("SHIFT_FROM", index, [first for first, _ in steps]),
        ("SHIFT_ENTRY", 5, [entry for _, entry in steps]),
    ):
        total = bits * len(values)
        packed = sum(value << bits * i for i, value in enumerate(values))
        yield f"logic [{total - 1}:0] ", name, f"{total}'h{packed:x}"


def _general(shape: Shape) -> Iterator[tuple[str, str, int]]:
    """Yield what there is of general neurons, and where; a core without any has no place for it."""
    has, own = shape.general or General(), shape.own_fields()
    flags = {
        "general": shape.general is not None,
        "has_synapse": has.synapse_bits > 0,
        "has_late": has.late,
        "has_above": has.above,
        "has_keeps": has.keeps,
        "has_rest": has.rest,
        "has_lowest": has.lowest,
    }
    for name, flag in flags.items():
        yield "integer ", name.upper(), int(flag)
    sizes = {
        "factor_bits": has.leak_bits,
        "synapse_factor_bits": max(1, has.synapse_bits),
        "general_bits": sum(GENERAL_FIELDS.values()) if shape.general else 1,
        "own_bits": sum(own.values()) or 1,
    }
    if has.spike_bits == 1:
        sizes["stage_max_spikes"] = 0
    if not shape.target.core.lanes_i:
        sizes["stage_rows"] = 0
    if shape.general is None:
        sizes |= {"stage_general": 0, "parameter_own": 0}
    at = 0
    for name, bits in GENERAL_FIELDS.items():
        sizes[f"general_{name}"], at = at, at + bits
    at = 0
    for name in OWN_FIELDS:
        sizes[f"own_{name}"], at = (at, at + own[name]) if name in own else (0, at)
    for name, value in sizes.items():
        yield "integer ", name.upper(), value


def _edges(shape: Shape) -> Iterator[tuple[str, str, int]]:
    """Yield what connections need; what is not there has no place in a word and is not read."""
    has = shape.edges
    yield "integer ", "HAS_LATE_EVENTS", int(has.late)
    yield "integer ", "HAS_BANKS", int(has.banks)
    if not has.late:
        yield "integer ", "ROUTE_IS_LATE", 0
    if not has.banks:
        yield "integer ", "ROUTE_BANK", 0
        yield "integer ", "STAGE_SPIKE_BANK", 0
    yield "integer ", "HAS_POOLED_EVENTS", int(has.window > 1)
    if has.window == 1:
        for name in WINDOW_FIELDS:
            yield "integer ", f"ROUTE_{name.upper()}", 0
    if not shape.target.core.static_input:
        yield "integer ", "STAGE_IS_STATIC", 0


def _sizes(shape: Shape) -> Iterator[tuple[str, str, int]]:
    target, rows = shape.target, shape.row_bits()
    core, memory, widths, latency = target.core, target.memory, target.widths, target.latency
    timing = target.divider[shape.method]
    count = count_cycles_of(shape.spike_bits)
    update = timing.latency + count
    longest = max(*(getattr(latency, phase) for phase in LATENCIES), update)
    event_bits = max(widths.input, shape.window_bits)
    value_bits = max(event_bits, widths.inhibition)
    # Dividers shift by up to the digits of numerator and entry, of the divisor and of the current.
    longest_shift = widths.accumulator + shape.entry_bits + shape.aligned_bits + widths.current
    sizes = {
        "lanes": core.lanes,
        "update_lanes": core.update_lanes,
        "inhibitory_lanes": core.sums_i,
        "has_inhibitory_lanes": int(core.lanes_i > 0),
        "pipelined": int(core.pipelined),
        "has_static_input": int(bool(core.static_input)),
        "has_factored": int(core.runs_factored),
        "has_folded": int(core.runs_folded),
        "has_minimum": int(core.minimum),
        "minimum_parts": minimum_parts(core),
        "part_bits": max(1, (core.lanes // core.update_lanes - 1).bit_length()),
        "address": shape.address_bits,
        "step_bits": STEP_BITS,
        "program_entries": core.layers,
        "routes": core.routes,
        "weight_rows": memory.weight_rows,
        "accumulator_rows": memory.accumulator_rows,
        "inhibition_rows": memory.inhibition_rows,
        "membrane_rows": ceil(memory.membrane_words / core.update_lanes),
        "spike_rows": memory.spike_rows,
        "parameter_rows": ceil(memory.parameter_words / core.update_lanes),
        "lane_rows": memory.lane_rows,
        "gain_words": memory.gain_words,
        "axis_words": memory.axis_words,
        "clear_rows": max(memory.accumulator_rows, memory.inhibition_rows),
        "table_bits": shape.table_bits,
        "entry_bits": shape.entry_bits,
        "weight_bits": widths.weight,
        "row_bits": rows["weight"],
        "input_bits": widths.input,
        "accumulator_bits": widths.accumulator,
        "inhibition_bits": widths.inhibition,
        "divisor_bits": widths.divisor,
        "aligned_bits": shape.aligned_bits,
        "current_bits": widths.current,
        "membrane_bits": widths.membrane,
        "gain_bits": widths.gain,
        "threshold_bits": widths.threshold,
        "bias_bits": widths.bias,
        "fraction_bits": widths.fraction,
        "shift_bits": widths.shift,
        "align_bits": widths.align,
        "leak_bits": shape.leak_bits,
        "lane_bits": widths.shift + widths.align,
        "event_bits": event_bits,
        "value_bits": value_bits,
        "spike_bits": shape.spike_bits,
        "window_bits": shape.window_bits,
        "count_cycles": count,
        "gained_bits": value_bits + widths.gain,
        "power_bits": max(widths.fraction, longest_shift.bit_length()) + 2,
        "parameter_bits": sum(shape.parameter_fields().values()),
        "stage_bits": rows["program"],
        "route_bits": rows["route"],
        "axis_bits": rows["axis_y"],
        "config_memories": len(MEMORIES),
        "config_bits": max(64, ceil(max(rows.values()) / 32) * 32),
        "divider": list(DIVIDERS).index(shape.method),
        "interval": timing.interval,
        "update_depth": shape.update_depth,
        "latency_update": update,
        **{f"latency_{phase}": getattr(latency, phase) for phase in LATENCIES},
        "drain_bits": longest.bit_length(),
    }
    for name, value in sizes.items():
        yield "integer", name, value

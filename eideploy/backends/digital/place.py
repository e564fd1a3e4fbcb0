"""Place an integer circuit on the target's core."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from math import ceil

from eideploy.backends.digital.program import Program, Route, Stage, Use
from eideploy.circuit import Add, AvgPool, Circuit, Flatten, IntegerInput, Layer, Neurons, Node
from eideploy.errors import CapacityError
from eideploy.neurons import IntegerGeneralLIF
from eideploy.passes.contract import contract, has_dividers
from eideploy.target import Target, board_names, load_any, target_names

AS_C = "for a microcontroller, or with --target c"
GENERAL = (
    f'compile for a target whose spec has neurons = "general", or {AS_C}, which computes any '
    "neurons; or take LIF neurons"
)
MOST_ROUTES = 1 << 12  # that are counted with all else that does not fit


@contract(needs=(has_dividers,), gives=(has_dividers,))
def place(circuit: Circuit, *, target: Target) -> Program:
    """Give every E-I layer its rows and words in the core's memories (docs/digital_core.md).

    Keeps    the circuit
    Gives    a program whose stages do not overlap and fit the memories

    Raises:
        CapacityError: naming every memory that is too small, with both numbers; or a structure
            that the core cannot run.
    """
    program = laid_out(circuit, target)
    require_fit(program)
    return program


def require_fit(program: Program) -> None:
    """Refuse a program that does not fit its target."""
    _refuse_misfits(program)
    _require_parts(program)


def laid_out(circuit: Circuit, target: Target) -> Program:
    """Return what `place` does, whether or not it fits the memories."""
    _require_one_readout(circuit)
    _require_no_integrator(circuit, target)
    _require_routes(circuit, target)
    _require_neurons(circuit, target)
    cursor = _Cursor()
    routes = {
        node.name: [_counting(route, target) for route in _all_routes(circuit, node)]
        for node in circuit.layers
    }
    overwritten = _overwritten(routes)
    static = _static(circuit, routes, target)
    stages = tuple(
        _stage(
            circuit,
            node,
            routes[node.name],
            target,
            cursor,
            twice=node.name in overwritten,
            static=static,
        )
        for node in circuit.layers
    )
    _require_hidden_layer(circuit)
    return Program(
        circuit=circuit, target=target, stages=stages, uses=_uses(circuit, stages, target, cursor)
    )


def misfits(circuit: Circuit, target: Target) -> list[CapacityError]:
    """Return every reason why an integer circuit cannot be placed, its sizes left out."""
    checks: list[Callable[[], object]] = [
        partial(_require_one_readout, circuit),
        partial(_require_no_integrator, circuit, target),
        partial(_require_routes, circuit, target),
        partial(_require_neurons, circuit, target),
        partial(_require_hidden_layer, circuit),
        *(partial(_lif_of, circuit, layer) for layer in circuit.hidden),
        *(partial(_all_routes, circuit, layer) for layer in circuit.layers),
    ]
    by_text: dict[str, CapacityError] = {}
    for check in checks:
        try:
            check()
        except CapacityError as error:
            by_text.setdefault(str(error), error)
    return list(by_text.values())


def _all_routes(circuit: Circuit, node: Layer) -> list[Route]:
    """Return the sources of all that a layer reads side by side, the first one's channels first."""
    routes, first = list[Route](), 0
    for name in node.inputs:
        own = _routes(circuit, name, 1, is_late=name in node.delayed)
        routes += [replace(route, first=first) for route in own]
        first += circuit.shapes[name][0]
    return routes


def _counting(route: Route, target: Target) -> Route:
    """Return a route as the core scans it: by whole windows where it adds up their spikes."""
    counts = target.core.pooled_events and route.source
    return replace(route, window=route.pool) if counts else route


def _require_one_readout(circuit: Circuit) -> None:
    """Refuse what the core cannot put out: it keeps the sums over time of one readout."""
    readouts = [layer.name for layer in circuit.layers if layer.is_readout]
    if readouts != [circuit.output.name]:
        raise CapacityError(
            f"the network has the readouts {readouts} and ends with {circuit.output.name}",
            where="circuit",
            fix="end the network with its one readout",
        )


def _require_no_integrator(circuit: Circuit, target: Target) -> None:
    """Refuse membranes that are read at the output: the core adds up the readout's sums alone."""
    integrator = circuit.logits.integrator
    if integrator is not None:
        raise CapacityError(
            f"the output is the {integrator.read} of membranes over time, and target {target.name} "
            "has no integrators",
            where=f"node {circuit.output.name}",
            fix="compile for a microcontroller, or let the network end with weights or with spikes",
        )


def _require_routes(circuit: Circuit, target: Target) -> None:
    """Refuse routes without end before the first is made: n sums of sums may have 2^n."""
    routes: dict[str, int] = {}
    for node in circuit.nodes:
        through = isinstance(node, Add | AvgPool | Flatten)
        in_time = [name for name in node.inputs if name not in node.delayed]
        own = sum(routes[name] for name in in_time) + len(node.delayed)  # which are neurons
        routes[node.name] = own if through else 1
    used = sum(routes[name] for node in circuit.layers for name in node.inputs)
    if used > max(target.core.routes, MOST_ROUTES):
        raise _misfit(f"route entries: {used} of {target.core.routes}", target)


def _require_hidden_layer(circuit: Circuit) -> None:
    if not circuit.hidden:
        raise CapacityError(
            "the network has no hidden E-I layer, so there is nothing to divide",
            where="circuit",
            fix="train with at least one width",
        )


@dataclass
class _Cursor:
    """The next free row or word of each memory."""

    weight: int = 0
    membrane: int = 0
    spike: int = 0
    parameter: int = 0
    lane: int = 0
    gain: int = 0

    def take(self, memory: str, count: int) -> int:
        base: int = getattr(self, memory)
        setattr(self, memory, base + count)
        return base


def _overwritten(routes: Mapping[str, Sequence[Route]]) -> set[str]:
    """Return the stages whose spikes are read a step late when they have already run again."""
    at = {name: number for number, name in enumerate(routes)}
    return {
        route.source
        for name, sources in routes.items()
        for route in sources
        if route.is_late and at[route.source] < at[name]
    }


def _static(
    circuit: Circuit, routes: Mapping[str, Sequence[Route]], target: Target
) -> Layer | None:
    """Return the layer that keeps its sums over time: the first, if it reads the port alone."""
    first = circuit.layers[0]
    reads_port = [route.source for route in routes[first.name]] == [""]
    keeps = target.core.static_input and reads_port and not first.is_readout
    return first if keeps else None


def _stage(
    circuit: Circuit,
    node: Layer,
    routes: Sequence[Route],
    target: Target,
    cursor: _Cursor,
    *,
    twice: bool,
    static: Layer | None,
) -> Stage:
    core = target.core
    shape, source = circuit.shapes[node.name], circuit.shapes[node.inputs[0]]
    height, width = shape[1:] if node.is_conv else (1, 1)
    n_i = sum(len(w) for w in node.weights[1:])
    groups_e = ceil(node.n_e / core.lanes)
    groups_i = _groups_i(node, n_i, target)
    in_turn = node.is_folded or not core.lanes_i
    rows = groups_e + groups_i if in_turn else max(groups_e, groups_i)
    units = 0 if node.is_folded else n_i
    hidden = not node.is_readout
    updated = ceil(node.n_e / core.update_lanes) * core.update_lanes if hidden else 0
    spikes = height * width * groups_e if hidden else 0
    # What is kept over time lies apart from what hidden stages share: a static stage's sums below,
    # the readout's above.
    static_rows = _rows_of(circuit, static, target)[0] if static and node is not static else 0
    others = [layer for layer in circuit.hidden if layer is not static]
    shared_e = 0 if hidden else max((_rows_of(circuit, n, target)[0] for n in others), default=0)
    shared_i = (
        0 if hidden else max((_rows_of(circuit, n, target)[1] for n in circuit.hidden), default=0)
    )
    return Stage(
        name=node.name,
        lif=_lif_of(circuit, node) if hidden else "",
        routes=tuple(routes),
        height=height,
        width=width,
        kernel=node.kernel,
        stride=node.geometry.stride,
        padding=node.geometry.padding,
        in_height=source[1] if node.is_conv else 1,
        in_width=source[2] if node.is_conv else 1,
        n_e=node.n_e,
        n_i=n_i,
        groups_e=groups_e,
        groups_i=groups_i,
        rows=rows,
        is_folded=node.is_folded,
        is_static=node is static,
        spike_bank=spikes if twice else 0,
        weight_base=cursor.take("weight", node.fan_in * rows),
        inhibitory_base=cursor.take("weight", units * groups_e),
        accumulator_base=static_rows + shared_e,
        inhibition_base=shared_i,
        membrane_base=cursor.take("membrane", height * width * updated),
        spike_base=cursor.take("spike", 2 * spikes if twice else spikes),
        parameter_base=cursor.take("parameter", updated),
        lane_base=cursor.take("lane", groups_e),
        gain_base=cursor.take("gain", units if hidden else 0),
    )


def _lif_of(circuit: Circuit, node: Layer) -> str:
    readers = circuit.consumers(node.name)
    if len(readers) != 1 or not isinstance(readers[0], Neurons):
        raise CapacityError(
            f"the current of {node.name} goes to {[n.name for n in readers]}",
            where=f"node {node.name}",
            fix="let exactly one LIF node read an E-I layer",
        )
    return readers[0].name


def _require_neurons(circuit: Circuit, target: Target) -> None:
    """Refuse neurons that the core's memories do not hold, all at once."""
    faults, fixes = list[str](), dict[str, None]()
    for node in circuit.of(Neurons):
        model = node.integer_model
        in_memory: tuple[str, ...] = ("threshold",)
        if isinstance(model, IntegerGeneralLIF) and target.core.neurons == "general":
            in_memory = model.per_neuron
        others = [name for name in model.per_neuron if name not in in_memory]
        if others:
            faults.append(
                f"{node.name}: the core's memory holds a threshold of every neuron, and no "
                f"{', '.join(others)}, which {node.kind} neurons have"
            )
            fixes[GENERAL] = None
    if faults:
        raise CapacityError(
            "; ".join(faults),
            where=f"the network, target {target.name}",
            fix="; ".join(fixes),
        )


def _routes(circuit: Circuit, name: str, pool: int, *, is_late: bool = False) -> Iterator[Route]:
    """Yield the spike maps (or the input port) that the value called `name` is the sum of."""
    node = circuit.node(name)
    match node:
        case Add():
            for branch in node.inputs:
                yield from _routes(circuit, branch, pool, is_late=branch in node.delayed)
        case AvgPool():
            late = bool(node.delayed)
            yield from _routes(circuit, node.inputs[0], pool * node.kernel, is_late=late)
        case Flatten():
            yield from _routes(circuit, node.inputs[0], pool, is_late=bool(node.delayed))
        case Neurons() if circuit.node(node.inputs[0]) in circuit.hidden:
            yield Route(source=node.inputs[0], pool=pool, is_late=is_late)
        case IntegerInput():
            yield Route(source="", pool=pool)
        case _:
            raise _unplaceable(node)


def _unplaceable(node: Node) -> CapacityError:
    return CapacityError(
        f"the core cannot connect {node.name}, of kind {node.kind}, to a layer",
        where=f"node {node.name}",
        fix="let layers read the input or spikes, pooled, flattened or added",
    )


def _groups_i(node: Layer, n_i: int, target: Target) -> int:
    """Return the rows of a layer's inhibitory neurons, or of its divisors."""
    return ceil(n_i / (target.core.lanes if node.is_folded else target.core.sums_i))


def _rows_of(circuit: Circuit, node: Layer, target: Target) -> tuple[int, int]:
    """Return the accumulator and inhibition rows that a hidden stage needs."""
    shape = circuit.shapes[node.name]
    positions = shape[1] * shape[2] if len(shape) == 3 else 1
    units = 0 if node.is_folded else len(node.weights[1])
    groups_i = _groups_i(node, units, target)
    return positions * ceil(node.n_e / target.core.lanes), positions * groups_i


def _uses(
    circuit: Circuit, stages: tuple[Stage, ...], target: Target, cursor: _Cursor
) -> tuple[Use, ...]:
    offered = target.memory
    tables = {
        n.division.divider.table.tobytes(): n.division.divider.entries
        for n in circuit.hidden
        if n.division.divider.entries
    }
    routes = [route for stage in stages for route in stage.routes]
    ports = sum(route.source == "" for route in routes)
    axis = sum(max(_map(circuit, route)) for route in routes)
    accumulators = max(s.accumulator_base + s.positions * s.groups_e for s in stages)
    inhibition = max(s.inhibition_base + s.inhibition_rows for s in stages)
    return (
        Use(resource="program entries", used=len(stages), offered=target.core.layers),
        Use(resource="route entries", used=len(routes), offered=target.core.routes),
        Use(resource="axis words", used=axis, offered=offered.axis_words),
        Use(resource="layers on the input port", used=ports, offered=1),
        Use(resource="weight rows", used=cursor.weight, offered=offered.weight_rows),
        Use(resource="accumulator rows", used=accumulators, offered=offered.accumulator_rows),
        Use(resource="inhibition rows", used=inhibition, offered=offered.inhibition_rows),
        Use(resource="membrane words", used=cursor.membrane, offered=offered.membrane_words),
        Use(resource="spike rows", used=cursor.spike, offered=offered.spike_rows),
        Use(resource="parameter words", used=cursor.parameter, offered=offered.parameter_words),
        Use(resource="lane rows", used=cursor.lane, offered=offered.lane_rows),
        Use(resource="gain words", used=cursor.gain, offered=offered.gain_words),
        Use(resource="tables", used=len(tables), offered=1),
        Use(
            resource="table entries",
            used=max(tables.values(), default=0),
            offered=offered.table_entries,
        ),
    )


def _map(circuit: Circuit, route: Route) -> tuple[int, ...]:
    """Return the height and width of a route's map; (1, 1) if it is flat."""
    return circuit.shapes[route.source or circuit.input.name][1:] or (1, 1)


def _refuse_misfits(program: Program) -> None:
    if over := _over(program):
        excess = "; ".join(f"{use.resource}: {use.used} of {use.offered}" for use in over)
        raise _misfit(excess, program.target, larger=_larger(program))


def _over(program: Program) -> list[Use]:
    return [use for use in program.uses if use.used > use.offered]


def _larger(program: Program) -> list[str]:
    """Return the shipped cores of this backend whose memories hold the network, boards left out."""
    names = []
    for name in target_names():
        spec = None if name in board_names() else load_any(name)
        if isinstance(spec, Target) and spec.backend == program.target.backend:
            with suppress(CapacityError):  # what it cannot run, whatever its memories
                if not _over(laid_out(program.circuit, spec)):
                    names.append(name)
    return names


def _require_parts(program: Program) -> None:
    """Refuse what the core was built without."""
    core, circuit = program.target.core, program.circuit
    forms = {"folded": not core.runs_folded, "factored": not core.runs_factored}
    lacks = [
        f"{form} layers, as {stage.name} is"
        for form, is_missing in forms.items()
        for stage in program.stages
        if is_missing and stage.is_folded == (form == "folded")
    ][:1]
    if not core.minimum and any(n.division.zero_policy == "minimum" for n in circuit.hidden):
        lacks.append("the smallest positive divisor, which the policy minimum takes for a zero")
    if lacks:
        raise CapacityError(
            f"the core was built without {' and without '.join(lacks)}",
            where=f"target {program.target.name}, [core]",
            fix="compile the run again for that network: a core that is cut to one runs no other",
        )


def _misfit(excess: str, target: Target, *, larger: Sequence[str] = ()) -> CapacityError:
    core = f"a larger core with --target {' or '.join(larger)}" if larger else "a core of your own"
    return CapacityError(
        f"the network does not fit the core: {excess}",
        where=f"target {target.name}",
        fix="train a smaller network (fewer widths, more pooling), choose fewer table bits, "
        f"or name {core}{'' if larger else ' with --target PATH'}",
    )

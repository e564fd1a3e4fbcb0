"""Whether a network fits a controller's memories, layer by layer."""

from collections.abc import Mapping
from functools import partial

from eideploy.backends.c.controller import Controller
from eideploy.backends.c.cost import counted
from eideploy.backends.c.network import Network, network_of
from eideploy.backends.c.plan import BY_EVENTS, Counted, Plan, plan_of
from eideploy.backends.digital.program import FEW_BITS, Program, Use
from eideploy.circuit import Circuit
from eideploy.errors import CapacityError
from eideploy.report.text import counted as counted_samples
from eideploy.report.text import table

FLASH, RAM = "flash bytes", "RAM bytes"
COUNTED: Mapping[Counted, str] = {
    "events": "by events",
    "dense": "dense",
    "kept": "currents kept",
}


def lay_out(circuit: Circuit, controller: Controller, plan: Plan | None = None) -> Program:
    """Return the program of a circuit by a plan, whether or not the memories hold it.

    Raises:
        CapacityError: the circuit has what there is no C for.
    """
    network = Network(circuit, plan or BY_EVENTS)
    sizes = {size.node: size for size in network.sizes}
    by_layer = {layer.name: sizes[layer.name] for layer in circuit.layers}
    sums = {name: size.sums for name, size in by_layer.items()}
    always = network.state_bytes - max(sums.values())
    return Program(
        circuit=circuit,
        target=controller,
        stages=(),
        uses=(
            Use(resource=FLASH, used=network.constant_bytes, offered=controller.flash_offered),
            Use(resource=RAM, used=network.state_bytes, offered=controller.ram_offered),
        ),
        count=partial(counted, costs=controller.instructions),
        unit="instructions",
        rows={name: size.constants for name, size in by_layer.items()},
        sums=sums,
        most_sums=controller.ram_offered - always,
        plan=plan,
    )


def require_fit(program: Program) -> None:
    """Refuse a program that a memory is too small for, with the bytes of every layer."""
    controller = program.target
    assert isinstance(controller, Controller)
    excess = "; ".join(
        f"{use.resource}: {use.used:,} of {use.offered:,}"
        for use in program.uses
        if use.used > use.offered
    )
    if not excess:
        return
    memories = controller.memories
    raise CapacityError(
        f"the network does not fit {controller.name}: {excess} "
        f"({memories.reserved_flash_bytes:,} of flash and {memories.reserved_ram_bytes:,} of RAM "
        "are kept for code and stack); flash, RAM and sums by layer: "
        f"{_by_layer(network_of(program))}",
        where=f"target {controller.name}",
        fix=f"{_fewer_bits(program)}train a smaller network, or name a larger controller with "
        "--target; allow more where --flash or --ram is given",
    )


def _fewer_bits(program: Program) -> str:
    """Advise a scheme of fewer bits, unless the weights have so few already."""
    few = program.weight_bits <= FEW_BITS
    return "" if few else "choose a scheme of fewer bits (--scheme int4), "


def _by_layer(network: Network) -> str:
    return ", ".join(
        f"{size.node} {size.constants:,} + {size.state:,} + {size.sums:,}" for size in network.sizes
    )


def sizes_text(network: Network) -> str:
    """Return the bytes of every layer, and of all, as a table."""
    rows = [
        [size.node, f"{size.constants:,}", f"{size.state:,}", f"{size.sums:,}"]
        for size in network.sizes
    ]
    sums = max((size.sums for size in network.sizes), default=0)
    always = network.state_bytes - sums
    rows.append(["all (sums share)", f"{network.constant_bytes:,}", f"{always:,}", f"{sums:,}"])
    return table(["bytes", "flash", "RAM, kept", "RAM, sums"], rows)


def resources_text(program: Program) -> str:
    """Say what a program takes of the memories, and of what it is an estimate."""
    controller = program.target
    assert isinstance(controller, Controller)
    uses = "\n".join(
        f"{use.resource:<12}{use.used:,} of {use.offered:,}, beside {reserved:,} for {what}"
        for use, reserved, what in zip(
            program.uses,
            (controller.memories.reserved_flash_bytes, controller.memories.reserved_ram_bytes),
            ("code", "the stack"),
            strict=True,
        )
    )
    parts = [sizes_text(network_of(program)), uses, *plan_text(program)]
    return "\n\n".join(parts)


def plan_text(program: Program) -> list[str]:
    """Say how every layer is computed, and what each way was counted to take, if it was."""
    plan = plan_of(program)
    if not plan.ways:
        return []
    ways = dict.fromkeys(name for way in plan.ways.values() for name in way.instructions)
    rows = [
        [
            layer.name,
            "folded" if layer.is_folded else "factored",
            *(f"{way.instructions[one]:,.0f}" if one in way.instructions else "-" for one in ways),
            way.text,
        ]
        for layer in program.circuit.layers
        for way in (plan.of(layer.name),)
    ]
    head = ["instructions per inference", "form", *map(COUNTED.__getitem__, ways), "chosen"]
    return [
        f"{table(head, rows)}\n"
        f"estimated by counting on {counted_samples(plan.samples, 'calibration sample')}"
    ]

"""What a microcontroller offers, read from targets/<name>/spec.toml."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from eideploy.circuit.projection import MAX_BITS
from eideploy.divisions import methods
from eideploy.errors import SpecError
from eideploy.tables import read_toml
from eideploy.target import (
    MOST_ENTRIES,
    MOST_LANES,
    VERSION,
    Core,
    DividerTiming,
    Latency,
    Memory,
    Target,
    Widths,
)
from eideploy.typed import Line, Name, Within, typed

MOST_BYTES = 1 << 32  # that an address of 32 bits reaches
Bytes = Annotated[int, Within(0, MOST_BYTES)]
Count = Annotated[float, Within(0, 10_000)]

# The C takes any width that the simulator does; these are those of targets/digital-large, so that a
# network has the same integers on a core.
WIDTHS = Widths(
    weight=8,
    input=8,
    accumulator=48,
    inhibition=32,
    divisor=56,
    current=20,
    membrane=20,
    table_entry=17,
    gain=8,
    threshold=15,
    bias=20,
    fraction=8,
    shift=5,
    align=3,
)
assert max(vars(WIDTHS).values()) <= MAX_BITS


@dataclass(frozen=True, kw_only=True)
class Memories:
    """Bytes of flash and RAM, and of either what is kept free for all but the network's arrays.

    reserved_flash_bytes  the code of net.c, start-up and library
    reserved_ram_bytes    stack, and the data of a library
    """

    flash_bytes: Bytes
    ram_bytes: Bytes
    reserved_flash_bytes: Bytes
    reserved_ram_bytes: Bytes


@dataclass(frozen=True, kw_only=True)
class Processor:
    """What it computes by itself, and which machine in QEMU is compared with it.

    multiplier_bits  of a product that one instruction makes: 0, 32 or 64
    divider_bits     of a quotient that one instruction makes: 0 or 32
    emulated         a machine of eideploy.backends.c.qemu; "" for none
    """

    multiplier_bits: Literal[0, 32, 64]
    divider_bits: Literal[0, 32]
    emulated: Literal["", "cortex-m0", "cortex-m4", "cortex-m7", "rv32imc"] = ""


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """How many instructions net.c takes, as compiled at -O2, of each thing that it does often.

    entry         look at an entry of a layer's input
    event         begin a row of weights, of an entry that is not zero, at one tap
    add           add a weight of 8 bits to a sum; `unpack` more of one with fewer
    through       begin a neuron's row of W_EI
    product       add a product with W_EI, in 32 bits; `long_product`, in 64
    dense         multiply an entry with a weight of 8 bits, and add that, in a dense layer
    neuron        update a neuron, but for its division; `plain`, of a layer that has none;
                  `again`, by a current that was kept
    division      by a table, shifts or logarithms; `quotient`, by a divider or a routine
    """

    entry: Count
    event: Count
    add: Count
    unpack: Count
    through: Count
    product: Count
    long_product: Count
    neuron: Count
    dense: Count
    plain: Count
    again: Count
    division: Count
    quotient: Count


@dataclass(frozen=True, kw_only=True)
class Controller(Target):
    """A microcontroller: a target without a core, whose program is C."""

    memories: Memories
    processor: Processor
    instructions: Instructions

    def within(self, *, flash_bytes: int | None, ram_bytes: int | None) -> "Controller":
        """Return a controller that offers a network no more than so many bytes, where given."""
        flash = min(self.flash_offered, flash_bytes or self.flash_offered)
        ram = min(self.ram_offered, ram_bytes or self.ram_offered)
        memories = self.memories
        return replace(
            self,
            memory=_unbounded(flash),
            memories=replace(
                memories,
                flash_bytes=flash + memories.reserved_flash_bytes,
                ram_bytes=ram + memories.reserved_ram_bytes,
            ),
        )

    @property
    def flash_offered(self) -> int:
        """Bytes of flash that a network's constants may take."""
        return self.memories.flash_bytes - self.memories.reserved_flash_bytes

    @property
    def ram_offered(self) -> int:
        """Bytes of RAM that a network's state may take."""
        return self.memories.ram_bytes - self.memories.reserved_ram_bytes


@dataclass(frozen=True, kw_only=True)
class _Spec:
    """The keys of a spec.toml."""

    source: Path
    name: Name
    backend: Line
    description: Line
    clock_hz: Annotated[int, Within(1, 10**11)] | None = None
    memory: Memories
    processor: Processor
    instructions: Instructions


def read_controller(path: Path) -> Controller:
    """Read and check a spec.toml.

    Raises:
        SpecError: a key that is unknown, missing, of the wrong type or out of bounds.
    """
    source = {"source": str(path)}
    spec = typed(_Spec, read_toml(path, VERSION), where=str(path), error=SpecError, given=source)
    memories = spec.memory
    for kind in ("flash", "ram"):
        offered, reserved = (getattr(memories, f"{p}{kind}_bytes") for p in ("", "reserved_"))
        if reserved >= offered:
            raise SpecError(
                f"memory.reserved_{kind}_bytes = {reserved} leaves nothing of the {offered} bytes",
                where=str(path),
                fix=f"make it less than memory.{kind}_bytes",
            )
    return Controller(
        source=spec.source,
        name=spec.name,
        backend=spec.backend,
        description=spec.description,
        clock_hz=spec.clock_hz,
        core=Core(lanes=MOST_LANES, update_lanes=1, layers=MOST_ENTRIES, routes=MOST_ENTRIES,
                  inhibition="both"),
        memory=_unbounded(memories.flash_bytes - memories.reserved_flash_bytes),
        widths=WIDTHS,
        latency=Latency(setup=1, accumulate=1, inhibit=1, minimum=1, output=1),
        divider={kind.method: DividerTiming(interval=1, latency=1) for kind in methods()},
        memories=memories,
        processor=spec.processor,
        instructions=spec.instructions,
    )  # fmt: skip


def _unbounded(weight_bytes: int) -> Memory:
    """Return memories of a core that no network fills, but for its weights, in bytes."""
    most = MOST_BYTES
    return Memory(
        weight_rows=weight_bytes,
        accumulator_rows=most,
        inhibition_rows=most,
        membrane_words=most,
        spike_rows=most,
        parameter_words=most,
        lane_rows=most,
        gain_words=most,
        axis_words=most,
        table_entries=most,
    )

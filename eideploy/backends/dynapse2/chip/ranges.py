"""Whether every field of a configuration lies in the range that a spec offers."""

from collections.abc import Iterator

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, Configuration, Srams
from eideploy.backends.dynapse2.chip.spec import UNUSED, WEIGHT_ROLES, ChipSpec
from eideploy.errors import FormatError


def check(configuration: Configuration, spec: ChipSpec, *, where: str) -> None:
    """Require that every field lies in the range that the spec offers, and the tables agree.

    Raises:
        FormatError: naming every field that does not.
    """
    faults: list[str] = []
    for stage in (_shapes, _ranges, _agreement):  # each needs what those before it require
        faults = faults or [*stage(configuration, spec)]
    if faults:
        raise FormatError(
            "; ".join(faults),
            where=where,
            fix="restore the file from a copy, or compile the network again",
        )


def _shapes(c: Configuration, spec: ChipSpec) -> Iterator[str]:
    core = (spec.chips, spec.chip.cores)
    neuron = (*core, spec.chip.neurons)
    expected = {
        "biases": (c.biases, (*core, len(spec.biases), 2)),
        "bias_set": (c.bias_set, (*core, len(spec.biases))),
        **{f"latch {k}": (v, neuron) for k, v in c.latches.items()},
        **{f"cams.{k}": (v, (*neuron, spec.chip.cams)) for k, v in vars(c.cams).items()},
        **{f"srams.{k}": (v, (*neuron, spec.chip.destinations)) for k, v in vars(c.srams).items()},
        **{f"inputs.{k}": (v, c.inputs.tag.shape[:1]) for k, v in vars(c.inputs).items()},
        **{f"neurons.{k}": (v, c.neurons.core.shape[:1]) for k, v in vars(c.neurons).items()},
    }
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            yield f"{name} has shape {array.shape}, expected {shape}"
    if c.bias_names != spec.bias_names:
        yield "the biases are not those of the target"
    if set(c.latches) != set(spec.latches):
        yield "the latches are not those of the target"
    if len(c.populations) != len(c.sizes):
        yield f"{len(c.populations)} populations have {len(c.sizes)} sizes"


def _ranges(c: Configuration, spec: ChipSpec) -> Iterator[str]:
    chip, hops = spec.chip, (-spec.chip.hops, spec.chip.hops)
    masks, cores, tags = 2**chip.weight_bits - 1, 2**chip.cores - 1, chip.tags - 1
    populations = len(c.populations) - 1
    bounds = {
        "cams.mask": (c.cams.mask, (0, masks)),
        "cams.tag": (c.cams.tag, (0, tags)),
        "srams.cores": (c.srams.cores, (0, cores)),
        "srams.tag": (c.srams.tag, (0, tags)),
        "srams.x_hop": (c.srams.x_hop, hops),
        "srams.y_hop": (c.srams.y_hop, hops),
        "biases.coarse": (c.biases[..., 0], (0, spec.dac.coarse - 1)),
        "biases.fine": (c.biases[..., 1], (0, spec.dac.fine - 1)),
        "inputs.population": (c.inputs.population, (0, populations)),
        "inputs.index": (c.inputs.index, (0, max(c.sizes, default=0) - 1)),
        "inputs.chip": (c.inputs.chip, (0, spec.chips - 1)),
        "inputs.cores": (c.inputs.cores, (1, cores)),
        "inputs.x_hop": (c.inputs.x_hop, hops),
        "inputs.y_hop": (c.inputs.y_hop, hops),
        "inputs.tag": (c.inputs.tag, (0, tags)),
        "neurons.population": (c.neurons.population, (0, populations)),
        "neurons.index": (c.neurons.index, (0, max(c.sizes, default=0) - 1)),
        "neurons.chip": (c.neurons.chip, (0, spec.chips - 1)),
        "neurons.core": (c.neurons.core, (0, chip.cores - 1)),
        "neurons.neuron": (c.neurons.neuron, (0, chip.neurons - 1)),
        "neurons.monitor_tag": (c.neurons.monitor_tag, (NOT_MONITORED, tags)),
    }
    for name, (array, (low, high)) in bounds.items():
        wide = array.astype(np.int64)
        yield from _fault(name, wide, (wide < low) | (wide > high), f"not in {low}..{high}")
    codes = [d.code for d in spec.dendrites.values()]
    bad = ~np.isin(c.cams.dendrite, codes)
    yield from _fault("cams.dendrite", c.cams.dendrite, bad, f"none of {sorted(codes)}")
    idle = (c.cams.dendrite == spec.dendrites[UNUSED].code) != (c.cams.mask == 0)
    yield from _fault("cams.mask", c.cams.mask, idle, "a weight and a dendrite go together")


def _fault(name: str, array: Array, bad: Array, why: str) -> Iterator[str]:
    if bad.any():
        place = tuple(int(i) for i in np.argwhere(bad)[0])
        yield f"{name}: {int(bad.sum())} entries, the first {array[place]} at {place}, {why}"


def _agreement(c: Configuration, spec: ChipSpec) -> Iterator[str]:
    n = c.neurons
    places = np.stack([n.chip, n.core, n.neuron], 1)
    if len(np.unique(places, axis=0)) < len(places):
        yield "neurons: two lie in one place"
    for what, table in (("neurons", n), ("inputs", c.inputs)):
        past = table.index >= np.asarray(c.sizes, np.int64)[table.population]
        yield from _fault(f"{what}.index", table.index, past, "beyond its population")
    known = n.monitor_tag != NOT_MONITORED
    tags = np.stack([n.chip[known], n.monitor_tag[known]], 1)
    if len(np.unique(tags, axis=0)) < len(tags):
        yield "neurons: two of one chip have one monitor tag"
    sent = c.srams.tag[n.chip, n.core, n.neuron] == n.monitor_tag[:, None]
    lost = known & ~(sent & _to_host(c.srams, spec)[n.chip, n.core, n.neuron]).any(1)
    yield from _fault("neurons.monitor_tag", n.monitor_tag, lost, "no SRAM entry sends it")
    x, y = zip(*(spec.position(chip) for chip in range(spec.chips)), strict=True)
    entry = spec.position(spec.board.entry)
    for axis, hop, at, start in (
        ("x", c.inputs.x_hop, x, entry[0]),
        ("y", c.inputs.y_hop, y, entry[1]),
    ):
        astray: Array = hop != np.asarray(at)[c.inputs.chip] - start
        yield from _fault(f"inputs.{axis}_hop", hop, astray, "does not lead to its chip")
    unnamed = (c.cams.mask > 0).any(-1) & ~c.used
    yield from _fault("cams.mask", c.cams.mask.max(-1), unnamed, "on a neuron without a name")
    weights = [c.bias_names.index(spec.bias_of[role]) for role in WEIGHT_ROLES]
    has_weights: Array = np.asarray(c.bias_set[..., weights].all(-1))
    unset: Array = c.used.any(-1) & ~has_weights
    yield from _fault("bias_set", has_weights, unset, "weights without currents")


def _to_host(srams: Srams, spec: ChipSpec) -> Array:
    """Return which SRAM entries send to the host."""
    return np.asarray(
        (srams.cores > 0)
        & (srams.x_hop == spec.monitor.x_hop)
        & (srams.y_hop == spec.monitor.y_hop)
    )

"""What a mapped network uses of a board, and how far its numbers are from those asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED
from eideploy.backends.dynapse2.chip.mapping import Mapped
from eideploy.backends.dynapse2.chip.realise import met
from eideploy.backends.dynapse2.chip.spec import RECEPTORS


@dataclass(frozen=True, kw_only=True)
class ProjectionError:
    """A projection on the chip.

    error     root of the squared error of its weights over their squares
    synapses  how many weights are not zero; lost: of them, nearest to no current at all
    cams      that hear it, repeats included
    """

    name: str
    dendrite: str
    error: float
    synapses: int
    lost: int
    cams: int


@dataclass(frozen=True, kw_only=True)
class CoreUse:
    """What one core holds."""

    chip: int
    core: int
    populations: Mapping[str, int]  # neurons of each
    cams: int
    most_cams: int  # of one neuron
    tags: int
    base_currents: tuple[float, ...]  # ampere
    scale: Mapping[str, float]  # of dendrites whose weights were rescaled, by receptor
    largest_bias_error: float  # relative, of all codes but the base currents'


@dataclass(frozen=True, kw_only=True)
class Account:
    """All of it; unmonitored: neurons that had no destination left for the host."""

    projections: tuple[ProjectionError, ...]
    cores: tuple[CoreUse, ...]
    input_events: int
    most_destinations: int
    unmonitored: int


def account(mapped: Mapped) -> Account:
    """Return what a mapped network uses and how well it is met."""
    c = mapped.configuration
    return Account(
        projections=projection_errors(mapped),
        cores=tuple(_core(mapped, number) for number in sorted(mapped.cores)),
        input_events=len(c.inputs.tag),
        most_destinations=int((c.srams.cores > 0).sum(-1).max()),
        unmonitored=int((c.neurons.monitor_tag == NOT_MONITORED).sum()),
    )


def projection_errors(mapped: Mapped) -> tuple[ProjectionError, ...]:
    """Return the error of every projection; sources that share a tag count once."""
    synapses = mapped.synapses
    weights, cams = np.zeros(len(synapses.weight)), np.zeros(len(synapses.weight), np.int64)
    for core in mapped.cores.values():
        weights[core.rows], cams[core.rows] = met(core, synapses), core.masks.cams
    errors = []
    for number, projection in enumerate(mapped.network.projections):
        rows = synapses.projection == number
        wanted = synapses.weight[rows]
        size = float((wanted**2).sum())
        errors.append(
            ProjectionError(
                name=projection.name,
                dendrite=projection.dendrite,
                error=float(np.sqrt(((weights[rows] - wanted) ** 2).sum() / size)) if size else 0.0,
                synapses=len(wanted),
                lost=int((cams[rows] == 0).sum()),
                cams=int(cams[rows].sum()),
            )
        )
    return tuple(errors)


def _core(mapped: Mapped, number: int) -> CoreUse:
    c, core = mapped.configuration, mapped.cores[number]
    at = divmod(number, mapped.spec.chip.cores)
    here = (c.neurons.chip == at[0]) & (c.neurons.core == at[1])
    used = c.cams.mask[at] > 0
    errors = [abs(code.error) for role, code in core.codes.items() if "weight_" not in role]
    return CoreUse(
        chip=at[0],
        core=at[1],
        populations=_populations(c.neurons.population[here], c.populations),
        cams=int(used.sum()),
        most_cams=int(used.sum(-1).max()),
        tags=len(np.unique(c.cams.tag[at][used])),
        base_currents=tuple(core.base.tolist()),
        scale={name: float(s) for name, s in zip(RECEPTORS, core.scale, strict=True) if s != 1},
        largest_bias_error=max(errors, default=0.0),
    )


def _populations(numbers: Array, names: tuple[str, ...]) -> dict[str, int]:
    present, counts = np.unique(numbers, return_counts=True)
    return {names[i]: int(n) for i, n in zip(present, counts, strict=True)}

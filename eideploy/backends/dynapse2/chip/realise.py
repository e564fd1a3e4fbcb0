"""The synapses of every core as masks, with the codes of its biases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import Code, Dac
from eideploy.backends.dynapse2.chip.masks import (
    BITS,
    ERROR_AIM,
    Masks,
    Weights,
    choose,
    fit,
    relative_error,
)
from eideploy.backends.dynapse2.chip.needs import Needs
from eideploy.backends.dynapse2.chip.network import ChipNetwork
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, WEIGHT_ROLES, ChipSpec
from eideploy.backends.dynapse2.chip.synapses import Synapses


@dataclass(frozen=True, kw_only=True, eq=False)
class Core:
    """One core's synapses as CAMs.

    rows    of the network's synapses; masks: how each is met
    codes   by role; scale: (receptors,), what weights of a dendrite were multiplied by
    base    the base currents that the codes give, ampere
    """

    rows: Array
    masks: Masks
    codes: Mapping[str, Code]
    scale: Array
    base: Array


def realise(
    synapses: Synapses,
    rows: Array,
    needs: Sequence[Needs],
    spare: Array,
    network: ChipNetwork,
    spec: ChipSpec,
    dac: Dac,
) -> Core:
    """Return a core that meets the synapses `rows`; its populations have `needs`.

    spare  (neurons of the network,): CAMs beyond one a synapse
    """
    codes = {role: code for need in needs for role, code in need.codes.items()}
    codes |= _unused(needs, network, spec, dac, codes)
    _, group = np.unique(synapses.projection[rows], return_inverse=True)
    weights = Weights(
        weight=synapses.weight[rows], group=group, owner=synapses.target[rows], spare=spare
    )
    plain = _core(weights, rows, codes, np.ones(len(RECEPTORS)), spec, dac)
    if _error(plain, weights, synapses) <= ERROR_AIM or WEIGHT_ROLES[0] in codes:
        return plain
    receptor = synapses.receptor[rows]
    gains, scale = _rescaled(weights.weight, receptor, codes, spec, dac)
    scaled = Weights(
        weight=weights.weight * scale[receptor], group=group, owner=weights.owner, spare=spare
    )
    other = _core(scaled, rows, {**codes, **gains}, scale, spec, dac)
    better = _error(other, weights, synapses) < _error(plain, weights, synapses)
    return other if better else plain


def met(core: Core, synapses: Synapses) -> Array:
    """Return the weights that a core's masks amount to, in the network's scale: (rows,) ampere."""
    return np.asarray(core.masks.current(core.base) / core.scale[synapses.receptor[core.rows]])


def _error(core: Core, weights: Weights, synapses: Synapses) -> float:
    return float(relative_error(weights, met(core, synapses)).max(initial=0.0))


def _core(
    weights: Weights, rows: Array, codes: Mapping[str, Code], scale: Array, spec: ChipSpec, dac: Dac
) -> Core:
    biases = [spec.bias_of[role] for role in WEIGHT_ROLES]
    if WEIGHT_ROLES[0] in codes:
        chosen = [codes[role] for role in WEIGHT_ROLES]
    else:
        low, high = dac.reach(biases[0])
        aims = fit(weights, low, high)
        chosen = [dac.code(name, float(aim)) for name, aim in zip(biases, aims, strict=True)]
    base = np.array([code.current for code in chosen])
    assert BITS.shape[1] == len(base)
    return Core(
        rows=rows,
        masks=choose(weights, base),
        codes={**codes, **dict(zip(WEIGHT_ROLES, chosen, strict=True))},
        scale=scale,
        base=base,
    )


def _rescaled(
    weight: Array, receptor: Array, codes: Mapping[str, Code], spec: ChipSpec, dac: Dac
) -> tuple[dict[str, Code], Array]:
    """Return gains that let every dendrite's weights be of one size, and the scales (receptors,).

    A synapse's strength is gain * weight, so weights times s go with a gain divided by s.
    """
    scale, gains = np.ones(len(RECEPTORS)), {}
    count = np.bincount(receptor, minlength=len(RECEPTORS))
    square = np.bincount(receptor, weight**2, minlength=len(RECEPTORS))
    size = np.sqrt(square / np.maximum(count, 1))
    reference = size[count.argmax()]
    for i, name in enumerate(RECEPTORS):
        role = f"{name}_gain"
        if count[i] and role in codes:
            before = codes[role].current
            gains[role] = dac.code(spec.bias_of[role], before * size[i] / reference)
            scale[i] = before / gains[role].current
    return gains, scale


def _unused(
    needs: Sequence[Needs],
    network: ChipNetwork,
    spec: ChipSpec,
    dac: Dac,
    codes: Mapping[str, Code],
) -> dict[str, Code]:
    """Return codes of what no population of the core uses: what the first one says."""
    currents = network[needs[0].name].currents
    return {
        role: dac.code(spec.bias_of[role], ampere)
        for role, ampere in currents.items()
        if role not in codes
    }

"""What the chip's neurons do to the circuit's division, one change to a wiring at a time."""

from dataclasses import replace

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.network import ChipNetwork, Coding
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec
from eideploy.backends.dynapse2.dpi.classify import CHUNK, DT_S, Response, votes
from eideploy.backends.dynapse2.dpi.coding import event_counts
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.operating import mean_ratio, settled
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import SOMA, Wiring
from eideploy.options.choices import Dendrite

SYNAPSES = ("source", "target", "receptor", "weight", "cam")
PARTS = 255  # into which a graded cell's largest output of a step is divided


def without(wiring: Wiring, receptor: str) -> Wiring:
    """Return the wiring without the synapses of one dendrite."""
    others = wiring.receptor != RECEPTORS.index(receptor)
    return replace(wiring, **{name: getattr(wiring, name)[others] for name in SYNAPSES})


def mean_inputs(wiring: Wiring, receptor: str, response: Response, coding: Coding) -> Array:
    """Return a dendrite's current in units of the leak at its mean input: (neurons, batch)."""
    number = RECEPTORS.index(receptor)
    sent = np.concatenate([response.sent, response.counts])
    x = settled(wiring, receptor, mean_ratio(wiring, receptor, sent / coding.duration_s))
    return np.asarray(x * step_of(wiring, DT_S).scale[number][:, None])


def divisor(wiring: Wiring, response: Response, coding: Coding) -> tuple[float, float]:
    """Return 1 + Ishunt / Ileak: its mean, and its coefficient of variation over samples.

    Of the neurons that any shunting spike reached; 1 and 0 where there are none.
    """
    divisors = 1 + mean_inputs(wiring, "shunt", response, coding)
    reached = divisors[divisors.mean(1) > 1]
    if not len(reached):
        return 1.0, 0.0
    return float(reached.mean()), float((reached.std(1) / reached.mean(1)).mean())


def with_constant_shunt(wiring: Wiring, response: Response, coding: Coding) -> Wiring:
    """Return the wiring whose neurons are divided by their mean over all samples, whatever comes.

    A constant shunt s is a leak 1 + s times as large, exactly.
    """
    mean = mean_inputs(wiring, "shunt", response, coding).mean(1)
    bare = without(wiring, "shunt")
    return replace(bare, soma=bare.soma | {"leak": bare.soma["leak"] * (1 + mean)})


def show_graded(
    wiring: Wiring, graded: Array, response: Response, samples: Array, coding: Coding
) -> Response:
    """Return what samples make of a chip whose `graded` neurons put out their mean rate evenly.

    graded  which neurons (neurons,); their rates are those in `response`
    """
    step = step_of(wiring, DT_S)
    steps = round(coding.duration_s / DT_S)
    per_step = response.counts[graded] / steps
    unit = max(float(per_step.max(initial=0)), 1e-9) / PARTS
    inputs, count = wiring.inputs, int(graded.sum())
    number = np.empty(inputs + wiring.neurons, np.int64)
    number[:inputs] = np.arange(inputs)
    number[inputs:][graded] = inputs + np.arange(count)
    number[inputs:][~graded] = inputs + count + np.arange(wiring.neurons - count)
    stays = ~graded[wiring.target]
    smooth = np.flatnonzero(stays)[graded_sources(wiring, graded)[stays]]
    strength = step.strength.copy()
    strength[smooth] *= unit
    chosen = replace(
        wiring,
        soma={key: value[~graded] for key, value in wiring.soma.items()},
        tau=wiring.tau[:, ~graded],
        gain=wiring.gain[:, ~graded],
        output=wiring.output[~graded],
        core=wiring.core[~graded],
        inputs=inputs + count,
        source=number[wiring.source[stays]],
        target=number[inputs + wiring.target[stays]] - inputs - count,
        receptor=wiring.receptor[stays],
        weight=wiring.weight[stays],
        cam=wiring.cam[stays],
    )
    chip = Chip(chosen, replace(step_of(chosen, DT_S), strength=strength[stays]))
    even = np.rint(per_step / unit).astype(np.uint8)
    flat, counts = samples.reshape(len(samples), -1), []
    for at in range(0, len(flat), CHUNK):
        events = event_counts(flat[at : at + CHUNK], coding, DT_S)
        own = np.repeat(even[:, None, at : at + CHUNK], events.shape[1], 1)
        counts.append(chip.run(np.concatenate([events, own])).counts)
    joined = np.concatenate(counts, 1)
    return Response(votes=votes(joined, chosen), counts=joined, sent=response.sent)


def graded_sources(wiring: Wiring, graded: Array) -> Array:
    """Return which synapses come from a graded neuron: (synapses,)."""
    sent = np.concatenate([np.zeros(wiring.inputs, np.bool_), graded])
    return np.asarray(sent[wiring.source])


def unrounded(network: ChipNetwork, spec: ChipSpec, *, dendrite: Dendrite = "full") -> Wiring:
    """Return the network's own currents and weights, before codes and masks round them."""
    start, at = {}, 0
    for p in (*network.inputs, *network.neurons):
        start[p.name], at = at, at + p.size
    inputs = sum(p.size for p in network.inputs)
    columns: list[list[Array]] = [[], [], [], []]
    for link in network.projections:
        target, source = np.nonzero(link.weight)
        for column, values in zip(
            columns,
            (
                source + start[link.source],
                target + start[link.target] - inputs,
                np.full(len(source), RECEPTORS.index(link.dendrite)),
                link.weight[target, source],
            ),
            strict=True,
        ):
            column.append(values)
    source, target, receptor, weight = (np.concatenate(column) for column in columns)
    sizes = [p.size for p in network.neurons]

    def of(role: str) -> Array:
        return np.repeat([p.currents.get(role, 0.0) for p in network.neurons], sizes)

    off = {"gate": "nmda_gate", "adaptation_weight": "adaptation_weight"}
    soma = {key: np.zeros(sum(sizes)) if key in off else of(role) for key, role in SOMA.items()}
    for key in ("adaptation_gain", "adaptation_tau", "adaptation_pulse"):
        soma[key] = np.full(sum(sizes), spec.constants.dark_current)
    outputs = np.repeat([p.role == "output" for p in network.neurons], sizes)
    output = np.full(sum(sizes), -1)
    output[outputs] = network.classes
    return Wiring(
        soma=soma,
        tau=np.stack([of(f"{name}_tau") for name in RECEPTORS]),
        gain=np.stack([of(f"{name}_gain") for name in RECEPTORS]),
        source=source,
        target=target,
        receptor=receptor,
        weight=weight,
        cam=np.arange(len(weight)),
        inputs=inputs,
        output=output,
        core=np.repeat(np.arange(len(sizes)), sizes),
        constants=spec.constants,
        dendrite=dendrite,
    )

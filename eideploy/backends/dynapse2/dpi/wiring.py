"""Read a configuration as currents and synapses: all that the simulator knows of a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.biases import Dac, load_dac
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, Configuration
from eideploy.backends.dynapse2.chip.defects import failing
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, WEIGHT_ROLES, ChipSpec, Constants
from eideploy.errors import CapacityError
from eideploy.options.choices import Dendrite

SOMA = {
    "leak": "membrane_leak",
    "gain": "membrane_gain",
    "threshold": "threshold",
    "refractory": "refractory",
    "pulse": "pulse",
    "direct": "dc",
    "gate": "nmda_gate",
    "adaptation_gain": "adaptation_gain",
    "adaptation_tau": "adaptation_tau",
    "adaptation_pulse": "adaptation_pulse",
    "adaptation_weight": "adaptation_weight",
}


SENT = ("cores", "x_hop", "y_hop", "tag")


@dataclass(frozen=True, kw_only=True)
class Events:
    """What becomes of events on their way.

    lost, doubled  shares that do not arrive, and that arrive twice, as `seed` draws them
    spacing        seconds that an event takes on the bus that all of a board share: of those of one
                   step the others wait, in the order of their sources; 0: none does
    """

    lost: float = 0.0
    doubled: float = 0.0
    seed: int = 0
    spacing: float = 0.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Wiring:
    """Neurons with their currents in ampere, and synapses, as decoded from a configuration.

    soma      by the keys of SOMA: (neurons,); gate, direct and adaptation_weight are 0 where the
              neuron's latch leaves them off
    tau, gain of the dendrites, by RECEPTORS: (receptors, neurons)
    source    (synapses,): inputs first, then neurons; target: neuron; receptor: index
    weight    (synapses,) ampere
    cam       (synapses,): number of the CAM; sources with one tag share it
    inputs    how many sources are inputs
    output    (neurons,): the class that the neuron's spikes vote for; -1: none, or not monitored
    core      (neurons,): number of the core that sets the neuron's biases
    dendrite  how dendrites are simulated; linear: as if their currents were far above their gains
    events    what becomes of events on their way
    fails     by number of the CAM, the probability that it misses an event: (CAMs,); empty: none
    """

    soma: dict[str, Array]
    tau: Array
    gain: Array
    source: Array
    target: Array
    receptor: Array
    weight: Array
    cam: Array
    inputs: int
    output: Array
    core: Array
    constants: Constants
    dendrite: Dendrite = "full"
    events: Events = field(default_factory=Events)
    fails: Array = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        freeze(
            self,
            tau=np.float64,
            gain=np.float64,
            weight=np.float64,
            output=np.int64,
            source=np.int64,
            target=np.int64,
            receptor=np.int64,
            cam=np.int64,
            core=np.int64,
            fails=np.float64,
        )

    @property
    def neurons(self) -> int:
        """How many neurons there are."""
        return len(self.output)

    @property
    def classes(self) -> int:
        """How many classes the outputs vote for."""
        return int(self.output.max(initial=-1)) + 1

    @property
    def one_hot(self) -> Array:
        """Whether a neuron votes for a class: (neurons, classes), bool."""
        return np.asarray(self.output[:, None] == np.arange(self.classes))


def decode(
    configuration: Configuration,
    spec: ChipSpec,
    dac: Dac | None = None,
    *,
    dendrite: Dendrite = "full",
    errors: Mapping[str, Array] | None = None,
) -> Wiring:
    """Return what the chips' memories and biases amount to.

    errors  by role, what a board's currents are of those that the codes say: (cores of all chips,)

    Raises:
        CapacityError: a synapse uses what is not simulated: depression or delays.
    """
    neurons = configuration.neurons
    place = neurons.chip, neurons.core, neurons.neuron
    _refuse_unsimulated(configuration, place)
    dac = dac or load_dac(spec)
    current = {
        role: dac.current(bias, *np.moveaxis(configuration.bias(bias)[place[:2]], -1, 0))
        for role, bias in spec.bias_of.items()
    }
    core_of = neurons.chip * spec.chip.cores + neurons.core
    for role, factors in (errors or {}).items():
        current[role] = current[role] * factors[core_of]
    base = np.stack([current[role] for role in WEIGHT_ROLES])
    synapse = _synapses(configuration, spec, place)
    bits = (synapse.mask[:, None] >> np.arange(len(base))) & 1
    on = {name: configuration.latches[name][place] for name in configuration.latches}
    soma = {key: current[role] for key, role in SOMA.items()}
    soma["direct"] = soma["direct"] * on["so_dc"]
    soma["gate"] = soma["gate"] * on["denm_nmda"]
    soma["adaptation_weight"] = soma["adaptation_weight"] * on["so_adaptation"]
    return Wiring(
        soma=soma,
        tau=np.stack([current[f"{name}_tau"] for name in RECEPTORS]),
        gain=np.stack([current[f"{name}_gain"] for name in RECEPTORS]),
        source=synapse.source,
        target=synapse.target,
        receptor=synapse.receptor,
        weight=(bits * base[:, synapse.target].T).sum(1),
        cam=synapse.cam,
        inputs=_input_count(configuration),
        output=np.where(neurons.monitor_tag == NOT_MONITORED, -1, neurons.output_class),
        core=core_of,
        constants=spec.constants,
        dendrite=dendrite,
        fails=_fails(configuration, spec, place),
    )


def _fails(c: Configuration, spec: ChipSpec, place: tuple[Array, ...]) -> Array:
    """Return by CAM number how often it fails by the spec's profile: (CAMs,), empty for none."""
    profile = failing(spec)
    if profile is None:
        return np.zeros(0)
    high = (c.cams.tag[place] >= spec.chip.tags // 2)[..., None].astype(np.int64)
    return np.asarray(np.take_along_axis(profile[place], high, 2).ravel())


@dataclass(frozen=True, kw_only=True, eq=False)
class _Synapses:
    """A CAM and a source that it hears, one row (rows,) each; the CAM's mask."""

    source: Array
    target: Array
    receptor: Array
    mask: Array
    cam: Array


def _synapses(c: Configuration, spec: ChipSpec, place: tuple[Array, ...]) -> _Synapses:
    """Return what every CAM hears, neuron after neuron, its sources in order."""
    key, source = _heard(c, spec)
    masks, codes, tags = (x[place] for x in (c.cams.mask, c.cams.dendrite, c.cams.tag))
    receptor_of = np.full(int(codes.max(initial=0)) + 1, -1)
    for number, name in enumerate(RECEPTORS):
        if spec.dendrites[name].code < len(receptor_of):
            receptor_of[spec.dendrites[name].code] = number
    target, slot = np.nonzero((masks > 0) & (receptor_of[codes] >= 0))
    tag = tags[target, slot].astype(np.int64)
    wanted = _key(place[0][target], place[1][target], tag, spec)
    first, last = (np.searchsorted(key, wanted, side) for side in ("left", "right"))
    times = last - first
    row = np.repeat(np.arange(len(wanted)), times)
    within = np.arange(len(row)) - np.repeat(np.cumsum(times) - times, times)
    target, slot = target[row], slot[row]
    return _Synapses(
        source=source[first[row] + within],
        target=target,
        receptor=receptor_of[codes[target, slot]],
        mask=masks[target, slot],
        cam=target * masks.shape[1] + slot,
    )


def _key(chip: Array, core: Array, tag: Array, spec: ChipSpec) -> Array:
    """Return one number for a tag of a core."""
    return np.asarray((chip * spec.chip.cores + core) * spec.chip.tags + tag)


def _refuse_unsimulated(configuration: Configuration, place: tuple[Array, ...]) -> None:
    cams = configuration.cams
    counts = {
        name: int((getattr(cams, name)[place] & (cams.mask[place] > 0)).sum())
        for name in ("stp", "precise_delay", "mismatched_delay")
    }
    named = [f"{count} synapses with {name}" for name, count in counts.items() if count]
    if named:
        raise CapacityError(
            f"not simulated: {', '.join(named)}",
            where="the chip's CAM",
            fix="switch depression and delays off in the configuration",
        )


def _input_count(configuration: Configuration) -> int:
    """Return how many sources the populations without neurons have; they come first."""
    return int(_input_start(configuration)[-1])


def _input_start(configuration: Configuration) -> Array:
    """Return the number of every population's first source, then their count."""
    placed = set(configuration.neurons.population.tolist())
    sizes = [0 if i in placed else size for i, size in enumerate(configuration.sizes)]
    return np.cumsum([0, *sizes])


def _heard(c: Configuration, spec: ChipSpec) -> tuple[Array, Array]:
    """Return where events arrive, ascending by `_key`, and the sources that send them there."""
    inputs, srams, neurons = c.inputs, c.srams, c.neurons
    start, cores = _input_start(c), np.arange(spec.chip.cores)
    place = neurons.chip, neurons.core, neurons.neuron
    alive = ~c.latches["soif_kill"][place]
    neuron, slot = np.nonzero((srams.cores[place] > 0) & alive[:, None])
    sent = {name: getattr(srams, name)[place][neuron, slot].astype(np.int64) for name in SENT}
    columns, rows = spec.board.columns, spec.board.rows
    x = neurons.chip[neuron] % columns + sent["x_hop"]
    y = neurons.chip[neuron] // columns + sent["y_hop"]
    here = (x >= 0) & (x < columns) & (y >= 0) & (y < rows)  # else to the host
    source = np.concatenate([start[inputs.population] + inputs.index, start[-1] + neuron[here]])
    chip = np.concatenate([inputs.chip, (y * columns + x)[here]])
    tag = np.concatenate([inputs.tag.astype(np.int64), sent["tag"][here]])
    bits = np.concatenate([inputs.cores, sent["cores"][here]])
    row, core = np.nonzero((bits[:, None] >> cores) & 1)
    key = _key(chip[row], cores[core], tag[row], spec)
    order = np.argsort(key, kind="stable")
    return key[order], np.asarray(source[row][order])

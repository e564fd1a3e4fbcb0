"""Read a configuration as currents and synapses: all that the simulator knows of a network."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array, freeze
from eideploy.backends.dynapse2.chip.biases import Dac, load_dac
from eideploy.backends.dynapse2.chip.configuration import NOT_MONITORED, Configuration
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
        )

    @property
    def neurons(self) -> int:
        """How many neurons there are."""
        return len(self.output)

    @property
    def classes(self) -> int:
        """How many classes the outputs vote for."""
        return int(self.output.max(initial=-1)) + 1


def decode(
    configuration: Configuration,
    spec: ChipSpec,
    dac: Dac | None = None,
    *,
    dendrite: Dendrite = "full",
) -> Wiring:
    """Return what the chips' memories and biases amount to.

    Raises:
        CapacityError: a synapse uses what is not simulated: depression or delays.
    """
    cams, neurons = configuration.cams, configuration.neurons
    place = neurons.chip, neurons.core, neurons.neuron
    _refuse_unsimulated(configuration, place)
    dac = dac or load_dac(spec)
    current = {
        role: dac.current(bias, *np.moveaxis(configuration.bias(bias)[place[:2]], -1, 0))
        for role, bias in spec.bias_of.items()
    }
    hears = _heard(configuration, spec)
    code_of = {spec.dendrites[name].code: i for i, name in enumerate(RECEPTORS)}
    base = np.stack([current[role] for role in WEIGHT_ROLES])
    rows = []
    masks, codes, tags = (x[place] for x in (cams.mask, cams.dendrite, cams.tag))
    for n, cam in zip(*np.nonzero(masks), strict=True):
        receptor = code_of.get(int(codes[n, cam]))
        if receptor is None:
            continue
        chosen = (int(masks[n, cam]) >> np.arange(len(base))) & 1
        key = int(place[0][n]), int(place[1][n]), int(tags[n, cam])
        amount, number = chosen @ base[:, n], n * masks.shape[1] + cam
        rows += [(source, n, receptor, amount, number) for source in hears.get(key, ())]
    columns = np.array(rows, np.float64).reshape(-1, 5).T
    on = {name: configuration.latches[name][place] for name in configuration.latches}
    soma = {key: current[role] for key, role in SOMA.items()}
    soma["direct"] = soma["direct"] * on["so_dc"]
    soma["gate"] = soma["gate"] * on["denm_nmda"]
    soma["adaptation_weight"] = soma["adaptation_weight"] * on["so_adaptation"]
    return Wiring(
        soma=soma,
        tau=np.stack([current[f"{name}_tau"] for name in RECEPTORS]),
        gain=np.stack([current[f"{name}_gain"] for name in RECEPTORS]),
        source=columns[0],
        target=columns[1],
        receptor=columns[2],
        weight=columns[3],
        cam=columns[4],
        inputs=_input_count(configuration),
        output=np.where(neurons.monitor_tag == NOT_MONITORED, -1, neurons.output_class),
        core=neurons.chip * spec.chip.cores + neurons.core,
        constants=spec.constants,
        dendrite=dendrite,
    )


def _refuse_unsimulated(configuration: Configuration, place: tuple[Array, ...]) -> None:
    cams = configuration.cams
    asked = {
        name: int((getattr(cams, name)[place] & (cams.mask[place] > 0)).sum())
        for name in ("stp", "precise_delay", "mismatched_delay")
    }
    found = [f"{count} synapses with {name}" for name, count in asked.items() if count]
    if found:
        raise CapacityError(
            f"not simulated: {', '.join(found)}",
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


def _heard(configuration: Configuration, spec: ChipSpec) -> dict[tuple[int, int, int], list[int]]:
    """Return, by chip, core and tag, the sources whose events arrive there."""
    found = defaultdict(list)
    inputs, srams, neurons = configuration.inputs, configuration.srams, configuration.neurons
    start = _input_start(configuration)
    for row in range(len(inputs.tag)):
        source = int(start[inputs.population[row]] + inputs.index[row])
        for core in _cores(int(inputs.cores[row]), spec):
            found[int(inputs.chip[row]), core, int(inputs.tag[row])].append(source)
    killed = configuration.latches["soif_kill"]
    for n in range(len(neurons.chip)):
        place = int(neurons.chip[n]), int(neurons.core[n]), int(neurons.neuron[n])
        if killed[place]:
            continue
        x, y = spec.position(place[0])
        for slot in np.flatnonzero(srams.cores[place]):
            to_x, to_y = x + int(srams.x_hop[place][slot]), y + int(srams.y_hop[place][slot])
            if not (0 <= to_x < spec.board.columns and 0 <= to_y < spec.board.rows):
                continue  # to the host
            chip = to_y * spec.board.columns + to_x
            for core in _cores(int(srams.cores[place][slot]), spec):
                key = chip, core, int(srams.tag[place][slot])
                found[key].append(int(start[-1]) + n)
    return found


def _cores(bits: int, spec: ChipSpec) -> list[int]:
    return [core for core in range(spec.chip.cores) if bits >> core & 1]

"""The populations of a training for the chip: who reaches whom, by which dendrite, on which biases.

input -> inhibitory -> excitatory on GABA_B and shunt, input -> excitatory on AMPA, and the same
once more towards the outputs: the paper's circuit, feed-forward, with inhibitory cells that spike.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.biases import Dac
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ROLES, WEIGHT_ROLES, ChipSpec, Constants
from eideploy.backends.dynapse2.config import ChipConfig, Neuron
from eideploy.backends.dynapse2.dpi.units import time_constant
from eideploy.backends.dynapse2.dpi.wiring import SOMA, Wiring
from eideploy.errors import CapacityError
from eideploy.options.choices import Dendrite

INPUT = "pixels"
BASE_RATIOS = (1, 2, 4, 8)
MOST = sum(BASE_RATIOS)  # of a mask
PROXY_GAIN = 1e-11  # ampere, of dendrites without synapses


@dataclass(frozen=True, kw_only=True)
class Link:
    """Synapses from one population to another on one dendrite.

    begin, keep  CAMs of every target neuron at first, and after pruning
    drive        mean input that they begin with, in units of the target's leak
    rate         of the source's neurons, spikes a second, as expected
    """

    source: str
    target: str
    receptor: str
    begin: int
    keep: int
    drive: float
    rate: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """Everything about a network but its synapses; neurons in the order that spikes travel.

    sizes     by population, the input first
    currents  by ROLES, in ampere, as the bias generator gives them; gains of dendrites are proxies
    tied      populations that share their biases, by population: a name for those of each core
    base      of the four base currents the least, ampere; the others are BASE_RATIOS times that
    gain_of   by receptor, the currents that its gain bias can be set to: (codes,) ascending
    """

    sizes: Mapping[str, int]
    links: tuple[Link, ...]
    currents: Mapping[str, float]
    tied: Mapping[str, str]
    classes: int
    constants: Constants
    base: float
    gain_of: Mapping[str, Array]
    dendrite: Dendrite

    @cached_property
    def start(self) -> Mapping[str, int]:
        """Return the number of every population's first source: inputs, then neurons."""
        ends = np.cumsum([0, *self.sizes.values()])
        return {name: int(at) for name, at in zip(self.sizes, ends, strict=False)}

    @property
    def inputs(self) -> int:
        """How many sources are inputs."""
        return self.sizes[INPUT]

    @property
    def neurons(self) -> int:
        """How many neurons there are."""
        return sum(self.sizes.values()) - self.inputs

    @property
    def neuron_sizes(self) -> tuple[tuple[str, int], ...]:
        """The populations of neurons and their sizes."""
        return tuple((name, size) for name, size in self.sizes.items() if name != INPUT)

    @cached_property
    def output_class(self) -> Array:
        """The classes of the last population's neurons."""
        return np.repeat(np.arange(self.classes), self.sizes["output"] // self.classes)

    def charge(self, receptor: str) -> float:
        """Return what a spike of the least mask brings a dendrite, q of (D2)."""
        return charge_of(self.base, receptor, self.currents, self.constants)

    def gain(self, receptor: str, least: float) -> float:
        """Return the gain current with which the least mask adds `least` leaks, in ampere.

        It is the nearest that the bias generator gives.
        """
        offered = self.gain_of[receptor]
        ampere = least * self.currents["membrane_leak"] / self.charge(receptor)
        place = int(np.searchsorted(offered, ampere))
        near = offered[max(place - 1, 0) : place + 1]
        return float(near[np.abs(np.log(near / max(ampere, offered[0]))).argmin()])

    def wiring(self, source: Array, target: Array, receptor: Array) -> Wiring:
        """Return neurons at these currents and synapses of 1 A, whose strengths are factors."""
        n = self.neurons
        names = list(dict.fromkeys(self.tied.values()))
        cores = [(names.index(self.tied[name]), size) for name, size in self.neuron_sizes]
        return Wiring(
            soma={key: np.full(n, self.currents.get(role, 1e-12)) for key, role in SOMA.items()}
            | {"gate": np.zeros(n), "direct": np.zeros(n), "adaptation_weight": np.zeros(n)},
            tau=np.stack([np.full(n, self.currents[f"{r}_tau"]) for r in RECEPTORS]),
            gain=np.stack([np.full(n, self.currents[f"{r}_gain"]) for r in RECEPTORS]),
            source=source,
            target=target,
            receptor=receptor,
            weight=np.ones(len(source)),
            cam=np.arange(len(source)),
            inputs=self.inputs,
            output=np.concatenate([np.full(n - len(self.output_class), -1), self.output_class]),
            core=np.concatenate([np.full(size, core) for core, size in cores]),
            constants=self.constants,
            dendrite=self.dendrite,
        )


def charge_of(
    weight: float, receptor: str, currents: Mapping[str, float], constants: Constants
) -> float:
    """Return what a spike brings a dendrite by a weight current in ampere, q of (D2)."""
    c, leak = constants, currents[f"{receptor}_tau"]
    tau = time_constant(getattr(c, f"c_{receptor}"), np.array(leak), c)
    pulse = c.threshold_voltage * c.c_pulse / currents["pulse"]
    return float(weight / leak * -np.expm1(-pulse / tau))


def plan_of(config: ChipConfig, spec: ChipSpec, dac: Dac, *, inputs: int, classes: int) -> Plan:
    """Return the plan of a configuration on a chip.

    Raises:
        CapacityError: more neurons or synapses than the board offers, with the numbers.
    """
    shape = config.network
    sizes = {
        INPUT: inputs,
        "inhibitory": shape.inhibitory,
        "excitatory": shape.excitatory,
        "output_inhibitory": shape.output_inhibitory,
        "output": shape.outputs * classes,
    }
    plan = Plan(
        sizes=sizes,
        links=_links(config, sizes, spec),
        currents=currents_of(config.neuron, spec, dac),
        tied={
            name: "inhibitory" if "inhibitory" in name else name for name in sizes if name != INPUT
        },
        classes=classes,
        constants=spec.constants,
        base=dac.code(spec.bias_of[WEIGHT_ROLES[0]], config.neuron.base_na * 1e-9).current,
        gain_of={r: dac.offered(spec.bias_of[f"{r}_gain"]) for r in RECEPTORS},
        dendrite=config.neuron.dendrite,
    )
    _refuse_misfits(plan, spec)
    return plan


def _links(config: ChipConfig, sizes: Mapping[str, int], spec: ChipSpec) -> tuple[Link, ...]:
    pixel_rate = 0.3 * config.network.peak_rate_hz  # a mean pixel, about
    kinds = {"both": ("gaba", "shunt"), "none": ()}.get(
        config.network.inhibition, (config.network.inhibition,)
    )
    links = []
    for target, source, inhibitor, drive in (
        ("inhibitory", INPUT, None, 6.0),
        ("excitatory", INPUT, "inhibitory", 8.0),
        ("output_inhibitory", "excitatory", None, 6.0),
        ("output", "excitatory", "output_inhibitory", 8.0),
    ):
        begin = getattr(config.synapses, f"{target}_begin")
        keep = getattr(config.synapses, target)
        ways = [(spec.roles.excitation, source, drive, 0)]
        if inhibitor is not None:
            ways += [(spec.roles.subtractive, inhibitor, 0.5 * drive, 1)] * ("gaba" in kinds)
            ways += [(spec.roles.divisive, inhibitor, 0.075 * drive, 2)] * ("shunt" in kinds)
        for receptor, origin, amount, which in ways:
            most = sizes[origin]
            link = Link(
                source=origin,
                target=target,
                receptor=receptor,
                begin=min(most, begin[which]),
                keep=min(most, begin[which], keep[which]),
                drive=amount,
                rate=pixel_rate if origin == INPUT else 50.0,
            )
            links += [link] if link.keep else []
    return tuple(links)


def currents_of(neuron: Neuron, spec: ChipSpec, dac: Dac) -> dict[str, float]:
    """Return the currents of all roles as the bias generator gives them."""
    c = spec.constants
    kappa = (c.kappa_n + c.kappa_p) / 2
    gain = neuron.gain_pa * 1e-12

    def leak(capacitance: float, tau_ms: float) -> float:
        return capacitance * c.thermal_voltage / (kappa * tau_ms * 1e-3)

    taus = {
        "ampa": neuron.tau_ampa_ms,
        "nmda": neuron.tau_ampa_ms,
        "gaba": neuron.tau_gaba_ms,
        "shunt": neuron.tau_shunt_ms,
    }
    wanted = {
        "membrane_leak": leak(c.c_membrane, neuron.tau_membrane_ms),
        "membrane_gain": gain,
        "threshold": gain * neuron.threshold,
        "refractory": c.threshold_voltage * c.c_refractory / (neuron.refractory_ms * 1e-3),
        "pulse": c.threshold_voltage * c.c_pulse / (neuron.pulse_us * 1e-6),
        **{f"{name}_tau": leak(spec.capacitance(name), taus[name]) for name in RECEPTORS},
        **{f"{name}_gain": PROXY_GAIN for name in RECEPTORS},
    }
    realised = {
        role: dac.code(spec.bias_of[role], ampere).current for role, ampere in wanted.items()
    }
    return {"dc": 0.0, **realised} | dict.fromkeys(set(ROLES) - set(realised) - {"dc"}, 0.0)


def _refuse_misfits(plan: Plan, spec: ChipSpec) -> None:
    chip, faults = spec.chip, []
    offered = spec.chips * chip.cores * chip.neurons
    if plan.neurons > offered:
        faults.append(f"{plan.neurons} neurons, the board has {offered}")
    cores = sum(
        -(-sum(n for name, n in plan.sizes.items() if plan.tied.get(name) == group) // chip.neurons)
        for group in set(plan.tied.values())
    )
    if cores > spec.chips * chip.cores:
        faults.append(
            f"{cores} cores of one set of biases, the board has {spec.chips * chip.cores}"
        )
    for name in plan.tied:
        cams = sum(link.keep for link in plan.links if link.target == name)
        if cams > chip.cams:
            faults.append(f"{cams} CAMs a neuron of {name}, a neuron has {chip.cams}")
    if plan.inputs > chip.tags // 2:
        faults.append(f"{plan.inputs} input sources, half of a core's tags are {chip.tags // 2}")
    if faults:
        raise CapacityError(
            f"the network does not fit {spec.name}: {'; '.join(faults)}",
            where="[network] and [synapses] of the configuration",
            fix="lower these counts with --set, or choose samples with fewer values",
        )

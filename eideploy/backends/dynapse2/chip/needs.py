"""What biases a population needs on its core, and which populations can share one."""

from collections.abc import Mapping
from dataclasses import dataclass

from eideploy.backends.dynapse2.chip.biases import Code, Dac
from eideploy.backends.dynapse2.chip.network import ChipNetwork, Population
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, SOMA_ROLES, WEIGHT_ROLES, ChipSpec

SLACK = 1.05  # a current beyond a bias's reach by so little is met by its end


@dataclass(frozen=True, kw_only=True)
class Needs:
    """The codes that matter to a population, by role; what it does not use may be anything."""

    name: str
    codes: Mapping[str, Code]

    def conflict(self, other: "Needs") -> str | None:
        """Return a role that the two need different codes of, if there is one."""
        for role in self.codes.keys() & other.codes.keys():
            one, two = self.codes[role], other.codes[role]
            if (one.coarse, one.fine) != (two.coarse, two.fine):
                return role
        return None


def needs_of(network: ChipNetwork, spec: ChipSpec, dac: Dac) -> dict[str, Needs]:
    """Return the needs of every population of neurons.

    A bias of a dendrite without synapses does not matter, nor the constant current where it is 0;
    the base currents do where the network fixes them.
    """
    heard = {(p.target, p.dendrite) for p in network.projections if p.weight.any()}
    needs = {}
    for population in network.neurons:
        currents = _asked(population, heard)
        base = network.base_currents.get(population.name)
        if base is not None:
            currents |= dict(zip(WEIGHT_ROLES, (float(b) for b in base), strict=True))
        codes = {role: dac.code(spec.bias_of[role], amps) for role, amps in currents.items()}
        needs[population.name] = Needs(name=population.name, codes=codes)
    return needs


def out_of_reach(network: ChipNetwork, spec: ChipSpec, dac: Dac) -> list[str]:
    """Return what asks for a current that its bias cannot give."""
    heard = {(p.target, p.dendrite) for p in network.projections if p.weight.any()}
    faults = []
    for population in network.neurons:
        for role, ampere in _asked(population, heard).items():
            low, high = dac.reach(spec.bias_of[role])
            if not low / SLACK <= ampere <= high * SLACK:
                faults.append(
                    f"population {population.name} asks for {role} = {ampere:.3g} A, "
                    f"{spec.bias_of[role]} gives {low:.3g} to {high:.3g} A"
                )
    return faults


def _asked(population: Population, heard: set[tuple[str, str]]) -> dict[str, float]:
    roles = [role for role in SOMA_ROLES if role != "dc" or population.currents["dc"] > 0]
    for receptor in RECEPTORS:
        if (population.name, receptor) in heard:
            roles += [f"{receptor}_tau", f"{receptor}_gain"]
    return {role: population.currents[role] for role in roles}

"""A small E-I network at the shipped operating point; its synapses are random."""

import numpy as np

from eideploy.backends.dynapse2.chip.account import account
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.spec import read_spec
from eideploy.backends.dynapse2.config import ChipConfig
from eideploy.backends.dynapse2.folders import finish_chip_build
from eideploy.backends.dynapse2.training import synapses as syn
from eideploy.backends.dynapse2.training.export import chip_network
from eideploy.backends.dynapse2.training.plan import plan_of
from tests.backends.dynapse2.networks import SPEC

SMALL = {
    "network.excitatory": "30", "network.inhibitory": "8", "network.output_inhibitory": "4",
    "network.outputs": "3", "network.duration_ms": "30.0", "network.peak_rate_hz": "400.0",
}  # fmt: skip
INPUTS, CLASSES = 16, 3


def small_network(*, inputs=INPUTS, classes=CLASSES, **more):
    """Return a network that fires at some tens of Hz, of three output neurons a class."""
    config = ChipConfig().with_overrides(SMALL | more)
    plan = plan_of(config, SPEC, load_dac(SPEC), inputs=inputs, classes=classes)
    synapses = syn.draw(plan, np.random.default_rng(0))
    syn.prune(plan, synapses, 1.0)
    synapses.strength *= 3
    return chip_network(config, plan, synapses)


def small_build(folder, *, neurons, data=None, **network):
    """Return a folder with a build of a small network on cores of so many neurons.

    data     the data set that it is of; network: what `small_network` takes
    """
    spec = folder.with_name(f"{folder.name}.toml")
    text = SPEC.source.read_text("utf-8")
    spec.write_text(text.replace("neurons = 256 ", f"neurons = {neurons} "))
    folder.mkdir()
    mapped = map_network(small_network(**network), read_spec(spec))
    content = {"run": "x", "backend": "dynapse2", **({"data": data} if data else {})}
    finish_chip_build(folder, mapped, account(mapped), content)
    return folder


def images(count):
    return np.random.default_rng(1).random((count, INPUTS))

"""What describes a training for a mixed-signal chip: presets beside this file, or a file."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from eideploy.config.checks import data_faults
from eideploy.config.reading import Described, beyond_bounds
from eideploy.config.sections import Data, Share, Size
from eideploy.errors import ConfigError
from eideploy.options.choices import Dendrite
from eideploy.tables import MOST_TOML, parse_toml
from eideploy.typed import Fault, Within, refuse

CHIP_PRESETS = Path(__file__).resolve().parent / "presets"
CHIP_PRESET = "digits-dynapse2"
Inhibition = Literal["both", "gaba", "shunt", "none"]
Tau = Annotated[float, Within(0.1, 1000.0)]
Count = Annotated[int, Within(0, 65_536)]
Counts = tuple[Count, Count, Count]


@dataclass(frozen=True, kw_only=True)
class ChipNetworkShape:
    """Populations, and how a sample is shown; the input's size comes from the data set."""

    excitatory: Size = 512
    """Excitatory neurons."""
    inhibitory: Size = 96
    """Inhibitory neurons that the input drives; they inhibit the excitatory ones."""
    output_inhibitory: Size = 32
    """Inhibitory neurons that reach the outputs."""
    outputs: Annotated[int, Within(1, 4096)] = 20
    """Output neurons of each class."""
    inhibition: Inhibition = "both"
    """Which dendrites the inhibitory neurons reach."""
    peak_rate_hz: Annotated[float, Within(1.0, 10_000.0)] = 200.0
    """Events a second of an input whose value is 1."""
    duration_ms: Annotated[float, Within(1.0, 10_000.0)] = 60.0
    """Time that a sample is shown for."""


@dataclass(frozen=True, kw_only=True)
class Synapses:
    """CAMs of a neuron by dendrite: excitation, GABA_B, shunt."""

    excitatory_begin: Counts = (64, 32, 32)
    """Of excitatory neurons, before pruning."""
    excitatory: Counts = (40, 12, 12)
    """Of excitatory neurons."""
    inhibitory_begin: Counts = (64, 0, 0)
    """Of inhibitory neurons, before pruning."""
    inhibitory: Counts = (48, 0, 0)
    """Of inhibitory neurons."""
    output_inhibitory_begin: Counts = (72, 0, 0)
    """Of the inhibitory neurons that reach the outputs, before pruning."""
    output_inhibitory: Counts = (60, 0, 0)
    """Of the inhibitory neurons that reach the outputs."""
    output_begin: Counts = (72, 16, 16)
    """Of output neurons, before pruning."""
    output: Counts = (44, 10, 10)
    """Of output neurons."""


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """Biases that all neurons share; what a synapse adds is learned."""

    tau_membrane_ms: Annotated[float, Within(0.1, 300.0)] = 20.0
    """Time constant of the membrane."""
    tau_ampa_ms: Tau = 10.0
    """Of excitation."""
    tau_gaba_ms: Tau = 10.0
    """Of subtractive inhibition."""
    tau_shunt_ms: Tau = 10.0
    """Of shunting inhibition."""
    gain_pa: Annotated[float, Within(0.5, 1e6)] = 5.0
    """Igain of the membrane; a spike resets to the dark current divided by it."""
    threshold: Annotated[float, Within(0.01, 1e4)] = 2.0
    """Ispkthr / Igain, the current at which a neuron fires."""
    refractory_ms: Annotated[float, Within(0.001, 1000.0)] = 1.0
    """Time after a spike in which a neuron is silent."""
    pulse_us: Annotated[float, Within(0.2, 1e5)] = 10.0
    """Length of a pulse that an event starts in a synapse."""
    base_na: Annotated[float, Within(0.01, 500.0)] = 25.0
    """Weight bias W0; W1 to W3 are 2, 4 and 8 times that."""
    dendrite: Dendrite = "full"
    """Equation of the dendrites; linear leaves out what their gains do at small currents."""


@dataclass(frozen=True, kw_only=True)
class ChipTraining:
    """The optimiser, and what a training goes through on its way to the chip."""

    epochs: Annotated[int, Within(1, 10_000)] = 60
    """Passes over the training samples."""
    batch: Annotated[int, Within(16, 65_536)] = 64
    """Samples in a batch, in groups of 16, each on a chip of its own."""
    rate: Annotated[float, Within(0.0, 10.0)] = 0.05
    """Peak learning rate, in mean weights of the dendrite."""
    dt_ms: Annotated[float, Within(0.01, 10.0)] = 1.0
    """Time step of the simulation that is trained through."""
    mismatch: Share = 0.2
    """Largest CV of a group of chips; the groups have 0, half and all of it."""
    bias_error: Share = 0.15
    """Largest CV of what is common to a bias on a core; the groups as for mismatch."""
    dimmest: Annotated[float, Within(0.01, 1.0)] = 1.0
    """Least contrast of a training sample; it is log-uniform from that to 1."""
    temperature: Annotated[float, Within(0.01, 100.0)] = 3.0
    """What a spike adds to the logit, in the mean over the neurons of a class."""
    slope: Annotated[float, Within(0.01, 100.0)] = 2.0
    """Slope of the surrogate gradient, in thresholds."""
    dead: Share = 0.1
    """Share of the gradient that passes below the floor of the input."""
    prune_from: Share = 0.1
    """Share of the epochs after which weak synapses begin to be removed."""
    prune_to: Share = 0.4
    """Share of the epochs at which they have."""
    quantise_from: Share = 0.6
    """Share of the epochs from which on weights are those that the chip has."""
    threads: Annotated[int, Within(1, 1024)] = 2
    """Threads of the kernel; they do not affect the result."""


@dataclass(frozen=True, kw_only=True)
class ChipConfig(Described):
    """One training for a chip, completely described.

    Raises:
        ConfigError: a value is out of bounds or contradicts another; the key is named.
    """

    network: ChipNetworkShape = field(default_factory=ChipNetworkShape)
    synapses: Synapses = field(default_factory=Synapses)
    neuron: Neuron = field(default_factory=Neuron)
    training: ChipTraining = field(default_factory=ChipTraining)
    data: Data = field(default_factory=lambda: Data(shift=0.4))
    target: str = "dynapse2"
    """The chip, or the file of a spec."""
    seed: Annotated[int, Within(0, 2**32 - 1)] = 0
    """Seed of everything random."""

    def __post_init__(self) -> None:
        faults = (*beyond_bounds(self), *data_faults(self.data), *self._contradictions())
        refuse(faults, error=ConfigError, where="the configuration")

    def _contradictions(self) -> Iterator[Fault]:
        t = self.training
        if not t.prune_from < t.prune_to <= t.quantise_from:
            yield Fault(
                what=f"training.prune_from, prune_to and quantise_from are {t.prune_from}, "
                f"{t.prune_to} and {t.quantise_from}, which do not follow each other",
                where="training",
                fix="choose training.prune_from < training.prune_to <= training.quantise_from",
            )
        if (t.epochs - 1) / t.epochs < t.prune_to:
            yield Fault(
                what=f"training.epochs = {t.epochs} ends before synapses are pruned to those that "
                f"there are, at {t.prune_to} of the training",
                where="training.epochs",
                fix="set more training.epochs, or a smaller training.prune_to",
            )


def chip_presets() -> tuple[str, ...]:
    """Return the names of the shipped presets for mixed-signal chips."""
    return tuple(sorted(path.stem for path in CHIP_PRESETS.glob("*.toml")))


def is_for_chip(name: str) -> bool:
    """Return whether a preset or file describes a training for a mixed-signal chip."""
    if name in chip_presets():
        return True
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file():
        return False
    from eideploy.files import read_text  # late: with it comes numpy, and --help reads no file

    try:
        return "target" in parse_toml(read_text(path, most=MOST_TOML))
    except (OSError, ValueError):
        return False  # whoever reads it as another configuration says what is wrong


def load_chip_config(name: str) -> ChipConfig:
    """Read a preset, or a file for which `is_for_chip` holds.

    Raises:
        ConfigError: a key or value is wrong.
    """
    path = CHIP_PRESETS / f"{name}.toml" if name in chip_presets() else Path(name)
    return ChipConfig.of_toml(path.read_text(encoding="utf-8"), where=str(name))

"""What describes a training for a mixed-signal chip: presets beside this file, or a file."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from eideploy.config.reading import Described, check_bounds, leaves
from eideploy.config.sections import Data, bounded
from eideploy.errors import ConfigError
from eideploy.tables import MOST_TOML, parse_toml

CHIP_PRESETS = Path(__file__).resolve().parent / "presets"
CHIP_PRESET = "digits-dynapse2"
Inhibition = Literal["both", "gaba", "shunt", "none"]


@dataclass(frozen=True, kw_only=True)
class ChipNetworkShape:
    """Populations, and how a sample is shown; the input's size comes from the data set."""

    excitatory: int = bounded(512, 1, 65_536)
    inhibitory: int = bounded(96, 1, 65_536)  # driven by the input, inhibits the excitatory ones
    output_inhibitory: int = bounded(32, 1, 65_536)
    outputs: int = bounded(20, 1, 4096)  # neurons a class
    inhibition: Inhibition = "both"  # which dendrites the inhibitory neurons reach
    peak_rate_hz: float = bounded(200.0, 1.0, 10_000.0)  # events a second of a source at 1
    duration_ms: float = bounded(60.0, 1.0, 10_000.0)  # that a sample is shown for


@dataclass(frozen=True, kw_only=True)
class Synapses:
    """CAMs of a neuron by dendrite: excitation, GABA_B, shunt; begun with and kept."""

    excitatory_begin: tuple[int, ...] = (64, 32, 32)
    excitatory: tuple[int, ...] = (40, 12, 12)
    inhibitory_begin: tuple[int, ...] = (64, 0, 0)
    inhibitory: tuple[int, ...] = (48, 0, 0)
    output_inhibitory_begin: tuple[int, ...] = (72, 0, 0)
    output_inhibitory: tuple[int, ...] = (60, 0, 0)
    output_begin: tuple[int, ...] = (72, 16, 16)
    output: tuple[int, ...] = (44, 10, 10)


@dataclass(frozen=True, kw_only=True)
class Neuron:
    """Biases that all neurons share; what a synapse adds is learned."""

    tau_membrane_ms: float = bounded(20.0, 0.1, 300.0)
    tau_ampa_ms: float = bounded(10.0, 0.1, 1000.0)
    tau_gaba_ms: float = bounded(10.0, 0.1, 1000.0)
    tau_shunt_ms: float = bounded(10.0, 0.1, 1000.0)
    gain_pa: float = bounded(5.0, 0.5, 1e6)  # Igain of the membrane; the reset is dark current / it
    threshold: float = bounded(2.0, 0.01, 1e4)  # Ispkthr / Igain
    refractory_ms: float = bounded(1.0, 0.001, 1000.0)
    pulse_us: float = bounded(10.0, 0.2, 1e5)
    base_na: float = bounded(0.5, 0.01, 500.0)  # W0; W1 to W3 are 2, 4 and 8 times that


@dataclass(frozen=True, kw_only=True)
class ChipTraining:
    """The optimiser, and what a training goes through on its way to the chip."""

    epochs: int = bounded(60, 1, 10_000)
    batch: int = bounded(64, 16, 65_536)  # in groups of 16 samples, each on a chip of its own
    rate: float = bounded(0.05, 0.0, 10.0)  # peak, in mean weights of the dendrite
    dt_ms: float = bounded(1.0, 0.01, 10.0)
    mismatch: float = bounded(0.2, 0.0, 1.0)  # largest CV of a group; 0, half and all of it
    dimmest: float = bounded(1.0, 0.01, 1.0)  # least contrast; each sample's is log-uniform up to 1
    temperature: float = bounded(3.0, 0.01, 100.0)  # logit a spike, mean over a class's neurons
    slope: float = bounded(2.0, 0.01, 100.0)  # of the surrogate gradient, a threshold
    dead: float = bounded(0.1, 0.0, 1.0)  # share of the gradient past the input's floor
    prune_from: float = bounded(0.1, 0.0, 1.0)  # of the epochs
    prune_to: float = bounded(0.4, 0.0, 1.0)
    quantise_from: float = bounded(0.6, 0.0, 1.0)
    threads: int = bounded(2, 1, 1024)  # the result does not hang on it


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
    seed: int = bounded(0, 0, 2**32 - 1)

    def __post_init__(self) -> None:
        for path, holder, spec in leaves(self):
            check_bounds(path, getattr(holder, spec.name), spec)
        for key, value in vars(self.synapses).items():
            if len(value) != 3 or not all(type(v) is int and v >= 0 for v in value):
                raise ConfigError(
                    f"synapses.{key} = {value} does not list three counts",
                    where=f"synapses.{key}",
                    fix="write excitation, GABA_B and shunt, as [40, 12, 12]",
                )
        t = self.training
        if not t.prune_from < t.prune_to <= t.quantise_from:
            raise ConfigError(
                f"training.prune_from, prune_to and quantise_from are {t.prune_from}, "
                f"{t.prune_to} and {t.quantise_from}, which do not follow each other",
                where="training",
                fix="choose prune_from < prune_to <= quantise_from",
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

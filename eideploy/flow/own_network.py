"""Which network is trained on data that nobody made a preset for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from eideploy.config import Config, Training, Width, load_config
from eideploy.config.reading import toml_value
from eideploy.data import Dataset
from eideploy.data.origin import Place
from eideploy.flow.origins import origin_of
from eideploy.progress import note
from eideploy.report.text import counted

FEWEST_EPOCHS, MORE_EPOCHS = 5, 3  # at least so many; at most so many times those of the preset
BATCHES, SMALLEST_BATCH = 8, 8  # fewer batches an epoch are made so many, each of at least so many
CAREFUL = Training()  # the defaults, as nobody has tuned the preset for these data
ITS_DATA = "data.", "network.steps"  # settings that the data are read by


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A preset, and how many samples its own data set trains it with.

    widths  other ones than the preset's, for samples that are too large for these
    """

    preset: str
    samples: int
    widths: tuple[Width, ...] = ()

    @property
    def described(self) -> str:
        """What is taken, in words."""
        own = f" with network.widths = {toml_value(self.widths)}" if self.widths else ""
        return f"preset {self.preset}{own}"


MLP = Choice(preset="digits-mlp", samples=1437)
SMALL = Choice(preset="digits-conv", samples=1437)
LARGE = Choice(preset="fashion-mnist-conv", samples=60_000)
LARGER = replace(LARGE, widths=(16, "P", 32, "P", 64, "P"))  # whose readout has few inputs
SMALL_FRAMES = Choice(preset="digits-events-resnet", samples=1437)
FRAMES = Choice(preset="digits-events-vgg8", samples=1437)
SMALL_SIDE = 14  # of images that a network for small boards is trained on
SMALL_TRAINING = (
    f"eideploy train {MLP.preset} --data PATH --set data.size={SMALL_SIDE}x{SMALL_SIDE}"
)


def chosen(overrides: Mapping[str, str], place: Place) -> tuple[Config, Dataset]:
    """Return the configuration for the data that `overrides` name, and these.

    The network and its training are those of the preset that suits the samples, over as many
    batches as that takes for its own; nothing is augmented.

    Raises:
        ConfigError, DataError, UsageError: as of a training.
    """
    reading = {key: value for key, value in overrides.items() if key.startswith(ITS_DATA)}
    described = Config().with_overrides(reading)
    steps = described.network.steps if "network.steps" in overrides else None
    dataset = origin_of(described.data).load(place, steps=steps)
    choice = choice_for(dataset)
    config = adapted(load_config(choice.preset), choice, dataset)
    config = replace(config, data=described.data).with_overrides(overrides)
    for remark in dataset.notes:
        note(f"{config.data.name}: {remark}")
    note(
        f"{config.data.name}: {dataset.description}; taking the network of {choice.described}, "
        f"{counted(config.training.epochs, 'epoch')} in batches of {config.training.batch}, "
        "no augmentation"
    )
    return config, dataset


def choice_for(dataset: Dataset) -> Choice:
    """Return the preset whose network suits samples of such a shape."""
    side = min(dataset.input_shape[1:])
    if side < 4:  # what is pooled twice
        return MLP
    if dataset.steps is not None:
        return FRAMES if side >= 32 else SMALL_FRAMES  # what is pooled five times
    if side < 16:
        return SMALL
    return LARGE if max(dataset.input_shape[1:]) <= 28 else LARGER  # Fashion-MNIST has 28x28


def adapted(config: Config, choice: Choice, dataset: Dataset) -> Config:
    """Return a preset with frames, batches and epochs that suit other data than its own.

    Few samples are trained on in smaller batches: an epoch of one batch is long, and learns little.
    """
    training = config.training
    batch = min(training.batch, max(SMALLEST_BATCH, len(dataset.train) // BATCHES))
    epochs = training.epochs * batch / training.batch  # as many batches, of so many samples
    same_work = round(epochs * choice.samples / len(dataset.train))
    epochs = max(FEWEST_EPOCHS, min(same_work, round(MORE_EPOCHS * epochs)))
    return replace(
        config,
        network=replace(
            config.network,
            steps=dataset.steps or config.network.steps,
            widths=choice.widths or config.network.widths,
        ),
        training=replace(
            training,
            epochs=epochs,
            batch=batch,
            clip_ratio=CAREFUL.clip_ratio,
            setbacks=CAREFUL.setbacks,
        ),
    )

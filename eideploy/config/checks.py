"""What excludes what among the keys of a configuration."""

from collections.abc import Iterator

from eideploy.config.reading import toml_value
from eideploy.config.sections import Ablation, Architecture, Data, Training, is_set
from eideploy.typed import Fault

OF_ONE_KIND = {"blocks": "resnet", "classifier": "vgg"}
WIDEST, DEEPEST = 65_536, 1024  # neurons or channels of a layer, entries of a list of widths


def width_faults(network: Architecture) -> Iterator[Fault]:
    """Say where the widths make no network of that kind."""
    numbers = [w for w in network.widths if w != "P"]
    if not numbers or network.widths[0] == "P":
        yield _bad_widths("name no first layer", "begin with a number of excitatory neurons")
        return
    ratio = network.ei_ratio
    if small := [w for w in numbers if w < ratio]:
        yield _bad_widths(
            f"hold {small[0]} excitatory neurons, which leaves no inhibitory one (n_I = n_E // "
            f"{ratio})",
            f"give every layer at least {ratio}"
            + (", or set a lower network.ei_ratio" if ratio > 1 else ""),
        )
    if (large := max(numbers)) > WIDEST:
        yield _bad_widths(f"hold {large} neurons", f"give every layer at most {WIDEST}")
    if (entries := len(network.widths)) > DEEPEST:
        yield _bad_widths(f"have {entries} entries", f"give at most {DEEPEST}")
    if len(numbers) < len(network.widths) and network.kind != "vgg":
        yield _bad_widths(f"pool, which a {network.kind} does not", 'remove the "P"')


def _bad_widths(what: str, fix: str) -> Fault:
    return Fault(what=f"the widths {what}", where="network.widths", fix=fix)


def kind_faults(network: Architecture) -> Iterator[Fault]:
    """Say where a key is set that a network of that kind has no use for."""
    if network.normalization == "batch" and network.ei_ratio != Architecture().ei_ratio:
        yield Fault(
            what="a batch-normalised network has no inhibitory neurons for network.ei_ratio",
            where="network.ei_ratio",
            fix='leave it out, or set network.normalization = "ei"',
        )
    for key, kind in OF_ONE_KIND.items():
        value, default = getattr(network, key), getattr(Architecture(), key)
        if network.kind != kind and value != default:
            yield Fault(
                what=f"network.{key} = {toml_value(value)} has no effect on a {network.kind}",
                where=f"network.{key}",
                fix=f'leave it out, or set network.kind = "{kind}"',
            )


def data_faults(data: Data) -> Iterator[Fault]:
    """Say where two sets of data are named, or a key has no effect on the one that is."""
    if data.path and is_set(data.name):
        yield Fault(
            what=f"data.name is {data.name} and data.path {data.path}: two sets of data",
            where="data.name, data.path",
            fix="leave one of them out, or name your own with --data",
        )
    for key in ("size", "sensor", "framing"):
        if getattr(data, key) != getattr(Data(), key) and not data.path:
            yield Fault(
                what=f"data.{key} has no effect on the data set {data.name}",
                where=f"data.{key}",
                fix="leave it out; it applies only to data of your own, with data.path",
            )


def training_faults(training: Training, *, steps: int) -> Iterator[Fault]:
    """Say where there is no variance to begin from."""
    if training.batch * steps == 1:
        yield Fault(
            what="one image shown for one step has no variance, which E-I Init needs",
            where="training.batch, network.steps",
            fix="choose a larger training.batch",
        )


def ablation_faults(
    ablation: Ablation, network: Architecture, training: Training
) -> Iterator[Fault]:
    """Say where there is nothing to leave out, or no kernel that leaves it out."""
    changed = [f"ablation.{name}" for name in ablation.changed()]
    if changed and network.normalization == "batch":
        yield Fault(
            what=f"a batch-normalised network has nothing that {', '.join(changed)} could change",
            where=", ".join(changed),
            fix='leave [ablation] out, or set network.normalization = "ei"',
        )
    if not ablation.straight_through and ablation.epsilon != "adaptive":
        yield Fault(
            what="a fixed epsilon replaces no divisor, so no gradient could pass straight through",
            where="ablation.straight_through, ablation.epsilon",
            fix="set one of them only",
        )
    if ablation.needs_plain and training.kernel == "fused":
        yield Fault(
            what=f"the fused kernel computes the whole method, without {', '.join(changed)}",
            where="training.kernel",
            fix='set training.kernel = "plain", or "auto", which then takes plain torch',
        )


def reset_faults(network: Architecture, training: Training) -> Iterator[Fault]:
    """Yield what is wrong where the chosen kernel cannot do the chosen reset."""
    if network.reset == "hard" and training.kernel == "fused":
        yield Fault(
            what="the fused kernel subtracts the threshold; it does not reset to zero",
            where="training.kernel",
            fix='set training.kernel = "plain", or "auto", which then takes plain torch',
        )

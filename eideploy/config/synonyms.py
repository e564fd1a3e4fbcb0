"""What settings are called elsewhere, and what to write for a key that there is not."""

from collections.abc import Mapping, Sequence

from eideploy.nearest import nearest

SYNONYMS: Mapping[str, str] = {  # by the last part of a key
    **dict.fromkeys(("lr", "learning_rate", "base_lr", "max_lr", "peak_lr"), "training.rate"),
    **dict.fromkeys(("batch_size", "batchsize", "minibatch"), "training.batch"),
    **dict.fromkeys(("num_epochs", "n_epochs", "max_epochs"), "training.epochs"),
    **dict.fromkeys(("iterations", "max_iters"), "training.max_iterations"),
    **dict.fromkeys(("warmup", "warmup_steps"), "training.warmup_epochs"),
    **dict.fromkeys(("warmup_lr", "initial_rate"), "training.warmup_rate"),
    **dict.fromkeys(("wd", "decay", "l2"), "training.weight_decay"),
    **dict.fromkeys(("smoothing",), "training.label_smoothing"),
    **dict.fromkeys(("optimiser", "optim"), "training.optimizer"),
    **dict.fromkeys(("dtype", "amp"), "training.precision"),
    **dict.fromkeys(("gpu", "cuda", "cpu", "accelerator"), "training.device"),
    **dict.fromkeys(("workers", "num_workers", "num_threads"), "training.threads"),
    **dict.fromkeys(("t", "time_steps", "timesteps", "num_steps"), "network.steps"),
    **dict.fromkeys(("layers", "channels", "hidden", "hidden_sizes"), "network.widths"),
    **dict.fromkeys(("arch", "architecture", "model"), "network.kind"),
    **dict.fromkeys(("norm", "normalisation"), "network.normalization"),
    **dict.fromkeys(("dataset",), "data.name"),
    **dict.fromkeys(("augment", "transform"), "data.augmentation"),
    **dict.fromkeys(("rotation",), "data.rotate"),
    **dict.fromkeys(("random_seed", "manual_seed"), "seed"),
}
ELSEWHERE: Mapping[str, tuple[Sequence[str], str]] = {  # no key; and the keys that the words name
    **dict.fromkeys(
        ("data", "dir", "root", "folder", "file", "data_dir"),
        (
            ("data.name", "data.path"),
            "choose a data set by data.name, or data of your own by data.path",
        ),
    ),
    **dict.fromkeys(
        ("format", "scheme", "bits", "quantization"),
        ((), "leave it out; eideploy compile --scheme chooses the format of numbers"),
    ),
}


def advice(path: str, known: Sequence[str]) -> str:
    """Return what to write instead of the key `path`, which is none of `known`."""
    section, _, last = path.rpartition(".")
    word = last.lower().replace("-", "_")
    if alike := [key for key in known if key.rpartition(".")[2] == word]:
        return f"write {' or '.join(alike)}"
    if SYNONYMS.get(word) in known:
        return f"write {SYNONYMS[word]}"
    keys, words = ELSEWHERE.get(word, ((), ""))
    if words and set(keys) <= set(known):
        return words
    own = [key for key in known if key.rpartition(".")[0] == section]
    if own and (near := nearest(word, [key.rpartition(".")[2] for key in own])):
        return f"write {section}.{near}" if section else f"write {near}"
    if own:  # the section is right, and says nothing of what the word was to be
        near = nearest(word, {key.rpartition(".")[2] for key in known})
        if near:
            return f"write {' or '.join(key for key in known if key.rpartition('.')[2] == near)}"
    elif near := nearest(path, known):
        return f"write {near}"
    return f"use one of {', '.join(own if section and own else known)}"

"""Samples that the user brings, and results that the user takes away, as numpy files."""

import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from tokenize import TokenError

import numpy as np

from eideploy.circuit import Array, Circuit, IntegerInput
from eideploy.config.sections import IN_MEMORY
from eideploy.data import Dataset
from eideploy.data.origin import Origin, Place
from eideploy.data.own.labels import as_whole
from eideploy.errors import DataError, UsageError
from eideploy.execute.observe import batches
from eideploy.execute.samples import over_time
from eideploy.files import MANIFEST, open_plain, write_atomic
from eideploy.finished import Finished
from eideploy.flow.kept_samples import TEST, kept_of
from eideploy.flow.requests.simulate import OnSamples
from eideploy.nearest import advice_on
from eideploy.options.choices import Split
from eideploy.progress import note
from eideploy.report.text import counted

REMEDY = "write it with numpy.save(path, samples) as float32 of shape (samples, ...)"
CLASSES = "write it with numpy.save(path, classes) as whole numbers or texts of shape (samples,)"
MOST_MADE = 1 << 22  # entries of samples that are made
MAGIC = b"\x93NUMPY"


def read_samples(path: Path, circuit: Circuit) -> Array:
    """Read an .npy file of samples for `circuit`.

    Raises:
        DataError: missing, damaged, or not samples that the circuit takes.
    """
    return read_checked(path, lambda batch: over_time(circuit, batch))


def read_checked(path: Path, check: Callable[[Array], object]) -> Array:
    """Read an .npy file of samples that `check`, given a batch, does not refuse.

    Raises:
        DataError: missing, damaged, not finite, or refused.
    """
    samples = _read_array(path)
    if samples.dtype.kind not in "fiub" or not samples.ndim:
        raise DataError("the file does not hold an array of numbers", where=str(path), fix=REMEDY)
    if not len(samples):
        raise DataError("the file holds no samples", where=str(path), fix=REMEDY)
    for batch in batches(samples):
        if not np.isfinite(batch).all():
            raise DataError(
                "the samples hold values that are not finite numbers",
                where=str(path),
                fix="remove them, or replace them with numpy.nan_to_num",
            )
        try:
            check(batch)
        except DataError as error:
            where = f"{path}, of shape {samples.shape}"
            raise DataError(error.what, where=where, fix=error.fix) from error
    return samples


def read_labels(path: Path, names: Sequence[str], samples: int) -> Array:
    """Read an .npy file of the classes of so many samples: numbers from 0, or names.

    Raises:
        DataError: missing, damaged, or not such classes.
    """
    classes = _read_array(path, fix=CLASSES)
    if classes.shape != (samples,):
        raise DataError(
            f"the classes have the shape {classes.shape}, there are {samples} samples",
            where=str(path),
            fix="save one class per sample, (samples,)",
        )
    if classes.dtype.kind in "US":
        known = {name: number for number, name in enumerate(names)}
        numbers = np.array([known.get(str(name), -1) for name in classes.astype(str)])
    else:
        numbers = as_whole(classes, str(path))
    if (wrong := (numbers < 0) | (numbers >= len(names))).any():
        raise DataError(
            f"{classes[wrong][0]} is not one of the {len(names)} classes",
            where=str(path),
            fix=f"give whole numbers from 0 to {len(names) - 1}, or names as the network has them",
        )
    return numbers


def samples_of(
    source: Finished,
    *,
    input_file: Path | None,
    labels_file: Path | None = None,
    split: Split | None,
    count: int | None,
    place: Place,
    or_kept: bool = False,
) -> tuple[Array, Array | None]:
    """Return the first `count` samples of a file, or of a split of the network's data with labels.

    Where data of the user's are not where they were, those test samples will do, `or_kept`, that
    the run or build keeps.

    Raises:
        UsageError: no file, and the network knows no data set.
        DataError: samples that the network does not take.
    """
    if input_file is not None:
        samples = read_samples(input_file, source.circuit)
        if labels_file is None:
            return samples[:count], None
        labels = read_labels(labels_file, source.class_names, len(samples))
        return samples[:count], labels[:count]
    if source.origin is None:
        raise UsageError(
            "the network was imported and has no data set",
            where=str(source.folder),
            fix="give samples in its input range with --input samples.npy",
        )
    gone = source.origin.own and not source.origin.is_there and place == Place()
    stored = kept_of(source, TEST) if gone and or_kept and split in (None, "test") else None
    if stored is not None:
        name = source.origin.name
        reason = "the data were in memory" if name == IN_MEMORY else f"{name} is not where it was"
        note(
            f"{reason}: taking {len(stored.x)} of {counted(stored.of, 'test sample')}, which "
            f"{source.folder} keeps; --data PATH names all"
        )
        return stored.x[:count], stored.y[:count]
    return split_of(source.origin.load(place, steps=source.circuit.steps), split, count)


def made_samples(circuit: Circuit, count: int) -> Array:
    """Return random sequences on the grid of an integer circuit's input, from sparse to dense."""
    node = circuit.input
    assert isinstance(node, IntegerInput)
    shape = (circuit.steps, *circuit.input.size)
    count = max(1, min(count, MOST_MADE // math.prod(shape)))
    rng = np.random.default_rng(0)
    density = np.linspace(0.1, 1, count).reshape(-1, *(1,) * len(shape))
    is_set = rng.random((count, *shape)) < density
    levels = rng.integers(1, node.top + 1, (count, *shape)) * is_set
    return np.asarray(np.minimum(levels * node.step, node.high), np.float32)


def note_fewer(wanted: int | None, available: int) -> None:
    """Say where there are fewer samples than were asked for."""
    if wanted is not None and available < wanted:
        note(f"there are {counted(available, 'sample')}, all of which are used, and not {wanted}")


def split_of(data: Dataset, split: Split | None, count: int | None) -> tuple[Array, Array]:
    """Return the first `count` samples of a split, the test split by default, and their labels."""
    splits = {"test": [data.test], "train": [data.train], "all": [data.train, data.test]}
    chosen = splits[split or "test"]
    x = np.concatenate([part.batch(slice(count)) for part in chosen])
    y = np.concatenate([part.y[:count] for part in chosen])
    return x[:count], y[:count]


def _read_array(path: Path, fix: str = REMEDY) -> Array:
    """Map the array of an .npy file into memory; nothing in it is run."""
    try:
        with open_plain(path) as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError("it does not begin like one")
        with np.errstate(over="ignore"):  # a size that no file has is refused by what follows
            return np.asarray(np.load(path, allow_pickle=False, mmap_mode="r"))
    except FileNotFoundError as error:
        raise DataError("the file does not exist", where=str(path), fix=advice_on(path)) from error
    except (
        OSError,
        ValueError,
        EOFError,
        SyntaxError,
        TypeError,
        OverflowError,
        TokenError,
    ) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"not an .npy file: {reason}", where=str(path), fix=fix) from error


def require_savable(request: OnSamples, origin: Origin | None) -> None:
    """Refuse before the work results that cannot be written, or would replace what is kept.

    Raises:
        DataError: --save is no file to write, or one of those that are read, data included.
    """
    if request.save is not None:
        data = Path(origin.path) if origin is not None and origin.path else None
        require_place(Path(request.save), inputs=[*request.files, data])


def require_place(path: Path, *, inputs: Iterable[Path | None]) -> None:
    """Refuse before the work a result file that cannot be written, or would replace what is kept.

    Raises:
        DataError: a folder, in no folder, one of the `inputs` or within one, or within a run or a
            build.
    """
    try:
        is_folder, has_folder = path.is_dir(), path.parent.is_dir()
    except OSError as error:  # a name that is too long
        what = f"cannot write: {error.strerror}"
        raise DataError(what, where=str(path), fix="name another file") from error
    if is_folder:
        raise DataError("that is a folder", where=str(path), fix="name a file, e.g. trace.npz")
    if not has_folder:
        raise DataError(
            "there is no folder to write the file into",
            where=str(path.parent),
            fix="make the folder, or name another",
        )
    whole = path.resolve()
    for source in filter(None, inputs):
        if source.resolve() in (whole, *whole.parents):
            raise DataError(
                f"the result would replace {source}, or a part of it",
                where=str(path),
                fix="name another file",
            )
    for folder in whole.parents:
        if (folder / MANIFEST).exists():
            raise DataError(
                f"the result would be written into {folder}, a finished run or build",
                where=str(path),
                fix="name a file elsewhere",
            )


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    """Write arrays as one compressed .npz file, atomically."""
    out = io.BytesIO()
    np.savez_compressed(out, allow_pickle=False, **arrays)
    write_atomic(path, out.getvalue())

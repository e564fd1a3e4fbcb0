"""Where the samples of a network come from, and where they lie now."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from eideploy.data.dataset import Dataset
from eideploy.data.own.files import SAVE
from eideploy.data.own.read import ReadAs, read_own, require_frames
from eideploy.data.registry import load
from eideploy.errors import DataError, EideployError, UsageError
from eideploy.files import exists
from eideploy.nearest import advice_on

OWN = "own_data"  # in a manifest: what is known of data of the user's
KNOWN = ("data", OWN, "classes", "scaling")  # what a build says of data as its run does


def described(dataset: Dataset) -> dict[str, Any]:
    """Return what a manifest tells of samples: names of classes, how values are scaled."""
    scaling = {
        "offset": dataset.offset,
        "divisor": dataset.divisor,
        "high": dataset.high,
        "shape": list(dataset.input_shape),
    }
    return {"classes": list(dataset.class_names), "scaling": scaling}


def known(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a manifest tells of the data, for that of a build."""
    return {"data": None} | {key: content[key] for key in KNOWN if key in content}


def class_names(content: Mapping[str, Any], count: int) -> tuple[str, ...]:
    """Return the names of so many classes that a manifest tells, or their numbers."""
    names = content.get("classes")
    if isinstance(names, list) and len(names) == count:
        return tuple(map(str, names))
    return tuple(map(str, range(count)))


@dataclass(frozen=True, kw_only=True)
class Place:
    """What a command is told of where data lie.

    data_dir    the folder of data sets by name that are not bundled, each in its own
    data        the user's own, where they are not where they were
    given       the user's own that are in memory
    """

    data_dir: Path | None = None
    data: Path | None = None
    given: Dataset | None = None


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A data set by name, or the user's own.

    name    of the set, or of the file or folder of one's own
    path    of one's own: where they were; empty for arrays in memory
    sha256  of the samples that were trained on; empty where any will do
    own     whether they are the user's
    """

    name: str
    path: str = ""
    sha256: str = ""
    own: bool = False
    how: ReadAs = field(default_factory=ReadAs)

    @classmethod
    def of_content(cls, content: Mapping[str, Any]) -> Self | None:
        """Return the origin that a manifest tells, None for none."""
        name, own = content.get("data"), content.get(OWN)
        if not isinstance(name, str):
            return None
        if not isinstance(own, Mapping):
            return cls(name=name)
        facts = {key: str(own.get(key, "")) for key in ("path", "sha256")}
        how = ReadAs(**{key: str(own.get(key, default)) for key, default in vars(ReadAs()).items()})
        return cls(name=name, **facts, own=True, how=how)

    @property
    def is_there(self) -> bool:
        """Whether data of the user's are where they were."""
        return bool(self.path) and exists(Path(self.path))

    @property
    def settings(self) -> dict[str, str]:
        """What the section [data] of a configuration says of it."""
        return {"name": self.name, "path": self.path, **asdict(self.how)}

    @property
    def content(self) -> dict[str, Any]:
        """What a manifest tells of it."""
        if not self.own:
            return {"data": self.name}
        own = {"path": self.path, "sha256": self.sha256, **asdict(self.how)}
        return {"data": self.name, OWN: own}

    def with_samples(self, dataset: Dataset) -> Self:
        """Return the same, of these samples and no others where they are the user's."""
        return replace(self, sha256=dataset.sha256) if self.own else self

    def load(self, place: Place, *, steps: int | None) -> Dataset:
        """Return the samples.

        Raises:
            UsageError: a place that has no effect on such data.
            DataError: missing, damaged, or not those that were trained on.
        """
        if not self.own:
            if place.data is not None:
                raise UsageError(
                    f"--data has no effect on the data set {self.name}, which has a name",
                    where="--data",
                    fix="leave it out; --data-dir says where the named data sets are",
                )
            return load(self.name, place.data_dir, steps=steps)
        if place.data_dir is not None:
            raise UsageError(
                f"--data-dir has no effect on {self.name}, which is data of your own",
                where="--data-dir",
                fix="leave it out; --data says where your data is now",
            )
        return self._load_own(place, steps)

    def _load_own(self, place: Place, steps: int | None) -> Dataset:
        if place.given is not None:
            require_frames(place.given.steps, steps, where=self.name)
            return place.given
        path = place.data or Path(self.path)
        if place.data is None and not self.is_there:
            raise self._missing()
        try:
            dataset = read_own(path, self.how, steps=steps)
        except EideployError as error:
            if not self.sha256:
                raise
            fix = f"name with --data PATH the data that the network was trained on, {self.name}"
            raise DataError(error.what, where=error.where, fix=fix) from error
        if self.sha256 and dataset.sha256 != self.sha256:
            raise self._changed(path, dataset)
        return dataset

    def _changed(self, path: Path, dataset: Dataset) -> DataError:
        """Return the error of data that are others than were trained on, as far as that is told."""
        here = f"{len(dataset.train_x)} training and {len(dataset.test_x)} test samples"
        if self.path and path.resolve() == Path(self.path).resolve():
            return DataError(
                f"the data have changed since the network was trained on them; they are {here} now",
                where=str(path),
                fix="undo what was added, removed or edited, or give other samples with --input",
            )
        return DataError(
            f"this is not the data that the network was trained on, {self.name}, to the last "
            f"sample; it is {here}",
            where=str(path),
            fix="give that data with --data PATH, or other samples with --input",
        )

    def _missing(self) -> DataError:
        """Return the error of data that are not where they were, or were said to be."""
        if self.path and not self.sha256:
            return DataError(
                "there is no such file or folder",
                where=self.path,
                fix=f"{advice_on(Path(self.path))}; of data that were moved, give the new place "
                "with --data PATH",
            )
        where = f"not at {self.path} any more" if self.path else "no file, but were in memory"
        return DataError(
            f"the data that the network was trained on, {self.name}, are {where}",
            where=self.path or self.name,
            fix="give its new location with --data PATH"
            if self.path
            else f"save them, {SAVE}, and name that with --data",
        )

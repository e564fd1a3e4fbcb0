"""Parts that the requests of several jobs have."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from eideploy.backends.catalogue import readable
from eideploy.options import Folder, Option, PathLike, Request, as_path

if TYPE_CHECKING:
    from eideploy.data.origin import Place

READING = "where samples of a data set are read"
WITHOUT_INPUT, WITH_INPUT = "without --input", "with --input"
TARGET = Option(metavar="NAME|SPEC.toml")
GRAPH = readable()


@dataclass(frozen=True, kw_only=True)
class FromGraph(Request):
    """A file of an exchange format, which may ask for more: its format says for what."""


@dataclass(frozen=True, kw_only=True)
class FromDataSet(Request):
    """Samples of a data set."""

    data_dir: Annotated[Folder | None, Option(where=READING)] = None
    """The folder of the data sets that are not bundled, each in a folder of its own."""
    data: Annotated[PathLike | None, Option(metavar="PATH", where=READING)] = None
    """Where your own data is now, if it has moved since training."""

    def place(self) -> "Place":
        """Return where data lie."""
        from eideploy.data.origin import Place  # late: with it comes numpy

        return Place(data_dir=as_path(self.data_dir), data=as_path(self.data))

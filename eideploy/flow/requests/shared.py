"""Parts that the requests of several jobs have."""

from dataclasses import dataclass
from typing import Annotated

from eideploy.options import Folder, Option, Request

READING = "where samples of a data set are read"
WITHOUT_INPUT = "without --input"
DIGITAL_BUILD = "on a build for a digital target"
TARGET = Option(metavar="NAME|SPEC.toml")


@dataclass(frozen=True, kw_only=True)
class FromDataSet(Request):
    """Samples of a data set."""

    data_dir: Annotated[Folder | None, Option(where=READING)] = None
    """Where the data sets that are not bundled lie, each in its own folder."""

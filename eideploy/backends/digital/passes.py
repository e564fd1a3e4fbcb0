"""What every pass changed, as a build keeps it for its report."""

from dataclasses import asdict, dataclass
from pathlib import Path

from eideploy.backends.digital.build import Build
from eideploy.backends.digital.validate.inhibition import Decision
from eideploy.files import read_json, stored, write_json
from eideploy.flow.build_files import PASSES
from eideploy.validate.ladder import Rung


@dataclass(frozen=True, kw_only=True)
class Passes:
    """What compiling found on `samples` of the calibration; older builds decide nothing."""

    format: int = 1
    samples: int
    passes: tuple[Rung, ...]
    inhibition: Decision | None = None

    def write(self, folder: Path) -> None:
        """Write it into a build."""
        write_json(folder / PASSES, asdict(self))


def passes_of(build: Build) -> Passes | None:
    """Return what a build keeps, None where it keeps none.

    Raises:
        FormatError: naming every key that is wrong.
    """
    if not build.holds(PASSES):
        return None
    path = build.folder / PASSES
    return stored(Passes, read_json(path), what="the file", where=str(path))

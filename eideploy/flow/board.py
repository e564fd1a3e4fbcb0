"""Jobs of a board: build, flash, run and test a build, by the backend that it is for."""

from eideploy import folders
from eideploy.backends import families
from eideploy.errors import UsageError
from eideploy.flow.builds import latest_able
from eideploy.flow.requests.board import (
    Biases,
    Board,
    Characterise,
    Flash,
    MakeBitstream,
    OfBuild,
    RunOnBoard,
    Selftest,
    Tune,
    WriteEvents,
)
from eideploy.flow.result import Result
from eideploy.options import as_path
from eideploy.report.text import listing


def show(_: Board) -> Result:
    """Say what there is to do with a board."""
    from eideploy.target import board_names, load_target

    boards = {name: load_target(name).description for name in board_names()}
    text = f"boards, as eideploy compile --target takes them\n{listing(boards)}"
    return Result(text=text, content={"boards": boards})


def build(request: MakeBitstream) -> Result:
    """Make the bitstream of a build."""
    return _asked(request)


def flash(request: Flash) -> Result:
    """Configure a board."""
    return _asked(request)


def run(request: RunOnBoard) -> Result:
    """Run samples on a board."""
    return _asked(request)


def selftest(request: Selftest) -> Result:
    """Run the stored samples on a board."""
    return _asked(request)


def characterise(request: Characterise) -> Result:
    """Measure what mixed-signal chips do."""
    return _asked(request)


def tune(request: Tune) -> Result:
    """Correct the biases of mixed-signal chips."""
    return _asked(request)


def events(request: WriteEvents) -> Result:
    """Write what a board of mixed-signal chips is sent, and the rates to expect."""
    return _asked(request)


def biases(request: Biases) -> Result:
    """List, save, restore or compare sets of biases."""
    return _asked(request)


def _asked(request: OfBuild) -> Result:
    """Ask the backend of a build.

    Raises:
        UsageError: there is no build, or it is for no board.
    """
    folder = as_path(request.build) or latest_able(
        lambda family, build: family.has_board(build), request.backend or None
    )
    if folder is None:
        raise UsageError(
            f"there is no build for {request.backend}" if request.backend else "there is no build",
            where=f"folder {folders.BUILDS}",
            fix=f"make one: eideploy compile --target {request.example}",
        )
    if folders.kind_of(folder, wanted=[folders.BUILD]) != folders.BUILD:
        raise UsageError(
            "the folder is a run", where=str(folder), fix="name a build, which compile writes"
        )
    return families.of_build(folder).board(request, folder)

"""What loads a build on a board, for doctor."""

from importlib.metadata import PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path

from eideploy.backends.executor import installed
from eideploy.flow.finding import MISSING, NOTE, OK, Finding

LIBRARIES = {".so", ".pyd", ".dylib"}


def samna() -> Finding:
    """Tell samna from the stub of its name by its files; importing the stub would install it."""
    spec = find_spec("samna")
    if spec is None:
        return Finding(
            what="samna",
            found="",
            state=MISSING,
            enables="loading a build on a DYNAP-SE2 board",
            fix="the vendor's package index has it; PyPI's is a stub that downloads when imported",
        )
    places = [Path(p) for p in spec.submodule_search_locations or ()]
    real = any(f.suffix in LIBRARIES for place in places for f in place.rglob("*"))
    if not real and (files := _files("samna")):
        real = any(f.suffix in LIBRARIES for f in files)
    number = installed("samna")
    if real:
        return Finding(what="samna", found=f"{number}, with its library", state=OK)
    return Finding(
        what="samna",
        found=f"{number}, the stub",
        state=NOTE,
        enables="loading a build on a DYNAP-SE2 board",
        fix="pip uninstall samna, and install the vendor's: importing the stub downloads",
    )


def _files(name: str) -> list[Path]:
    try:
        return [Path(str(f)) for f in distribution(name).files or ()]
    except PackageNotFoundError:
        return []

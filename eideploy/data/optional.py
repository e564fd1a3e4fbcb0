"""What only some data sets need, imported late: tonic brings torch and takes 2 seconds."""

import importlib
from pathlib import Path
from typing import Any

from eideploy.errors import DataError


def open_tonic(reader: str, folder: Path, **options: bool) -> Any:  # noqa: ANN401
    """Return tonic's data set of that class on files that are there already.

    tonic names a set's folder after its class, counts files, and fetches the set if they are too
    few; the files were checked before, so its count is answered with yes.

    Raises:
        DataError: tonic, or what it decodes AEDAT files with, is not installed.
    """
    require("numpy.lib.recfunctions", folder)  # tonic's DVSGesture takes it as imported
    if reader == "CIFAR10DVS":
        require("aedat", folder)
    base = getattr(require("tonic.datasets", folder), reader)
    kind = type(reader, (base,), {"_check_exists": lambda _: True})
    return kind(save_to=str(folder.parent), **options)


def require(module: str, where: Path) -> Any:  # noqa: ANN401
    """Return that module.

    Raises:
        DataError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(
            f"{error.name or module}, which reads this data set, is not installed",
            where=str(where),
            fix="pip install 'eideploy[data]'",
        ) from error

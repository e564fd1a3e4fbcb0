"""What only some data sets need, imported late: tonic brings torch and takes 2 seconds."""

import importlib
from pathlib import Path
from typing import Any

from eideploy.errors import DataError


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

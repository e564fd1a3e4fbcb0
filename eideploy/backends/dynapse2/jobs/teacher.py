"""What a training that distils a run learns, kept beside its checkpoint: with it, it can go on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.errors import FormatError
from eideploy.files import RESTORE, read_tensors, stored, write_tensors

FILE = "teacher.safetensors"
KIND, VERSION = "eideploy teacher", 1


@dataclass(frozen=True, kw_only=True)
class _Content:
    run: str
    images: str | None
    spec_sha256: str
    said: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Teacher:
    """A run that is distilled.

    aims         its probabilities: (training samples, classes)
    run          its folder; images: a file that it was asked on, None: its own data set
    spec_sha256  of the chip that it is distilled for, as emit.fingerprint
    said         what the manifest of the new run says of it
    """

    aims: Array
    run: Path
    images: Path | None
    spec_sha256: str
    said: Mapping[str, Any]


def keep(teacher: Teacher, folder: Path) -> None:
    """Write it into the folder of the run that learns from it, with paths from anywhere."""
    content = {
        "run": str(teacher.run.resolve()),
        "images": None if teacher.images is None else str(teacher.images.resolve()),
        "spec_sha256": teacher.spec_sha256,
        "said": dict(teacher.said),
    }
    write_tensors(
        folder / FILE, {"aims": teacher.aims}, kind=KIND, version=VERSION, content=content
    )


def kept(folder: Path) -> Teacher | None:
    """Return what a run learns from; None where it is no distillation.

    Raises:
        FormatError: damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    arrays, table = read_tensors(path, kind=KIND, version=VERSION)
    content = stored(_Content, table, what="the file", where=str(path))
    aims = arrays.get("aims", np.zeros(0))
    if aims.ndim != 2 or aims.dtype != np.float64 or not np.isfinite(aims).all():
        raise FormatError("the file holds no probabilities", where=str(path), fix=RESTORE)
    return Teacher(
        aims=aims,
        run=Path(content.run),
        images=None if content.images is None else Path(content.images),
        spec_sha256=content.spec_sha256,
        said=content.said,
    )

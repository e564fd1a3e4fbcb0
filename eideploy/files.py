"""How this tool keeps files: written aside and renamed, hashed, versioned, and free of code.

Nothing half-written is ever seen under a final name: a file is written beside its place and renamed
over it, a folder is filled under a hidden name and renamed once complete.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from eideploy.errors import DataError, FormatError

MANIFEST = "manifest.json"
RESTORE = "restore the file from a copy, or make it anew with the command that wrote it"
Arrays = Mapping[str, NDArray[Any]]


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the old file or the whole new one."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def staged_folder(final: Path) -> Iterator[Path]:
    """Yield a hidden folder beside `final` that takes its name when the block ends without an error.

    Raises:
        DataError: `final` exists already, or cannot be written.
    """
    if final.exists():
        raise DataError(
            "the output folder exists already",
            where=str(final),
            fix="name another folder with --out, or remove this one",
        )
    aside = final.with_name(f".{final.name}.{os.getpid()}.partial")
    try:
        aside.mkdir(parents=True)
        yield aside
        aside.rename(final)
    except OSError as error:
        raise _unwritable(final, error) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, atomically."""
    write_atomic(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FormatError: the file is missing, or does not hold one JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FormatError("the file is missing", where=str(path), fix=RESTORE) from error
    except (OSError, ValueError, RecursionError) as error:
        raise FormatError(f"the file is not JSON: {error}", where=str(path), fix=RESTORE) from error
    if not isinstance(content, dict):
        raise FormatError("the file holds no JSON object", where=str(path), fix=RESTORE)
    return content


def write_tensors(path: Path, arrays: Arrays, *, kind: str, version: int, content: Any) -> None:  # noqa: ANN401
    """Write arrays and a JSON-able `content` as one safetensors file, marked with kind and version."""
    mark = {"kind": kind, "version": version, "content": content}
    packed = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    write_atomic(path, save(packed, metadata={"eideploy": json.dumps(mark, allow_nan=False)}))


def read_tensors(path: Path, *, kind: str, version: int) -> tuple[dict[str, NDArray[Any]], Any]:
    """Read what `write_tensors` wrote: the arrays and the content.

    Raises:
        FormatError: missing, damaged, of another kind, or of a version that this release cannot read.
    """
    try:
        with safe_open(path, "numpy") as file:
            mark = json.loads((file.metadata() or {}).get("eideploy", "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise FormatError("the file is missing", where=str(path), fix=RESTORE) from error
    except (OSError, SafetensorError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise FormatError(f"the file is damaged: {error}", where=str(path), fix=RESTORE) from error
    if not isinstance(mark, dict) or mark.get("kind") != kind:
        raise FormatError(f"the file is not a {kind}", where=str(path), fix=f"name a {kind}")
    check_version(mark.get("version"), version, where=str(path))
    return arrays, mark.get("content")


def check_version(found: object, known: int, *, where: str) -> None:
    """Refuse a format version other than the known one."""
    if found != known:
        raise FormatError(
            f"format version {found} is not the version {known} that this release reads",
            where=where,
            fix="use the release that wrote it, or make the file anew with this one",
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, *, kind: str, version: int, content: Mapping[str, Any]) -> None:
    """Write manifest.json: kind, version, content, and the hash of every other file of the folder."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST)
    hashes = {p.relative_to(folder).as_posix(): sha256(p) for p in files}
    mark = {"kind": kind, "version": version, **content, "files": hashes}
    write_json(folder / MANIFEST, mark)


def read_manifest(folder: Path, *, kind: str, version: int) -> dict[str, Any]:
    """Read manifest.json and check the hash of every file that it names.

    Raises:
        FormatError: no manifest, another kind or version, or a file that is missing or was changed.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise FormatError(
            f"the folder holds no {MANIFEST}, so it is not a finished {kind}",
            where=str(folder),
            fix=f"name the folder of a finished {kind}",
        )
    mark = read_json(path)
    if mark.get("kind") != kind:
        raise FormatError(f"the folder is not a {kind}", where=str(path), fix=f"name a {kind}")
    check_version(mark.get("version"), version, where=str(path))
    hashes = mark.get("files")
    if not isinstance(hashes, dict):
        raise FormatError("the manifest lists no files", where=str(path), fix=RESTORE)
    for name, expected in hashes.items():
        file = folder / name
        if not file.resolve().is_relative_to(folder.resolve()):
            raise FormatError(
                f"the manifest names {name}, outside of its folder",
                where=str(path),
                fix="do not use this folder: it was tampered with",
            )
        if not file.is_file():
            raise FormatError(f"{name} is missing", where=str(folder), fix=RESTORE)
        if sha256(file) != expected:
            raise FormatError(
                f"{name} differs from what the manifest says was written",
                where=str(file),
                fix=RESTORE,
            )
    return mark


def _unwritable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"cannot write: {error.strerror or error}",
        where=str(path),
        fix="name a folder on a disk with space where you may write",
    )

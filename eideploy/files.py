"""How this tool keeps files: written aside and renamed, hashed, versioned, and free of code.

Nothing half-written is ever seen under a final name: a file is written beside its place and renamed
over it; how whole folders are, `staging` says.
"""

import errno
import hashlib
import json
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from tempfile import gettempdir
from typing import Any, BinaryIO, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from eideploy.errors import DataError, FormatError
from eideploy.typed import typed

MANIFEST = "manifest.json"
PARTIAL = ".partial"  # ending of what is still being written, under a hidden name
RESTORE = "restore the file from a copy, or make it again with the command that wrote it"
MOST_TOLD = 10  # damaged files that an error names
MOST_JSON = 16 << 20  # bytes, which nested tables make forty times as many of memory
Arrays = Mapping[str, NDArray[Any]]
T = TypeVar("T")
Upgrade = Callable[[dict[str, NDArray[Any]], Any], None]  # of arrays and content, in place


def write_atomic(path: Path, data: bytes) -> None:
    """Write `data` to `path` so that a reader sees the old file or the whole new one."""
    aside = aside_of(path)
    try:
        with aside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):
            aside.unlink()


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write `content` as indented JSON, atomically."""
    write_atomic(path, (json.dumps(content, indent=2, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        FormatError: the file is missing, or does not hold one JSON object.
    """
    try:
        content = parse_json(read_text(path, most=MOST_JSON))
    except FileNotFoundError as error:
        raise FormatError("the file is missing", where=str(path), fix=RESTORE) from error
    except (OSError, ValueError) as error:
        raise FormatError(f"the file is not JSON: {error}", where=str(path), fix=RESTORE) from error
    if not isinstance(content, dict):
        raise FormatError("the file holds no JSON object", where=str(path), fix=RESTORE)
    return content


def stored(
    kind: type[T],
    content: object,
    *,
    what: str,
    where: str,
    extra: Literal["forbid", "ignore"] = "forbid",
) -> T:
    """Return what a file of ours holds as the dataclass `kind`; `what` names it.

    Raises:
        FormatError: naming every key that is unknown, missing or wrong.
    """
    try:
        return typed(kind, content, where=where, error=FormatError, extra=extra)
    except FormatError as error:
        raise FormatError(f"{what} is malformed: {error.what}", where=where, fix=RESTORE) from error


def parse_json(text: str) -> Any:  # noqa: ANN401
    """Return what a JSON text says; raises ValueError: it is none, or longer than MOST_JSON."""
    if len(text) > MOST_JSON:
        raise ValueError(f"a text of JSON is longer than {MOST_JSON} letters")
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("its tables are nested too deep") from error


def open_plain(path: Path) -> BinaryIO:
    """Open a file to be read; raises OSError.

    A pipe, which would be waited for, or a device, which may never end, is no file.
    """

    def opened(name: str, flags: int) -> int:
        return os.open(name, flags | getattr(os, "O_NONBLOCK", 0))

    file = open(path, "rb", opener=opened)  # noqa: SIM115 - the caller closes it
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "that is a pipe or a device, not a file", str(path))
    return file


def read_whole(path: Path, *, most: int = -1, fix: str = RESTORE) -> bytes:
    """Return what a file holds; of one that is larger than `most`, a byte more than that.

    Raises:
        FormatError: it cannot be read; `fix` says what to do.
    """
    try:
        with open_plain(path) as file:
            return file.read(most + 1 if most >= 0 else -1)
    except OSError as error:
        raise FormatError(
            f"the file cannot be read: {error.strerror}", where=str(path), fix=fix
        ) from error


def read_text(path: Path, *, most: int) -> str:
    """Return a UTF-8 file of at most `most` bytes; raises OSError or ValueError."""
    with open_plain(path) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise ValueError(f"it is larger than {most} bytes")
    return data.decode("utf-8")


def write_tensors(path: Path, arrays: Arrays, *, kind: str, version: int, content: Any) -> None:  # noqa: ANN401
    """Write arrays and a JSON-able `content` as one safetensors file of this kind and version."""
    mark = {"kind": kind, "version": version, "content": content}
    packed = {name: np.ascontiguousarray(a) for name, a in arrays.items()}
    write_atomic(path, save(packed, metadata={"eideploy": json.dumps(mark, allow_nan=False)}))


def read_tensors(
    path: Path, *, kind: str, version: int, older: Mapping[int, Upgrade] | None = None
) -> tuple[dict[str, NDArray[Any]], Any]:
    """Read what `write_tensors` wrote: the arrays and the content.

    Args:
        path: the file.
        kind: what it must be.
        version: the version that is returned.
        older: what makes that version of older ones, in place.

    Raises:
        FormatError: missing, damaged, or of a kind or version that was not asked for.
    """
    try:
        open_plain(path).close()
        with safe_open(path, "numpy") as file:
            mark = parse_json((file.metadata() or {}).get("eideploy", "null"))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except FileNotFoundError as error:
        raise FormatError("the file is missing", where=str(path), fix=RESTORE) from error
    except (OSError, SafetensorError, ValueError, TypeError, KeyError) as error:
        raise FormatError(f"the file is damaged: {error}", where=str(path), fix=RESTORE) from error
    own_kind = mark.get("kind") if isinstance(mark, dict) else None
    if not isinstance(mark, dict) or own_kind != kind:
        raise _foreign("file", own_kind, kind, path)
    content, written = mark.get("content"), mark.get("version")
    for known, upgrade in (older or {}).items():
        if is_version(written, known):
            try:
                upgrade(arrays, content)
            except (LookupError, TypeError, ValueError, AttributeError) as error:
                raise FormatError(
                    f"the file is malformed: {type(error).__name__} {error}",
                    where=str(path),
                    fix=RESTORE,
                ) from error
            return arrays, content
    check_version(written, version, where=str(path))
    return arrays, content


def is_version(value: object, known: int) -> bool:
    """Return whether JSON holds this version: no text, no fraction, and not true for 1."""
    return type(value) is int and value == known


def check_version(version: object, known: int, *, where: str) -> None:
    """Refuse a format version other than the known one."""
    if not is_version(version, known):
        raise FormatError(
            f"format version {version!r} is not the version {known} that this release reads",
            where=where,
            fix="use the release that wrote it, or make the file again with this release",
        )


def exists(path: Path) -> bool:
    """Return whether there is such a file or folder; a name that none can have names none."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_manifest(folder: Path, *, kind: str, version: int, content: Mapping[str, Any]) -> None:
    """Write manifest.json: kind, version, content, and the hash of every other file there."""
    files = sorted(
        p
        for p in folder.rglob("*")
        if p.is_file() and p.name != MANIFEST and not p.name.endswith(PARTIAL)
    )
    hashes = {p.relative_to(folder).as_posix(): sha256(p) for p in files}
    mark = {"kind": kind, "version": version, **content, "files": hashes}
    write_json(folder / MANIFEST, mark)


def read_manifest(
    folder: Path, *, kind: str, version: int, needs: tuple[str, ...]
) -> dict[str, Any]:
    """Read manifest.json and check the hash of every file that it names, `needs` among them.

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
        raise _foreign("folder", mark.get("kind"), kind, path)
    check_version(mark.get("version"), version, where=str(path))
    hashes = mark.get("files")
    if not isinstance(hashes, dict):
        raise FormatError("the manifest lists no files", where=str(path), fix=RESTORE)
    require_listed(mark, needs, where=str(path))
    _check_files(folder, hashes)
    return mark


def _check_files(folder: Path, hashes: Mapping[str, Any]) -> None:
    """Compare every file with its hash, and tell of all that are damaged at once."""
    faults: list[FormatError] = []
    for name, expected in hashes.items():
        try:
            _check_file(folder, name, expected)
        except FormatError as error:
            faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = [f"\n    {fault.what}" for fault in faults[:MOST_TOLD]]
        more = len(faults) - len(lines)
        raise FormatError(
            f"{len(faults)} files are damaged:{''.join(lines)}"
            + f"\n    and {more} more" * bool(more),
            where=str(folder),
            fix=next((fault.fix for fault in faults if fault.fix != RESTORE), RESTORE),
        )


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What a manifest says of its folder as such; older ones name no backend.

    adapted  of a run: which run it was distilled from
    """

    kind: str = ""
    created: str = ""
    backend: str = ""
    adapted: str | None = None


def read_mark(folder: Path) -> Mark:
    """Read what the manifest of a folder says of it as such; its files are not looked at.

    Raises:
        FormatError: no manifest, or a damaged one.
    """
    path = folder / MANIFEST
    return stored(Mark, read_json(path), what="the manifest", where=str(path), extra="ignore")


def require_listed(mark: Mapping[str, Any], needs: tuple[str, ...], *, where: str) -> None:
    """Require that a manifest vouches for the files `needs`."""
    if unlisted := [name for name in needs if name not in mark["files"]]:
        raise FormatError(
            f"the manifest does not list {', '.join(unlisted)}", where=where, fix=RESTORE
        )


def _check_file(folder: Path, name: str, expected: object) -> None:
    """Require a file inside of `folder` whose hash is the expected one."""
    file = folder / name
    try:
        if not file.resolve().is_relative_to(folder.resolve()):
            raise FormatError(
                f"the manifest names {name}, outside its folder",
                where=str(folder / MANIFEST),
                fix="do not use this folder: it was tampered with",
            )
        if not file.is_file():
            raise FormatError(f"{name} is missing", where=str(folder), fix=RESTORE)
        digest = sha256(file)
    except (OSError, ValueError) as error:  # unreadable, or no name that a file can have
        raise FormatError(
            f"{name!r} cannot be read: {error}", where=str(folder), fix=RESTORE
        ) from error
    if digest != expected:
        raise FormatError(
            f"{name} differs from what the manifest says was written", where=str(file), fix=RESTORE
        )


def aside_of(path: Path) -> Path:
    """Return a hidden name beside `path` that no other process takes.

    Raises:
        DataError: it has no name, as the folder one is in.
    """
    if not path.name:
        raise unwritable(path, IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)))
    return path.with_name(f".{path.name}.{token_hex(4)}{PARTIAL}")


def _foreign(what: str, own_kind: object, kind: str, path: Path) -> FormatError:
    return FormatError(
        f"the {what} is of kind {own_kind!r}, not {kind!r}",
        where=str(path),
        fix=f"name the {what} of a finished {kind}"
        if what == "folder"
        else "restore the file from a copy, or name another",
    )


@contextmanager
def temporary_files() -> Iterator[None]:
    """Raise DataError, naming the folder, where the block cannot write its temporary files."""
    try:
        yield
    except OSError as error:
        raise unwritable(Path(error.filename or gettempdir()), error) from error


def unwritable(path: Path, error: OSError) -> DataError:
    """Return the error that says what could not be written, and why."""
    return DataError(
        f"cannot write: {error.strerror or error}",
        where=str(path),
        fix="choose a writable folder on a disk with free space",
    )

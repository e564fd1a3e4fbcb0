"""How processes share folders: filled under a hidden name and renamed, locked by one at a time.

A folder that is being filled is locked by the process that fills it. The lock ends with the
process, so what a killed one left is known, and removed by the next that works beside it.
"""

import errno
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from eideploy.errors import DataError, UsageError
from eideploy.files import PARTIAL, aside_of, unwritable

try:
    import fcntl
except ImportError:  # not a POSIX system: two processes are not kept apart there
    fcntl = None  # type: ignore[assignment]

WAIT = "wait until it ends, or name another folder with --out"
HIDDEN = re.compile(rf"\..+\.[0-9a-f]{{8}}{re.escape(PARTIAL)}")  # as aside_of names them


@dataclass
class Staged:
    """A folder on its way: `aside` is filled, `final` is the name that it takes."""

    aside: Path
    final: Path


@contextmanager
def staged_folder(choose: Callable[[], Path]) -> Iterator[Staged]:
    """Yield a hidden folder that takes its final name when the block ends without an error.

    `choose` gives that name, and is asked again where another process took it in the meantime.
    After an error nothing is left, not even the parent folders that were made; what a process that
    was killed left beside it goes, too.

    Raises:
        DataError: the chosen folder exists already, or cannot be written.
    """
    final = require_free(choose())
    staged = Staged(aside=aside_of(final), final=final)
    created = [parent for parent in final.parents if not os.path.lexists(parent)]
    lock = None
    try:
        _remove_left(final.parent)
        staged.aside, lock = _begun(final)
        yield staged
        _rename(staged, choose)
    except OSError as error:
        raise unwritable(staged.final, error) from error
    finally:
        shutil.rmtree(staged.aside, ignore_errors=True)
        if lock is not None:
            os.close(lock)
        with suppress(OSError):  # not empty: the folder was finished, or another is in it
            for parent in created:
                parent.rmdir()


@contextmanager
def locked(path: Path) -> Iterator[bool]:
    """Yield whether this process alone holds a file or folder, until the block or process ends.

    True also on a file system without locks, where nobody can tell.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        yield _lock(descriptor) is not False
    finally:
        os.close(descriptor)


@contextmanager
def alone_with(path: Path, folder: Path, *, what: str, fix: str) -> Iterator[None]:
    """Hold `path` alone, and clear what a killed process left of its writing in `folder`.

    Raises:
        UsageError: another process holds it; `what` and `fix` say so.
    """
    with locked(path) as alone:
        if not alone:
            raise UsageError(what, where=str(folder), fix=fix)
        remove_partial(folder)
        yield


@contextmanager
def sole_writing(folder: Path) -> Iterator[None]:
    """Keep other processes from writing into `folder`, which is made if need be.

    What a process that was killed while writing left there goes; after an error so do the folders
    that were made, if they are empty.

    Raises:
        UsageError: another process writes into it.
        DataError: it cannot be made.
    """
    created = [place for place in (folder, *folder.parents) if not os.path.lexists(place)]
    try:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise unwritable(folder, error) from error
        what, fix = "another process is writing into the folder", WAIT
        with alone_with(folder, folder, what=what, fix=fix):
            yield
    finally:
        with suppress(OSError):  # not empty: all went well, or another is in it
            for place in created:
                place.rmdir()


def require_free(final: Path, *, option: str = "--out") -> Path:
    """Return a folder that is to be written, named with `option`.

    Raises:
        DataError: it exists already.
    """
    if os.path.lexists(final):
        raise DataError(
            "the output folder exists already",
            where=str(final),
            fix=f"name another folder with {option}, or remove this one",
        )
    return final


def require_folder(place: Path, *, option: str = "--out") -> None:
    """Refuse before the work a folder that cannot be one, named with `option`.

    Raises:
        DataError: it, or what it is to be in, is there and is no folder.
    """
    there = next(one for one in (place, *place.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise DataError(
            "that is a file, not a folder",
            where=str(there),
            fix=f"name another folder with {option}",
        )


def remove_partial(folder: Path) -> None:
    """Remove the files that a process which was killed while writing left in `folder`."""
    for path in folder.glob(f".*{PARTIAL}"):
        if HIDDEN.fullmatch(path.name) and not path.is_dir():
            with suppress(OSError):  # in a folder that may only be read
                path.unlink()


def _lock(descriptor: int) -> bool | None:
    """Return whether the lock was had, None where there are none."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _begun(final: Path) -> tuple[Path, int]:
    """Return a hidden folder that was made beside `final`, and its lock, to be closed."""
    while True:
        aside = aside_of(final)
        aside.mkdir(parents=True)
        with suppress(FileNotFoundError):  # taken for left behind before it was locked: again
            lock = os.open(aside, os.O_RDONLY)
            if _lock(lock) is not False and aside.exists():
                return aside, lock
            os.close(lock)


def _remove_left(parent: Path) -> None:
    """Remove the hidden folders in `parent` that nobody fills any more."""
    for path in parent.glob(f".*{PARTIAL}"):
        if not HIDDEN.fullmatch(path.name) or path.is_symlink() or not path.is_dir():
            continue
        with suppress(OSError):  # it took its final name, or is somebody else's
            lock = os.open(path, os.O_RDONLY)
            if _lock(lock):
                shutil.rmtree(path, ignore_errors=True)
            os.close(lock)


def _rename(staged: Staged, choose: Callable[[], Path]) -> None:
    while True:
        try:
            staged.aside.rename(staged.final)
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
            staged.final = require_free(choose())
        else:
            return

"""What is compiled once for a user and kept: kernels, and simulators of cores.

What lies in the cache is run, so it is taken only from where nobody else can have put it: every
folder on the way and the file belong to the user, the folders above the cache's own perhaps to
root, and nobody else may write there. Where there is no such place, or nothing can be kept there,
what is wanted is made for this process alone, and one line on stderr says why.
"""

import atexit
import errno
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

try:
    import fcntl
except ImportError:  # not a POSIX system: two processes may make the same there
    fcntl = None  # type: ignore[assignment]

NAME, LOCK = "eideploy", "lock"
FOR_THE_USER = 0o700
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_made: dict[str, Path] = {}  # what this process made for itself alone


def kept(name: str, make: Callable[[Path], Path], *, what: str) -> Path:
    """Return the file `name` of the cache, made if it is not there.

    It appears whole, and processes that want it at the same time make it once.

    Args:
        name: its path in the cache, which tells all that it depends on.
        make: makes it in an empty folder, and returns its path.
        what: what the line on stderr calls it.

    Raises:
        OSError: not even a temporary folder can be written; or what `make` raises.
    """
    if (cached := find(name)) is not None:
        return cached
    try:
        place, reason = _place(name, make=True), ""
    except OSError as error:
        place, reason = None, _said(error)
    with _alone(place), tempfile.TemporaryDirectory(prefix=f"{NAME}-") as aside:
        if place is not None and _is_safe_file(place):
            return place
        file = make(Path(aside))
        if place is not None:
            try:
                return _keep(file, place)
            except OSError as error:
                reason = f"{place.parent}: {error.strerror or error}"
        if sys.stderr is not None:
            sys.stderr.write(f"{what}: {reason}; made for this process alone\n")
        _made[name] = _keep(file, _own_folder() / file.name)
        return _made[name]


def find(name: str) -> Path | None:
    """Return the file `name` if it has been made and may be run."""
    if name in _made and _made[name].is_file():
        return _made[name]
    with suppress(OSError):
        place = _place(name, make=False)
        return place if _is_safe_file(place) else None
    return None


def folder() -> Path:
    """Return the cache's own folder, links followed.

    Raises:
        OSError: the user has no home, or a link leads to itself.
    """
    try:
        named = Path(os.environ.get("XDG_CACHE_HOME", ""))
        # one that is not absolute is to be ignored, says the specification of that variable
        base = named if named.is_absolute() else Path.home() / ".cache"
    except RuntimeError as error:
        reason = "there is no home; XDG_CACHE_HOME may name a folder"
        raise FileNotFoundError(errno.ENOENT, reason) from error
    try:
        return (base / NAME).resolve()
    except RuntimeError as error:
        raise OSError(errno.ELOOP, "a link leads to itself", str(base / NAME)) from error


def fault() -> str:
    """Return why nothing can be kept in the cache, "" where nothing stands in the way."""
    try:
        place = _place(LOCK, make=False).parent
    except FileNotFoundError as error:
        if not error.filename:
            return _said(error)
        place = Path(error.filename).parent  # what is missing below is made when it is needed
    except OSError as error:
        return _said(error)
    return "" if os.access(place, os.W_OK) else f"{place}: it may only be read"


def _place(name: str, *, make: bool) -> Path:
    """Return the path of a file of the cache; raise OSError where it may not be run from."""
    own = folder()
    place = own / name
    for above in reversed(place.parents):
        is_own = above.is_relative_to(own)
        if make and not os.path.lexists(above):
            with suppress(FileExistsError):  # another process was faster
                above.mkdir(FOR_THE_USER)
        _require_safe(above, stat.S_ISDIR, is_own=is_own)
    return place


def _require_safe(path: Path, is_kind: Callable[[int], bool], *, is_own: bool) -> None:
    """Raise OSError where others than the user and root could have written."""
    status = path.lstat()
    if not is_kind(status.st_mode):
        raise OSError(errno.ENOTDIR, "that is another kind of file", str(path))
    if not hasattr(os, "geteuid"):  # not a POSIX system: modes say nothing
        return
    user = os.geteuid()
    if status.st_uid not in ((user,) if is_own else (user, 0)):
        raise OSError(errno.EPERM, "it belongs to another user", str(path))
    is_sticky = bool(status.st_mode & stat.S_ISVTX)  # as /tmp: nobody may rename what others made
    if status.st_mode & OTHERS_WRITE and (is_own or not is_sticky):
        raise OSError(errno.EPERM, "others may write there (chmod go-w)", str(path))


def _is_safe_file(path: Path) -> bool:
    try:
        _require_safe(path, stat.S_ISREG, is_own=True)
    except OSError:
        return False
    return True


@contextmanager
def _alone(place: Path | None) -> Iterator[None]:
    """Wait until no other process makes a file beside `place`; where there are no locks, do not."""
    lock = None
    if place is not None and fcntl is not None:
        with suppress(OSError):  # read-only, or full: then nothing is kept either
            lock = (place.parent / LOCK).open("w")
            fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        if lock is not None:
            lock.close()


def _keep(file: Path, place: Path) -> Path:
    """Put a copy of a file to its place, in one step."""
    aside = place.with_name(f".{place.name}.{token_hex(4)}")
    try:
        shutil.copyfile(file, aside)
        aside.chmod(FOR_THE_USER)
        return aside.replace(place)
    finally:
        with suppress(OSError):
            aside.unlink()


def _own_folder() -> Path:
    """Return a new folder that goes with this process."""
    folder = Path(tempfile.mkdtemp(prefix=f"{NAME}-"))
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # a forked one leaves it to its parent
        shutil.rmtree(folder, ignore_errors=True)


def _said(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"

"""Where the data folders that ship with the tool lie: in place in a checkout, packed in a wheel."""

from pathlib import Path


def folder(name: str) -> Path:
    """Return `targets`, `quant` or a file: the wheel's, else the one in place."""
    package = Path(__file__).resolve().parent
    packed = package / "_shipped" / name
    return packed if packed.exists() else package.parent / name


def names(kind: str, file: str) -> tuple[str, ...]:
    """Return the sorted names in folder `kind` for which `file` (with `{}` as the name) exists."""
    root = folder(kind)
    before, after = file.split("{}")
    paths = root.glob(f"{before}*{after}")
    cut = len(after)
    return tuple(sorted(p.relative_to(root).as_posix()[len(before) : -cut] for p in paths))

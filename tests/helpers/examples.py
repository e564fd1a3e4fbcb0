"""The examples of docs/extending.md, installed as packages of somebody else's."""

import re
import sys
import tomllib
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs/extending.md").read_text()


def blocks(heading, language):
    """Return what a section of the page shows in a language."""
    section = re.split(r"^## ", PAGE, flags=re.MULTILINE)
    (own,) = (part for part in section if part.startswith(f"{heading}\n"))
    return re.findall(rf"```{language}\n(.*?)```", own, re.DOTALL)


@contextmanager
def installed(name, module, entry, place):
    """Hold a package of one module and the entry points of its pyproject.toml in a folder."""
    (place / f"{name}.py").write_text(module)
    about = place / f"{name}-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    for group, entries in tomllib.loads(entry)["project"]["entry-points"].items():
        lines = [f"[{group}]", *(f"{key} = {value}" for key, value in entries.items())]
        (about / "entry_points.txt").write_text("\n".join(lines))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(place)
        yield
    del sys.modules[name]


def uninstall(name, monkeypatch):
    """Let a package be found no more."""
    there = [place for place in sys.path if not Path(place, f"{name}.py").exists()]
    monkeypatch.setattr(sys, "path", there)

"""Boards of which more is known not to work than their spec says."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from eideploy import folders
from eideploy.backends.dynapse2.chip.defects import write_joined
from eideploy.backends.dynapse2.chip.spec import ChipSpec, read_spec
from eideploy.backends.dynapse2.emit import copy_board_files
from eideploy.errors import FormatError, SpecError
from eideploy.files import temporary_files, write_json

DEFECTS = "defects.json"
BOARD = re.compile(r"^(\[board\][^\n]*\n)", re.MULTILINE)
NAMED = re.compile(r"^defects\s*=[^\n]*\n", re.MULTILINE)


@contextmanager
def avoiding(spec: ChipSpec, defects: Path | None) -> Iterator[ChipSpec]:
    """Yield a spec whose map also has what another map says, its files in a temporary folder.

    Raises:
        FormatError: a map is missing or damaged.
        SpecError: the spec's text has no line [board].
    """
    if defects is None:
        yield spec
        return
    with temporary_files(), TemporaryDirectory(prefix="eideploy-board-") as name:
        place = Path(name)
        copy_board_files(spec, place)
        own = place / (spec.board.defects or "none.json")
        if not spec.board.defects:
            write_json(own, {"version": 1, "chips": {}})
        try:
            write_joined(own, defects, place / DEFECTS)
        except FormatError as error:
            raise FormatError(error.what, where=error.where, fix=FIX) from error
        text = NAMED.sub("", spec.source.read_text(encoding="utf-8"))
        text, replaced = BOARD.subn(rf'\1defects = "{DEFECTS}"\n', text, count=1)
        if not replaced:
            raise SpecError(
                "the spec has no line [board]",
                where=str(spec.source),
                fix="write its board as a table of its own, as targets/dynapse2/spec.toml does",
            )
        (place / folders.SPEC).write_text(text, encoding="utf-8")
        yield read_spec(place / folders.SPEC)


FIX = "give a map as eideploy board characterise writes it (docs/dynapse2.md)"

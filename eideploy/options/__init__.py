"""Options: declared once as the fields of a frozen request, for the command line and for Python.

A field's docstring is its help, its type says what it takes, and an `Option` the little that
neither says. Nothing here knows a command-line library, numpy or torch.
"""

from eideploy.options.composed import composed, part_of
from eideploy.options.idle import refuse_idle, refuse_others
from eideploy.options.option import (
    IN_PYTHON,
    Area,
    Count,
    Folder,
    Option,
    PathLike,
    Positive,
    as_path,
    text_of,
)
from eideploy.options.request import Request

__all__ = [
    "IN_PYTHON",
    "Area",
    "Count",
    "Folder",
    "Option",
    "PathLike",
    "Positive",
    "Request",
    "as_path",
    "composed",
    "part_of",
    "refuse_idle",
    "refuse_others",
    "text_of",
]

"""The docstrings of a class's fields, which Python itself does not keep."""

import ast
import os
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def docstrings(module: str) -> Mapping[tuple[str, str], str]:
    """Return the docstrings of the fields of a module's classes, by class and field."""
    source = sys.modules[module].__file__
    assert source is not None  # the classes were imported from it
    return {
        (node.name, item.target.id): " ".join(text.value.value.split())
        for node in ast.parse(Path(os.fspath(source)).read_text("utf-8")).body
        if isinstance(node, ast.ClassDef)
        for item, text in zip(node.body, node.body[1:], strict=False)
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }

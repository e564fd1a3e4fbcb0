"""What may be written beside the files of a backend."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from eideploy.backends import onnx
from eideploy.circuit import Circuit, forms
from eideploy.emitted import Emitted
from eideploy.errors import UsageError
from eideploy.options.choices import Dialect
from eideploy.program import Program

EmitBeside = Callable[[Circuit, Program, Path, Mapping[str, Any]], None]


@dataclass(frozen=True, kw_only=True)
class Extra:
    """Files that any build may hold beside those of its target.

    package  what writing them needs, and the optional dependency that brings it
    emit     writes them from the float circuit, the program and what the manifest will say
    files    which they are, and what checks each
    """

    package: str
    emit: EmitBeside
    files: tuple[Emitted, ...]


def _onnx(circuit: Circuit, program: Program, folder: Path, facts: Mapping[str, Any]) -> None:
    from eideploy.backends.onnx.writer import emit

    emit(circuit, program, folder, facts)


def nir_file(dialect: Dialect) -> str:
    """Return the name of a NIR dialect's file in a build."""
    return "model.nir" if dialect == "ei" else f"model.{dialect}.nir"


def _nir(circuit: Circuit, program: Program, folder: Path, facts: Mapping[str, Any]) -> None:
    from eideploy.backends.nir import save

    asked = facts["nir"]
    ranges = program.circuit.ranges
    assert ranges is not None  # it was calibrated
    for dialect in asked["dialects"]:
        written = forms.of_dialect(circuit, ranges, dialect)
        save(written, folder / nir_file(dialect), compat=asked["compat"])


EXTRAS: Mapping[str, Extra] = {
    "nir": Extra(
        package="nir",
        emit=_nir,
        files=tuple(Emitted(nir_file(dialect), "run") for dialect in forms.DIALECTS),
    ),
    "onnx": Extra(
        package="onnx",
        emit=_onnx,
        files=(Emitted(onnx.FLOAT, "run"), Emitted(onnx.INTEGER, "run")),
    ),
}


def require(extras: Iterable[str]) -> None:
    """Refuse before the work extras that cannot be written here.

    Raises:
        UsageError: unknown, or a package is not installed.
    """
    for name in extras:
        if name not in EXTRAS:
            raise UsageError(
                f"nothing called {name!r} can be written beside a build",
                where="--emit",
                fix=f"choose from {', '.join(EXTRAS)}",
            )
        package = EXTRAS[name].package
        if find_spec(package) is None:
            raise UsageError(
                f"{package} is not installed",
                where=f"--emit {name}",
                fix=f"pip install 'eideploy[{package}]'",
            )

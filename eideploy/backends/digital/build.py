"""Finished builds of programs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eideploy.backends import families, formats
from eideploy.backends.digital import INTEGER
from eideploy.backends.digital.placed import placed, plan_of
from eideploy.backends.digital.program import Program
from eideploy.circuit import Circuit, Neurons
from eideploy.circuit.store import load, save
from eideploy.errors import FormatError
from eideploy.files import MANIFEST, RESTORE, read_manifest, stored, write_manifest
from eideploy.finished import Finished
from eideploy.folders import BUILD, CIRCUIT, SPEC, VERSION, stamped
from eideploy.options.choices import Form
from eideploy.passes.check_widths import check_widths

ESTIMATED = "fpga_estimated"  # what a manifest has of a build for a board alone


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """The number formats, by their name."""

    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Inhibition:
    """The form of the layers."""

    form: Form = "factored"


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What a manifest says of how its build was compiled; older ones say less."""

    run: str = ""
    imported: bool = False
    scheme: Scheme = Scheme()
    division: str = ""
    zero_policy: str = ""
    inhibition: Inhibition = Inhibition()
    plan: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Build(Finished):
    """A finished build: a run's circuit, and the program that it was compiled to."""

    program: Program
    compiled: Compiled

    @property
    def imported(self) -> bool:
        """Whether the network was trained elsewhere."""
        return self.compiled.imported

    @property
    def integer(self) -> Circuit:
        """The integer circuit of the program."""
        return self.program.circuit


def finish_build(
    folder: Path,
    circuit: Circuit,
    program: Program,
    emit: Callable[[Program, Path, Mapping[str, Any]], None],
    spec: str,
    content: Mapping[str, Any],
    emitted: Sequence[str] = (),
) -> None:
    """Write the float circuit, the backend's files, the spec and, last, the manifest of a build.

    `emit` writes the backend's files, `emitted` names the formats that are written beside.
    """
    save(circuit, folder / CIRCUIT)
    emit(program, folder, content)
    for name in emitted:
        formats.named(name).emit(circuit, program.circuit, folder, content)
    (folder / SPEC).write_text(spec, encoding="utf-8")
    write_manifest(folder, kind=BUILD, version=VERSION, content=stamped(content))


def load_build(folder: Path) -> Build:
    """Read a finished build and place its program again.

    Raises:
        FormatError, SpecError: damaged, of another kind or version.
    """
    needs = (CIRCUIT, INTEGER, SPEC)
    content = read_manifest(folder, kind=BUILD, version=VERSION, needs=needs)
    target = families.of_build(folder).read_spec(folder / SPEC)
    integer = check_widths(load(folder / INTEGER), widths=target.widths)
    circuit, where = load(folder / CIRCUIT), str(folder / MANIFEST)
    _require_the_same(circuit, integer, folder)
    compiled = stored(Compiled, content, what="the manifest", where=where, extra="ignore")
    return Build(
        folder=folder,
        circuit=circuit,
        program=placed(integer, target, plan_of(compiled.plan, integer, target, where)),
        compiled=compiled,
        content=content,
    )


def _require_the_same(circuit: Circuit, integer: Circuit, folder: Path) -> None:
    """Refuse a float circuit that is another network than the program."""
    forms = [
        (net.steps, net.input.size, {n.name: net.shapes[n.name] for n in net.of(Neurons)})
        for net in (circuit, integer)
    ]
    if forms[0] != forms[1]:
        raise FormatError(
            "the float circuit has other steps, inputs or neurons than the program",
            where=str(folder / CIRCUIT),
            fix=RESTORE,
        )

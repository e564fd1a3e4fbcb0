"""Which families of targets and exchange formats there are: those of eideploy, and of packages.

A package offers one as an entry point of the group `eideploy.backends` or `eideploy.formats`, whose
name is the family's or the format's and whose value its class. Nothing is imported before it is
asked for. Here stands what requests offer to choose from; what more one does, `protocol` says.
"""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from eideploy.packages import Registry


class Declared:
    """What families and formats say of themselves.

    Attributes:
        name: of the backend.
        executors: what runs programs, by the name behind `--executor`, with a line of help.
        enables: what optional dependencies of eideploy are for in it, by their names.
    """

    name: ClassVar[str]
    executors: ClassVar[Mapping[str, str]] = {}
    enables: ClassVar[Mapping[str, str]] = {}


class DeclaredFamily(Declared):
    """A family of targets."""


class DeclaredFormat(Declared):
    """An exchange format.

    Attributes:
        line: what it writes, in a line of help; "" where it writes nothing.
        suffix: of the files that it reads; "" where it reads none.
    """

    line: ClassVar[str] = ""
    suffix: ClassVar[str] = ""


FAMILIES = Registry(
    DeclaredFamily,
    base="eideploy.backends.protocol.Family",
    what="backend",
    group="eideploy.backends",
    shipped={
        "digital": "eideploy.backends.digital.family:Digital",
        "dynapse2": "eideploy.backends.dynapse2.family:Dynapse2",
        "c": "eideploy.backends.c.family:Microcontroller",
    },
)
FORMATS = Registry(
    DeclaredFormat,
    base="eideploy.backends.protocol.Format",
    what="format",
    group="eideploy.formats",
    shipped={
        "onnx": "eideploy.backends.onnx.format:ONNX",
        "nir": "eideploy.backends.nir.format:NIR",
        "c": "eideploy.backends.c.format:C",
    },
)


class Executors(Mapping[str, str]):
    """All executors with their line of help; to look one up loads no family behind its own."""

    def __getitem__(self, name: str) -> str:
        return self.family(name).executors[name]

    def __iter__(self) -> Iterator[str]:
        families = FAMILIES.every()
        return iter(dict.fromkeys(name for family in families for name in family.executors))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        return True  # without loading them all to count them

    def family(self, name: str) -> DeclaredFamily:
        """Return the first family that offers it.

        Raises:
            KeyError: none does.
        """
        for family in FAMILIES.every():
            if name in family.executors:
                return family
        raise KeyError(name)


class Emitted(Mapping[str, str]):
    """The formats that write files, each with its line of help."""

    def __getitem__(self, name: str) -> str:
        if line := FORMATS.named(name).line:
            return line
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (one.name for one in FORMATS.every() if one.line)

    def __len__(self) -> int:
        return sum(1 for _ in self)


EXECUTORS, EMITTED = Executors(), Emitted()


def readable() -> str:
    """Return how the files that are read are called in help: "GRAPH.nir"."""
    return "|".join(f"GRAPH{one.suffix}" for one in FORMATS.every() if one.suffix)

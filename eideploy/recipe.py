"""How a network becomes integers, as compiling, a sweep's cell and fine-tuning all take it."""

from dataclasses import dataclass
from pathlib import Path

from eideploy.divisions import Divider, lut, named
from eideploy.files import stored
from eideploy.options.choices import Form, ZeroPolicy
from eideploy.scheme import Scheme, load_scheme, require_consistent, scheme_table


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What the passes are told; the calibration and the target come beside it.

    inhibition  the form that the layers take: which of them are folded follows from it
    """

    scheme: Scheme
    divider: Divider
    zero_policy: ZeroPolicy
    inhibition: Form = "factored"

    @property
    def label(self) -> str:
        """How a person would call it."""
        return f"{self.scheme.name}, {self.divider.label}, policy {self.zero_policy}"


def usual() -> Recipe:
    """Return the recipe where nothing is asked for."""
    return Recipe(scheme=load_scheme("int8"), divider=lut(8, 8), zero_policy="minimum")


@dataclass(frozen=True, kw_only=True)
class Finetuned:
    """What a run's files say that it was fine-tuned for, and of which run it is."""

    parent: str = ""
    parent_sha256: str = ""
    scheme: Scheme
    division: str
    zero_policy: ZeroPolicy

    @property
    def table(self) -> dict[str, object]:
        """The same, JSON-able, as `read_finetuned` reads it."""
        return vars(self) | {"scheme": scheme_table(self.scheme)}

    @property
    def recipe(self) -> Recipe:
        """The integers that it was trained through."""
        divider = named(self.division)
        return Recipe(scheme=self.scheme, divider=divider, zero_policy=self.zero_policy)


def read_finetuned(content: object, path: Path) -> Finetuned:
    """Return what a table in the file `path` says.

    Raises:
        FormatError, SpecError: it is malformed, or its scheme contradicts itself.
    """
    goal = stored(Finetuned, content, what="what the run was fine-tuned for", where=str(path))
    require_consistent(goal.scheme, path)
    return goal

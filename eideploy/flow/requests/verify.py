"""What verify is asked for of any build; what a backend may be asked, it declares itself."""

from dataclasses import dataclass, field
from typing import Annotated

from eideploy.flow.requests.shared import FromDataSet
from eideploy.options import Option, PathLike


@dataclass(frozen=True, kw_only=True)
class Verify(FromDataSet):
    """Run every file of a build in every installed program that can, and compare the results.

    Examples:
      eideploy verify
      eideploy verify builds/my-build --samples 200
      eideploy verify --input x.npy --json
    """

    build: Annotated[PathLike | None, Option(metavar="BUILD")] = field(default=None, kw_only=False)
    """The build (default: the latest)."""
    verbose: Annotated[bool, Option(short="v")] = False
    """Also list the checks of files that the build does not have."""

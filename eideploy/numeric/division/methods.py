"""Every method of division by its name, as specs and files of circuits have it."""

from collections.abc import Mapping
from typing import Final

from eideploy.numeric.division.constant import Constant
from eideploy.numeric.division.divider import Divider
from eideploy.numeric.division.exact import Exact
from eideploy.numeric.division.mitchell import Mitchell
from eideploy.numeric.division.none import Undivided
from eideploy.numeric.division.piecewise import Lines
from eideploy.numeric.division.shifts import Shift, TwoShifts
from eideploy.numeric.division.table import Lut

METHODS: Final[Mapping[str, type[Divider]]] = {
    kind.method: kind
    for kind in (Exact, Lut, Lines, Shift, TwoShifts, Mitchell, Constant, Undivided)
}

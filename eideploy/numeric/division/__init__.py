"""Division by the inhibitory current: methods, their bounds and costs, and the one rounding."""

from eideploy.numeric.division.constant import Constant, constant
from eideploy.numeric.division.divider import Divider, Tabulated
from eideploy.numeric.division.exact import Exact, exact
from eideploy.numeric.division.methods import METHODS
from eideploy.numeric.division.mitchell import Mitchell, mitchell
from eideploy.numeric.division.names import NAMES, named, parse_lut
from eideploy.numeric.division.none import Undivided, none
from eideploy.numeric.division.operation import divide
from eideploy.numeric.division.piecewise import pwl
from eideploy.numeric.division.shifts import SHIFT_INDEX_BITS, shift, shift2
from eideploy.numeric.division.table import lut

__all__ = [
    "METHODS",
    "NAMES",
    "SHIFT_INDEX_BITS",
    "Constant",
    "Divider",
    "Exact",
    "Mitchell",
    "Tabulated",
    "Undivided",
    "constant",
    "divide",
    "exact",
    "lut",
    "mitchell",
    "named",
    "none",
    "parse_lut",
    "pwl",
    "shift",
    "shift2",
]

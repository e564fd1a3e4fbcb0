"""Division by the inhibitory current: methods, their bounds and costs, and the one rounding."""

from eideploy.numeric.division.constant import constant
from eideploy.numeric.division.divider import METHODS, TABULATED, Divider, Method
from eideploy.numeric.division.error import relative_error
from eideploy.numeric.division.exact import exact
from eideploy.numeric.division.mitchell import mitchell
from eideploy.numeric.division.names import NAMES, named, parse_lut
from eideploy.numeric.division.none import none
from eideploy.numeric.division.operation import divide
from eideploy.numeric.division.piecewise import pwl
from eideploy.numeric.division.shifts import SHIFT_INDEX_BITS, shift, shift2
from eideploy.numeric.division.table import lut

__all__ = [
    "METHODS",
    "NAMES",
    "SHIFT_INDEX_BITS",
    "TABULATED",
    "Divider",
    "Method",
    "constant",
    "divide",
    "exact",
    "lut",
    "mitchell",
    "named",
    "none",
    "parse_lut",
    "pwl",
    "relative_error",
    "shift",
    "shift2",
]

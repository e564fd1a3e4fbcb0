"""Division by the inhibitory current: methods, their bounds and costs, and the one rounding."""

from eideploy.numeric.division import plain
from eideploy.numeric.division.constant import Constant, constant
from eideploy.numeric.division.divider import Divider, Rtl, Tabulated
from eideploy.numeric.division.exact import Exact, exact
from eideploy.numeric.division.methods import (
    SHIPPED,
    method_called,
    methods,
    named,
    names,
    parse_lut,
)
from eideploy.numeric.division.mitchell import Mitchell, mitchell
from eideploy.numeric.division.none import Undivided, none
from eideploy.numeric.division.operation import divide
from eideploy.numeric.division.operators import InArrays, Numbers, Operators
from eideploy.numeric.division.piecewise import pwl
from eideploy.numeric.division.shifts import SHIFT_INDEX_BITS, shift, shift2
from eideploy.numeric.division.table import lut

__all__ = [
    "SHIFT_INDEX_BITS",
    "SHIPPED",
    "Constant",
    "Divider",
    "Exact",
    "InArrays",
    "Mitchell",
    "Numbers",
    "Operators",
    "Rtl",
    "Tabulated",
    "Undivided",
    "constant",
    "divide",
    "exact",
    "lut",
    "method_called",
    "methods",
    "mitchell",
    "named",
    "names",
    "none",
    "parse_lut",
    "plain",
    "pwl",
    "shift",
    "shift2",
]

"""Division by the inhibitory current: methods, their bounds and costs, and the one rounding."""

from eideploy.divisions.constant import Constant, constant
from eideploy.divisions.divider import Divider, Rtl, Tabulated
from eideploy.divisions.exact import Exact, exact
from eideploy.divisions.methods import SHIPPED, method_called, methods, named, names, parse_lut
from eideploy.divisions.mitchell import Mitchell, mitchell
from eideploy.divisions.none import Undivided, none
from eideploy.divisions.operation import divide
from eideploy.divisions.piecewise import pwl
from eideploy.divisions.shifts import SHIFT_INDEX_BITS, shift, shift2
from eideploy.divisions.table import lut
from eideploy.numeric import plain
from eideploy.numeric.operators import InArrays, Numbers, Operators

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

"""A constant in place of the divisor: no division at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eideploy.divisions.exact import Exact
from eideploy.errors import InvariantError
from eideploy.numeric.fixed import Int


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant(Exact):
    """Each neuron's numerator over a calibrated constant (A23): an exact quotient of that."""

    method = "constant"
    aliases = ()
    reads_divisor = False
    rtl = None

    @property
    def bound(self) -> None:
        """None: a constant may err by any factor."""
        return

    def relative_error(self, num: Int, den: Int) -> NDArray[np.float64]:
        """Refuse: a constant stands for any DEN, so that no DEN says what it errs by.

        Raises:
            InvariantError: always.
        """
        del num, den
        raise InvariantError(
            "a constant divisor has no relative error on divisors",
            where="division constant",
            fix="report this as a bug",
        )

    def instead(self, constant: Int) -> Int:
        """Return the constant."""
        return constant


def constant() -> Constant:
    """Return the method that divides each neuron's numerator by a calibrated constant.

    It turns the circuit into ordinary leaky integrate-and-fire neurons, as the constant may be
    multiplied into threshold and bias; the inhibition that divides is lost, and with it whatever
    accuracy it carried. There is no bound. Zero divisors need no care, as no divisor is looked at.
    """
    return Constant()

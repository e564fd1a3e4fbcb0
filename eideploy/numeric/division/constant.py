"""A constant in place of the divisor: no division at all."""

from eideploy.numeric.division.divider import Divider, divider


def constant() -> Divider:
    """Return the method that divides each neuron's numerator by a calibrated constant.

    It turns the circuit into ordinary leaky integrate-and-fire neurons, as the constant may be
    multiplied into threshold and bias; the inhibition that divides is lost, and with it whatever
    accuracy it carried. There is no bound. Zero divisors need no care, as no divisor is looked at.
    """
    return divider("constant")

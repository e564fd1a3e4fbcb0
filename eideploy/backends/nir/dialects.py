"""Which form of a float circuit a dialect holds (docs/nir.md)."""

from eideploy.backends.nir.options import Dialect
from eideploy.circuit import Circuit, Layer, Ranges
from eideploy.circuit.forms import folded, without_division


def of_dialect(circuit: Circuit, ranges: Ranges, dialect: Dialect) -> Circuit:
    """Return a float circuit as a dialect has it; an ordinary one stays."""
    if dialect == "folded":
        return circuit.rewrite(Layer, folded)
    return without_division(circuit, ranges) if dialect == "plain" else circuit


def ranges_of(calibrated: Circuit) -> Ranges:
    """Return what calibration saw."""
    assert calibrated.ranges is not None  # compiling calibrates
    return calibrated.ranges

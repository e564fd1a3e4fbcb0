"""Compile a trained run by hand, and compare the divisions. Usage: walk.py RUN."""

import sys
from pathlib import Path

from eideploy.data import load
from eideploy.folders import load_run
from eideploy.numeric.division import exact, lut, shift, shift2
from eideploy.pipeline import compile_circuit
from eideploy.report.compare import compare
from eideploy.scheme import load_scheme
from eideploy.simulate.observe import observe
from eideploy.target import load_target


def main(folder: Path) -> None:
    """Print agreement, accuracy and cycles of every division."""
    circuit = load_run(folder).circuit
    digits = load("digits")
    ranges = observe(circuit, digits.train_x[:256])
    print("division  bound     agreement  accuracy  cycles (median)")
    for divider in (exact(), lut(8, 8), lut(4, 4), shift2(), shift()):
        program = compile_circuit(
            circuit,
            target=load_target("digital"),
            scheme=load_scheme("int8"),
            ranges=ranges,
            divider=divider,
            zero_policy="minimum",
        )
        found = compare(circuit, program, digits.test_x, digits.test_y)
        print(
            f"{divider.label:<8}  {divider.bound:<8.5f}  {found.agreement:9.2%}  "
            f"{found.integer_accuracy:8.2%}  {found.cycles.median:.0f}"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Compile a trained run by hand, and compare the divisions. Usage: walk.py RUN."""

import sys

import eideploy as ei


def main(folder: str) -> None:
    """Print agreement, accuracy and cycles of every division."""
    circuit = ei.load_run(folder).circuit
    digits = ei.load_data("digits")
    ranges = ei.observe(circuit, digits.train_x[:256])
    print("division  bound     agreement  accuracy  cycles (median)")
    for name in ("exact", "lut:8x8", "lut:4x4", "shift2", "shift"):
        divider = ei.division(name)
        program = ei.compile_circuit(
            circuit,
            target=ei.load_target("digital"),
            scheme=ei.load_scheme("int8"),
            ranges=ranges,
            divider=divider,
            zero_policy="minimum",
        )
        found = ei.compare(circuit, program, digits.test_x, digits.test_y)
        print(
            f"{divider.label:<8}  {divider.bound:<8.5f}  {found.agreement:9.2%}  "
            f"{found.integer_accuracy:8.2%}  {found.cycles.median:.0f}"
        )


if __name__ == "__main__":
    main(sys.argv[1])

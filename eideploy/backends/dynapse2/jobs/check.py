"""Job: what a mixed-signal board offers."""

from dataclasses import asdict

from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.chip.times import time_ranges
from eideploy.flow.result import Result
from eideploy.report.text import table


def check(target: ChipSpec) -> Result:
    """Print what a mixed-signal board offers, and read the files that its spec names."""
    dac = load_dac(target)
    source = "a table (currents may be the formula's)" if dac.measured else "no, a formula"
    offered = {
        "board.chips": target.chips,
        **{f"chip.{key}": value for key, value in asdict(target.chip).items()},
        "biases": len(target.biases),
        "biases.measured": source,
        **{
            f"seconds.{role}": f"{low:.2g} to {high:.2g}"
            for role, (low, high) in time_ranges(target, dac).items()
        },
    }
    rows = [[key, str(value)] for key, value in offered.items()]
    text = "\n".join(
        [
            f"target {target.name} is well-formed: {target.description}",
            "",
            table(["resource", "offered"], rows),
        ]
    )
    return Result(text=text, content={"target": target.name, **offered})

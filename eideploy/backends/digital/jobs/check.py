"""Job: what a digital target offers."""

from dataclasses import asdict

from eideploy.backends.digital.parameters import divides_in_rtl
from eideploy.flow.result import Result
from eideploy.report.text import table
from eideploy.target import Target


def check(target: Target) -> Result:
    """Print what a digital target offers, and which of its divisions there is SystemVerilog for."""
    offered = {
        f"{section}.{key}": value
        for section in ("core", "memory", "widths", "latency")
        for key, value in asdict(getattr(target, section)).items()
    }
    rows = [[key, str(value)] for key, value in offered.items() if value is not None]
    faults = divides_in_rtl(target)
    in_rtl = sorted(method for method in faults if not faults[method])
    text = "\n".join(
        [
            f"target {target.name} is well-formed: {target.description}",
            f"divides by {', '.join(sorted(target.divider))}",
            f"in SystemVerilog by {', '.join(in_rtl) or 'none of them'}",
            *dict.fromkeys(f"  {fault}" for of_method in faults.values() for fault in of_method),
            "",
            table(["resource", "offered"], rows),
        ]
    )
    content = {
        "target": target.name,
        "divider": sorted(target.divider),
        "systemverilog": in_rtl,
        **offered,
    }
    return Result(text=text, content=content)

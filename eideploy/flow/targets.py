"""Job: list the targets, and check a spec."""

import os
from dataclasses import asdict

from eideploy.backends import catalogue
from eideploy.backends.digital.parameters import divides_in_rtl
from eideploy.backends.dynapse2.chip.biases import load_dac
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.chip.times import time_ranges
from eideploy.flow.requests.targets import CheckTarget, ListTargets
from eideploy.flow.result import Result
from eideploy.report.text import table
from eideploy.scheme import load_scheme, scheme_names
from eideploy.target import load_any, target_names


def show(_: ListTargets) -> Result:
    """List the shipped targets and schemes."""
    targets = [load_any(name) for name in target_names()]
    schemes = [load_scheme(name) for name in scheme_names()]
    text = "\n".join(
        [
            "targets",
            *(f"  {t.name:<16}{t.description}" for t in targets),
            "",
            "schemes",
            *(f"  {s.name:<16}{s.description}" for s in schemes),
        ]
    )
    content = {
        "targets": {t.name: t.description for t in targets},
        "schemes": {s.name: s.description for s in schemes},
    }
    return Result(text=text, content=content)


def check(request: CheckTarget) -> Result:
    """Read a spec and print what it offers.

    Raises:
        UsageError: no such target.
        SpecError: naming every key that is wrong.
    """
    target = load_any(os.fspath(request.spec), option="targets check")
    if isinstance(target, ChipSpec):
        return _check_chip(target)
    catalogue.of(target)
    offered = {
        f"{section}.{key}": value
        for section in ("core", "memory", "widths", "latency")
        for key, value in asdict(getattr(target, section)).items()
    }
    rows = [[key, str(value)] for key, value in offered.items()]
    faults = divides_in_rtl(target)
    in_rtl = sorted(method for method in faults if not faults[method])
    text = "\n".join(
        [
            f"target {target.name} is well-formed: {target.description}",
            f"divides by {', '.join(sorted(target.divider))}",
            f"in SystemVerilog by {', '.join(in_rtl) or 'none of them'}",
            *dict.fromkeys(f"  {fault}" for found in faults.values() for fault in found),
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


def _check_chip(target: ChipSpec) -> Result:
    """Print what a mixed-signal board offers, and read the files that its spec names."""
    dac = load_dac(target)
    offered = {
        "board.chips": target.chips,
        **{f"chip.{key}": value for key, value in asdict(target.chip).items()},
        "biases": len(target.biases),
        "biases.measured": "a table" if dac.measured else "no, a formula",
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

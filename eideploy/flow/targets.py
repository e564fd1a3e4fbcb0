"""Job: list the targets, and check a spec."""

import os

from eideploy.flow.requests.targets import CheckTarget, ListTargets
from eideploy.flow.result import Result
from eideploy.report.text import listing
from eideploy.scheme import load_scheme, scheme_names
from eideploy.target import family_of, load_any, spec_of, target_names


def show(_: ListTargets) -> Result:
    """List the shipped targets and schemes."""
    targets = [load_any(name) for name in target_names()]
    schemes = [load_scheme(name) for name in scheme_names()]
    content = {
        "targets": {t.name: t.description for t in targets},
        "schemes": {s.name: s.description for s in schemes},
    }
    text = "\n\n".join(f"{kind}\n{listing(entries)}" for kind, entries in content.items())
    return Result(text=text, content=content)


def check(request: CheckTarget) -> Result:
    """Read a spec and print what it offers.

    Raises:
        UsageError: no such target.
        SpecError: naming every key that is wrong.
    """
    path = spec_of(os.fspath(request.spec), "targets check")
    family = family_of(path)
    return family.check(family.read_spec(path))

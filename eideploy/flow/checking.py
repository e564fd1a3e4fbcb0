"""Job: what of a network would compile for a target, all that would not, and how large it is."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from eideploy.backends import formats
from eideploy.backends.protocol import Fit, Read
from eideploy.circuit import Circuit
from eideploy.errors import CapacityError
from eideploy.flow import finetuned
from eideploy.flow.graphs import refuse_reading
from eideploy.flow.requests.checking import CheckNetwork
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run
from eideploy.flow.warning import with_warnings
from eideploy.options import as_path
from eideploy.report.text import counted, table
from eideploy.target import family_of, spec_of


def check(request: CheckNetwork) -> Result:
    """Read a network and place it, without samples and without writing anything.

    Raises:
        UsageError: no run, no such target; a graph without its steps; options without effect.
        FormatError: damaged.
    """
    spec_path = spec_of(os.fspath(request.target))
    family = family_of(spec_path)
    spec = family.read_spec(spec_path)
    path = as_path(request.network)
    reader = formats.reader_of(path)
    refuse_reading(request, path, reader)
    recipe = None
    if path is None or reader is None:
        run = find_run(path)
        named, network = str(run.folder), Read(circuit=run.circuit, how={})
        recipe = finetuned.recipe_of(run) if "finetuned" in run.content else None
    else:
        named = path.name
        try:
            network = reader.read(path, request)
        except CapacityError as error:
            fit = Fit(faults=_lines(error), fixes=[error.fix])
            return _result(named, spec.name, [], fit, None)
    fit = family.fits(network.circuit, spec, recipe)
    return with_warnings(
        _result(named, spec.name, network.remarks, fit, network.circuit), network.warnings
    )


def _lines(error: CapacityError) -> list[str]:
    """Return what an error names, a line each."""
    first, *others = error.what.splitlines()
    return [line.strip() for line in others] or [f"{error.where}: {first}"]


def _result(
    named: str, target: str, remarks: Sequence[str], fit: Fit, circuit: Circuit | None
) -> Result:
    compiles = not fit.faults
    verdict = "compiles" if compiles else f"does not compile: {counted(len(fit.faults), 'reason')}"
    lines = [f"{named} {verdict}, for {target}", *remarks]
    if not compiles:
        lines += ["", *(f"  {fault}" for fault in fit.faults)]
        lines += [f"  fix: {fix}" for fix in dict.fromkeys(fit.fixes)]
    nodes: list[dict[str, Any]] = []
    if circuit is not None:
        nodes = [_node(circuit, name) for name in circuit.shapes]
        rows = [[n["name"], n["kind"], "x".join(map(str, n["shape"])), n["weights"]] for n in nodes]
        head = ["node", "kind", "shape", "weights"]
        lines += ["", table(head, [[str(cell) for cell in row] for row in rows])]
    if fit.uses:
        rows = [[use.resource, str(use.used), str(use.offered)] for use in fit.uses]
        lines += ["", table(["resource", "used", "offered"], rows)]
    content = {
        "network": named,
        "target": target,
        "compiles": compiles,
        "faults": [*fit.faults],
        "fixes": [*dict.fromkeys(fit.fixes)],
        "remarks": [*remarks],
        "nodes": nodes,
        "uses": [asdict(use) for use in fit.uses],
    }
    return Result(text="\n".join(lines), content=content, exit_code=0 if compiles else 1)


def _node(circuit: Circuit, name: str) -> dict[str, Any]:
    node = circuit.node(name)
    weights = next((sum(w.size for w in x.weights) for x in circuit.layers if x is node), 0)
    return {
        "name": name,
        "kind": node.kind,
        "shape": [*circuit.shapes[name]],
        "weights": weights,
    }

"""Job: compile a run for a target into a build, by the backend that serves it."""

import os
from dataclasses import replace
from typing import Any

from eideploy.backends import formats
from eideploy.backends.catalogue import EMITTED
from eideploy.flow.graphs import refuse_reading
from eideploy.flow.requests.compile import Compile
from eideploy.flow.result import Result
from eideploy.options import as_path, refuse_others
from eideploy.progress import note
from eideploy.target import family_of, spec_of, target_names


def compile_run(request: Compile) -> Result:
    """Compile a run or a graph into a new build folder.

    Raises:
        UsageError: no run, no such target or scheme, options that have no effect.
        FormatError: a damaged run.
        CapacityError: the network does not fit the target.
        DataError: no samples to calibrate on; `out` exists already, or cannot be written.
    """
    request = _for_chip(request)
    path = spec_of(os.fspath(request.target))
    family = family_of(path)
    spec = family.read_spec(path)
    here = f"for {spec.name}, {family.kind}"
    run = as_path(request.run)
    reader = formats.reader_of(run)
    refuse_reading(request, run, reader)
    reading = reader.reading if reader else None
    refuse_others(request, family.options.get("compile"), reading, here=here)
    return family.compile(request, spec)


def _for_chip(request: Any) -> Any:  # noqa: ANN401 - with the options of a backend
    """Return options with a chip for target: files of a network are written beside one's."""
    named = os.fspath(request.target)
    if named in target_names() or named not in EMITTED:
        return request
    chip = Compile().target
    note(f"{named} is written beside a chip's files: compiling for {chip}")
    return replace(request, target=chip, emit=tuple(dict.fromkeys((*request.emit, named))))

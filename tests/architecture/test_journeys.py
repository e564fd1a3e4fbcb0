"""How many files somebody who follows what happens goes through (docs/architecture.md)."""

import inspect
import sys
from pathlib import Path

import numpy as np

import eideploy
from eideploy import cli
from eideploy.backends.digital.build import load_build
from eideploy.execute import definition
from tests.cli.support import BUILD

ROOT = Path(eideploy.__file__).parent


def files_through(run, *, to=("",)):
    """Return the files whose functions `run` calls on the way to those of the files `to`."""
    through, wanted = set(), tuple(str(ROOT / part) for part in to)

    def look(frame, event, argument):
        del argument
        if event == "call" and frame.f_code.co_filename.startswith(wanted):
            through.update(_ours(frame))

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        run()
    finally:
        sys.setprofile(before)
    return through


def _ours(frame):
    """Return the files of a call and its callers; of no call where a module is being imported."""
    files, own = [], str(ROOT)
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(own):
            if not code.co_flags & inspect.CO_OPTIMIZED:
                return []
            files.append(Path(code.co_filename).relative_to(ROOT).as_posix())
        frame = frame.f_back
    return files


def test_a_sample_becomes_spikes_in_eight_files(finished):
    circuit = load_build(finished / BUILD).program.circuit
    x, state = np.full(circuit.input.size, circuit.input.high), definition.init(circuit)
    through = files_through(lambda: definition.step(circuit, state, x))
    assert "execute/definition.py" in through
    assert len(through) <= 8, sorted(through)


def test_an_option_of_simulate_goes_through_at_most_25_files(finished, monkeypatch):
    monkeypatch.chdir(finished)
    words = ["simulate", "--lut", "8bit", "--samples", "4"]
    through = files_through(lambda: cli.main(words), to=("divisions/", "execute/quotients.py"))
    assert {"cli.py", "divisions/table.py", "execute/quotients.py"} <= through
    assert len(through) <= 25, sorted(through)

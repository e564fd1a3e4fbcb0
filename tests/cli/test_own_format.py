"""An exchange format in a package of its own: every command takes it, and eideploy does not."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from eideploy.data import load
from tests.cli.support import ROOT
from tests.cli.test_own_backend import install

PAGE = (ROOT / "docs/extending.md").read_text()
SECTION = PAGE[PAGE.index("## An exchange format") : PAGE.index("## A node")]
GROUP = "eideploy.formats"


@pytest.fixture
def eideploy(trained, tmp_path):
    """Return the command line of a process in which the package is installed, in a run's folder."""
    (code,) = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)
    install(tmp_path, "networks", {"network": "networks:Network"}, code, group=GROUP)
    start = f"import sys; sys.path[:0] = [{str(ROOT)!r}, {str(tmp_path)!r}]; "
    start += "from eideploy.cli import main; sys.exit(main(sys.argv[1:]))"

    def call(*words, code=0):
        command = [sys.executable, "-c", start, *map(str, words)]
        done = subprocess.run(
            command,
            cwd=trained,
            env={**os.environ, "PATH": ""},  # nothing to build the core's simulator with
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    return call


def test_its_files_are_written_verified_and_read(trained, eideploy):
    assert "--emit {onnx,nir,c,network}" in eideploy("compile", "--help")
    assert "RUN|GRAPH.nir|GRAPH.network" in eideploy("compile", "--help")
    eideploy("compile", "--emit", "network", "--out", "b")
    found = json.loads(eideploy("verify", "b", "--samples", 4, "--json"))
    states = {item["file"]: item["state"] for item in found["files"]}
    assert states["model.network"] == "verified"
    (trained / "b/model.network").rename(trained / "own.network")
    np.save(trained / "x.npy", load("digits").train.batch(slice(8)))
    assert "imported own.network" in eideploy("import", "own.network", "--out", "r")
    content = json.loads((trained / "r/manifest.json").read_text())
    assert content["source"]["format"] == "network"
    eideploy("compile", "own.network", "--calibrate-on", "x.npy", "--out", "c")
    assert (trained / "c/circuit.safetensors").is_file()


def test_the_options_of_another_format_are_refused(trained, eideploy):
    eideploy("compile", "--emit", "network", "--out", "b")
    told = eideploy("import", "b/model.network", "--steps", 4, code=2)
    assert "--steps has no effect on b/model.network, which is no NIR file" in told

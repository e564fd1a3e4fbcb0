"""A folder to work in that holds a tiny run and its build; children with little memory and time."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def workplace(finished, tmp_path, monkeypatch):
    """Work in a copy of a folder with a finished run and its build, and keep all else there."""
    for name in ("runs", "builds"):
        shutil.copytree(finished / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def rationed():
    """Return a function that has a file read, of a kind, in a child as `rationed` makes them."""
    command = [sys.executable, "-m", "tests.fuzz.rationed"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as server:

        def ask(kind, path):
            request = {"folder": os.getcwd(), "kind": kind, "path": str(path)}  # noqa: PTH109
            server.stdin.write(json.dumps(request) + "\n")
            server.stdin.flush()
            return json.loads(server.stdout.readline())

        yield ask

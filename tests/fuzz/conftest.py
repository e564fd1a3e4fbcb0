"""A folder to work in that holds a tiny run and its build."""

import shutil

import pytest


@pytest.fixture
def workplace(finished, tmp_path, monkeypatch):
    """Work in a copy of a folder with a finished run and its build, and keep all else there."""
    for name in ("runs", "builds"):
        shutil.copytree(finished / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path

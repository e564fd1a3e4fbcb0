"""The documentation site builds without a warning, and says what the code says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import eideploy
from eideploy.command_line.commands import COMMANDS
from tests.cli.support import PATIENCE_S

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_document_is_a_page(site):
    pages = {path.stem for path in ROOT.glob("docs/*.md")}
    assert len(pages) > 15
    assert {
        page for page in pages - {"index"} if not (site / page / "index.html").is_file()
    } == set()


def test_every_command_and_option_is_in_the_reference(site):
    page = (site / "command_line" / "index.html").read_text("utf-8")
    for name in COMMANDS:
        assert f"eideploy {name}</h2>" in re.sub(r"<a class[^>]*>.*?</a>", "", page)
    for option in ("--calibration-samples", "--zero-policy", "--tensorboard", "--nir-dialect"):
        assert option in page


def test_every_stable_name_is_in_the_reference(site):
    page = (site / "stable_names" / "index.html").read_text("utf-8")
    shown = set(re.findall(r'<h2 id="([\w]+)"', page))
    missing = {name for name in eideploy.__all__ if name.lower() not in {s.lower() for s in shown}}
    assert missing == {"CYCLE_KINDS", "__version__"}
    assert "What runs it (default: the first one that the build's backend offers)" in page


def test_nothing_is_fetched_from_elsewhere(site):
    page = (site / "index.html").read_text("utf-8")
    sources = re.findall(r'(?:src|href)="(https?://[^"]+)"[^>]*(?:rel="stylesheet")?', page)
    loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="https?:', page)
    styles = re.findall(r'<link[^>]*rel="(?:stylesheet|preconnect)"[^>]*href="https?:', page)
    assert sources
    assert loaded + styles == []


def test_every_picture_of_a_page_is_on_the_site(site):
    pictures = [
        (page.parent / source).relative_to(ROOT)
        for page in (*ROOT.glob("docs/*.md"), *ROOT.glob("examples/**/*.md"))
        for source in re.findall(r"!\[[^]]*\]\(([^)]+)\)", page.read_text("utf-8"))
    ]
    assert len(pictures) > 5
    assert {
        str(path) for path in pictures if not (site / str(path).removeprefix("docs/")).is_file()
    } == set()

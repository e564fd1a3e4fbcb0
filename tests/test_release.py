"""What a release says of itself agrees, and what GitHub reads is well-formed."""

import re
from pathlib import Path

import pytest
import yaml

from eideploy import __version__

ROOT = Path(__file__).parent.parent
GITHUB = sorted(ROOT.glob(".github/**/*.yml"))


def test_version_changelog_and_citation_agree():
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)[1]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert newest == cited["version"] == __version__
    title = re.search(r"title +=\s*{(.+?)}", (ROOT / "README.md").read_text("utf-8"))[1]
    assert cited["preferred-citation"]["title"] == title


@pytest.mark.parametrize("path", GITHUB, ids=lambda path: path.name)
def test_what_github_reads_is_well_formed(path):
    content = yaml.safe_load(path.read_text("utf-8"))
    if "jobs" in content:
        (job,) = content["jobs"].values()
        assert job["steps"][-1]["run"] == ".ci/run"
    else:
        assert {"name", "description", "body"} <= content.keys()
        assert all({"type", "attributes"} <= part.keys() for part in content["body"])


def test_there_is_a_workflow_and_templates():
    assert len(GITHUB) >= 3

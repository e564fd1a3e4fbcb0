"""The page of a report, as Chromium shows it: whole, alone, on screens and on paper."""

import json
import re
from base64 import b64decode
from pathlib import Path
from xml.etree import ElementTree

import pytest

from eideploy import cli
from tests.cli.support import BUILD, RUN
from tests.helpers.chromium import chromium
from tests.helpers.once import made_once
from tests.helpers.pages import WAYS, keys_with_numbers, shown_whole

MOST_BYTES = 3 << 20
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return the folders of a build's and a run's report.

    The network is all of digits-conv, trained for an epoch.
    """

    def make(place):
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(place)
            for argv in (
                ("train", "--set", "training.epochs=1", "--set", "training.warmup_epochs=0"),
                ("compile",),
                ("sweep", RUN, "--schemes", "int8,int4", "--divisions", "lut:8x8,shift",
                 "--samples", "20", "--jobs", "1", "--backend", "threading"),
                ("report", BUILD), ("report", RUN),
            ):  # fmt: skip
                assert cli.main(list(argv)) == 0

    place = made_once(tmp_path_factory, "reports", make)
    return {"build": place / BUILD, "run": place / RUN}


@pytest.fixture(scope="module")
def tab():
    with chromium() as found:
        yield found


@pytest.mark.parametrize("kind", ["build", "run"])
def test_a_report_is_small(reports, kind):
    assert (reports[kind] / "report.html").stat().st_size < MOST_BYTES


@pytest.mark.parametrize("kind", ["build", "run"])
def test_a_page_fetches_and_runs_nothing(reports, kind):
    page = (reports[kind] / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "default-src 'none'" in page
    assert "DejaVu Sans'" not in page


@pytest.mark.parametrize("kind", ["build", "run"])
def test_every_figure_has_its_numbers(reports, kind):
    assert keys_with_numbers(reports[kind]) > 15


@pytest.mark.parametrize("kind", ["build", "run"])
def test_every_figure_can_be_saved_as_a_whole_svg(reports, kind):
    page = (reports[kind] / "report.html").read_text()
    links = re.findall(
        r'download="([a-z0-9-]+\.svg)" href="data:image/svg\+xml;base64,([^"]+)"', page
    )
    assert len(links) == page.count("<figure") > 5
    for _, data in links:
        file = b64decode(data).decode()
        assert ElementTree.fromstring(file).tag.endswith("svg")
        assert "var(--" not in file
        assert not re.search(r"#a[12]0[0-9a-f]{3}\b", file)


def test_figures_of_several_samples_say_how_many(reports):
    page = (reports["build"] / "report.html").read_text()
    for title in ("integrated current", "shunting inhibition", "Cycles per inference"):
        assert re.search(rf"<h3>[^<]*{title}[^<]*<small>\d+ samples</small></h3>", page), title


def test_the_page_has_every_section_that_the_documentation_describes(reports):
    text = (ROOT / "docs/report.md").read_text()
    described = re.findall(
        r"\*\*(.+?)\*\*", text.partition("## Of a build\n")[2].partition("\n## ")[0]
    )
    assert len(described) > 10
    sections = re.findall(r"<h2>(.*?)</h2>", (reports["build"] / "report.html").read_text())
    untold = [s for s in sections if not any(s.lower().startswith(d.lower()) for d in described)]
    absent = [d for d in described if not any(s.lower().startswith(d.lower()) for s in sections)]
    assert (untold, absent) == ([], [])


def rows_of(page):
    """Return the text of every cell of a page's tables, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
    cells = [re.findall(r"<(t[hd]).*?>(.*?)</\1>", row, re.DOTALL) for row in rows]
    return [[re.sub("<.*?>", "", text).strip() for _, text in row] for row in cells]


def test_the_page_shows_the_numbers_beside_it(reports):
    rows = rows_of((reports["build"] / "report.html").read_text())
    found = json.loads((reports["build"] / "report.json").read_text())
    for name, digits in found["provenance"]["sha256"].items():
        assert [name, digits] in rows
    shown = {(row[0], row[1]): row for row in rows if len(row) > 1}
    for own in found["executors"]:
        row = shown[own["artefact"], own["executor"]]
        assert row[4] == own["result"]
        assert own["result"] == "not run" or row[2] == str(own["samples"])
    accuracy = sum(row[i] for i, row in enumerate(found["confusion"])) / found["samples"]
    assert shown["integer program", "integer simulator"][3] == f"{100 * accuracy:.2f} %"


@pytest.mark.chromium
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("kind", ["build", "run"])
def test_chromium_shows_all_of_it(reports, tab, kind, way, tmp_path):
    page = reports[kind] / "report.html"
    assert shown_whole(tab, page, way) >= 12
    tab.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000


@pytest.mark.chromium
@pytest.mark.parametrize("kind", ["build", "run"])
def test_chromium_prints_it(reports, tab, kind, tmp_path):
    tab.open(reports[kind] / "report.html", width=794)
    tab.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")

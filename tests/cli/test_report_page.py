"""The page of a report, as Chromium shows it: whole, alone, on screens and on paper."""

import json
import re
import time

import pytest

from tests.cli.support import BUILD, RUN
from tests.helpers.chromium import chromium

MOST_BYTES, MOST_SECONDS = 3 << 20, 10
UNSEEN = """[...document.querySelectorAll('figure')].filter(f => {
    const s = f.querySelector('svg'), b = s && s.getBoundingClientRect();
    return !s || b.width < 100 || b.height < 60 || !s.querySelector('path, image');
}).map(f => f.dataset.key)"""
CUT_OFF = """[...document.querySelectorAll('figure svg')].flatMap(s => {
    const f = s.closest('figure').getBoundingClientRect();
    return [...s.querySelectorAll('text')].filter(t => {
        const b = t.getBoundingClientRect();
        return b.left < f.left - 1 || b.right > f.right + 1;
    }).map(t => s.closest('figure').dataset.key + ': ' + t.textContent);
})"""
TWICE = """[...document.querySelectorAll('[id]')].map(e => e.id)
    .filter((id, i, all) => all.indexOf(id) != i)"""
ILLEGIBLE = """[...document.querySelectorAll('figure:not([data-key=confusion]) text')].filter(t =>
    getComputedStyle(t).fill == getComputedStyle(document.body).backgroundColor).length"""
WAYS = [
    {"width": 1280}, {"width": 390}, {"width": 1280, "dark": True},
    {"width": 390, "dark": True}, {"width": 794, "paper": True},
]  # fmt: skip


@pytest.fixture(scope="module")
def reports(finished, tmp_path_factory):
    """Return the folders of a build's and a run's report, and the seconds that they took."""
    import os
    import shutil

    from eideploy import cli

    place, before = tmp_path_factory.mktemp("reports"), os.getcwd()  # noqa: PTH109
    shutil.copytree(finished, place, dirs_exist_ok=True)
    os.chdir(place)
    made = {}
    try:
        sweep = ["sweep", RUN, "--schemes", "int8,int4", "--divisions", "lut:8x8,shift",
                 "--samples", "20", "--jobs", "1", "--backend", "threading"]  # fmt: skip
        assert cli.main(sweep) == 0
        for name, folder in (("build", BUILD), ("run", RUN)):
            begun = time.perf_counter()
            assert cli.main(["report", folder]) == 0
            made[name] = (place / folder, time.perf_counter() - begun)
    finally:
        os.chdir(before)
    return made


@pytest.fixture(scope="module")
def tab():
    with chromium() as found:
        yield found


@pytest.mark.parametrize("kind", ["build", "run"])
def test_a_report_is_small_and_soon_made(reports, kind):
    folder, seconds = reports[kind]
    assert (folder / "report.html").stat().st_size < MOST_BYTES
    assert seconds < MOST_SECONDS


@pytest.mark.parametrize("kind", ["build", "run"])
def test_a_page_fetches_and_runs_nothing(reports, kind):
    page = (reports[kind][0] / "report.html").read_text()
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"(?!data:|#)", page)
    assert not re.search(r"@import|url\((?!#)", page)
    assert "default-src 'none'" in page
    assert "DejaVu Sans'" not in page


@pytest.mark.parametrize("kind", ["build", "run"])
def test_every_figure_has_its_numbers(reports, kind):
    folder, _ = reports[kind]
    content = json.loads((folder / "report.json").read_text())
    keys = re.findall(r"data-key=\"([^\"]+)\"", (folder / "report.html").read_text())
    assert len(keys) > 15
    for key in keys:
        found = [content]
        for part in key.split("."):
            found = [
                x[part] for each in found for x in (each if isinstance(each, list) else [each])
            ]
        assert found
        assert all(x is not None for x in found), key


def test_what_the_issue_names_is_there(reports):
    page = (reports["build"][0] / "report.html").read_text()
    for words in (
        "Facts",
        "SHA-256",
        "After every pass",
        "Every executor",
        "Confusion matrix",
        "Spikes that differ",
        "integrated current",
        "current at initialisation",
        "shunting inhibition",
        "error of the division",
        "Accumulators",
        "What saturates",
        "Cycles per layer",
        "Cycles per inference",
        "Used of what",
        "Accuracy against",
        "Input",
        "Spikes",
        "What to see to",
    ):
        assert words in page, words  # fmt: skip


@pytest.mark.chromium
@pytest.mark.parametrize("way", WAYS, ids=str)
@pytest.mark.parametrize("kind", ["build", "run"])
def test_chromium_shows_all_of_it(reports, tab, kind, way, tmp_path):
    page = reports[kind][0] / "report.html"
    tab.requests.clear()
    tab.complaints.clear()
    tab.open(page, **way)
    assert tab.ask("document.querySelectorAll('figure').length") >= 12
    assert tab.ask(UNSEEN) == []
    assert tab.ask(CUT_OFF) == []
    assert tab.ask(TWICE) == []
    assert tab.ask(ILLEGIBLE) == 0
    assert tab.ask("document.documentElement.scrollWidth") <= way["width"]
    tab.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000
    assert tab.complaints == []
    asked = {url for url in tab.requests if not url.startswith("data:")}
    assert asked == {page.resolve().as_uri()}


@pytest.mark.chromium
@pytest.mark.parametrize("kind", ["build", "run"])
def test_chromium_prints_it(reports, tab, kind, tmp_path):
    tab.open(reports[kind][0] / "report.html", width=794)
    tab.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")

"""The page of a report, as Chromium shows it: whole, alone, on screens and on paper."""

import os
import re
import time

import pytest

from eideploy import cli
from tests.cli.support import BUILD, RUN
from tests.helpers.chromium import chromium
from tests.helpers.pages import WAYS, keys_with_numbers, shown_whole

MOST_BYTES, MOST_SECONDS = 3 << 20, 10


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Return the folders of a build's and a run's report, and the seconds that they took.

    The network is all of digits-conv, trained for two epochs.
    """
    place, before = tmp_path_factory.mktemp("reports"), os.getcwd()  # noqa: PTH109
    os.chdir(place)
    made = {}
    try:
        for argv in (
            ("train", "--set", "training.epochs=2", "--set", "training.warmup_epochs=0"),
            ("compile",),
            ("sweep", RUN, "--schemes", "int8,int4", "--divisions", "lut:8x8,shift",
             "--samples", "20", "--jobs", "1", "--backend", "threading"),
        ):  # fmt: skip
            assert cli.main(list(argv)) == 0
        for name, folder in (("build", BUILD), ("run", RUN)):
            begun, worked = time.perf_counter(), time.process_time()
            assert cli.main(["report", folder]) == 0
            seconds = min(time.perf_counter() - begun, time.process_time() - worked)
            made[name] = (place / folder, seconds)  # of an idle machine: others may be at work
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
    assert keys_with_numbers(reports[kind][0]) > 15


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
    assert shown_whole(tab, page, way) >= 12
    tab.picture(tmp_path / "page.png")
    assert (tmp_path / "page.png").stat().st_size > 50_000


@pytest.mark.chromium
@pytest.mark.parametrize("kind", ["build", "run"])
def test_chromium_prints_it(reports, tab, kind, tmp_path):
    tab.open(reports[kind][0] / "report.html", width=794)
    tab.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")

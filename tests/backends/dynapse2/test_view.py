"""What load.py run shows: rates beside the simulator's, a raster, the first that differs."""

import hashlib
import importlib
import io
import json
import sys
import xml.etree.ElementTree as ET
from types import SimpleNamespace

import pytest

from eideploy.backends.dynapse2.emit import loader_folder

LASTS_US = 100_000


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(scope="module")
def module():
    """Return the loader's module, which finds the others beside it."""
    sys.path.insert(0, str(loader_folder()))
    try:
        yield importlib.import_module("view")
    finally:
        sys.path.pop(0)


PATCH = SimpleNamespace(
    head={"coding": {"duration_s": LASTS_US / 1e6}},
    outputs=lambda: {
        (-6, tag): ("first" if tag < 4 else "<second>", tag % 4, -1) for tag in range(6)
    },
)


def expected(module, first, second, trials=3, spread=0.2):
    """Return what is expected: spikes a trial of two populations."""
    populations = {
        "<second>": {"spikes": {str(k): second for k in range(trials)}, "spread": spread},
        "first": {"spikes": {str(k): first for k in range(trials)}, "spread": spread},
    }
    lasts = {str(k): LASTS_US for k in range(trials)}
    return module.Expected({"boards": 10, "lasts_us": lasts, "populations": populations})


def answer(first, second):
    """Return spikes, the last of which lies behind the trial's end and does not count."""
    rows = [(1000 * k, "first", k % 4, -1) for k in range(first)]
    return [*rows, *((500 * k, "<second>", k % 2, -1) for k in range(second)), (2**20, "first", 0)]


def test_rates_are_those_of_the_trials_so_far_in_the_order_of_the_layers(module):
    view = module.View(PATCH, expected(module, 8, 4), 3, to=io.StringIO())
    view.count(0, answer(8, 4))
    view.show(2, answer(12, 4))
    assert [row[:4] for row in view.rates()] == [
        ("<second>", 2, pytest.approx(20), pytest.approx(20)),
        ("first", 4, pytest.approx(25), pytest.approx(20)),
    ]
    assert view.verdict() == (
        "no population differs by more than 2 times the spread over 10 emulated boards allows"
    )
    assert view.table()[0].split() == ["population", "neurons", "Hz", "simulated", "ratio"]
    assert view.to.getvalue() == ""  # nobody watches


def test_the_first_population_that_differs_is_named_with_what_is_allowed(module):
    view = module.View(PATCH, expected(module, 8, 4), 3, to=io.StringIO())
    view.count(0, answer(80, 4))
    said = view.verdict()
    assert said.startswith("the first population that differs: first, 200.0 Hz, simulated 20.0 Hz")
    assert said.endswith("a ratio of 9.57 where 2 times the spread over 10 emulated boards allows "
                         "0.67 to 1.49")  # fmt: skip
    assert view.table()[-1].endswith("differs")
    view.count(1, answer(8, 0))
    view.count(2, answer(8, 0))
    assert "differs: <second>, 6.7 Hz" in view.verdict()  # it comes first in the network
    silent = module.View(PATCH, expected(module, 8, 0), 3, to=io.StringIO())
    silent.count(0, answer(8, 0))
    assert "no population differs" in silent.verdict()


def test_a_factor_may_be_given_by_which_rates_may_differ(module):
    for within, said in ((1.2, "a ratio of 1.24 where --within allows 0.83 to 1.20"),
                         (1.3, "no population differs by more than --within allows")):  # fmt: skip
        view = module.View(PATCH, expected(module, 8, 4), 3, within=within, to=io.StringIO())
        view.count(0, answer(10, 4))
        assert view.verdict().endswith(said)


def test_without_what_is_expected_rates_stand_alone(module):
    view = module.View(PATCH, None, 1, to=io.StringIO())
    view.count(0, answer(8, 4))
    assert [row[3:] for row in view.rates()] == [(None, None, None)] * 2
    assert view.table()[0].split() == ["population", "neurons", "Hz"]
    assert view.verdict().startswith("nothing is expected")


def test_a_terminal_is_drawn_anew_and_a_pipe_is_told_now_and_then(module, monkeypatch):
    view = module.View(PATCH, expected(module, 8, 4), 3, to=Terminal())
    view.show(0, answer(8, 4))
    once = view.to.getvalue()
    assert once.startswith("1 of 3 trials\n")
    assert "\x1b" not in once
    view.show(1, answer(8, 4))
    again = view.to.getvalue()[len(once) :]
    assert again.startswith(f"\x1b[{once.count(chr(10))}F\x1b[J2 of 3 trials\n")
    pipe = module.View(PATCH, None, 300, to=io.StringIO())
    clock = iter(range(0, 100_000, 7))
    monkeypatch.setattr(module.time, "monotonic", lambda: next(clock))
    pipe.said = 0
    for trial in range(100):
        pipe.show(trial, [])
    lines = pipe.to.getvalue().splitlines()
    assert 5 < len(lines) < 15
    assert lines[0].endswith("of 300 trials")


def test_a_raster_is_text_and_a_drawing_with_a_mark_a_spike(module, tmp_path):
    view = module.View(PATCH, expected(module, 8, 4), 3, raster=tmp_path / "r.svg", to=Terminal())
    spikes = answer(8, 4)
    view.show(0, spikes)
    lines = view.text_raster(0, spikes)
    assert lines[0] == "trial 0, 0 to 100 ms"
    assert len(lines) == 1 + 4 + 2
    assert [line[:8].strip() for line in lines[1:]] == ["<second>", "", "first", "", "", ""]
    marks = [line.partition("|")[2].rstrip("|") for line in lines[1:]]
    assert {len(row) for row in marks} == {60}
    assert marks[0].startswith("#")
    root = ET.fromstring((tmp_path / "r.svg").read_text())
    small = [rect for rect in root.iter("{http://www.w3.org/2000/svg}rect")
             if rect.get("width") == "2"]  # fmt: skip
    assert len(small) == 12
    assert list(tmp_path.iterdir()) == [tmp_path / "r.svg"]


def test_what_is_expected_is_of_these_spikes_or_refused(module, tmp_path):
    spikes = tmp_path / "spikes.csv"
    spikes.write_text("trial,time_us,population,index\n")
    assert module.read_expected(spikes) is None
    path = tmp_path / "spikes.expected.json"
    digest = hashlib.sha256(spikes.read_bytes()).hexdigest()
    content = {"kind": module.KIND, "version": 1, "of": digest, "boards": 3, "lasts_us": {},
               "populations": {}}  # fmt: skip
    path.write_text(json.dumps(content))
    assert module.read_expected(spikes).boards == 3
    spikes.write_text("trial\n")
    with pytest.raises(module.LoadError, match="of other spikes"):
        module.read_expected(spikes)
    for damaged in ("{", "[]", json.dumps(content | {"kind": "x"}), '{"kind": 1}'):
        path.write_text(damaged)
        with pytest.raises(module.LoadError, match="cannot be read"):
            module.read_expected(spikes)

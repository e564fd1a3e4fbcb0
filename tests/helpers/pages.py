"""What every page of a report must be, as Chromium shows it."""

import json
import re

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


def keys_with_numbers(folder):
    """Require every figure and table to have its numbers in report.json; return how many."""
    content = json.loads((folder / "report.json").read_text())
    keys = re.findall(r"data-key=\"([^\"]+)\"", (folder / "report.html").read_text())
    for key in keys:
        found = [content]
        for part in key.split("."):
            found = [
                x[part] for each in found for x in (each if isinstance(each, list) else [each])
            ]
        assert found
        assert all(x is not None for x in found), key
    return len(keys)


def shown_whole(tab, page, way):
    """Require a page that is whole, legible, quiet and alone; return how many figures it has."""
    tab.requests.clear()
    tab.complaints.clear()
    tab.open(page, **way)
    assert tab.ask(UNSEEN) == []
    assert tab.ask(CUT_OFF) == []
    assert tab.ask(TWICE) == []
    assert tab.ask(ILLEGIBLE) == 0
    assert tab.ask("document.documentElement.scrollWidth") <= way["width"]
    assert tab.complaints == []
    asked = {url for url in tab.requests if not url.startswith("data:")}
    assert asked == {page.resolve().as_uri()}
    return tab.ask("document.querySelectorAll('figure').length")

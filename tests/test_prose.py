"""The documents read easily: measured on the README, and by lines and words on every page."""

import re
import subprocess
import sys

import pytest
import textstat

from tests.helpers.wrapping import long_lines, page
from tests.test_documents import PAGES, ROOT, named

README = (ROOT / "README.md").read_text("utf-8")
FENCE = re.compile(r"^```.*?^```$", re.M | re.S)
BANNED = {
    "in order to": "to",
    "utilize": "use",
    "utilise": "use",
    "leverage": "use",
    "performant": "fast",
    "and/or": "or",
    "please": "the bare imperative",
    "obviously": "nothing",
    "to machines": "what a program reads",
    "images resolve": "one image is so many points",
}


def prose(text):
    """Return the sentences of a page: no code, headings, tables, pictures or link targets."""
    kept = FENCE.sub("", text)
    kept = re.sub(r"^( {4}|#|\||!\[).*$", "", kept, flags=re.M)
    kept = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", kept)
    kept = re.sub(r"^- (.*)$", r"\1.", kept, flags=re.M)
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n|\.\n", kept)]
    return [
        sentence.rstrip(":.") + "."
        for paragraph in paragraphs
        for sentence in re.split(r"(?<=[.:;?!]) (?=[A-Z`])", paragraph)
        if sentence.strip()
    ]


def test_the_readme_has_at_most_400_words():
    assert len(README.split()) <= 400


def test_the_readme_reads_easily():
    sentences = prose(README)
    assert len(sentences) > 10
    assert textstat.flesch_reading_ease(" ".join(sentences)) >= 50
    assert {s: n for s in sentences if (n := len(s.split())) > 30} == {}


def test_the_set_up_commands_come_first():
    """Continuous integration types the same two."""
    commands = re.findall(r"^ {4}(\S+ \S+)", README, re.M)
    assert commands[:3] == ["make demo", "make test", "eideploy train"]
    typed = re.findall(r"^make (\w+)", (ROOT / ".ci/run").read_text("utf-8"), re.M)
    assert [f"make {target}" for target in typed] == commands[:2]


@pytest.mark.parametrize("document", [*PAGES, ROOT / "CHANGELOG.md"], ids=named)
def test_prose_has_at_most_100_columns(document):
    assert long_lines(document.read_text("utf-8")) == [], (
        "python tests/helpers/wrapping.py FILE wraps it"
    )


@pytest.mark.parametrize("document", PAGES, ids=named)
def test_no_page_has_a_phrase_that_we_do_not_use(document):
    text = " ".join(document.read_text("utf-8").split()).lower()
    assert {phrase: BANNED[phrase] for phrase in BANNED if phrase in text} == {}


@pytest.mark.parametrize("picture", ["chain"])
def test_a_picture_is_what_its_script_draws(picture, tmp_path):
    script = (tmp_path / f"{picture}.py").resolve()
    script.write_bytes((ROOT / f"docs/{picture}.py").read_bytes())
    subprocess.run([sys.executable, script], check=True)
    drawn = script.with_suffix(".svg").read_text("utf-8")
    assert drawn == (ROOT / f"docs/{picture}.svg").read_text("utf-8")


def test_long_lines_are_seen_and_wrapped():
    text = f"Words {'word ' * 30}\n\n    code {'word ' * 30}\n\n| table {'word ' * 30} |\n"
    assert len(long_lines(text)) == 1
    assert long_lines(page(text)) == []
    assert page(page(text)) == page(text)
    assert page(text).split() == text.split()


def test_sentences_are_told_apart():
    text = "# Head\n\nOne [link](to.md) here. Two words\nmore:\n\n    x\n\n- An item\n- Last\n"
    assert prose(text) == ["One link here.", "Two words more.", "An item.", "Last."]

"""The documents say what is so: every command parses, every link leads somewhere."""

import re
import shlex
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from eideploy.cli import main
from eideploy.command_line.commands import command_of
from eideploy.command_line.parsing import parsed
from eideploy.errors import EideployError
from eideploy.flow.requests.train import Train
from tests.helpers.wrapping import blocks

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("quant/*.md")]
    + [
        p
        for kind in ("docs", "examples", "targets", "benchmarks")
        for p in ROOT.glob(f"{kind}/**/*.md")
    ]
)
BLOCK = re.compile(r"^(?: {4,}|\$ )?(eideploy .*)$", re.M)  # indented, or in a fence
INLINE = re.compile(r"`(eideploy [^`]+)`")
LINK = re.compile(r"\]\(([^)#\s]*)(#[^)\s]*)?\)")
PRESETS = {"PRESET", *(p.stem for p in ROOT.glob("eideploy/**/presets/*.toml"))}
HEADING = re.compile(r"^#+ (.*)$", re.M)


def named(page):
    return page.relative_to(ROOT).as_posix()


def forms(line):
    """Return the command lines that one line of a document stands for.

    `a|b` is either, `[word]` may be left out, ` # ...` is a comment, `...` is more of the same.
    """
    plain = re.sub(r"\s#.*$", "", line).replace(" ... ", " ").replace("[", "").replace("]", "")
    if "'" in line or '"' in line:  # a value with brackets of its own
        plain = re.sub(r"\s#.*$", "", line)
    words = ["1" if word == "N" else word for word in shlex.split(plain)]
    choices = [word.split("|") if "=" not in word else [word] for word in words]
    return [list(words) for words in product(*choices)]


def written(text):
    """Return the command lines of a page: those in its code, and spans of code in its prose."""
    whole = re.sub(r"\\\n\s*", "", text)
    code = [line for kind, lines in blocks(whole) if kind == "other" for line in lines]
    return BLOCK.findall("\n".join(code)) + INLINE.findall(whole)


COMMANDS = sorted(
    {
        (named(page), line.strip())
        for page in PAGES
        for line in written(page.read_text("utf-8"))
        if not re.match(r"eideploy [A-Z]", line)
        and "--notes" not in line  # of a package of its own; test_own_backend types it
    }
)


def test_commands_were_found():
    assert len(COMMANDS) > 40
    assert len({page for page, _ in COMMANDS}) > 10


def test_every_command_of_a_document_is_one_that_the_tool_takes():
    refused = {}
    for page, line in COMMANDS:
        try:
            assert all(is_taken(words) for _, *words in forms(line))
        except (AssertionError, EideployError) as error:
            refused[page, line] = error
    assert refused == {}


def is_taken(words):
    """Return whether a command is one, with a preset that there is; an error says what is not."""
    if words and words[0] in {"--version", "--help"}:
        return True
    command, left = command_of(words)
    if "--help" in left:
        return True
    request, _ = parsed(command, left)
    if isinstance(request, Train) and not str(request.preset).endswith(".toml"):
        return str(request.preset or "PRESET") in PRESETS
    return True


def other_commands(program):
    """Return (page, words) of every command of the documents that begins with `program`."""
    line = re.compile(rf"(?:^(?: {{4,}}|\$ )|`)({program} [^`\n]*)", re.M)
    return sorted(
        {
            (named(page), " ".join(re.sub(r"\s+#.*$", "", found).split()))
            for page in PAGES
            for found in line.findall(page.read_text("utf-8"))
        }
    )


def test_every_make_target_of_a_document_is_one():
    commands = other_commands("make")
    assert len(commands) > 5
    for page, line in commands:
        own = (ROOT / page).with_name("Makefile")
        text = (own if own.is_file() else ROOT / "Makefile").read_text("utf-8")
        assert line.split()[1] in re.findall(r"^([a-z-]+):", text, re.M), f"{page}: {line}"


def test_every_script_of_a_document_is_there_with_its_options():
    commands = other_commands(r"(?:OMP_NUM_THREADS=1 )?python")
    assert len(commands) > 20
    for page, line in commands:
        words = line[line.index("python") :].split()
        scripts = [word for word in words if word.endswith(".py")]
        if not scripts:
            assert words[1] in ("-m", "-c"), f"{page}: {line}"
            continue
        places = [ROOT, (ROOT / page).parent, ROOT / "targets/dynapse2/bundle"]
        found = next((p / scripts[0] for p in places if (p / scripts[0]).is_file()), None)
        assert found, f"{page}: {scripts[0]}"
        known = "".join(p.read_text("utf-8") for p in found.parent.glob("*.py"))
        for option in re.findall(r"--[a-z][a-z-]*", line):
            assert option in known or option == "--help", f"{page}: {option}"


@cache
def anchors(page):
    text = page.read_text("utf-8")
    slugs = (
        re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in HEADING.findall(text)
    )
    return set(slugs)


def test_every_link_of_a_document_leads_somewhere():
    for page in PAGES:
        for target, anchor in LINK.findall(re.sub(r"`[^`\n]*`", "", page.read_text("utf-8"))):
            if "://" in target or target.startswith("mailto:"):
                continue
            found = (page.parent / target).resolve() if target else page
            assert found.exists(), f"{named(page)}: {target}"
            if anchor and found.suffix == ".py":
                assert f"\ndef {anchor[1:]}(" in found.read_text("utf-8"), (
                    f"{named(page)}: {anchor}"
                )
            elif anchor:
                assert anchor[1:] in anchors(found), f"{named(page)}: {target}{anchor}"


@pytest.mark.slow
def test_the_first_ten_minutes_go_as_their_page_says(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "first_ten_minutes.md").read_text("utf-8")
    small = 'training.epochs=1 training.warmup_epochs=0 network.widths=[8,"P",8]'
    refused = 0
    for line in BLOCK.findall(text):
        for _, *words in forms(line):
            if words[0] in ("verify", "doctor"):  # tested elsewhere, and at length
                continue
            if words[0] == "train":
                words += [word for setting in small.split() for word in ("--set", setting)]
            if main(words):
                refused += 1
                said = [part.strip() for part in capsys.readouterr().err.splitlines()[-3:]]
                assert all(part in text for part in said)
    assert refused == 1
    assert (tmp_path / "runs" / "digits-conv-1").is_dir()
    assert len(list(tmp_path.glob("builds/*/report.html"))) == 1

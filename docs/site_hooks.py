"""Hooks of mkdocs: pages from outside docs/, links that also work on GitHub, reference pages."""

import argparse
import inspect
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

import eideploy
from eideploy.arguments import command_line

ROOT = Path(__file__).parent.parent
DOCS = "docs/"
HOME = {"README.md": "index.md"}  # called otherwise on the site
OUTSIDE = (
    "README.md",
    "CHANGELOG.md",
    "quant/*.md",
    "targets/*/README.md",
    "examples/**/*.md",
    "benchmarks/*.md",
)
PICTURES = (
    "docs/**/*.svg",
    "docs/**/*.png",
    "benchmarks/*.svg",
    "benchmarks/*.png",
    "examples/*/*.svg",
)
LINK = re.compile(r"(!?\[(?:[^\]`]|`[^`]*`)*\])\(([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Add what is not in docs/: READMEs, pictures, and the pages made of the code."""
    from mkdocs.structure.files import File

    for pattern in OUTSIDE:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            text = path.read_text("utf-8")
            files.append(File.generated(config, _page(name), content=text))
    for pattern in PICTURES:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith(DOCS):
                files.append(File.generated(config, name, content=path.read_bytes()))
    for name, text in (("command_line.md", commands()), ("stable_names.md", stable_names())):
        files.append(File.generated(config, name, content=text))
    held = {file.src_uri for file in files}
    config.nav[:] = [*config.nav, *_unlisted(held, config.nav)]
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """Turn links between files of the repository into links between pages of the site."""
    here = page.file.src_uri
    back = {new: old for old, new in HOME.items()}
    source = back.get(here, here if (ROOT / here).exists() else f"{DOCS}{here}")
    held = {file.src_uri for file in files}

    def turned(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        found = normpath(f"{PurePosixPath(source).parent}/{target}")
        for candidate in (found, f"{found}/README.md"):
            if _page(candidate) in held:
                to = relpath(_page(candidate), str(PurePosixPath(here).parent))
                return f"{text}({to}{anchor})"
        if not (ROOT / found).exists():
            return match[0]  # mkdocs warns, which is an error
        return f"{text[1:-1].strip('`')} (`{found}`)"  # a file that is no page: where it lies

    return LINK.sub(turned, markdown)


def commands() -> str:
    """Return the page of the command line, as the parser of the tool says it."""
    parts = [
        "# The command line",
        "Made from the parser of the tool; `eideploy COMMAND --help` prints the same. Results go "
        "to standard output, as JSON with `--json`, progress to standard error. Exit code 0: "
        "done; 1: a stated error, or a check that failed; 2: wrong usage; 130: stopped by Ctrl-C.",
    ]
    for name, parser in _parsers(command_line()):
        parts += [f"## {name}", parser.description or "", f"```text\n{_usage(parser)}\n```"]
        rows = [_row(a) for a in parser._actions if a.help is not argparse.SUPPRESS]
        rows = [row for row in rows if row]
        parts += ["\n".join(["| argument | what it does |", "|---|---|", *rows])]
        if parser.epilog:
            parts += [f"```text\n{parser.epilog.strip()}\n```"]
    return "\n\n".join(parts) + "\n"


def stable_names() -> str:
    """Return the page of the names that stay, each with what its docstring says."""
    parts = [
        "# Stable names",
        "What `import eideploy` offers; [the Python API](python_api.md) says what is what.",
    ]
    for name in eideploy.__all__:
        found = getattr(eideploy, name)
        if not (inspect.isclass(found) or inspect.isfunction(found)):
            continue
        parts += [f"## {name}", f"::: {found.__module__}.{found.__qualname__}"]
    return "\n\n".join(parts) + "\n"


def _parsers(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield parser.prog, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _parsers(below)


def _usage(parser: argparse.ArgumentParser) -> str:
    return parser.format_usage().removeprefix("usage: ").strip()


def _row(action: argparse.Action) -> str:
    if isinstance(action, argparse._SubParsersAction):
        return ""
    value = action.metavar if isinstance(action.metavar, str) else ""
    if action.choices:
        value = ", ".join(map(str, action.choices))
    shown = ", ".join(action.option_strings) or value
    if action.option_strings and value and action.nargs != 0:
        shown = f"{shown} {value}"
    cells = (f"`{shown}`", action.help or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _page(name: str) -> str:
    """Return what a file of the repository is called on the site."""
    return HOME.get(name, name.removeprefix(DOCS))


def _unlisted(held: set[str], nav: Any) -> list[dict[str, Any]]:
    """Return the entries of pages that come with the tree, of examples and measurements."""
    listed = set(re.findall(r"[\w./-]+\.md", str(nav)))
    more = sorted(
        n for n in held - listed if n.startswith(("examples/", "benchmarks/")) and n.endswith(".md")
    )
    groups: dict[str, list[str]] = {}
    for name in more:
        groups.setdefault(
            "Each example" if name.startswith("examples/") else "Measurements", []
        ).append(name)
    return [{title: names} for title, names in groups.items()]

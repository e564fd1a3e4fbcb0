"""Hooks of mkdocs: pages from outside docs/, links that also work on GitHub, reference pages."""

import ast
import inspect
import re
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from typing import Any

import eideploy
from eideploy.api import jobs
from eideploy.command_line.commands import COMMANDS
from eideploy.command_line.help import page

ROOT = Path(__file__).parent.parent
DOCS = "docs/"
SUPPORT = ROOT / "docs/support.md"
OUTSIDE = (
    "CHANGELOG.md",
    "CONTRIBUTING.md",
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
    "examples/**/*.svg",
    "examples/**/*.png",
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
    made = {"command_line": commands, "stable_names": stable_names, "support_tests": cited_tests}
    for name, text in ((f"{name}.md", make()) for name, make in made.items()):
        files.append(File.generated(config, name, content=text))
    held = {file.src_uri for file in files}
    config.nav[:] = [*config.nav, *_unlisted(held, config.nav)]
    return files


def on_page_markdown(markdown: str, *, page: Any, config: Any, files: Any) -> str:  # noqa: ARG001
    """Turn links between files of the repository into links between pages of the site."""
    here = page.file.src_uri
    source = here if (ROOT / here).exists() else f"{DOCS}{here}"
    held = {file.src_uri for file in files}

    def turned(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        if target.startswith("../tests/") and target.endswith(".py"):
            return f"{text}(support_tests.md{anchor})"
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
    """Return the page of the command line, as the requests of its commands say it."""
    return "\n\n".join(
        [
            "# The command line",
            "Made from what each command may be asked; `eideploy COMMAND --help` prints the same. "
            "Results go to standard output, as JSON with `--json`, progress to standard error. "
            "Exit code 0: done; 1: a stated error, or a check that failed; 2: wrong usage; 130: "
            "stopped by Ctrl-C.",
            page(COMMANDS.values()),
        ]
    )


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
        if found.__module__ == jobs.__name__:
            parts += _job(name, found)
        else:
            parts += [f"## {name}", f"::: {found.__module__}.{found.__qualname__}"]
    return "\n\n".join(parts) + "\n"


def cited_tests() -> str:
    """Return the page of the tests that the support matrix links to, as they are written."""
    tests = set(re.findall(r"\]\(\.\./(tests/[^)#]+\.py)#(\w+)\)", SUPPORT.read_text("utf-8")))
    parts = ["# The tests behind the support matrix", "As they are in the source tree."]
    for path, name in sorted(tests):
        whole = (ROOT / path).read_text("utf-8")
        code = next(
            ast.get_source_segment(whole, node) or ""
            for node in ast.parse(whole).body
            if isinstance(node, ast.FunctionDef) and node.name == name
        )
        parts += [f"## {name}", f"`{path}`", f"```python\n{code}\n```"]
    return "\n\n".join(parts) + "\n"


def _job(name: str, job: Any) -> list[str]:
    """Return what a job says of itself, which is made of its request when it is imported."""
    summary, *parts = (inspect.getdoc(job) or "").split("\n\n")
    given = [
        each.replace(annotation=each.empty) for each in inspect.signature(job).parameters.values()
    ]
    shown = [f"## {name}", f"```python\n{name}{inspect.Signature(given)}\n```", summary]
    for part in parts:
        title, entries = part.split("\n", 1)
        pairs = re.findall(r"^    (\S.*?): (.*(?:\n {5,}.*)*)", entries, re.M)
        rows = [f"| `{what}` | {' '.join(text.split())} |" for what, text in pairs]
        head = "argument" if title == "Args:" else "raises"
        shown.append("\n".join([f"| {head} | |", "|---|---|", *rows]))
    return shown


def _page(name: str) -> str:
    """Return what a file of the repository is called on the site."""
    return name.removeprefix(DOCS)


def _unlisted(held: set[str], nav: Any) -> list[dict[str, Any]]:
    """Return the entries of pages that come with the tree: examples, measurements, targets."""
    listed = set(re.findall(r"[\w./-]+\.md", str(nav)))
    titles = {
        "examples/": "Each example",
        "benchmarks/": "Measurements",
        "targets/": "More targets",
    }
    groups: dict[str, list[str]] = {}
    for name in sorted(name for name in held - listed if name.endswith(".md")):
        if title := next((titles[start] for start in titles if name.startswith(start)), ""):
            groups.setdefault(title, []).append(name)
    return [{title: names} for title, names in groups.items()]

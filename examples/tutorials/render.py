"""Run a tutorial and write its page, with what each cell prints: `python render.py own_images`.

It works in a temporary folder. The figures that the page shows are kept beside it.
"""

import contextlib
import io
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


def cells(text: str) -> list[tuple[str, str]]:
    """Return the cells of a script, ("markdown" | "code", text), without its docstring."""
    parts = re.split(r"^# %%( \[markdown\])?\n", text, flags=re.MULTILINE)[1:]
    found = []
    for kind, body in zip(parts[::2], parts[1::2], strict=True):
        if kind:
            found.append(("markdown", re.sub(r"^# ?", "", body.strip(), flags=re.MULTILINE)))
        else:
            found.append(("code", body.strip()))
    return found


def page(text: str) -> str:
    """Run the code of a script; return it as Markdown, each cell with what it printed."""
    names: dict[str, object] = {"__name__": "__main__"}
    parts = []
    for kind, body in cells(text):
        if kind == "markdown":
            parts.append(body)
            continue
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
            exec(compile(body, "cell", "exec"), names)
        parts.append(f"```python\n{body}\n```")
        if said.getvalue().strip():
            parts.append(f"```text\n{said.getvalue().rstrip()}\n```")
    return "\n\n".join(parts) + "\n"


def main(name: str) -> None:
    """Render one tutorial."""
    script, sys.argv = HERE / f"{name}.py", [name]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        written = page(script.read_text("utf-8"))
        for figure in re.findall(r"^!\[[^]]*\]\((.+)\)$", written, flags=re.MULTILINE):
            (HERE / figure).parent.mkdir(exist_ok=True)
            shutil.copy(figure, HERE / figure)
    (HERE / f"{name}.md").write_text(written, "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])

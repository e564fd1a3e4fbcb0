"""Progress bars on stderr; silent where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

Advance = Callable[[int, str], None]
_drawn: list["Progress"] = []  # what is on the terminal


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """Yield a function that moves the bar by a number of steps and sets the text beside it.

    A bar within another stands below it. On a stderr that is no terminal nothing is drawn.
    """
    if _drawn:
        outer = _drawn[-1]
        task = outer.add_task(title, total=total, text="")
        yield lambda steps, text: outer.update(task, advance=steps, text=text)
        outer.remove_task(task)
        return
    if sys.stderr is None or not sys.stderr.isatty():
        yield lambda _steps, _text: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total, text="")
        _drawn.append(progress)
        try:
            yield lambda steps, text: progress.update(task, advance=steps, text=text)
        finally:
            _drawn.pop()


def is_drawn() -> bool:
    """Return whether somebody watches a bar; who does not is told in lines."""
    return bool(_drawn)


def note(line: str) -> None:
    """Say something in passing on stderr."""
    if sys.stderr is not None:  # it is where the caller closed it
        sys.stderr.write(f"{line}\n")

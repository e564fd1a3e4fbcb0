"""Progress bars on stderr; silent where nobody watches."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Advance = Callable[[int, str], None]


@contextmanager
def bar(title: str, total: int) -> Iterator[Advance]:
    """Yield a function that moves the bar by a number of steps and sets the text beside it.

    On a stderr that is no terminal nothing is drawn.
    """
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
        yield lambda steps, text: progress.update(task, advance=steps, text=text)


def note(line: str) -> None:
    """Say something in passing on stderr."""
    if sys.stderr is not None:  # it is where the caller closed it
        sys.stderr.write(f"{line}\n")

"""What keeps a test run short: coverage follows a part of what repeats, charts are drawn once."""

import functools
import itertools
import os
import pickle
from contextlib import contextmanager
from hashlib import sha256

import coverage

TRACED = 10  # times that coverage follows what a test repeats: later ones run the same lines


@contextmanager
def traced_at_first():
    """Return a function to call before every repetition; coverage pauses after TRACED of them."""
    following, calls = coverage.Coverage.current(), itertools.count()

    def again():
        if following is not None and next(calls) == TRACED:
            following.stop()

    try:
        yield again
    finally:
        if following is not None and next(calls) > TRACED:
            following.start()


@contextmanager
def examples_traced_at_first(test):
    """Let coverage follow the first examples of a property alone."""
    inner = test.hypothesis.inner_test
    with traced_at_first() as again:

        @functools.wraps(inner)
        def example(*args, **options):
            again()
            return inner(*args, **options)

        test.hypothesis.inner_test = example
        try:
            yield
        finally:
            test.hypothesis.inner_test = inner


def drawing_once(draw, folder):
    """Return `draw`, which draws equal charts once in the whole test run: their SVG is in a folder.

    A chart is frozen and holds all that it shows; that it is drawn alike each time is a test of
    `canvas.drawn`, which this does not replace.
    """

    @functools.wraps(draw)
    def drawn(chart):
        kept = folder / sha256(pickle.dumps(chart)).hexdigest()
        if not kept.exists():
            written = kept.with_suffix(f".{os.getpid()}")
            written.write_text(draw(chart), "utf-8")
            written.rename(kept)
        return kept.read_text("utf-8")

    return drawn

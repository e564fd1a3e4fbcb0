"""The programs that the benchmarks of C run: of runs in every way asked for, and builds."""

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from eideploy import compile_run, folders
from eideploy.backends.digital.build import Build, load_build
from eideploy.circuit import Array
from eideploy.data.origin import Place
from eideploy.flow.samples import made_samples, samples_of
from eideploy.options.choices import Form, Split

MADE = 200  # samples of a graph, where their number is not given


def programs(asked: argparse.Namespace) -> Iterator[tuple[Path, str, str, Form]]:
    """Yield run, scheme, division and form of every program; "-" of a build, which has its own."""
    choices = [given.split(",") for given in (asked.schemes, asked.divisions, asked.forms)]
    for run in asked.runs:
        is_build = folders.kind_of(run) == folders.BUILD
        yield from itertools.product([run], *(["-"] * 3 if is_build else choices))


def built_of(run: Path, folder: Path, target: str, scheme: str, division: str, form: Form) -> Build:
    """Return a build, or a run compiled into a folder."""
    if folders.kind_of(run) == folders.BUILD:
        return load_build(run)
    compile_run(run, target=target, scheme=scheme, division=division, inhibition=form, out=folder)
    return load_build(folder)


def samples(build: Build, count: int | None) -> Array:
    """Return the first test images of a build, all of its data set, or random sequences."""
    if build.origin is None:
        return made_samples(build.integer, count or MADE)
    split: Split | None = "all" if count is None else None
    x, _ = samples_of(build, input_file=None, split=split, count=count, place=Place())
    return np.asarray(x, np.float32)

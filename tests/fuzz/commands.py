"""Commands that write, short enough to be stopped and run again many times."""

import json
import shutil
from pathlib import Path

from eideploy import folders
from tests.cli.support import BUILD, RUN, TINY, listing

LARGE_BATCHES = ("--set", "training.batch=480")  # three an epoch
SWEEP = (
    "sweep", RUN, "--schemes", "int8,int4", "--divisions", "lut:8x8,shift", "--samples", "16",
    "--backend", "threading", "--jobs", "1", "--out", "sweeps/a",
)  # fmt: skip
WRITING = {
    "train": ("train", *TINY, *LARGE_BATCHES),
    "finetune": ("train", "--finetune", RUN, "--set", "training.epochs=1", *LARGE_BATCHES),
    "compile": ("compile", RUN),
    "sweep": SWEEP,
    "simulate": ("simulate", BUILD, "--samples", "2", "--save", "trace.npz"),
    "report": ("report", BUILD, "--samples", "2"),
}


def tidied():
    """Remove what was made before, but for the first run and build."""
    for folder in [*Path("runs").iterdir(), *Path("builds").iterdir(), *Path().glob("sweeps")]:
        if folder.as_posix() not in (RUN, BUILD):
            shutil.rmtree(folder)
    for made in (Path(BUILD) / "report.html", Path(BUILD) / "report.json", Path("trace.npz")):
        made.unlink(missing_ok=True)


def trained():
    """All of the latest run but the time when it was finished."""
    return _dateless(folders.latest_run())


def compiled():
    """All of the latest build but the time when it was made."""
    return _dateless(folders.latest_build())


def swept():
    return listing(Path("sweeps/a"))


def reported():
    """Return the numbers and the page but for the time when they were made."""
    numbers = (Path(BUILD) / "report.json").read_text()
    when = json.loads(numbers)["provenance"]["reported"]
    page = (Path(BUILD) / "report.html").read_text()
    return {"numbers": numbers.replace(when, ""), "page": page.replace(when, "")}


def _dateless(folder):
    found = listing(folder)
    manifest = json.loads(found.pop("manifest.json"))
    return {**found, "manifest": {k: v for k, v in manifest.items() if k != "created"}}


STOPPED = {"train": trained, "compile": compiled, "sweep": swept, "report": reported}

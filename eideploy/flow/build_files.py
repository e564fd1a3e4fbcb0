"""The files of any build beside those of its backend, and what checks each."""

from eideploy import folders
from eideploy.emitted import Emitted
from eideploy.files import MANIFEST, PARTIAL
from eideploy.flow.kept_samples import TEST

PASSES = "passes.json"
PAGE, NUMBERS = "report.html", "report.json"
KEPT = "simulation.json"

WRITTEN = (
    Emitted(
        MANIFEST,
        why="its hashes hold; what else it says was found when it was compiled",
        listed=False,
    ),
    Emitted(folders.SPEC, why="the target's spec, which the others were written for"),
    Emitted(folders.CIRCUIT, why="the float network, which the others are compared with"),
    Emitted(PASSES, why="measured when it was compiled"),
    Emitted(TEST, why="test samples of the run's, to be simulated without its data"),
)
# What later commands leave in a build.
LEFT = (
    Emitted(PAGE, why="written by eideploy report", listed=False),
    Emitted(NUMBERS, why="written by eideploy report", listed=False),
    Emitted(KEPT, why="written by eideploy simulate", listed=False),
    Emitted(f".*{PARTIAL}", why="left by a command that was killed", listed=False),
)

"""What a build for a mixed-signal chip is asked for classes by: a simulation without mismatch."""

from pathlib import Path

from eideploy.backends.dynapse2.dpi import classify
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.jobs.simulate import build_of
from eideploy.data.origin import class_names
from eideploy.flow.predict import view_of
from eideploy.flow.requests.predict import Predict
from eideploy.flow.result import Oracle
from eideploy.options import refuse_idle

MEANING = "scores are the mean spikes of a class's neurons"


def oracle(request: Predict, named: Path | None) -> Oracle:
    """Return the chip that a build configures."""
    refuse_idle(request, (), here="with --executor dpi")
    build = build_of(named)
    wiring, coding = decode(build.configuration, build.spec), build.configuration.coding
    shape = build.content.get("scaling", {}).get("shape", (wiring.inputs, 1, 1))
    return Oracle(
        folder=build.folder,
        described=f"build {build.folder} in simulation, without mismatch",
        meaning=MEANING,
        names=class_names(build.content, wiring.classes),
        view=view_of(build.content, tuple(shape), steps=1, high=1.0),
        scores=lambda x: classify.show(wiring, x, coding).votes,
    )

"""Job: adapt a run that was not trained for a mixed-signal chip."""

from pathlib import Path

from eideploy.dynapse2.spec import ChipSpec
from eideploy.errors import CapacityError
from eideploy.folders import Run


def adapt(run: Run, spec: ChipSpec, *, data_dir: Path | None) -> Path:
    """Return the folder of a new run whose network keeps within the chip's limits.

    Raises:
        CapacityError: always, as long as no adaptation exists.
    """
    del data_dir
    raise CapacityError(
        f"a run cannot be adapted to {spec.name} yet",
        where=str(run.folder),
        fix="train a network for the chip",
    )

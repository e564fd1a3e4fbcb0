"""Jobs around a build: compile, simulate, verify."""

import os
from collections.abc import Iterable
from typing import Literal

from eideploy.api import values
from eideploy.api.values import Division, PathLike
from eideploy.circuit.forms import Dialect as _Dialect
from eideploy.circuit.integer import ZeroPolicy
from eideploy.dynapse2.mapping import Monitor
from eideploy.flow import compile as job
from eideploy.flow.inhibition import Form
from eideploy.flow.requests.importing import Reading
from eideploy.flow.result import Result


def compile_run(
    run: PathLike | None = None,
    *,
    target: PathLike = "digital",
    scheme: PathLike | None = None,
    division: Division | None = None,
    zero_policy: ZeroPolicy | None = None,
    inhibition: Form | None = None,
    calibration_samples: int | None = None,
    calibrate_on: PathLike | None = None,
    adapt: bool = True,
    monitor: Monitor | None = None,
    emit: Iterable[str] = (),
    nir_dialect: Iterable[_Dialect] = (),
    nir_compat: Literal["1.0.4"] | None = None,
    reading: Reading | None = None,
    data_dir: PathLike | None = None,
    out: PathLike | None = None,
    verbose: bool = False,
) -> Result:
    """Compile a run for a target into a build folder: `eideploy compile`.

    Args:
        run: the run, or a NIR file of any tool; None for the latest in `runs/`.
        target: one of `target_names()`, or the path of a spec.
        scheme: the number formats, a name or a file; None for those of a fine-tuned run, else int8.
        division: how to divide; None for a fine-tuned run's way, else a table of 8 by 8 bits.
        zero_policy: what replaces a zero divisor; None for a fine-tuned run's, else minimum.
        inhibition: keep inhibitory populations (None), fold them, or do what takes fewer cycles.
        calibration_samples: how many samples to calibrate on; None for 256.
        calibrate_on: a .npy file of samples of one's own.
        adapt: change a run that was not trained for a mixed-signal chip, instead of refusing it.
        monitor: whose spikes the host of a mixed-signal chip sees; None for all that can be sent.
        emit: what to write beside the target's files, of "nir" and "onnx".
        nir_dialect: of "ei", "folded" and "plain", what NIR files are written; none for "ei".
        nir_compat: "1.0.4" for NIR files that this release of nir reads.
        reading: what a NIR file of another tool does not say: `--steps` and those beside it.
        data_dir: where the data sets that are not bundled lie.
        out: the new folder; None for a numbered one in `builds/`.
        verbose: say in `Result.text` what every pass changed.

    Raises:
        UsageError: no such run, target, scheme or division; options that have no effect.
        FormatError, SpecError: a damaged run, or a wrong spec or scheme.
        CapacityError: the network does not fit the target.
        DataError: no samples to calibrate on; `out` exists already, or cannot be written.
    """
    options = job.Options(
        target=os.fspath(target),
        scheme=values.name(scheme),
        divider=values.divider(division),
        zero_policy=zero_policy,
        inhibition=inhibition,
        calibration_samples=calibration_samples,
        calibrate_on=values.path(calibrate_on),
        data_dir=values.path(data_dir),
        adapt=adapt,
        monitor=monitor,
        emit=tuple(dict.fromkeys(emit)),
        nir_dialects=tuple(dict.fromkeys(nir_dialect)),
        nir_compat=nir_compat,
        reading=reading or Reading(),
        verbose=verbose,
    )
    return job.compile_run(values.path(run), options, out=values.path(out))

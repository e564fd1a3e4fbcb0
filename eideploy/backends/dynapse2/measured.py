"""What `load.py characterise` measured on a board, as a table of biases for its spec."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.chip.biases import VERSION, load_dac
from eideploy.backends.dynapse2.chip.spec import RECEPTORS
from eideploy.backends.dynapse2.dpi.units import time_constant
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.folders import load_chip_build
from eideploy.errors import FormatError
from eideploy.files import check_version, read_json, write_json
from eideploy.options import PathLike
from eideploy.typed import Positive, typed

KIND, MEASURED = "eideploy characterisation of a board", 1


@dataclass(frozen=True, kw_only=True)
class _Measured:
    kind: str
    version: int
    tau_ms: Mapping[str, Mapping[str, Positive | None]]


def write_bias_table(build: PathLike, measured: PathLike, out: PathLike) -> dict[str, float]:
    """Write a table for `[board] bias_table`, and return the factors that it changes, by bias.

    The time constants of dendrites say how far their leak currents are from those of the codes
    that the build sets; a factor is the geometric mean over cores. Errors of single cores remain.
    Currents are those of the formula, or of the table that the spec names; the factors alone are
    measured.

    Args:
        build: the build whose patch the board was measured with.
        measured: characterised.json.
        out: the table, JSON.

    Raises:
        FormatError: a damaged build, or no such measurement.
    """
    measured = Path(measured)
    chip_build, content = load_chip_build(Path(build)), read_json(measured)
    check_version(content.get("version"), MEASURED, where=str(measured))
    characterised = typed(
        _Measured, content, where=str(measured), error=FormatError, extra="ignore"
    )
    if characterised.kind != KIND:
        raise FormatError(
            f"the file is of kind {characterised.kind!r}",
            where=str(measured),
            fix="give characterised.json",
        )
    spec, dac = chip_build.spec, load_dac(chip_build.spec)
    wiring = decode(chip_build.configuration, spec)
    factors = {}
    for number, name in enumerate(RECEPTORS):
        capacitance = spec.capacitance(name)
        ratios = []
        for core, taus in characterised.tau_ms.items():
            chip, _, place = core.partition(".")
            rows = wiring.core == int(chip) * spec.chip.cores + int(place)
            ms = taus.get(name)
            if ms is not None and rows.any():
                tau = time_constant(capacitance, wiring.tau[number, rows][0], spec.constants)
                ratios.append(float(tau) * 1e3 / ms)
        if ratios:
            bias = spec.bias_of[f"{name}_tau"]
            factors[bias] = dac.factors[bias] * float(np.exp(np.mean(np.log(ratios))))
    currents = {kind: table.tolist() for kind, table in dac.currents.items()}
    write_json(Path(out), {"version": VERSION, "currents": currents, "factors": factors})
    return factors

"""What the last simulation of a chip came to, kept in its build for the report."""

from collections.abc import Mapping
from typing import Any

from eideploy.backends.dynapse2.dpi.single_neuron import CASES
from eideploy.backends.dynapse2.folders import ChipBuild
from eideploy.errors import DataError, FormatError
from eideploy.files import MANIFEST, read_json, sha256, write_json
from eideploy.flow.build_files import KEPT
from eideploy.progress import note

KIND = "eideploy simulation of a chip"
NUMBERS = (
    "dt_s", "spikes", "input_events", "synaptic_events", "divisor", "divisor_variation",
    "decided_ms",
)  # fmt: skip
LARGEST = 1e15


def keep_simulation(content: Mapping[str, Any], build: ChipBuild) -> None:
    """Leave the numbers in the build for its report; no part of what its manifest vouches for."""
    mark = {"build_sha256": sha256(build.folder / MANIFEST)}
    try:
        write_json(build.folder / KEPT, {"format": 1, "kind": KIND, **mark, **content})
    except DataError as error:
        note(f"not kept for a report: {error.what}")


def kept_simulation(build: ChipBuild) -> dict[str, Any] | None:
    """Return what was simulated last of this very build; None where nothing is known of it."""
    path = build.folder / KEPT
    if not path.is_file():
        return None
    try:
        content = read_json(path)
        if content["kind"] != KIND or content["build_sha256"] != sha256(build.folder / MANIFEST):
            raise ValueError("it is of another build")
        return _checked(content)
    except (FormatError, LookupError, TypeError, ValueError, AttributeError) as error:
        note(f"{path} is passed over: {getattr(error, 'what', error)}")
        return None


def _checked(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the numbers, each of its type; raises LookupError, TypeError or ValueError."""
    if type(content["samples"]) is not int or content["samples"] < 1:
        raise ValueError("no samples")
    return {
        "samples": content["samples"],
        "accuracy": _share(content["accuracy"]),
        "split": str(content["split"]),
        "accuracy_by_cv": _by_cv(content["accuracy_by_cv"]),
        "calibrated_by_cv": _by_cv(content["calibrated_by_cv"]),
        "calibrated_on": int(_number(content["calibrated_on"])),
        "single_neuron": _single_neuron(content["single_neuron"]),
        "accuracy_by_class": [
            None if x is None else _share(x) for x in content["accuracy_by_class"]
        ],
        "gap": {str(name): _share(x) for name, x in content["gap"].items()},
        "rate_hz": {str(name): _number(x) for name, x in content["rate_hz"].items()},
        **{key: _number(content[key]) for key in NUMBERS},
    }


def _by_cv(found: Mapping[str, Any]) -> dict[str, list[float]]:
    by_cv = {f"{float(cv):g}": [_share(x) for x in values] for cv, values in found.items()}
    if not all(by_cv.values()):
        raise ValueError("a CV without a chip")
    return by_cv


def _single_neuron(found: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if found is None:
        return None
    rates = {case: [_number(hz) for hz in found["rate_hz"][case]] for case in CASES}
    if len({len(values) for values in rates.values()}) != 1:
        raise ValueError("rates of unequal number")
    return {"divisor": _number(found["divisor"]), "rate_hz": rates}


def _share(value: object) -> float:
    if not 0 <= (found := _number(value)) <= 1:
        raise ValueError(f"{value!r} is no share")
    return found


def _number(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value < LARGEST:
        raise ValueError(f"{value!r} is no number that a simulation gives")
    return float(value)

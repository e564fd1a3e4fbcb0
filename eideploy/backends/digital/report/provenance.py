"""Where a program comes from."""

from pathlib import Path
from typing import Any

from eideploy.backends.digital.build import Build
from eideploy.flow.provenance import build_marks, network


def provenance(build: Build, samples: int, own: Path | None) -> dict[str, Any]:
    """Return network, data, formats, target, versions and hashes, JSON-able."""
    manifest, division = build.content, build.program.division
    return {
        **build_marks(build.folder, manifest),
        "imported": build.imported,
        "network": network(build.circuit),
        "data": str(own) if own else manifest.get("data"),
        "split": None if own else "test",
        "samples": samples,
        "scheme": manifest.get("scheme"),
        "division": division.divider.label,
        "division_bound": division.divider.bound,
        "zero_policy": division.zero_policy,
        "target": build.program.target.name,
        "target_description": build.program.target.description,
        "calibration_samples": manifest.get("calibration_samples"),
    }

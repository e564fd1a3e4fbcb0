"""Version 1 of the file form, in which every sort of layer was a kind of node of its own."""

import re
from typing import Any

import numpy as np

from eideploy.circuit.node import Array

LAYER = re.compile(r"(?:Integer)?(EI|Folded|Plain|)(Linear|Conv|Readout)")
FIELDS = {
    "geometry": ("stride", "padding"),
    "current": ("current_bits", "division", "logit_step"),
}


def upgrade(arrays: dict[str, Array], content: dict[str, Any]) -> None:
    """Make version 2 of what a file of version 1 holds."""
    for entry in content["nodes"]:
        if match := LAYER.fullmatch(entry["kind"]):
            _compose(entry, arrays, *match.groups())


def _compose(entry: dict[str, Any], arrays: dict[str, Array], form: str, place: str) -> None:
    """Take the fields of a layer apart, as its parts have them."""
    name, is_integer = entry["name"], entry["kind"].startswith("Integer")
    current = "IntegerCurrent" if is_integer else "FloatCurrent"
    entry["kind"] = "Layer"
    entry["projection"] = {"kind": "Folded" if form in ("Folded", "Plain") else "Factored"}
    entry["geometry"] = {"kind": "Conv" if place == "Conv" else "Dense"}
    entry["current"] = {"kind": "Logits" if place == "Readout" else current}
    for part, fields in FIELDS.items():
        entry[part] |= {field: entry.pop(field) for field in fields if field in entry}
    if f"{name}/gain" in arrays:
        arrays[f"{name}/g_i"] = arrays.pop(f"{name}/gain")
    if form == "Plain":
        arrays[f"{name}/g_e"] = np.ones(len(arrays[f"{name}/b_e"]))

"""patch.json: what a network sets on the chips, in samna's words, and what decodes its events.

One neuron a line. A neuron that is not listed has no synapse, no destination and the latches
`unlisted`; a bias that is not listed keeps samna's value.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.configuration import (
    Cams,
    Configuration,
    Inputs,
    Neurons,
    Srams,
    empty_cams,
    empty_srams,
)
from eideploy.backends.dynapse2.chip.network import Coding
from eideploy.backends.dynapse2.chip.ranges import check
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ChipSpec
from eideploy.errors import FormatError
from eideploy.files import RESTORE, check_version, read_json, write_atomic

KIND, VERSION = "eideploy dynapse2 patch", 1
PATCH = "patch.json"
UNLISTED = ["soif_kill"]
SIZE = ("cores", "neurons", "cams", "destinations")
LEAKS = (
    "membrane_leak",
    *(f"{receptor}_tau" for receptor in RECEPTORS),
)  # all at their largest: rest
SYNAPSE = ["cam", "dendrite", "mask", "tag", "stp", "precise_delay", "mismatched_delay"]
DESTINATION = ["sram", "cores", "x_hop", "y_hop", "tag"]
INPUT = [field.name for field in fields(Inputs)]
NEURON = [field.name for field in fields(Neurons)]


def write_patch(configuration: Configuration, spec: ChipSpec, path: Path) -> None:
    """Write a configuration, atomically."""
    head = {
        "kind": KIND,
        "version": VERSION,
        "note": "no board has run this; docs/dynapse2.md says what to check first",
        "target": spec.name,
        "columns": spec.board.columns,
        "rows": spec.board.rows,
        "entry": spec.board.entry,
        "size": {key: getattr(spec.chip, key) for key in SIZE},
        "monitor": asdict(spec.monitor),
        "dendrites": {name: dendrite.code for name, dendrite in spec.dendrites.items()},
        "drain": {
            "names": [spec.bias_of[role] for role in LEAKS],
            "code": [spec.dac.coarse - 1, spec.dac.fine - 1],
        },
        "coding": asdict(configuration.coding),
        "populations": dict(zip(configuration.populations, configuration.sizes, strict=True)),
        "unlisted": UNLISTED,
        "latches": list(spec.latches),
        "synapse": SYNAPSE,
        "destination": DESTINATION,
        "input": INPUT,
        "neuron": NEURON,
    }
    lines = [f"{json.dumps(key)}: {json.dumps(value)}" for key, value in head.items()]
    chips = ",\n".join(_chip(configuration, chip) for chip in range(configuration.chips))
    lines += [f'"chips": [\n{chips}\n]']
    for key, table, columns in (
        ("inputs", configuration.inputs, INPUT),
        ("neurons", configuration.neurons, NEURON),
    ):
        rows = np.stack([getattr(table, name).astype(np.int64) for name in columns], 1)
        lines.append(f'"{key}": {_rows(rows)}')
    write_atomic(path, ("{\n" + ",\n".join(lines) + "\n}\n").encode())


def read_patch(path: Path, spec: ChipSpec) -> Configuration:
    """Read a configuration for a board.

    Raises:
        FormatError: missing, damaged, of another kind or version, for another board, or with a
            field out of its range.
    """
    content = read_json(path)
    if content.get("kind") != KIND:
        raise FormatError(
            f"the file is of kind {content.get('kind')!r}, not {KIND!r}",
            where=str(path),
            fix=RESTORE,
        )
    check_version(content.get("version"), VERSION, where=str(path))
    try:
        configuration = _configuration(content, spec)
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise FormatError(
            f"the patch is malformed: {type(error).__name__} {error}", where=str(path), fix=RESTORE
        ) from error
    check(configuration, spec, where=str(path))
    return configuration


def _rows(rows: Array) -> str:
    return "[" + ",".join(f"\n {json.dumps(row)}" for row in rows.tolist()) + "]"


def _chip(c: Configuration, chip: int) -> str:
    cores = ",\n".join(_core(c, chip, core) for core in range(c.cams.tag.shape[1]))
    return f'{{"chip": {chip}, "cores": [\n{cores}\n]}}'


def _core(c: Configuration, chip: int, core: int) -> str:
    codes = {
        name: c.biases[chip, core, i].tolist()
        for i, name in enumerate(c.bias_names)
        if c.bias_set[chip, core, i]
    }
    cams = np.stack([getattr(c.cams, key)[chip, core].astype(np.int64) for key in SYNAPSE[1:]], -1)
    srams = np.stack(
        [getattr(c.srams, key)[chip, core].astype(np.int64) for key in DESTINATION[1:]], -1
    )
    latches = np.stack([flags[chip, core] for flags in c.latches.values()], -1)
    names = list(c.latches)
    usual = np.array([name in UNLISTED for name in names])
    lines = []
    for neuron in range(len(cams)):
        own, sent = _used(cams[neuron], 1), _used(srams[neuron], 0)
        if not own and not sent and (latches[neuron] == usual).all():
            continue
        entry = {
            "neuron": neuron,
            "latches": [name for name, on in zip(names, latches[neuron], strict=True) if on],
            "destinations": sent,
            "synapses": own,
        }
        lines.append(f"  {json.dumps(entry)}")
    listed = ",\n".join(lines)
    return f' {{"core": {core}, "parameters": {json.dumps(codes)}, "neurons": [\n{listed}\n ]}}'


def _used(rows: Array, column: int) -> list[list[int]]:
    """Return the rows that are in use, their numbers before them."""
    used = np.flatnonzero(rows[:, column])
    found: list[list[int]] = np.column_stack([used, rows[used]]).tolist()
    return found


def _configuration(content: Mapping[str, Any], spec: ChipSpec) -> Configuration:
    if (content["columns"], content["rows"]) != (spec.board.columns, spec.board.rows):
        raise ValueError(f"it is for a board of {content['columns']} x {content['rows']} chips")
    if content["synapse"] != SYNAPSE or content["destination"] != DESTINATION:
        raise ValueError("its columns are others")
    cams = _wide(empty_cams(spec, spec.chips))
    srams = _wide(empty_srams(spec, spec.chips))
    shape = (spec.chips, spec.chip.cores)
    biases = np.zeros((*shape, len(spec.biases), 2), np.int64)
    bias_set = np.zeros(biases.shape[:3], np.bool_)
    latches = {
        name: np.full((*shape, spec.chip.neurons), name in content["unlisted"])
        for name in spec.latches
    }
    for chip in content["chips"]:
        for core in chip["cores"]:
            at = _index(chip["chip"], spec.chips), _index(core["core"], spec.chip.cores)
            for name, code in core["parameters"].items():
                biases[(*at, spec.bias_names.index(name))] = code
                bias_set[(*at, spec.bias_names.index(name))] = True
            for entry in core["neurons"]:
                _read_neuron(
                    entry, (*at, _index(entry["neuron"], spec.chip.neurons)), cams, srams, latches
                )
    return Configuration(
        bias_names=spec.bias_names,
        populations=tuple(content["populations"]),
        sizes=tuple(map(_whole, content["populations"].values())),
        cams=Cams(**cams),
        srams=Srams(**srams),
        biases=biases,
        bias_set=bias_set,
        latches=latches,
        inputs=Inputs(**_columns(content["inputs"], content["input"])),
        neurons=Neurons(**_columns(content["neurons"], content["neuron"])),
        coding=Coding(**content["coding"]),
    )


def _wide(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays that hold what a file may say, so that ranges are checked, not wrapped."""
    return {name: array.astype(np.int64) for name, array in arrays.items()}


def _read_neuron(
    entry: Mapping[str, Any],
    at: tuple[int, int, int],
    cams: Mapping[str, Array],
    srams: Mapping[str, Array],
    latches: Mapping[str, Array],
) -> None:
    for flags in latches.values():
        flags[at] = False
    for name in entry["latches"]:
        latches[name][at] = True
    for rows, arrays, names in (
        (entry["synapses"], cams, SYNAPSE),
        (entry["destinations"], srams, DESTINATION),
    ):
        for row in rows:
            for name, value in zip(names[1:], row[1:], strict=True):
                arrays[name][(*at, _index(row[0], arrays[name].shape[-1]))] = _whole(value)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is not a whole number")
    return value


def _index(value: object, count: int) -> int:
    if not 0 <= _whole(value) < count:
        raise IndexError(f"{value} is not in 0..{count - 1}")
    return _whole(value)


def _columns(rows: list[list[int]], names: list[str]) -> dict[str, Array]:
    table = np.array([[_whole(v) for v in row] for row in rows], np.int64).reshape(-1, len(names))
    return {name: table[:, i] for i, name in enumerate(names)}

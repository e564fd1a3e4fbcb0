"""patch.json: what a network sets on the chips, in samna's words, and what decodes its events.

One neuron a line. A neuron that is not listed has no synapse, no destination and the latches
`unlisted`; a bias that is not listed keeps samna's value.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

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
from eideploy.files import RESTORE, check_version, read_json, stored, write_atomic

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
COLUMNS = {"synapse": SYNAPSE, "destination": DESTINATION, "input": INPUT, "neuron": NEURON}


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
        "chip_biases": {group: dict(codes) for group, codes in spec.chip_biases.items()},
        **COLUMNS,
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


Row = tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class _Neuron:
    """A neuron that is in use; rows of its destinations and synapses begin with their number."""

    neuron: int
    latches: tuple[str, ...]
    destinations: tuple[Row, ...]
    synapses: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class _Core:
    """What is set on a core: codes of its biases, coarse and fine, and its neurons."""

    core: int
    parameters: Mapping[str, tuple[int, int]]
    neurons: tuple[_Neuron, ...]


@dataclass(frozen=True, kw_only=True)
class _Chip:
    """What is set on a chip."""

    chip: int
    cores: tuple[_Core, ...]


@dataclass(frozen=True, kw_only=True)
class _Patch:
    """What a configuration is read from; the loader needs more."""

    columns: int
    rows: int
    unlisted: tuple[str, ...]
    synapse: tuple[str, ...]
    destination: tuple[str, ...]
    input: tuple[str, ...]
    neuron: tuple[str, ...]
    populations: Mapping[str, int]
    coding: Coding
    chips: tuple[_Chip, ...]
    inputs: tuple[Row, ...]
    neurons: tuple[Row, ...]

    @property
    def cores(self) -> Iterator[tuple[str, int, _Core]]:
        """Every core that is listed, its key and its chip."""
        for i, chip in enumerate(self.chips):
            for j, core in enumerate(chip.cores):
                yield f"chips[{i}].cores[{j}]", chip.chip, core

    @property
    def set_neurons(self) -> Iterator[tuple[str, tuple[int, int, int], _Neuron]]:
        """Every neuron that is listed, its key, and its chip, core and number."""
        for key, chip, core in self.cores:
            for i, neuron in enumerate(core.neurons):
                yield f"{key}.neurons[{i}]", (chip, core.core, neuron.neuron), neuron


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
    patch = stored(_Patch, content, what="the patch", where=str(path), extra="ignore")
    if faults := [*_contradictions(patch, spec)]:
        what = f"the patch is malformed: {'; '.join(faults)}"
        raise FormatError(what, where=str(path), fix=RESTORE)
    try:
        configuration = _configuration(patch, spec)
    except OverflowError as error:
        what = "the patch is malformed: a number is larger than any field"
        raise FormatError(what, where=str(path), fix=RESTORE) from error
    except ValueError as error:  # of arrays that become narrower
        what = f"the patch is malformed: {error}"
        raise FormatError(what, where=str(path), fix=RESTORE) from error
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
    numbered: list[list[int]] = np.column_stack([used, rows[used]]).tolist()
    return numbered


def _contradictions(patch: _Patch, spec: ChipSpec) -> Iterator[str]:
    """Say what a board does not have, and which rows are no rows of their tables."""
    if (patch.columns, patch.rows) != (spec.board.columns, spec.board.rows):
        yield f"it is for a board of {patch.columns} x {patch.rows} chips"
    for key, names in COLUMNS.items():
        if list(getattr(patch, key)) != names:
            yield f"{key} lists other columns"
    for key, rows, columns in (("inputs", patch.inputs, INPUT), ("neurons", patch.neurons, NEURON)):
        yield from _misfits(rows, len(columns), key)
    for key, chip, core in patch.cores:
        if not (0 <= chip < spec.chips and 0 <= core.core < spec.chip.cores):
            yield f"{key} is of core {core.core} of chip {chip}, which the board does not have"
        for name in sorted(core.parameters.keys() - set(spec.bias_names)):
            yield f"{key}.parameters.{name} is not a bias"
    for key, (*_, number), neuron in patch.set_neurons:
        if not 0 <= number < spec.chip.neurons:
            yield f"{key} is of neuron {number}, which a core does not have"
        for name in sorted(set(neuron.latches) - set(spec.latches)):
            yield f"{key}.latches names {name}, which is not a latch"
        yield from _misfits(neuron.synapses, len(SYNAPSE), f"{key}.synapses", spec.chip.cams)
        places = spec.chip.destinations
        yield from _misfits(neuron.destinations, len(DESTINATION), f"{key}.destinations", places)


def _misfits(rows: Sequence[Row], width: int, key: str, places: int | None = None) -> Iterator[str]:
    """Say which rows are of another width, or begin with none of so many places."""
    for i, row in enumerate(rows):
        if len(row) != width:
            yield f"{key}[{i}] has {len(row)} numbers, not {width}"
        elif places is not None and not 0 <= row[0] < places:
            yield f"{key}[{i}] is of place {row[0]}, not in 0..{places - 1}"


def _configuration(patch: _Patch, spec: ChipSpec) -> Configuration:
    cams = _wide(empty_cams(spec, spec.chips))
    srams = _wide(empty_srams(spec, spec.chips))
    shape = (spec.chips, spec.chip.cores)
    biases = np.zeros((*shape, len(spec.biases), 2), np.int64)
    bias_set = np.zeros(biases.shape[:3], np.bool_)
    latches = {
        name: np.full((*shape, spec.chip.neurons), name in patch.unlisted) for name in spec.latches
    }
    for _, chip, core in patch.cores:
        for name, code in core.parameters.items():
            at = chip, core.core, spec.bias_names.index(name)
            biases[at], bias_set[at] = code, True
    for _, place, neuron in patch.set_neurons:
        for name, flags in latches.items():
            flags[place] = name in neuron.latches
        _fill(cams, SYNAPSE, neuron.synapses, place)
        _fill(srams, DESTINATION, neuron.destinations, place)
    return Configuration(
        bias_names=spec.bias_names,
        populations=tuple(patch.populations),
        sizes=tuple(patch.populations.values()),
        cams=Cams(**cams),
        srams=Srams(**srams),
        biases=biases,
        bias_set=bias_set,
        latches=latches,
        inputs=Inputs(**_columns(patch.inputs, INPUT)),
        neurons=Neurons(**_columns(patch.neurons, NEURON)),
        coding=patch.coding,
    )


def _wide(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return arrays that hold what a file may say, so that ranges are checked, not wrapped."""
    return {name: array.astype(np.int64) for name, array in arrays.items()}


def _fill(
    arrays: Mapping[str, Array],
    names: Sequence[str],
    rows: Sequence[Row],
    place: tuple[int, int, int],
) -> None:
    """Write a neuron's rows into the columns of a memory."""
    table = np.array(rows, np.int64).reshape(-1, len(names))
    for i, name in enumerate(names[1:], 1):
        arrays[name][place][table[:, 0]] = table[:, i]


def _columns(rows: Sequence[Row], names: Sequence[str]) -> dict[str, Array]:
    table = np.array(rows, np.int64).reshape(-1, len(names))
    return {name: table[:, i] for i, name in enumerate(names)}

"""Job: compile a run for a mixed-signal chip into a build."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from eideploy import folders
from eideploy.backends import formats
from eideploy.backends.dynapse2 import folders as chip_folders
from eideploy.backends.dynapse2.around import avoiding
from eideploy.backends.dynapse2.chip.account import Account, account
from eideploy.backends.dynapse2.chip.demand import reasons
from eideploy.backends.dynapse2.chip.mapping import Mapped, map_network
from eideploy.backends.dynapse2.chip.masks import ERROR_AIM
from eideploy.backends.dynapse2.chip.spec import ChipSpec
from eideploy.backends.dynapse2.config import CHIP_PRESET
from eideploy.backends.dynapse2.dpi import operating
from eideploy.backends.dynapse2.folders import ChipRun
from eideploy.backends.dynapse2.jobs.adapt import adapt, images_of
from eideploy.backends.dynapse2.options import Compiling
from eideploy.data.origin import Place, known
from eideploy.errors import CapacityError, UsageError
from eideploy.files import MANIFEST, read_whole, sha256
from eideploy.flow.requests.compile import Compile
from eideploy.flow.result import Result
from eideploy.flow.runs import find_run_folder
from eideploy.flow.warning import with_warnings
from eideploy.folders import load_run
from eideploy.options import as_path, part_of
from eideploy.progress import note
from eideploy.report.text import table
from eideploy.staging import require_free

ACCURACIES = ("float_accuracy", "test_accuracy")  # of the run that was distilled, of its network
UNTRIED = "no board has run this: docs/dynapse2.md lists what to check first"


def compile_for_chip(request: Compile, spec: ChipSpec) -> Result:
    """Map a run on a board, into a new build folder.

    A run that was not trained for the chip is first adapted to it, unless that is not wanted.

    Raises:
        CapacityError: the network does not fit, with every misfit in numbers.
        FormatError: a damaged run, defect map or bias table.
        DataError: the run's data set is not of images; `out` exists already, or cannot be written.
    """
    named, options = as_path(request.run), part_of(request, Compiling)
    _refuse_graph(named, spec.name)
    folder = find_run_folder(named)
    monitor, out = options.monitor or "all", as_path(request.out)
    if out is not None:
        require_free(out)  # before minutes of adapting
    with avoiding(spec, as_path(options.defects)) as board:
        run = _chip_run(folder, spec, may_adapt=options.adapt, place=request.place())
        mapped = map_network(run.network, board, monitor=monitor)
        used = account(mapped)
        rates = run.rates
        works = () if rates is None else operating.points(mapped.configuration, board, rates)
        operating.refuse_dark(works, where=str(run.folder))
        content = {
            **_content(run, board, used),
            "monitor": monitor,
            chip_folders.RATES: rates,
            "operating": None if rates is None else [asdict(p) for p in works],
        }
        name = f"{run.folder.resolve().name}-{spec.name}"
        with folders.new_folder(out, folders.BUILDS, name) as staged:
            left_out = chip_folders.finish_chip_build(staged.aside, mapped, used, content)
    text = _text(run, mapped, used, left_out, staged.final, works)
    result = Result(text=text, content={"build": str(staged.final), **content})
    return with_warnings(result, operating.weak(works))


def _refuse_graph(path: Path | None, target: str) -> None:
    """Refuse a graph for a mixed-signal chip, which networks are trained for.

    Raises:
        UsageError, DataError: it is one, or cannot be read.
    """
    if path and (reader := formats.reader_of(path)):
        read_whole(path, fix=f"name a {reader.title} file that exists")
        raise UsageError(
            f"a {reader.title} file has no data, from which a network for {target} is trained",
            where=str(path),
            fix="compile it for a digital target, or train a network for the chip: eideploy train "
            f"{CHIP_PRESET}",
        )


def _chip_run(folder: Path, spec: ChipSpec, *, may_adapt: bool, place: Place) -> ChipRun:
    if not folders.is_unfinished(folder) and chip_folders.is_chip_run(folder):
        _refuse_place(folder, place)
        return chip_folders.load_chip_run(folder)
    run = load_run(folder)
    images_of(run)  # refused now: neither mapping nor adapting helps
    listed = "".join(f"\n    - {line}" for line in reasons(run.circuit, spec))
    what = f"the run was not trained for {spec.name} and cannot be mapped as it is:{listed}"
    if not may_adapt:
        raise CapacityError(
            what,
            where=str(folder),
            fix="leave out --no-adapt to adapt it, or train a network for the chip",
        )
    note(f"{what}\nadapting it")
    return chip_folders.load_chip_run(adapt(run, spec, place=place))


def _refuse_place(folder: Path, place: Place) -> None:
    for option, path in (("--data-dir", place.data_dir), ("--data", place.data)):
        if path is not None:
            raise UsageError(
                f"{option} has no effect on a run that was trained for the chip",
                where=f"{option}, {folder}",
                fix=f"leave out {option}, which applies only when a run is adapted to the chip",
            )


def _content(run: ChipRun, spec: ChipSpec, used: Account) -> dict[str, Any]:
    return {
        "run": run.folder.resolve().name,
        "run_sha256": sha256(run.folder / MANIFEST),
        **known(run.content),
        "target": spec.name,
        "backend": spec.backend,
        "mapping": asdict(used),
        **{key: run.content[key] for key in ACCURACIES if key in run.content},
    }


def _text(
    run: ChipRun,
    mapped: Mapped,
    used: Account,
    left_out: tuple[str, ...],
    build: Path,
    works: tuple[operating.Point, ...],
) -> str:
    cores = [
        [
            f"{core.chip}.{core.core}",
            ", ".join(f"{count} {name}" for name, count in core.populations.items()),
            str(core.cams),
            f"{core.most_cams}/{mapped.spec.chip.cams}",
            f"{core.tags}/{mapped.spec.chip.tags}",
            ", ".join(f"{ampere * 1e9:.3g}" for ampere in core.base_currents),
        ]
        for core in used.cores
    ]
    projections = [
        [
            p.name,
            p.dendrite,
            str(p.synapses),
            str(p.cams),
            str(p.lost),
            f"{100 * p.error:.1f} %",
        ]
        for p in used.projections
    ]
    worst = max((p.error for p in used.projections), default=0.0)
    lines = [f"mapped {run.folder} on {mapped.spec.name}: {UNTRIED}", ""]
    lines += [table(["core", "neurons", "CAMs", "most", "tags", "base currents, nA"], cores), ""]
    lines += [table(["projection", "dendrite", "synapses", "CAMs", "lost", "error"], projections)]
    lines += ["", _operating(works)]
    if worst > ERROR_AIM:
        lines.append(f"the largest error is above the aim of {100 * ERROR_AIM:.0f} %")
    if used.unmonitored:
        lines.append(f"{used.unmonitored} neurons had no destination left for the host")
    lines += [f"left out: {name}, nir is not installed" for name in left_out]
    return "\n".join([*lines, "", f"build  {build}"])


def _operating(works: tuple[operating.Point, ...]) -> str:
    if not works:
        return "operating points: unknown, the run does not say how often its neurons fire"
    rows = [
        [
            f"{p.chip}.{p.core}",
            p.dendrite,
            f"{p.input_hz:.0f}",
            f"{p.over_leak:.1f}",
            f"{p.over_gain:.1f}",
        ]
        for p in works
    ]
    return table(["core", "dendrite", "input, Hz", "Iin / Itau", "I / Igain"], rows)

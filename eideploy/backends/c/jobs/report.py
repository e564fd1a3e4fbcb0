"""Job: the report of a build for a microcontroller, as a page to look at and as numbers."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from eideploy.backends.c.controller import Controller
from eideploy.backends.c.network import network_of
from eideploy.backends.c.place import resources_text
from eideploy.backends.c.plan import plan_of
from eideploy.backends.c.qemu import MACHINES, Differing
from eideploy.backends.digital.build import Build, load_build
from eideploy.backends.digital.executors import EXECUTORS
from eideploy.backends.digital.jobs.verify import run_executors
from eideploy.backends.digital.options import STUDIED, Studying
from eideploy.backends.digital.passes import passes_of
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.backends.digital.report.advice import advice
from eideploy.backends.digital.report.page import build_page
from eideploy.backends.digital.report.provenance import provenance
from eideploy.backends.digital.validate.study import study
from eideploy.circuit import Array
from eideploy.flow import training_report
from eideploy.flow.requests.report import KEPT, Report
from eideploy.flow.result import Reported
from eideploy.flow.samples import samples_of
from eideploy.flow.stock import NOT_RUN
from eideploy.options import as_path, part_of, refuse_idle
from eideploy.progress import bar
from eideploy.report.sections import Table
from eideploy.validate.ladder import affordable

MOST_SAMPLES = 512  # unless another number is asked for; of large networks fewer
VERIFIED = 16  # of them, in every other program
EMULATED = 4  # of them, in QEMU


def report(family: ProgramFamily, request: Report, folder: Path) -> Reported:
    """Return the report of a build.

    Raises:
        UsageError: options that have no effect.
    """
    studying = part_of(request, Studying)
    if studying.input is not None:
        refuse_idle(request, (STUDIED, KEPT), here="on samples of your own")
    build = load_build(folder)
    count = studying.samples or affordable(build.circuit, MOST_SAMPLES)
    samples, labels = samples_of(
        build, input_file=as_path(studying.input), split=None, count=count, place=request.place()
    )
    executors = family.checking(EXECUTORS)
    with bar("report", len(executors) + len(samples)) as advance:
        measured = study(build.circuit, build.program, samples, labels, advance=advance)
        some = None if labels is None else labels[:VERIFIED]
        rows = run_executors(build, samples[:VERIFIED], some, executors, advance=advance)
        emulated = _emulated(build, samples[:EMULATED])
    passes = passes_of(build)
    content: dict[str, Any] = {
        **asdict(measured),
        "unit": build.program.unit,
        "emulated": None if emulated is None else dict(emulated.content),
        "plan": asdict(plan_of(build.program)),
        "memory": [asdict(size) for size in network_of(build.program).sizes],
        "executors": [row.content for row in rows],
        "format": 1,
        "kind": "eideploy report of a build for a microcontroller",
        "provenance": provenance(build, len(samples), as_path(studying.input)),
        "ladder": None if passes is None else asdict(passes),
        "sweep": None,
    }
    content["advice"] = [asdict(notice) for notice in advice(content)]
    layers = [layer.layer for layer in measured.layers]
    return Reported(
        text=_text(build, content) + ("" if emulated is None else f"\n\n{emulated.text}"),
        content={"build": str(folder), **content},
        page=build_page(
            measured,
            content,
            training_report.initial_currents(build.content, layers),
            None,
            memory=_memory(build, emulated),
        ),
    )


def _text(build: Build, content: dict[str, Any]) -> str:
    cycles, clock = content["cycles"], build.program.target.clock_hz
    lines = [resources_text(build.program), ""]
    lines.append(
        f"instructions per inference, estimated: {cycles['least']:,} min, {cycles['median']:,.0f} "
        f"median, {cycles['most']:,} max"
    )
    if clock:
        took = 1000 * cycles["median"] / clock
        lines.append(f"at {clock / 1e6:g} MHz {took:.3g} ms if each took one cycle; not measured")
    lines += [
        f"{row['artefact']}, run by {row['executor']}: {row['result']}"
        + (f", {row['reason']}" if row["reason"] else "")
        for row in content["executors"]
        if row["result"] != NOT_RUN
    ]
    return "\n".join(lines)


def _emulated(build: Build, samples: Array) -> Differing | None:
    """Return what some samples did on the machine that the spec names, if QEMU has it here."""
    controller = build.program.target
    assert isinstance(controller, Controller)
    machine = MACHINES.get(controller.processor.emulated)
    if machine is None or machine.missing:
        return None
    run = Differing(network_of(build.program), machine)
    run(samples)
    return run


def _memory(build: Build, emulated: Differing | None) -> Table:
    """Return the bytes of every layer, and what a machine in QEMU took."""
    controller = build.program.target
    assert isinstance(controller, Controller)
    memories, plan = controller.memories, plan_of(build.program)
    layers = {layer.name for layer in build.integer.layers}
    return Table(
        title="Bytes of every layer",
        head=["layer", "flash", "RAM, kept", "RAM, while it runs", "computed"],
        rows=[
            [
                size.node,
                *(f"{count:,}" for count in size.bytes),
                plan.of(size.node).text if size.node in layers else "",
            ]
            for size in network_of(build.program).sizes
        ],
        key="memory",
        caption="what runs shares the room of the largest layer; "
        f"{memories.reserved_flash_bytes:,} bytes of flash and {memories.reserved_ram_bytes:,} of "
        "RAM are kept beside for code and stack"
        + ("" if emulated is None else f". {emulated.text}".replace("\n", "; ")),
    )

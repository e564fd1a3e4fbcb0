"""What a program, or the float network that it is of, is asked for classes by."""

from collections.abc import Callable
from pathlib import Path

from eideploy.backends.digital.build import Build
from eideploy.backends.digital.executors import BESIDE, beside_of, require_run
from eideploy.backends.digital.jobs.simulate import RUNS_PROGRAM, program_of, source_of
from eideploy.backends.digital.options import COMPILED, ON_BOARD, PROGRAM, Compiling, Running
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.protocol import ProgramFamily
from eideploy.circuit import Array, Circuit
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import logits_of, run_integer
from eideploy.flow.predict import view_of
from eideploy.flow.requests.predict import Predict
from eideploy.flow.requests.shared import READING
from eideploy.flow.result import Oracle
from eideploy.folders import Run
from eideploy.options import part_of, refuse_idle

MEANING = "scores are logits, the means of the readout's current over time"


def oracle(family: ProgramFamily, request: Predict, executor: str, named: Path | None) -> Oracle:
    """Return the network of a build or run as an executor runs it."""
    running, source = part_of(request, Running), source_of(named, family.name)
    runs_program = executor in RUNS_PROGRAM
    holding = [PROGRAM, COMPILED] if runs_program else []
    if executor == "board":
        holding = [ON_BOARD]
    if runs_program and isinstance(source, Run):
        holding.append(READING)  # what it is calibrated on
    refuse_idle(request, holding, here=f"on {source.folder} with --executor {executor}")
    described, scores = f"the float circuit of {source.folder}", _in_floats(source.circuit)
    if runs_program:
        require_run(executor, source, running)
        options = Compiling(division=running.divider(), inhibition=running.inhibition)
        program, described = program_of(source, options, request.place())
        scores = _by_program(source, program, executor, running)
    node = source.circuit.input
    return Oracle(
        folder=source.folder,
        described=described,
        meaning=MEANING,
        names=source.class_names,
        view=view_of(source.content, node.size, steps=source.circuit.steps, high=node.high),
        scores=scores,
    )


def _in_floats(circuit: Circuit) -> Callable[[Array], Array]:
    return lambda x: run_float(circuit, x).logits


def _by_program(
    source: Run | Build, program: Program, executor: str, running: Running
) -> Callable[[Array], Array]:
    circuit = program.circuit
    if executor not in BESIDE:
        return lambda x: run_integer(circuit, x).logits
    run = beside_of(executor, source, program, running)
    return lambda x: logits_of(circuit, run(x))

"""The jobs of the command line as functions: each takes the options of its command."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eideploy.backends.digital import options as digital
from eideploy.backends.dynapse2 import options as dynapse2
from eideploy.backends.dynapse2.jobs.simulate import simulate_chip as on_chip
from eideploy.backends.nir import options as nir
from eideploy.command_line.commands import COMMANDS
from eideploy.flow import (
    board,
    checking,
    config,
    data,
    doctor,
    graphs,
    predict,
    report,
    requests,
    simulate,
    sweep,
    targets,
    training,
    verify,
)
from eideploy.flow import compile as compiling
from eideploy.flow.requests.board import (
    Biases,
    Board,
    Characterise,
    Flash,
    MakeBitstream,
    RunOnBoard,
    Selftest,
    Tune,
    WriteEvents,
)
from eideploy.flow.requests.config import ShowConfig
from eideploy.flow.requests.data import CheckData, ListData
from eideploy.flow.requests.doctor import Doctor
from eideploy.flow.requests.sweep import Sweep
from eideploy.flow.requests.targets import CheckTarget, ListTargets
from eideploy.flow.requests.train import Distil, Finetune, Resume, Train
from eideploy.options.function import by_fields

if TYPE_CHECKING:  # type checkers see the options of the backends that are shipped

    @dataclass(frozen=True, kw_only=True)
    class Import(nir.Graph, requests.importing.Import):
        """What import is asked for."""

    @dataclass(frozen=True, kw_only=True)
    class Compile(
        dynapse2.Compiling, nir.Writing, digital.Compiling, nir.Graph, requests.compile.Compile
    ):
        """What compile is asked for."""

    @dataclass(frozen=True, kw_only=True)
    class Check(nir.Graph, requests.checking.CheckNetwork):
        """What check is asked for."""

    @dataclass(frozen=True, kw_only=True)
    class Simulate(dynapse2.Simulating, digital.Simulating, requests.simulate.Simulate):
        """What simulate is asked for."""

    @dataclass(frozen=True, kw_only=True)
    class Verify(digital.Verifying, requests.verify.Verify):
        """What verify is asked for."""

    @dataclass(frozen=True, kw_only=True)
    class Report(digital.Reporting, requests.report.Report):
        """What report is asked for."""

    @dataclass(frozen=True, kw_only=True)
    class Predict(digital.Running, requests.predict.Predict):
        """What predict is asked for."""

else:
    Import = COMMANDS["import"].request
    Check = COMMANDS["check"].request
    Predict = COMMANDS["predict"].request
    Compile, Simulate = COMMANDS["compile"].request, COMMANDS["simulate"].request
    Verify, Report = COMMANDS["verify"].request, COMMANDS["report"].request

train_network = by_fields(Train, training.run, name=f"{__name__}.train_network")
resume_run = by_fields(Resume, training.resume, name=f"{__name__}.resume_run")
finetune_run = by_fields(Finetune, training.finetune, name=f"{__name__}.finetune_run")
distil_run = by_fields(Distil, training.distil, name=f"{__name__}.distil_run")
import_checkpoint = by_fields(Import, graphs.import_file, name=f"{__name__}.import_checkpoint")
compile_run = by_fields(Compile, compiling.compile_run, name=f"{__name__}.compile_run")
simulate_build = by_fields(Simulate, simulate.simulate, name=f"{__name__}.simulate_build")
simulate_chip = by_fields(dynapse2.SimulateChip, on_chip, name=f"{__name__}.simulate_chip")
predict_samples = by_fields(Predict, predict.predict, name=f"{__name__}.predict_samples")
sweep_runs = by_fields(Sweep, sweep.sweep, name=f"{__name__}.sweep_runs")
report_on = by_fields(Report, report.report, name=f"{__name__}.report_on")
list_boards = by_fields(Board, board.show, name=f"{__name__}.list_boards")
build_bitstream = by_fields(MakeBitstream, board.build, name=f"{__name__}.build_bitstream")
flash_board = by_fields(Flash, board.flash, name=f"{__name__}.flash_board")
run_on_board = by_fields(RunOnBoard, board.run, name=f"{__name__}.run_on_board")
selftest_board = by_fields(Selftest, board.selftest, name=f"{__name__}.selftest_board")
characterise_board = by_fields(
    Characterise, board.characterise, name=f"{__name__}.characterise_board"
)
write_events = by_fields(WriteEvents, board.events, name=f"{__name__}.write_events")
bias_sets = by_fields(Biases, board.biases, name=f"{__name__}.bias_sets")
tune_board = by_fields(Tune, board.tune, name=f"{__name__}.tune_board")
verify_build = by_fields(Verify, verify.verify, name=f"{__name__}.verify_build")
list_data = by_fields(ListData, data.show, name=f"{__name__}.list_data")
check_data = by_fields(CheckData, data.check, name=f"{__name__}.check_data")
list_targets = by_fields(ListTargets, targets.show, name=f"{__name__}.list_targets")
check_network = by_fields(Check, checking.check, name=f"{__name__}.check_network")
check_target = by_fields(CheckTarget, targets.check, name=f"{__name__}.check_target")
show_config = by_fields(ShowConfig, config.show, name=f"{__name__}.show_config")
check_installation = by_fields(Doctor, doctor.doctor, name=f"{__name__}.check_installation")

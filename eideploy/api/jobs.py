"""The jobs of the command line as functions: each takes the options of its command."""

from eideploy.flow import compile as compiling
from eideploy.flow import config, doctor, graphs, report, simulate, sweep, targets, training, verify
from eideploy.flow.requests.compile import Compile
from eideploy.flow.requests.config import ShowConfig
from eideploy.flow.requests.doctor import Doctor
from eideploy.flow.requests.importing import Import
from eideploy.flow.requests.report import Report
from eideploy.flow.requests.simulate import Simulate, SimulateChip
from eideploy.flow.requests.sweep import Sweep
from eideploy.flow.requests.targets import CheckTarget, ListTargets
from eideploy.flow.requests.train import Distil, Finetune, Resume, Train
from eideploy.flow.requests.verify import Verify
from eideploy.options.function import by_fields

train_network = by_fields(Train, training.run, name=f"{__name__}.train_network")
resume_run = by_fields(Resume, training.resume, name=f"{__name__}.resume_run")
finetune_run = by_fields(Finetune, training.finetune, name=f"{__name__}.finetune_run")
distil_run = by_fields(Distil, training.distil, name=f"{__name__}.distil_run")
import_checkpoint = by_fields(Import, graphs.import_file, name=f"{__name__}.import_checkpoint")
compile_run = by_fields(Compile, compiling.compile_run, name=f"{__name__}.compile_run")
simulate_build = by_fields(Simulate, simulate.simulate, name=f"{__name__}.simulate_build")
simulate_chip = by_fields(SimulateChip, simulate.simulate_chip, name=f"{__name__}.simulate_chip")
sweep_runs = by_fields(Sweep, sweep.sweep, name=f"{__name__}.sweep_runs")
report_on = by_fields(Report, report.report, name=f"{__name__}.report_on")
verify_build = by_fields(Verify, verify.verify, name=f"{__name__}.verify_build")
list_targets = by_fields(ListTargets, targets.show, name=f"{__name__}.list_targets")
check_target = by_fields(CheckTarget, targets.check, name=f"{__name__}.check_target")
show_config = by_fields(ShowConfig, config.show, name=f"{__name__}.show_config")
check_installation = by_fields(Doctor, doctor.doctor, name=f"{__name__}.check_installation")

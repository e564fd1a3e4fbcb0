"""What `import eideploy` offers: the jobs of the command line as functions, and their parts.

`eideploy.__all__` lists the names that stay; the package finds them here, when first asked for. A
job takes what its command takes, under the same names and with the same defaults.
"""

from eideploy.api.jobs import (
    bias_sets,
    build_bitstream,
    characterise_board,
    check_data,
    check_installation,
    check_network,
    check_target,
    compile_run,
    distil_run,
    finetune_run,
    flash_board,
    import_checkpoint,
    list_boards,
    list_data,
    list_targets,
    predict_samples,
    report_on,
    resume_run,
    run_on_board,
    selftest_board,
    show_config,
    simulate_build,
    simulate_chip,
    sweep_runs,
    train_network,
    tune_board,
    verify_build,
    write_events,
)
from eideploy.api.modules import export, save_run
from eideploy.api.programs import compile_circuit
from eideploy.api.store import circuit_text, load_build, load_circuit, load_run, save_circuit
from eideploy.backends.digital.build import Build
from eideploy.backends.digital.counts import Cycles
from eideploy.backends.digital.cycles import CYCLE_KINDS, count_cycles
from eideploy.backends.digital.program import Program
from eideploy.backends.digital.validate.compare import Comparison, compare
from eideploy.backends.nir.options import Reading
from eideploy.circuit import Circuit, Ranges
from eideploy.config import Config, load_config
from eideploy.config import presets as preset_names
from eideploy.data import Dataset
from eideploy.data import load as load_data
from eideploy.divisions import Divider
from eideploy.divisions import named as division
from eideploy.errors import (
    CapacityError,
    ConfigError,
    DataError,
    DivergedError,
    EideployError,
    FormatError,
    InvariantError,
    SpecError,
    StoppedError,
    UsageError,
)
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.execute.trace import Trace
from eideploy.flow.result import Result
from eideploy.folders import Run
from eideploy.scheme import Scheme, load_scheme, scheme_names
from eideploy.target import Target, load_target, target_names

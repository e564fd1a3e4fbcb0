"""Spiking networks of excitatory/inhibitory circuits, from PyTorch to hardware.

`__all__` lists the names that stay: the jobs of the command line as functions, and the parts that
they are made of. Importing the package loads none of them; each is loaded when first asked for.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eideploy.api import (
        CYCLE_KINDS,
        Build,
        CapacityError,
        Circuit,
        Comparison,
        Config,
        ConfigError,
        Cycles,
        DataError,
        Dataset,
        DivergedError,
        Divider,
        EideployError,
        FormatError,
        InvariantError,
        Program,
        Ranges,
        Reading,
        Result,
        Run,
        Scheme,
        SpecError,
        StoppedError,
        Target,
        Trace,
        UsageError,
        check_installation,
        check_target,
        circuit_text,
        compare,
        compile_circuit,
        compile_run,
        count_cycles,
        distil_run,
        division,
        finetune_run,
        import_checkpoint,
        list_targets,
        load_build,
        load_circuit,
        load_config,
        load_data,
        load_run,
        load_scheme,
        load_target,
        observe,
        preset_names,
        report_on,
        resume_run,
        run_float,
        run_integer,
        save_circuit,
        scheme_names,
        simulate_build,
        simulate_chip,
        sweep_runs,
        target_names,
        train_network,
        verify_build,
    )

__version__ = "0.1.0"

__all__ = [
    "CYCLE_KINDS",
    "Build",
    "CapacityError",
    "Circuit",
    "Comparison",
    "Config",
    "ConfigError",
    "Cycles",
    "DataError",
    "Dataset",
    "DivergedError",
    "Divider",
    "EideployError",
    "FormatError",
    "InvariantError",
    "Program",
    "Ranges",
    "Reading",
    "Result",
    "Run",
    "Scheme",
    "SpecError",
    "StoppedError",
    "Target",
    "Trace",
    "UsageError",
    "__version__",
    "check_installation",
    "check_target",
    "circuit_text",
    "compare",
    "compile_circuit",
    "compile_run",
    "count_cycles",
    "distil_run",
    "division",
    "finetune_run",
    "import_checkpoint",
    "list_targets",
    "load_build",
    "load_circuit",
    "load_config",
    "load_data",
    "load_run",
    "load_scheme",
    "load_target",
    "observe",
    "preset_names",
    "report_on",
    "resume_run",
    "run_float",
    "run_integer",
    "save_circuit",
    "scheme_names",
    "simulate_build",
    "simulate_chip",
    "sweep_runs",
    "target_names",
    "train_network",
    "verify_build",
]


if not TYPE_CHECKING:

    def __getattr__(name):  # noqa: ANN001, ANN202 - type checkers see the imports above
        if name in __all__:
            return getattr(importlib.import_module("eideploy.api"), name)
        raise AttributeError(f"module 'eideploy' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""The command line: parse, delegate, print."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from eideploy.arguments import command_line
from eideploy.config import DEFAULT_PRESET
from eideploy.errors import EideployError, UsageError
from eideploy.memory import keep_freed_memory
from eideploy.options import emitted, overrides, reading

if TYPE_CHECKING:
    from eideploy.flow.result import Result
    from eideploy.numeric.division import Divider


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 a stated error, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a path may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    parser = command_line()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    keep_freed_memory()
    try:
        result = COMMANDS[args.command](args)
    except EideployError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    shown = json.dumps(result.content, indent=2) if args.json else result.text
    return _print(shown) or result.exit_code


def _print(text: str) -> int:
    try:
        print(text, flush=True)
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left goes nowhere
        if isinstance(error, BrokenPipeError):  # the reader has seen enough, as `| head` has
            return 0
        print(f"error: cannot write to standard output: {error.strerror}", file=sys.stderr)
        return 1
    return 0


def _train(args: argparse.Namespace) -> "Result":
    from eideploy.config.chip import is_for_chip
    from eideploy.flow import train

    if args.finetune is not None:
        return _finetune(args) if args.target is None else _distil(args)
    if args.target is not None:
        raise UsageError(
            "a target is what a finished run is adapted to",
            where="--target",
            fix="add --finetune RUN, or train a preset for the chip, digits-dynapse2",
        )
    if is_for_chip(args.preset):
        return _train_for_chip(args)
    if _says_integers(args):
        raise UsageError(
            "a float training knows no integers",
            where="--scheme, --division, --lut, --zero-policy",
            fix="train first, then eideploy train --finetune RUN with these options",
        )
    if args.resume is None:
        return train.train(
            args.preset,
            overrides=overrides(args),
            out=args.out,
            data_dir=args.data_dir,
            tensorboard=args.tensorboard,
        )
    changed = args.set or args.seed is not None or args.reset is not None
    if changed or args.out is not None or args.preset != DEFAULT_PRESET:
        raise UsageError(
            "a resumed run keeps the configuration and the folder that it has",
            where="--resume",
            fix="drop the other options, or begin a new run without --resume",
        )
    return train.resume(
        Path(args.resume) if args.resume else None,
        data_dir=args.data_dir,
        tensorboard=args.tensorboard,
    )


def _train_for_chip(args: argparse.Namespace) -> "Result":
    from eideploy.flow.chip_training import train_for_chip

    if args.resume is not None or args.tensorboard or _says_integers(args):
        raise UsageError(
            "a new training for a mixed-signal chip knows no integers and no TensorBoard log",
            where="train",
            fix="drop --tensorboard, --resume and what says how a network becomes integers; "
            "a run that was begun goes on with eideploy train --resume RUN, without its preset",
        )
    return train_for_chip(
        args.preset, overrides=overrides(args), out=args.out, data_dir=args.data_dir
    )


def _distil(args: argparse.Namespace) -> "Result":
    from eideploy.flow.adapting import distil

    if args.resume is not None or args.preset != DEFAULT_PRESET or _says_integers(args):
        raise UsageError(
            "a run is adapted to a mixed-signal chip as it is",
            where="--finetune",
            fix="drop the preset, --resume and what says how a network becomes integers",
        )
    return distil(
        args.finetune, args.target, overrides=overrides(args), out=args.out, data_dir=args.data_dir
    )


def _finetune(args: argparse.Namespace) -> "Result":
    from eideploy.flow import finetuning

    if args.resume is not None or args.preset != DEFAULT_PRESET:
        raise UsageError(
            "fine-tuning goes on with a finished run and its configuration",
            where="--finetune",
            fix="drop the preset and --resume; continue one with eideploy train --resume RUN",
        )
    request = finetuning.Request(
        parent=args.finetune,
        scheme=args.scheme,
        divider=_divider(args),
        zero_policy=args.zero_policy,
        overrides=overrides(args),
        data_dir=args.data_dir,
        tensorboard=args.tensorboard,
    )
    return finetuning.finetune(request, out=args.out)


def _says_integers(args: argparse.Namespace) -> bool:
    return any(x is not None for x in (args.scheme, args.lut, args.division, args.zero_policy))


def _import(args: argparse.Namespace) -> "Result":
    from eideploy.flow.graphs import import_file

    return import_file(args.checkpoint, reading(args), out=args.out)


def _compile(args: argparse.Namespace) -> "Result":
    from eideploy.flow import compile as job
    from eideploy.flow.graphs import as_run

    options = job.Options(
        target=args.target,
        scheme=args.scheme,
        divider=_divider(args),
        zero_policy=args.zero_policy,
        inhibition=args.inhibition or "factored",
        calibration_samples=args.calibration_samples,
        calibrate_on=args.calibrate_on,
        data_dir=args.data_dir,
        emit=emitted(args),
        nir_dialects=tuple(dict.fromkeys(args.nir_dialect)) or ("ei",),
        nir_compat=args.nir_compat,
        adapt=not args.no_adapt,
        monitor=args.monitor,
    )
    with as_run(args.folder, reading(args), args.calibrate_on) as run:
        return job.compile_run(run, options, out=args.out, verbose=args.verbose)


def _simulate(args: argparse.Namespace) -> "Result":
    from eideploy.flow import simulate as job

    if args.executor == "dpi":
        return _simulate_chip(args)
    request = job.Request(
        folder=args.folder,
        divider=_divider(args),
        inhibition=args.inhibition,
        executor=args.executor,
        samples=args.samples,
        split=args.split,
        input=args.input,
        save=args.save,
        trace=args.trace,
        data_dir=args.data_dir,
    )
    return job.simulate(request)


def _simulate_chip(args: argparse.Namespace) -> "Result":
    from eideploy.flow.chip_simulation import ChipRequest, simulate_chip

    if args.lut or args.division or args.inhibition or args.trace:
        raise UsageError(
            "a mixed-signal chip divides by itself, and its currents are not kept",
            where="--executor dpi",
            fix="drop --lut, --division, --inhibition and --trace",
        )
    names = ("folder", "samples", "split", "input", "save", "chips", "calibrate", "data_dir")
    return simulate_chip(ChipRequest(**{name: getattr(args, name) for name in names}))


def _sweep(args: argparse.Namespace) -> "Result":
    from eideploy.flow import sweep as job

    named_ones = {
        key: value
        for key in ("schemes", "divisions", "policies", "inhibitions", "target", "jobs")
        if (value := getattr(args, key)) is not None
    }
    request = job.Request(
        runs=tuple(args.runs),
        split=args.split,
        samples=args.samples,
        contrast=args.contrast,
        baselines=tuple(map(Path, args.baseline)),
        backend=args.backend,
        data_dir=args.data_dir,
        **named_ones,
    )
    return job.sweep(request, out=args.out)


def _verify(args: argparse.Namespace) -> "Result":
    from eideploy.flow import verify as job

    request = job.Request(
        folder=args.folder, samples=args.samples, input=args.input, data_dir=args.data_dir
    )
    return job.verify(request)


def _report(args: argparse.Namespace) -> "Result":
    from eideploy.flow import report as job

    request = job.Request(
        folder=args.folder, out=args.out, samples=args.samples, input=args.input,
        data_dir=args.data_dir, synth=args.synth, text=args.text, verify=args.verify,
        fmax=args.fmax, neurobench=args.neurobench,
    )  # fmt: skip
    return job.report(request)


def _targets(args: argparse.Namespace) -> "Result":
    from eideploy.flow import targets

    return targets.check(args.spec) if args.action == "check" else targets.show()


def _doctor(_: argparse.Namespace) -> "Result":
    from eideploy.flow.doctor import doctor

    return doctor()


def _divider(args: argparse.Namespace) -> "Divider | None":
    from eideploy.numeric.division import named, parse_lut

    if args.lut is not None:
        return parse_lut(args.lut)
    return None if args.division is None else named(args.division)


COMMANDS: Mapping[str, Callable[[argparse.Namespace], "Result"]] = {
    "sweep": _sweep,
    "train": _train,
    "import": _import,
    "compile": _compile,
    "simulate": _simulate,
    "verify": _verify,
    "report": _report,
    "targets": _targets,
    "doctor": _doctor,
}


if __name__ == "__main__":
    sys.exit(main())

"""The command line: parse, delegate, print."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from eideploy import __version__
from eideploy.errors import EideployError, UsageError

if TYPE_CHECKING:
    from eideploy.flow.result import Result
    from eideploy.numeric.division import Divider

EXAMPLES = """examples, typed one after the other in an empty folder:
  eideploy train
  eideploy compile --target digital
  eideploy simulate --lut 8bit
"""
TRAIN_EXAMPLES = """examples:
  eideploy train digits-mlp --seed 1
  eideploy train --set training.epochs=20 --set 'network.widths=[16, "P", 32]'
  eideploy train --resume
"""
SIMULATE_EXAMPLES = """examples:
  eideploy simulate --lut 8bit
  eideploy simulate --division shift --split all
  eideploy simulate builds/my-build --input x.npy --save trace.npz --trace
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 a stated error, 2 wrong usage."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a path may hold what a terminal cannot show
            stream.reconfigure(errors="backslashreplace")
    parser = _parser()
    args = parser.parse_args(argv)
    if args.command is None:
        parser.print_help()
        return 0
    try:
        result: Result = args.run(args)
    except EideployError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    return _print(json.dumps(result.content, indent=2) if args.json else result.text)


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
    from eideploy.flow import train

    if args.resume is None:
        return train.train(args.preset, overrides=_overrides(args), out=args.out)
    if args.set or args.seed is not None or args.out is not None or args.preset != "digits-conv":
        raise UsageError(
            "a resumed run keeps the configuration and the folder that it has",
            where="--resume",
            fix="drop the other options, or begin a new run without --resume",
        )
    return train.resume(Path(args.resume) if args.resume else None)


def _import(args: argparse.Namespace) -> "Result":
    from eideploy.flow import train

    return train.import_checkpoint(args.checkpoint, out=args.out)


def _compile(args: argparse.Namespace) -> "Result":
    from eideploy.flow import compile as job

    options = job.Options(
        target=args.target,
        scheme=args.scheme,
        divider=_divider(args),
        zero_policy=args.zero_policy,
        calibration_samples=args.calibration_samples,
        calibrate_on=args.calibrate_on,
    )
    return job.compile_run(args.folder, options, out=args.out)


def _simulate(args: argparse.Namespace) -> "Result":
    from eideploy.flow import simulate as job

    request = job.Request(
        folder=args.folder,
        divider=_divider(args),
        executor=args.executor,
        samples=args.samples,
        split=args.split,
        input=args.input,
        save=args.save,
        trace=args.trace,
    )
    return job.simulate(request)


def _targets(args: argparse.Namespace) -> "Result":
    from eideploy.flow import targets

    return targets.check(args.spec) if args.action == "check" else targets.show()


def _divider(args: argparse.Namespace) -> "Divider | None":
    from eideploy.numeric.division import named, parse_lut

    if args.lut is not None:
        return parse_lut(args.lut)
    return None if args.division is None else named(args.division)


def _overrides(args: argparse.Namespace) -> dict[str, str]:
    overrides = {}
    for entry in args.set:
        key, equals, value = entry.partition("=")
        if not (key and equals):
            raise UsageError(
                f"{entry!r} sets nothing",
                where="--set",
                fix="write key=value, e.g. training.epochs=20",
            )
        overrides[key.strip()] = value.strip()
    if args.seed is not None:
        overrides["seed"] = str(args.seed)
    return overrides


def _count(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="eideploy",
        description="Takes spiking networks of excitatory/inhibitory circuits from PyTorch to "
        "hardware: trains them, compiles them to integers, simulates the result cycle by cycle.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"eideploy {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (_add_train, _add_import, _add_compile, _add_simulate, _add_targets):
        add(commands)
    return parser


Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse exports no name for it


def _command(
    commands: "Commands[argparse.ArgumentParser]", name: str, text: str, epilog: str = ""
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=text, epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _add_train(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "train", "train a network into a run folder", TRAIN_EXAMPLES)
    parser.add_argument(
        "preset", nargs="?", default="digits-conv", metavar="PRESET|CONFIG.toml",
        help="digits-conv (default), digits-mlp, or a configuration file",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="of everything random (default: the preset's)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting"
    )
    parser.add_argument(
        "--resume", nargs="?", const="", metavar="RUN",
        help="continue an interrupted run (default: the latest)",
    )  # fmt: skip
    _add_out(parser, "RUN")
    parser.set_defaults(run=_train)


def _add_import(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands, "import", "turn a checkpoint of the paper's published code into a run"
    )
    parser.add_argument(
        "checkpoint", type=Path, metavar="CKPT",
        help="a .pth file, or a model.safetensors with its config.json beside it",
    )  # fmt: skip
    _add_out(parser, "RUN")
    parser.set_defaults(run=_import)


def _add_compile(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "compile", "compile a run for a target into a build folder")
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="RUN", help="the run (default: the latest)"
    )
    parser.add_argument(
        "--target", default="digital", metavar="NAME|SPEC.toml", help="the chip (default: digital)"
    )
    parser.add_argument(
        "--scheme", default="int8", metavar="NAME|SCHEME.toml",
        help="the number formats (default: int8)",
    )  # fmt: skip
    _add_division(parser, "a table of 8 by 8 bits")
    parser.add_argument(
        "--zero-policy", choices=("minimum", "floor"), default="minimum",
        help="what replaces a zero divisor: the layer's smallest positive one (default), or a "
        "calibrated constant",
    )  # fmt: skip
    parser.add_argument(
        "--calibration-samples", type=_count, metavar="N",
        help="how many samples to calibrate on (default: 256 of the training split)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate-on", type=Path, metavar="SAMPLES.npy", help="calibrate on samples of your own"
    )
    _add_out(parser, "BUILD")
    parser.set_defaults(run=_compile)


def _add_simulate(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(
        commands, "simulate", "simulate a build beside the float network", SIMULATE_EXAMPLES
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="RUN|BUILD",
        help="a build, or a run to compile in passing (default: the latest build, else run)",
    )  # fmt: skip
    _add_division(parser, "the build's own")
    parser.add_argument(
        "--executor", choices=("integer", "float"), default="integer",
        help="integer (default): the program beside the float network; float: that alone",
    )  # fmt: skip
    parser.add_argument("--samples", type=_count, metavar="N", help="the first N (default: all)")
    parser.add_argument(
        "--split",
        choices=("test", "train", "all"),
        help="which samples of the network's own data set (default: test)",
    )
    parser.add_argument(
        "--input", type=Path, metavar="X.npy",
        help="samples of your own, (B, C, H, W) or (B, T, C, H, W), in the network's input range",
    )  # fmt: skip
    parser.add_argument("--save", type=Path, metavar="OUT.npz", help="write logits (B, classes)")
    parser.add_argument(
        "--trace", action="store_true", help="write spikes and currents of every layer, too"
    )
    parser.set_defaults(run=_simulate)


def _add_targets(commands: "Commands[argparse.ArgumentParser]") -> None:
    parser = _command(commands, "targets", "list the targets, or check a spec of your own")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    check = actions.add_parser("check", help="check a target's spec.toml")
    check.add_argument("spec", metavar="NAME|SPEC.toml")
    check.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON"
    )
    parser.set_defaults(run=_targets)


def _add_out(parser: argparse.ArgumentParser, what: str) -> None:
    parser.add_argument("--out", type=Path, metavar=what, help="new folder (default: numbered)")


def _add_division(parser: argparse.ArgumentParser, default: str) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--lut", metavar="Nbit|NxM",
        help=f"divide by a table of 2^N entries of N (or M) bits (default: {default})",
    )  # fmt: skip
    group.add_argument("--division", metavar="NAME", help="divide by exact, lut, shift or shift2")


if __name__ == "__main__":
    sys.exit(main())

"""Options that several commands share, and what their values are made of."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from eideploy.errors import UsageError

if TYPE_CHECKING:
    from eideploy.circuit.nodes import Reset
    from eideploy.flow.requests.importing import Reading

TRAIN_EXAMPLES = """examples:
  eideploy train digits-mlp --seed 1
  eideploy train --set training.epochs=20 --set 'network.widths=[16, "P", 32]'
  eideploy train cifar10-vgg16 --data-dir ~/data
  eideploy train --resume
"""
SWEEP_EXAMPLES = """examples:
  eideploy sweep
  eideploy sweep runs/a runs/b --schemes int8,int4 --divisions lut:8x8,shift --jobs 4
  eideploy sweep --contrast 0.4,0.6,0.8,1,1.4 --out sweeps/mine
"""
SIMULATE_EXAMPLES = """examples:
  eideploy simulate --lut 8bit
  eideploy simulate --division shift --split all
  eideploy simulate builds/my-build --input x.npy --save trace.npz --trace
"""
REPORT_EXAMPLES = """examples:
  eideploy report
  eideploy report builds/my-build --out my-report
  eideploy report runs/my-run
  eideploy report --text --synth
"""


def count(text: str) -> int:
    """Return a whole number above 0."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


def positive(text: str) -> float:
    """Return one positive number."""
    found = numbers(text)
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no positive number")
    return found[0]


def listed(text: str) -> tuple[str, ...]:
    """Return what stands between commas."""
    return tuple(part for part in (piece.strip() for piece in text.split(",")) if part)


def numbers(text: str) -> tuple[float, ...]:
    """Return positive numbers between commas."""
    try:
        found = tuple(float(part) for part in listed(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no list of numbers") from error
    if not all(0 < x < 1e6 for x in found):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of positive numbers")
    return found


def add_integers(parser: argparse.ArgumentParser, default: str) -> None:
    """Add what says how a network becomes integers."""
    parser.add_argument(
        "--scheme", metavar="NAME|SCHEME.toml", help=f"the number formats (default: {default} int8)"
    )
    add_division(parser, f"{default} a table of 8 by 8 bits")
    parser.add_argument(
        "--zero-policy", choices=("minimum", "floor"),
        help="what replaces a zero divisor: the layer's smallest positive one (default), or a "
        "calibrated constant",
    )  # fmt: skip


def add_inhibition(parser: argparse.ArgumentParser, default: str) -> None:
    """Add in which form layers are compiled."""
    parser.add_argument(
        "--inhibition", choices=("factored", "folded", "auto"),
        help="keep the inhibitory population of every layer, fold it into the weights, or do for "
        f"each layer what takes the target fewer cycles (default: {default})",
    )  # fmt: skip


def add_division(parser: argparse.ArgumentParser, default: str) -> None:
    """Add how to divide."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--lut", metavar="Nbit|NxM",
        help=f"divide by a table of 2^N entries of N (or M) bits (default: {default})",
    )  # fmt: skip
    group.add_argument(
        "--division", metavar="NAME",
        help="divide by exact, lut:8x8, pwl:4x12, shift, shift2, mitchell or constant",
    )  # fmt: skip


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add where data sets lie."""
    parser.add_argument(
        "--data-dir", type=Path, metavar="FOLDER",
        help="where the data sets that are not bundled lie, each in its own folder",
    )  # fmt: skip


def add_out(parser: argparse.ArgumentParser, what: str) -> None:
    """Add where the result goes."""
    parser.add_argument("--out", type=Path, metavar=what, help="new folder (default: numbered)")


def add_nir(parser: argparse.ArgumentParser) -> None:
    """Add what says which NIR files are written."""
    parser.add_argument(
        "--nir-dialect", action="append", choices=("ei", "folded", "plain"), default=[],
        help="with --emit nir: ei (default), all populations; folded, numerator and denominator; "
        "plain, an ordinary network that divides by constants, for any NIR tool",
    )  # fmt: skip
    parser.add_argument(
        "--nir-compat", choices=("1.0.4",),
        help="with --emit nir: write for that release of nir, which fails on newer files",
    )  # fmt: skip


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Add what a NIR file of another tool does not say."""
    group = parser.add_argument_group("NIR files of other tools")
    group.add_argument(
        "--steps", type=count, metavar="T", help="time steps of a sample, as it was trained"
    )
    group.add_argument(
        "--dt", type=positive, metavar="SECONDS",
        help="in a time step (default: what the file says, else 1e-4)",
    )  # fmt: skip
    group.add_argument(
        "--input-high", type=positive, metavar="X",
        help="largest value of an input (default: 1)",
    )  # fmt: skip
    group.add_argument(
        "--reset", choices=("soft", "hard"), dest="graph_reset",
        help="of a membrane that fires: by the threshold (soft), or to zero (hard, as NIR says)",
    )  # fmt: skip
    group.add_argument(
        "--nearest-tau", action="store_true",
        help="take the nearest power of two for a time constant, instead of refusing it",
    )  # fmt: skip


def add_written(parser: argparse.ArgumentParser) -> None:
    """Add where a report goes, or that it is shown only."""
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write them (default: into BUILD|RUN)"
    )
    parser.add_argument(
        "--text", action="store_true",
        help="only set the build's dividers side by side, as text; write nothing",
    )  # fmt: skip


def add_neurobench(parser: argparse.ArgumentParser) -> None:
    """Add whether NeuroBench counts, too."""
    parser.add_argument(
        "--neurobench", action="store_true",
        help="add what NeuroBench's harness counts of the program, checked by our own counters",
    )  # fmt: skip


def reading(args: argparse.Namespace) -> "Reading":
    """Return how a NIR file of another tool is read."""
    from eideploy.flow.requests.importing import Reading

    resets: dict[str, Reset] = {"soft": "subtract", "hard": "zero"}
    return Reading(
        steps=args.steps,
        dt=args.dt,
        input_high=args.input_high,
        reset=resets[args.graph_reset] if args.graph_reset else None,
        nearest_tau=args.nearest_tau,
    )


def settings(args: argparse.Namespace) -> dict[str, str]:
    """Return the settings that --set changes."""
    changed = {}
    for entry in args.set:
        key, equals, value = entry.partition("=")
        if not (key and equals):
            raise UsageError(
                f"{entry!r} sets nothing",
                where="--set",
                fix="write key=value, e.g. training.epochs=20",
            )
        changed[key.strip()] = value.strip()
    return changed

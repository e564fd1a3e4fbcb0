"""Options that several commands share, and what their values are made of."""

import argparse
from pathlib import Path


def count(text: str) -> int:
    """Return a whole number above 0."""
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return number


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

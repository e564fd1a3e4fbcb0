"""What the command line accepts: commands, options, their help."""

import argparse
from pathlib import Path

from eideploy import __version__
from eideploy.config import DEFAULT_PRESET
from eideploy.shared_arguments import (
    REPORT_EXAMPLES,
    SIMULATE_EXAMPLES,
    SWEEP_EXAMPLES,
    TRAIN_EXAMPLES,
    add_data_dir,
    add_division,
    add_inhibition,
    add_integers,
    add_neurobench,
    add_nir,
    add_out,
    add_reading,
    add_written,
    count,
    listed,
    numbers,
)
from eideploy.usage import Parser

EXAMPLES = """examples, typed one after the other in an empty folder:
  eideploy train
  eideploy compile --target digital
  eideploy simulate --lut 8bit
"""


def command_line() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = Parser(
        prog="eideploy",
        description="Takes spiking networks of excitatory/inhibitory circuits from PyTorch to "
        "hardware: trains them, compiles them to integers, simulates the result cycle by cycle.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"eideploy {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for add in (
        _add_train, _add_import, _add_compile, _add_simulate, _add_sweep, _add_verify, _add_report,
        _add_targets, _add_doctor,
    ):  # fmt: skip
        add(commands)
    return parser


Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse exports no name for it


def _command(
    commands: "Commands[Parser]", name: str, text: str, epilog: str = ""
) -> argparse.ArgumentParser:
    parser = commands.add_parser(
        name, help=text, description=text, epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    return parser


def _add_train(commands: "Commands[Parser]") -> None:
    parser = _command(commands, "train", "train a network into a run folder", TRAIN_EXAMPLES)
    parser.add_argument(
        "preset", nargs="?", metavar="PRESET|CONFIG.toml",
        help=f"{DEFAULT_PRESET} (default), cifar10-vgg16, ..., or a configuration file",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, help="of everything random (default: the preset's)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a setting"
    )
    parser.add_argument(
        "--reset", choices=("soft", "hard"),
        help="of a membrane that fires: by the threshold (soft, default), or to zero (hard)",
    )  # fmt: skip
    parser.add_argument(
        "--finetune", type=Path, metavar="RUN",
        help="go on training a finished run through the integers that it will be compiled to",
    )  # fmt: skip
    parser.add_argument(
        "--target", metavar="NAME|SPEC.toml",
        help="with --finetune: distil the run into a network for this mixed-signal chip instead",
    )  # fmt: skip
    add_integers(parser, "with --finetune")
    add_data_dir(parser)
    parser.add_argument(
        "--tensorboard", action="store_true", help="write a TensorBoard log into the run, too"
    )
    parser.add_argument(
        "--resume", nargs="?", type=Path, const=True, default=False, metavar="RUN",
        help="continue an interrupted run (default: the latest)",
    )  # fmt: skip
    add_out(parser, "RUN")


def _add_import(commands: "Commands[Parser]") -> None:
    parser = _command(
        commands, "import", "turn a checkpoint of the paper's published code, or a NIR file of any "
        "tool, into a run",
    )  # fmt: skip
    parser.add_argument(
        "checkpoint", type=Path, metavar="CKPT|GRAPH.nir",
        help="a .pth file, a model.safetensors with its config.json beside it, or a .nir file",
    )  # fmt: skip
    add_reading(parser)
    add_out(parser, "RUN")


def _add_compile(commands: "Commands[Parser]") -> None:
    parser = _command(commands, "compile", "compile a run for a target into a build folder")
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="RUN|GRAPH.nir",
        help="the run (default: the latest), or a NIR file of any tool",
    )  # fmt: skip
    parser.add_argument(
        "--target", default="digital", metavar="NAME|SPEC.toml", help="the chip (default: digital)"
    )
    add_integers(parser, "what the run was fine-tuned for, else")
    add_inhibition(parser, "factored")
    parser.add_argument(
        "--calibration-samples", type=count, metavar="N",
        help="how many samples to calibrate on (default: 256 of the training split)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate-on", type=Path, metavar="SAMPLES.npy", help="calibrate on samples of your own"
    )
    parser.add_argument(
        "--no-adapt", action="store_true",
        help="refuse a run that was not trained for a mixed-signal chip, instead of adapting it",
    )  # fmt: skip
    parser.add_argument(
        "--monitor", choices=("all", "outputs"),
        help="whose spikes the host of a mixed-signal chip sees (default: all that can be sent)",
    )  # fmt: skip
    parser.add_argument(
        "--emit", action="append", choices=("nir", "onnx"), default=[],
        help="write these files, too: nir, the float network; onnx, that and the integer program",
    )  # fmt: skip
    add_nir(parser)
    add_reading(parser)
    parser.add_argument(
        "-v",
        "--verbose",
        action="store_true",
        help="say what every pass changed, and how wide every number can get",
    )
    add_data_dir(parser)
    add_out(parser, "BUILD")


def _add_sweep(commands: "Commands[Parser]") -> None:
    parser = _command(
        commands, "sweep", "compare schemes, divisions and policies over runs", SWEEP_EXAMPLES
    )
    parser.add_argument(
        "runs", nargs="*", type=Path, metavar="RUN",
        help="runs whose means are taken, of several seeds, say (default: the latest)",
    )  # fmt: skip
    for name, what in (
        ("--schemes", "names or files (default: all that are shipped)"),
        ("--divisions", "as --division takes them (default: one or two of every method)"),
        ("--policies", "minimum, floor (default: minimum)"),
        ("--inhibitions", "factored, folded, auto (default: factored)"),
    ):
        parser.add_argument(name, type=listed, metavar="A,B,...", help=what)
    parser.add_argument(
        "--contrast", type=numbers, default=(), metavar="X,Y,...",
        help="also the accuracy on inputs times these factors",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", type=listed, default=(), metavar="RUN,...",
        help="batch-normalised runs beside the contrasts",
    )  # fmt: skip
    parser.add_argument(
        "--target", metavar="NAME|SPEC.toml", help="the chip (default: digital-model)"
    )
    parser.add_argument(
        "--split", choices=("test", "train", "all"), default="test", help="which samples"
    )
    parser.add_argument("--samples", type=count, metavar="N", help="at most so many")
    parser.add_argument(
        "--jobs", type=count, metavar="N", help="processes (default: one a processor)"
    )
    parser.add_argument(
        "--backend", default="loky", metavar="NAME",
        help="joblib's: loky (default), threading, dask, ray",
    )  # fmt: skip
    add_data_dir(parser)
    add_out(parser, "SWEEP")


def _add_simulate(commands: "Commands[Parser]") -> None:
    parser = _command(
        commands, "simulate", "simulate a build beside the float network", SIMULATE_EXAMPLES
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="RUN|BUILD",
        help="a build, or a run to compile in passing (default: the latest build, else run)",
    )  # fmt: skip
    add_division(parser, "the build's own")
    add_inhibition(parser, "factored; a build has its own")
    parser.add_argument(
        "--executor", choices=("integer", "float", "onnx", "rtl", "dpi"), default="integer",
        help="integer (default): the program beside the float network; float: that alone; onnx: "
        "the program in onnxruntime, too, logit by logit; rtl: the core in Verilator, too, "
        "cycle by cycle; dpi: a mixed-signal chip as a build configures it, with mismatch",
    )  # fmt: skip
    parser.add_argument(
        "--chips", type=count, metavar="N",
        help="with dpi: how many chips of each mismatch are drawn (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrate-chips", dest="calibrate", type=count, metavar="K",
        help="with dpi: also weigh each chip's outputs by K training samples a class",
    )  # fmt: skip
    parser.add_argument("--samples", type=count, metavar="N", help="the first N (default: all)")
    parser.add_argument(
        "--split",
        choices=("test", "train", "all"),
        help="which samples of the network's own data set (default: test)",
    )
    parser.add_argument(
        "--input", type=Path, metavar="X.npy",
        help="samples of your own, (B, C, H, W) or (B, T, C, H, W), in the network's input range",
    )  # fmt: skip
    add_data_dir(parser)
    parser.add_argument("--save", type=Path, metavar="OUT.npz", help="write logits (B, classes)")
    parser.add_argument(
        "--trace", action="store_true", help="write spikes and currents of every layer, too"
    )


def _add_verify(commands: "Commands[Parser]") -> None:
    parser = _command(
        commands, "verify", "run every file of a build in every program installed, and compare"
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="BUILD", help="the build (default: the latest)"
    )
    parser.add_argument(
        "--samples", type=count, metavar="N", help="the first N of the test split (default: 64)"
    )
    parser.add_argument(
        "--input", type=Path, metavar="X.npy", help="samples of your own, in the network's range"
    )
    add_data_dir(parser)


def _add_report(commands: "Commands[Parser]") -> None:
    parser = _command(
        commands, "report", "write report.html and report.json of a build or a run", REPORT_EXAMPLES
    )
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="BUILD|RUN",
        help="default: the latest build, else the latest run",
    )  # fmt: skip
    add_written(parser)
    parser.add_argument(
        "--verify", action="store_true",
        help="run the core in Verilator also where its simulator is to be built first (a minute)",
    )  # fmt: skip
    parser.add_argument(
        "--synth", nargs="?", const="ecp5", choices=("ecp5", "ice40", "generic"),
        help="synthesise the core with each divider by yosys, minutes each (default: for ecp5)",
    )  # fmt: skip
    parser.add_argument(
        "--fmax", action="store_true",
        help="with --synth ecp5: place and route it by nextpnr, its memories as deep as needed",
    )  # fmt: skip
    parser.add_argument(
        "--samples", type=count, metavar="N",
        help="the first N of the test split (default: 512, of large networks fewer)",
    )  # fmt: skip
    parser.add_argument("--input", type=Path, metavar="X.npy", help="samples of your own")
    add_neurobench(parser)
    add_data_dir(parser)


def _add_doctor(commands: "Commands[Parser]") -> None:
    _command(commands, "doctor", "say what is installed, what is missing, and how to get it")


def _add_targets(commands: "Commands[Parser]") -> None:
    parser = _command(commands, "targets", "list the targets, or check a spec of your own")
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    check = actions.add_parser("check", help="check a target's spec.toml")
    check.add_argument("spec", metavar="NAME|SPEC.toml")
    check.add_argument(
        "--json", action="store_true", default=argparse.SUPPRESS, help="print the result as JSON"
    )

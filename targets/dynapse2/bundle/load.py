"""Bring patch.json, which lies beside this file, onto DYNAP-SE2 chips; needs Python 3.11 alone.

    python load.py check                         what the patch sets; touches nothing
    python load.py probe                         whether samna is here, without importing it
    python load.py merge TEMPLATE.json OUT.json  the patch in a configuration captured from samna
    python load.py capture OUT.json --samna      what samna has after a reset: a template
    python load.py run SPIKES.csv OUT.csv --samna
    python load.py run SPIKES.csv OUT.csv --emulate SEED
    python load.py characterise FOLDER --samna   what the board does, and a map of its defects

SPIKES.csv has the columns trial, time_us, population, index; OUT.csv gets the neurons' spikes in
the same columns, trial after trial as they end, and OUT.trials.csv a line for each: the same
command again goes on where it stopped. Beside SPIKES.expected.json, which eideploy board events
writes, run shows the rates of populations, and which is the first that differs. An emulated board
needs eideploy, and no samna. samna is imported by the commands that say --samna, and by no other.
No board has run this: docs/dynapse2.md of eideploy says what to check first.
"""

import argparse
import csv
import importlib
import json
import sys
from importlib.util import find_spec
from pathlib import Path

import session as session_module
from characterise import characterise, summary
from merge import merge
from patchfile import LoadError, read_patch
from results import COLUMNS, OUTPUTS, SADC, Kept, append, decide, read_outputs
from session import Session, open_board
from view import View, read_expected

HERE = Path(__file__).resolve().parent
SAID = 20  # trials of a run that are each told in a line at most
# a configuration refused, a clock that wraps, lost markers, bad neurons, bad CAMs
FAULTS = ("refuse", "wrap", "marker", "neurons", "cams")
COMPILED = (".so", ".pyd", ".dylib")


def probe():
    """Return the error that importing samna would bring, or None; does not import it.

    The package of that name on PyPI is a stub: importing it begins a download.
    """
    spec = find_spec("samna")
    if spec is None:
        return LoadError(
            "samna, the library of the board's vendor, is not installed",
            where=f"the Python {sys.executable}",
            fix="install it as the vendor's page says, or write --emulate SEED for an emulated "
            "board",
        )
    folders = [Path(place) for place in spec.submodule_search_locations or ()]
    if spec.origin and Path(spec.origin).suffix in COMPILED:
        return None
    if any(file.suffix in COMPILED for folder in folders for file in folder.rglob("*")):
        return None
    return LoadError(
        "this samna is the stub that downloads the library when it is imported",
        where=spec.origin,
        fix="install the library itself first, as the vendor's page says",
    )


def check(args):
    """Say what the patch sets."""
    patch = read_patch(args.patch)
    synapses = destinations = neurons = 0
    for chip, core in patch.codes:
        for number in range(patch.size["neurons"]):
            cams, srams, latches = patch.neuron((chip, core, number))
            neurons += not latches.get("soif_kill")
            synapses += sum(row[1] > 0 for row in cams)
            destinations += sum(row[0] > 0 for row in srams)
    codes = sum(map(len, patch.codes.values()))
    return (
        f"{patch.chips} chip{'s' * (patch.chips != 1)}: {neurons} neurons, {synapses} synapses, "
        f"{destinations} destinations, {codes} biases; "
        f"{len(patch.inputs())} sources, {len(patch.outputs())} monitored neurons"
    )


def say_probe(args):
    """Say whether samna can be imported."""
    del args
    if error := probe():
        raise error
    return "samna is here (not imported)"


def merge_files(args):
    """Write the template with the patch's fields set."""
    try:
        template = args.template.read_text(encoding="utf-8")
        text = merge(template, read_patch(args.patch))
    except (OSError, ValueError) as error:
        raise LoadError(
            f"the file is no configuration of samna: {error}",
            where=args.template,
            fix="write one by load.py capture",
        ) from error
    args.out.write_text(text, encoding="utf-8")
    return f"wrote {args.out}"


def capture(args):
    """Write what samna has after a reset."""
    session = _session(args)
    args.out.write_text(session.configuration.to_json(), encoding="utf-8")
    return f"wrote {args.out}"


def run(args):
    """Run the trials of a file, draining in between, and write what the neurons sent."""
    trials = _trials(args.spikes)
    patch, expected = read_patch(args.patch), read_expected(args.spikes)
    watched = patch.places(args.watch)
    if args.within and expected is None:
        raise LoadError(
            "--within compares with expected rates, of which there are none",
            where=args.spikes,
            fix="write the spikes by eideploy board events, or leave out --within",
        )
    kept = Kept(args.out, of=(args.spikes, args.patch))
    left = {trial: spikes for trial, spikes in trials.items() if trial not in kept.trials}
    lines = read_outputs(args.patch.parent / OUTPUTS)
    outputs = list(patch.outputs().values())
    classes = 1 + max((output_class for *_, output_class in outputs), default=-1)
    view = View(patch, expected, len(trials), raster=args.raster, within=args.within)
    for trial, answer in kept.answers():
        view.count(trial, answer)
        if trial == max(trials) and not left:
            view.draw(trial, answer)
    said = [f"{len(trials) - len(left)} trials are in {args.out} already"] * (left != trials)
    if left or not trials:  # without any the patch is put on the board
        session = _session(args)
        session.watched = watched
        try:
            session.load()
            if args.sadc:
                session.open_sadc()
            for trial, spikes in left.items():
                session.drain()
                answer = session.trial(spikes)
                decided = decide(answer, classes, lines, outputs) if classes else ""
                kept.add(trial, answer, decided)
                if args.sadc:
                    append(args.sadc, SADC, [(trial, *row) for row in session.sadc()])
                view.show(trial, answer)
                if len(left) <= SAID:
                    said.append(f"trial {trial}: class {decided}, {len(answer)} spikes")
        except LoadError as error:
            done = f"{len(kept.trials)} of {len(trials)} trials are in {args.out}"
            what = f"{error.what}; {done}"
            fix = f"{error.fix}; the same command goes on from there"
            raise LoadError(what, where=error.where, fix=fix) from error
    if lines:
        said.append(f"classes are decided by the lines of {args.patch.parent / OUTPUTS}")
    if trials:
        said += [*view.table(), view.verdict()]
    return "\n".join([*said, f"wrote {args.out}, {kept.listed.name}"])


def describe(args):
    """Measure routing, polarity, rates, time constants and CAMs at the patch's biases."""
    if args.folder.exists():
        raise LoadError("the folder is there already", where=args.folder, fix="name another folder")
    session = _session(args)
    content, defects = characterise(session, lambda said: sys.stderr.write(f"{said}\n"))
    whole = args.folder.with_name(f".{args.folder.name}.part")
    whole.mkdir(parents=True, exist_ok=True)
    for name, found in (("characterised.json", content), ("defects.json", defects)):
        (whole / name).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    whole.rename(args.folder)
    return f"{summary(content)}\nwrote {args.folder}"


def _factor(text):
    """Return a number above 1."""
    if (factor := float(text)) > 1:
        return factor
    raise ValueError(text)


def _trials(path):
    trials = {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                spike = int(row["time_us"]), row["population"], int(row["index"])
                trials.setdefault(int(row["trial"]), []).append(spike)
    except (KeyError, ValueError, TypeError) as error:
        raise LoadError(
            f"the file has not the columns {', '.join(COLUMNS)}: {error!r}",
            where=path,
            fix="write it by eideploy, or as docs/dynapse2.md says",
        ) from error
    return trials


def _session(args):
    """Open a board with samna, which is imported here and nowhere else."""
    patch = read_patch(args.patch)
    if getattr(args, "emulate", None) is not None:
        session_module.SETTLE_S = 0.0
        samna, se2 = _emulated(args)
        return Session(open_board(samna, bitfile=None, serial=None), patch, se2)
    if not args.samna:
        raise LoadError(
            "the command does not say which board to use",
            where="--samna, --emulate",
            fix="write --samna to import the vendor's library and use the board that it finds"
            + (", or --emulate SEED for an emulated board" if "emulate" in args else ""),
        )
    if error := probe():
        raise error
    samna = importlib.import_module("samna")
    se2 = importlib.import_module("samna.dynapse2")
    return Session(open_board(samna, bitfile=args.bitfile, serial=args.serial), patch, se2)


def _emulated(args):
    """Return samna's tree with a simulated board behind it, whose errors the seed draws."""
    try:
        emulator = importlib.import_module("eideploy.backends.dynapse2.emulator")
    except ImportError as error:
        raise LoadError(
            f"an emulated board needs eideploy: {error}",
            where=f"the Python {sys.executable}",
            fix="run load.py with the Python that eideploy is installed in",
        ) from error
    try:
        return emulator.emulated(args.patch, args.emulate, args.fault)
    except emulator.EideployError as error:
        raise LoadError(error.what, where=error.where, fix=error.fix) from error


def _refuse_idle(args):
    """Refuse options that have no effect on the board that is asked for."""
    emulated = getattr(args, "emulate", None) is not None
    if emulated and (args.samna or args.bitfile or args.serial):
        raise LoadError(
            "--samna, --bitfile and --serial are of a board, --emulate asks for an emulated one",
            where="--emulate",
            fix="leave out one or the other",
        )
    if not emulated and getattr(args, "fault", None):
        raise LoadError(
            "--fault has no effect on a board", where="--fault", fix="write --emulate SEED, too"
        )
    if getattr(args, "sadc", None) and not args.watch:
        raise LoadError(
            "the sADC converts currents of monitored neurons, and none is",
            where="--sadc",
            fix="name them by --watch POPULATION:INDEX",
        )


def main():
    """Run one command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patch", type=Path, default=HERE / "patch.json")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, job, files in (
        ("check", check, ()),
        ("probe", say_probe, ()),
        ("merge", merge_files, ("template", "out")),
        ("capture", capture, ("out",)),
        ("run", run, ("spikes", "out")),
        ("characterise", describe, ("folder",)),
    ):
        command = commands.add_parser(name, help=job.__doc__)
        command.set_defaults(job=job)
        for file in files:
            command.add_argument(file, type=Path)
        if job in (capture, run, describe):
            command.add_argument("--samna", action="store_true", help="import samna")
            command.add_argument("--bitfile", type=Path, help="program the board's FPGA with it")
            command.add_argument("--serial", help="of the board (default: the first DYNAP-SE2)")
        if job is run:
            command.add_argument("--raster", type=Path, help="an SVG of the last trial, drawn anew")
            command.add_argument(
                "--within",
                type=_factor,
                metavar="FACTOR",
                help="by which a population's rate may differ from the simulator's (default: by "
                "what emulated boards differ)",
            )
            command.add_argument(
                "--watch",
                action="append",
                default=[],
                metavar="POPULATION:INDEX",
                help="monitor the neuron on its core's analog output, one a core",
            )
            command.add_argument(
                "--sadc",
                type=Path,
                metavar="FILE.csv",
                help="append what the sADC of the watched cores reads after every trial",
            )
        if job in (run, describe):
            command.add_argument("--emulate", type=int, metavar="SEED", help="an emulated board")
            command.add_argument("--fault", choices=FAULTS, help="what the emulated board does")
    args = parser.parse_args()
    try:
        _refuse_idle(args)
        said = args.job(args)
    except LoadError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except OSError as error:
        if error.filename is None:
            raise
        fault = LoadError(
            f"cannot be read or written: {error.strerror}",
            where=error.filename,
            fix="name a file in a folder that exists and that you may write to",
        )
        sys.stderr.write(f"error: {fault}\n")
        return 1
    except KeyboardInterrupt:
        goes_on = "; the same command goes on with the next trial" if args.job is run else ""
        sys.stderr.write(f"stopped{goes_on}\n")
        return 130
    sys.stdout.write(f"{said}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

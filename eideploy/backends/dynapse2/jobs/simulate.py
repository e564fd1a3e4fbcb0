"""Job: simulate a build for a mixed-signal chip from its emitted configuration."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.backends.dynapse2.chip.arrays import Array
from eideploy.backends.dynapse2.chip.spec import BACKEND
from eideploy.backends.dynapse2.dpi import classify, gap
from eideploy.backends.dynapse2.dpi.boards import Board, Spread
from eideploy.backends.dynapse2.dpi.classify import Response
from eideploy.backends.dynapse2.dpi.coding import event_counts, event_rows, sources_of
from eideploy.backends.dynapse2.dpi.kernel import Chip
from eideploy.backends.dynapse2.dpi.mismatch import Mismatch, varied
from eideploy.backends.dynapse2.dpi.readout import Few, Labelled, accuracies
from eideploy.backends.dynapse2.dpi.single_neuron import respond
from eideploy.backends.dynapse2.dpi.tuning import on_board
from eideploy.backends.dynapse2.dpi.units import step_of
from eideploy.backends.dynapse2.dpi.wiring import Wiring, decode
from eideploy.backends.dynapse2.emit import write_rows
from eideploy.backends.dynapse2.folders import ChipBuild, load_chip_build
from eideploy.backends.dynapse2.jobs.results import keep_simulation
from eideploy.backends.dynapse2.jobs.samples import labelled_few, own_or_split
from eideploy.backends.dynapse2.options import DPI, DPI_ON_SPLIT, SimulateChip, Simulating
from eideploy.backends.dynapse2.report.advice import SILENT_HZ
from eideploy.backends.dynapse2.report.text import simulation_text
from eideploy.errors import UsageError
from eideploy.flow.requests.shared import READING, WITH_INPUT, WITHOUT_INPUT
from eideploy.flow.requests.simulate import OnSamples, Simulate
from eideploy.flow.result import Result
from eideploy.flow.samples import note_fewer, require_savable, write_npz
from eideploy.flow.warning import TRAINED, with_warnings
from eideploy.options import as_path, part_of, refuse_idle
from eideploy.progress import bar, note
from eideploy.report.text import counted

CHIPS = 5
CVS = (0.1, 0.2)
BOARD = 2000  # the seed of the first emulated board
EVENT_COLUMNS = ["trial", "time_us", "population", "index"]
PER_CLASS = 5  # training samples a class by whose rates boards are tuned; labels are not looked at
SEED = 1000  # of the first chip; trainings draw theirs from other seeds
KINDS = ("leak", "gain", "threshold", "time", "weight")
ALONE = Few()  # by equal votes alone
TIMED = 64  # samples whose decisions are timed


def run_on_chip(request: Simulate | SimulateChip) -> Result:
    """Run samples through the chip that a build configures, with and without mismatch.

    Samples without labels are compared with what the chip without mismatch decides.

    Raises:
        UsageError: there is no build for a mixed-signal chip; options that contradict each other.
        FormatError, SpecError: a damaged build.
        DataError: the data set is missing, or samples of the user's do not fit.
    """
    options = part_of(request, Simulating)
    _require_effects(request)
    build = build_of(as_path(request.build))
    require_savable(request, build.origin)
    chips = options.chips or CHIPS
    dendrite, coding = options.dendrite or "full", build.configuration.coding
    wiring = decode(build.configuration, build.spec, dendrite=dendrite)
    samples, labels = own_or_split(build, request, inputs=wiring.inputs, classes=wiring.classes)
    note_fewer(request.samples, len(samples))
    few = _few(build, request, wiring)
    total = 8 + chips * (1 + len(CVS) + len(KINDS))
    with bar("simulate", total) as advance:
        response = classify.show(wiring, samples, coding)
        right = response.decided if labels is None else labels
        advance(1, "")

        def tested(mismatch: Mismatch, few: Few = ALONE) -> list[dict[str, float]]:
            over_seeds = []
            for seed in range(SEED, SEED + chips):
                chip = varied(wiring, mismatch, seed)
                over_seeds.append(accuracies(chip, (samples, right), coding, few))
                advance(1, "")
            return over_seeds

        unlabelled = replace(few, labelled=None)  # boards are not calibrated
        over_boards = _over_boards(build, options, wiring, (samples, right), unlabelled, advance)
        over_chips = {cv: tested(Mismatch.uniform(cv), few) for cv in CVS}
        rows = _gap(build, wiring, samples, right, response)
        taught = build.content.get("float_accuracy")
        if taught and labels is not None and request.input is None:
            rows.insert(0, ("the run that it was distilled from", taught))
        advance(7, "")
        worst = max(CVS)
        rows += [
            (
                f"mismatch of {kind} alone, CV {worst:.0%}",
                float(np.mean([by["equal"] for by in tested(Mismatch.of(kind, worst))])),
            )
            for kind in KINDS
        ]
    divisor, variation = gap.divisor(wiring, response, coding)
    content: dict[str, Any] = {
        "executor": "dpi",
        "simulated": str(build.folder),
        "samples": len(samples),
        "labelled": labels is not None,
        "chips": chips,
        "dt_s": classify.DT_S,
        "dendrite": dendrite,
        **_judged(response, labels, _column(over_chips, "equal")),
        "boards": over_boards,
        "bias_error": _spread(options).bias,
        "calibrated_on": options.calibrate,
        "calibrated_by_cv": _column(over_chips, "calibrated"),
        "scaled_by_cv": _column(over_chips, "scaled"),
        "gap": dict(rows),
        "rate_hz": _rates(build, response),
        **_cost(wiring, response),
        "divisor": divisor,
        "divisor_variation": variation,
        "single_neuron": _single_neuron(wiring, build, divisor),
        "decided_ms": _decided_ms(wiring, samples[:TIMED], build),
    }
    if labels is not None and request.input is None:
        keep_simulation({**content, "split": request.split or "test"}, build)
    if request.save is not None:
        arrays = {
            "logits": response.votes,
            "decided": response.decided,
            "spikes": response.counts.T,
        }
        write_npz(Path(request.save), arrays)
        content["saved"] = str(request.save)
    if options.events is not None:
        flat = samples.reshape(len(samples), -1)
        events = event_rows(flat, coding, sources_of(build.configuration))
        write_rows(Path(options.events), [EVENT_COLUMNS, *events])
        content["events"] = str(options.events)
    result = Result(text=simulation_text(content), content=content)
    return with_warnings(result, _warnings(content["rate_hz"], response, samples))


def simulate_chip(request: SimulateChip) -> Result:
    """Run samples through the chip that a build configures, with and without mismatch.

    Raises:
        UsageError: there is no build for a mixed-signal chip; options that have no effect.
        FormatError, SpecError: a damaged build.
        DataError: the data set is missing, or samples of the user's do not fit.
    """
    return run_on_chip(request)


def _spread(options: Simulating) -> Spread:
    return Spread() if options.bias_error is None else Spread(bias=options.bias_error)


def _few(build: ChipBuild, request: OnSamples, wiring: Wiring) -> Few:
    """Return the training samples that chips and boards are fitted to, as the options say."""
    options, labelled, samples, aim = part_of(request, Simulating), None, None, None
    if options.calibrate:
        labelled = labelled_few(build, request, options.calibrate)
    if options.tune:
        samples = labelled_few(build, request, PER_CLASS, option="--tune-boards")[0]
        aim = classify.show(wiring, samples, build.configuration.coding).counts
    return Few(labelled=labelled, shown=samples, aim=aim)


def _over_boards(
    build: ChipBuild,
    options: Simulating,
    wiring: Wiring,
    tried: Labelled,
    few: Few,
    advance: Callable[[int, str], None],
) -> dict[str, list[float]]:
    """Return the accuracies on emulated boards, as mapped and, on a few samples, tuned."""
    by_name = dict[str, list[float]]()
    for seed in range(BOARD, BOARD + (options.chips or CHIPS)):
        board = Board(build.spec, seed, _spread(options), wiring.dendrite)
        rows = on_board(board, build.configuration, build.network, tried, few)
        for name, accuracy in rows.items():
            by_name.setdefault(name, []).append(accuracy)
        advance(1, "")
    return by_name


def _require_effects(request: OnSamples) -> None:
    holding = {READING, DPI, DPI_ON_SPLIT}
    if request.input is None:
        refuse_idle(request, {*holding, WITHOUT_INPUT}, here="on a split of a data set")
    else:
        refuse_idle(request, {*holding, WITH_INPUT}, here="on samples of your own")


def _warnings(rates: Mapping[str, float], response: Response, samples: Array) -> list[str]:
    """Return what is wrong where populations are silent, or all samples get the same votes."""
    faults = [
        f"the neurons of {name} fire at {hz:.2g} Hz" for name, hz in rates.items() if hz < SILENT_HZ
    ]
    if (samples != samples[:1]).any() and (response.votes == response.votes[:1]).all():
        faults.append("the votes are the same for all samples")
    on = f"as simulated, on {counted(len(samples), 'sample')}"
    return [f"{on}, {', '.join(faults)}: {TRAINED}"] if faults else []


def _column(over_chips: Mapping[float, list[dict[str, float]]], how: str) -> dict[str, Any]:
    """Return one of the accuracies of every chip, by CV; nothing where it was not asked for."""
    return {
        f"{cv:g}": [by[how] for by in chips]
        for cv, chips in over_chips.items()
        if all(how in by for by in chips)
    }


def _judged(
    response: Response, labels: Array | None, by_cv: Mapping[str, list[float]]
) -> dict[str, Any]:
    """Return the accuracy, or where there are no labels what was decided, and over chips."""
    if labels is None:
        return {"decided": response.decided.tolist(), "agreement_by_cv": by_cv}
    return {
        "accuracy": float((response.decided == labels).mean()),
        "accuracy_by_cv": by_cv,
        "accuracy_by_class": _by_class(response, labels),
    }


def build_of(folder: Path | None) -> ChipBuild:
    """Return the build for a mixed-signal chip in a folder, or the latest.

    Raises:
        UsageError: there is none.
        FormatError, SpecError: it is damaged.
    """
    build = folder or folders.latest_build(BACKEND)
    if build is None:
        raise UsageError(
            "there is no build for a mixed-signal chip",
            where=f"folder {folders.BUILDS}",
            fix="make one with eideploy compile --target dynapse2",
        )
    if folder is None:
        note(f"using {build}, the latest build for a mixed-signal chip")
    return load_chip_build(build)


def _gap(
    build: ChipBuild, wiring: Wiring, samples: Array, labels: Array, response: Response
) -> list[tuple[str, float]]:
    """Return the accuracy after each single change."""
    coding = build.configuration.coding
    configuration = build.configuration
    inhibits = {p.name for p in build.network.neurons if p.role == "inhibitory"}
    names = np.array(configuration.populations)[configuration.neurons.population]
    graded = np.isin(names, sorted(inhibits))

    def right(changed: Response) -> float:
        return float((changed.decided == labels).mean())

    def of(wiring_after: Wiring) -> float:
        return right(classify.show(wiring_after, samples, coding))

    unrounded = gap.unrounded(build.network, build.spec, dendrite=wiring.dendrite)
    return [
        ("as emitted", right(response)),
        ("currents and weights not rounded", of(unrounded)),
        (
            "inhibitory cells graded",
            right(gap.show_graded(wiring, graded, response, samples, coding)),
        ),
        ("shunt held at each neuron's mean", of(gap.with_constant_shunt(wiring, response, coding))),
        ("no shunt, not trained again", of(gap.without(wiring, "shunt"))),
        ("no GABA_B, not trained again", of(gap.without(wiring, "gaba"))),
        ("neither, not trained again", of(gap.without(gap.without(wiring, "gaba"), "shunt"))),
    ]


def _rates(build: ChipBuild, response: Response) -> dict[str, float]:
    configuration = build.configuration
    population = configuration.neurons.population
    rate = response.counts.mean(1) / configuration.coding.duration_s
    names = configuration.populations
    return {names[i]: float(rate[population == i].mean()) for i in set(population)}


def _by_class(response: Response, labels: Array) -> list[float | None]:
    accuracies = []
    for c in range(response.votes.shape[1]):
        chosen = labels == c
        accuracies.append(float((response.decided[chosen] == c).mean()) if chosen.any() else None)
    return accuracies


def _cost(wiring: Wiring, response: Response) -> dict[str, float]:
    """Return events an inference: of neurons, of inputs, and at synapses."""
    heard = np.bincount(wiring.source, minlength=wiring.inputs + wiring.neurons)
    sent = np.concatenate([response.sent, response.counts])
    batch = sent.shape[1]
    return {
        "spikes": float(response.counts.sum() / batch),
        "input_events": float(response.sent.sum() / batch),
        "synaptic_events": float((heard @ sent).sum() / batch),
    }


def _single_neuron(wiring: Wiring, build: ChipBuild, divisor: float) -> dict[str, Any] | None:
    """Return what the mean shunt makes of one excitatory neuron; None where there is no shunt."""
    excitatory = [p.name for p in build.network.neurons if p.role == "excitatory"]
    if divisor <= 1 or not excitatory:
        return None
    configuration = build.configuration
    number = configuration.populations.index(excitatory[0])
    neuron = int(np.flatnonzero(configuration.neurons.population == number)[0])
    return asdict(respond(wiring, neuron, divisor))


def _decided_ms(wiring: Wiring, samples: Array, build: ChipBuild) -> float:
    """Return the mean time after which the votes' winner stays what it is at the end."""
    coding = build.configuration.coding
    events = event_counts(samples.reshape(len(samples), -1), coding, classify.DT_S)
    spikes = Chip(wiring, step_of(wiring, classify.DT_S)).run(events, keep_spikes=True).spikes
    assert spikes is not None  # they were asked for
    one_hot = wiring.one_hot.astype(np.float32)
    votes = np.einsum("ntb,nc->tcb", spikes.astype(np.float32), one_hot)
    winner = votes.cumsum(0).argmax(1)
    differs = winner != winner[-1]
    last = len(winner) - differs[::-1].argmax(0)
    return float(np.where(differs.any(0), last, 0).mean() * classify.DT_S * 1e3)

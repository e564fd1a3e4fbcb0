"""Job: simulate a build for a mixed-signal chip from its emitted configuration."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eideploy import folders
from eideploy.chip_folders import ChipBuild, load_chip_build
from eideploy.data import load as load_data
from eideploy.dpi import classify, gap
from eideploy.dpi.classify import Shown
from eideploy.dpi.coding import event_counts
from eideploy.dpi.kernel import Chip
from eideploy.dpi.mismatch import Mismatch
from eideploy.dpi.units import step_of
from eideploy.dpi.wiring import Wiring, decode
from eideploy.dynapse2.arrays import Array
from eideploy.dynapse2.spec import BACKEND
from eideploy.errors import UsageError
from eideploy.flow.result import Result
from eideploy.flow.samples import Split, split_of
from eideploy.progress import bar, note
from eideploy.report.text import percent, table

CVS = (0.1, 0.2)
SEED = 1000  # of the first chip; trainings draw theirs from other seeds
KINDS = ("leak", "gain", "threshold", "time", "weight")
TIMED = 64  # samples whose decisions are timed


@dataclass(frozen=True, kw_only=True)
class ChipRequest:
    """What to simulate; `chips` of each CV are drawn."""

    folder: Path | None = None
    samples: int | None = None
    split: Split | None = None
    chips: int = 5
    data_dir: Path | None = None


def simulate_chip(request: ChipRequest) -> Result:
    """Run samples through the chip that a build configures, with and without mismatch.

    Raises:
        UsageError: there is no build for a mixed-signal chip.
        FormatError, SpecError: a damaged build.
        DataError: the data set is missing.
    """
    build = _build(request.folder)
    if build.data is None:
        raise UsageError(
            "the build knows no data set", where=str(build.folder), fix="compile a run that does"
        )
    samples, labels = split_of(
        load_data(build.data, request.data_dir), request.split, request.samples
    )
    wiring, coding = decode(build.configuration, build.spec), build.configuration.coding
    total = 8 + request.chips * (len(CVS) + len(KINDS))
    with bar("simulate", total) as advance:

        def tested(made: Wiring, cv: Mismatch) -> Array:
            found = [
                classify.accuracies(
                    made, samples, labels, coding, mismatch=cv, seeds=range(seed, seed + 1)
                )[0]
                for seed in range(SEED, SEED + request.chips)
                if advance(1, "") is None
            ]
            return np.array(found)

        shown = classify.show(wiring, samples, coding)
        rates = _rates(build, shown)
        over_chips = {cv: tested(wiring, Mismatch.uniform(cv)) for cv in CVS}
        rows = _gap(build, wiring, samples, labels, shown)
        advance(7, "")
        worst = max(CVS)
        rows += [
            (f"mismatch of {kind} alone, CV {worst:.0%}",
             float(tested(wiring, Mismatch.of(kind, worst)).mean()))
            for kind in KINDS
        ]  # fmt: skip
    content: dict[str, Any] = {
        "executor": "dpi",
        "simulated": str(build.folder),
        "samples": len(samples),
        "chips": request.chips,
        "dt_s": classify.DT_S,
        "accuracy": float((shown.decided == labels).mean()),
        "accuracy_by_cv": {f"{cv:g}": [float(x) for x in xs] for cv, xs in over_chips.items()},
        "accuracy_by_class": _by_class(shown, labels),
        "gap": dict(rows),
        **rates,
        **_cost(wiring, shown),
        **_division(wiring, shown, build),
        "decided_ms": _decided_ms(wiring, samples[:TIMED], build),
    }
    return Result(text=_text(content), content=content)


def _build(folder: Path | None) -> ChipBuild:
    found = folder or folders.latest_build(BACKEND)
    if found is None:
        raise UsageError(
            "there is no build for a mixed-signal chip",
            where=f"folder {folders.BUILDS}",
            fix="make one with eideploy compile --target dynapse2",
        )
    if folder is None:
        note(f"using {found}, the latest build for a mixed-signal chip")
    return load_chip_build(found)


def _gap(
    build: ChipBuild, wiring: Wiring, samples: Array, labels: Array, shown: Shown
) -> list[tuple[str, float]]:
    """Return the accuracy after each single change."""
    coding = build.configuration.coding
    configuration = build.configuration
    inhibits = {p.name for p in build.network.neurons if p.role == "inhibitory"}
    names = np.array(configuration.populations)[configuration.neurons.population]
    graded = np.isin(names, sorted(inhibits))

    def right(found: Shown) -> float:
        return float((found.decided == labels).mean())

    def of(made: Wiring) -> float:
        return right(classify.show(made, samples, coding))

    rows = [
        ("as emitted", right(shown)),
        ("currents and weights not rounded", of(gap.unrounded(build.network, build.spec))),
        ("inhibitory cells graded", right(
            gap.show_graded(wiring, graded, shown, samples, coding))),
        ("shunt held at each neuron's mean", of(gap.with_constant_shunt(wiring, shown, coding))),
        ("no shunt, not trained anew", of(gap.without(wiring, "shunt"))),
        ("no GABA_B, not trained anew", of(gap.without(wiring, "gaba"))),
        ("neither, not trained anew", of(gap.without(gap.without(wiring, "gaba"), "shunt"))),
    ]  # fmt: skip
    taught = build.content.get("float_accuracy")
    return [*([("the run that it was distilled from", taught)] if taught else []), *rows]


def _rates(build: ChipBuild, shown: Shown) -> dict[str, Any]:
    configuration = build.configuration
    population = configuration.neurons.population
    rate = shown.counts.mean(1) / configuration.coding.duration_s
    names = configuration.populations
    return {"rate_hz": {names[i]: float(rate[population == i].mean()) for i in set(population)}}


def _by_class(shown: Shown, labels: Array) -> list[float | None]:
    found = []
    for c in range(shown.votes.shape[1]):
        chosen = labels == c
        found.append(float((shown.decided[chosen] == c).mean()) if chosen.any() else None)
    return found


def _cost(wiring: Wiring, shown: Shown) -> dict[str, float]:
    """Return events an inference: of neurons, of inputs, and at synapses."""
    heard = np.bincount(wiring.source, minlength=wiring.inputs + wiring.neurons)
    sent = np.concatenate([shown.sent, shown.counts])
    batch = sent.shape[1]
    return {
        "spikes": float(shown.counts.sum() / batch),
        "input_events": float(shown.sent.sum() / batch),
        "synaptic_events": float((heard @ sent).sum() / batch),
    }


def _division(wiring: Wiring, shown: Shown, build: ChipBuild) -> dict[str, float]:
    """Return the divisor 1 + Ishunt / Ileak: its mean, and how much it varies over samples."""
    divisor = 1 + gap.mean_inputs(wiring, "shunt", shown, build.configuration.coding)
    reached = divisor[divisor.mean(1) > 1]
    if not len(reached):
        return {"divisor": 1.0, "divisor_variation": 0.0}
    variation = reached.std(1) / reached.mean(1)
    return {"divisor": float(reached.mean()), "divisor_variation": float(variation.mean())}


def _decided_ms(wiring: Wiring, samples: Array, build: ChipBuild) -> float:
    """Return the mean time after which the votes' winner stays what it is at the end."""
    coding = build.configuration.coding
    events = event_counts(samples.reshape(len(samples), -1), coding, classify.DT_S)
    spikes = Chip(wiring, step_of(wiring, classify.DT_S)).run(events, keep_spikes=True).spikes
    assert spikes is not None  # they were asked for
    one_hot = wiring.output[:, None] == np.arange(wiring.classes)
    votes = np.einsum("ntb,nc->tcb", spikes.astype(np.float32), one_hot.astype(np.float32))
    winner = votes.cumsum(0).argmax(1)
    differs = winner != winner[-1]
    last = len(winner) - differs[::-1].argmax(0)
    return float(np.where(differs.any(0), last, 0).mean() * classify.DT_S * 1e3)


def _text(content: dict[str, Any]) -> str:
    by_cv = [
        [f"CV {float(cv):.0%}", percent(float(np.mean(xs))), percent(min(xs)), percent(max(xs))]
        for cv, xs in content["accuracy_by_cv"].items()
    ]
    nominal = percent(content["accuracy"])
    classes = ", ".join("-" if x is None else percent(x, 0) for x in content["accuracy_by_class"])
    rates = ", ".join(f"{name} {hz:.0f}" for name, hz in content["rate_hz"].items())
    said = [
        f"simulated {content['simulated']} from its configuration alone, "
        f"{content['samples']} samples at {content['dt_s'] * 1e3:g} ms; no board has run it",
        "",
        table(
            ["mismatch", "accuracy", "least", "most"],
            [["none", nominal, nominal, nominal], *by_cv],
        ),
        f"of {content['chips']} chips a CV; by class without mismatch: {classes}",
        f"rates, Hz: {rates}",
        f"an inference: {content['spikes']:.0f} spikes, {content['input_events']:.0f} inputs, "
        f"{content['synaptic_events']:.0f} synaptic events; decided after "
        f"{content['decided_ms']:.1f} ms",
        f"shunt divides by {content['divisor']:.2f}, which varies by "
        f"{percent(content['divisor_variation'], 1)} over samples",
        "",
        table(["semantic gap", "accuracy"], [[k, percent(v)] for k, v in content["gap"].items()]),
    ]
    return "\n".join(said)

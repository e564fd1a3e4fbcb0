"""After every pass: the float circuit beside what it has become, on a few samples."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from eideploy.circuit import Array, Circuit, Division
from eideploy.circuit.integer import IntegerEILayer, ZeroPolicy
from eideploy.numeric.division import exact
from eideploy.report.text import percent, table
from eideploy.simulate.float_reference import run_float
from eideploy.simulate.integer import run_integer
from eideploy.simulate.observe import batches

SPIKES = frozenset({"spikes"})


@dataclass(frozen=True, kw_only=True)
class Rung:
    """A circuit after a pass, beside the float circuit; fractions of spikes, by LIF node.

    accuracy is None without labels
    """

    after: str
    accuracy: float | None
    agreement: float
    mismatch: Mapping[str, float]

    @property
    def first_diverging(self) -> str | None:
        """The first layer of which a spike differs."""
        return next((name for name, part in self.mismatch.items() if part > 0), None)


def climb(
    circuit: Circuit, integer: Circuit, samples: Array, labels: Array | None, policy: ZeroPolicy
) -> tuple[Rung, ...]:
    """Return what every pass that changes numbers has changed, over `samples` (B, ...).

    Quantization alone is judged with the exact division, so that what the divider costs stands by
    itself. Passes that change no number (calibrate, check_widths, place) have no rung.
    """
    division = Division(divider=exact(), zero_policy=policy)
    exactly = integer.rewrite(IntegerEILayer, lambda node: replace(node, division=division))
    float_classes, spikes = _run(circuit, samples)
    rungs = []
    for after, stage in (("quantize", exactly), ("lower_division", integer)):
        classes, found = _run(stage, samples)
        rungs.append(
            Rung(
                after=after,
                accuracy=None if labels is None else float((classes == labels).mean()),
                agreement=float((classes == float_classes).mean()),
                mismatch={name: float((found[name] != spikes[name]).mean()) for name in found},
            )
        )
    accuracy = None if labels is None else float((float_classes == labels).mean())
    none = dict.fromkeys(spikes, 0.0)
    return (Rung(after="float", accuracy=accuracy, agreement=1.0, mismatch=none), *rungs)


def _run(circuit: Circuit, samples: Array) -> tuple[Array, dict[str, Array]]:
    """Return the classes (B,) and the spikes (T, B, ...) of every LIF node."""
    run = run_float if circuit.of(IntegerEILayer) == () else run_integer
    traces = [run(circuit, batch, keep=SPIKES) for batch in batches(samples)]
    names = traces[0].spikes
    spikes = {name: np.concatenate([t.spikes[name] for t in traces], axis=1) for name in names}
    return np.concatenate([trace.totals.argmax(1) for trace in traces]), spikes


def ladder_text(rungs: tuple[Rung, ...]) -> str:
    """Return the rungs as a table, layers beside one another."""
    layers = list(rungs[0].mismatch)
    head = ["after", "accuracy", "agreement", *(f"{name} differs" for name in layers)]
    rows = [
        [
            rung.after,
            "-" if rung.accuracy is None else percent(rung.accuracy),
            percent(rung.agreement),
            *(percent(rung.mismatch[name], 3) for name in layers),
        ]
        for rung in rungs
    ]
    return table(head, rows)


def ladder_content(rungs: tuple[Rung, ...]) -> list[dict[str, Any]]:
    """Return the rungs as JSON-able tables."""
    return [asdict(rung) | {"first_diverging": rung.first_diverging} for rung in rungs]

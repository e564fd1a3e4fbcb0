"""What is said of a simulated mixed-signal chip."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from eideploy.report.text import percent, table

LISTED = 20  # decisions on samples without labels that are shown


def simulation_text(content: Mapping[str, Any]) -> str:
    """Return what `simulate --executor dpi` prints."""
    measure = "accuracy" if content["labelled"] else "agreement"
    rates = ", ".join(f"{name} {hz:.0f}" for name, hz in content["rate_hz"].items())
    lines = [
        f"simulated {content['simulated']} from its configuration alone, "
        f"{content['samples']} samples at {content['dt_s'] * 1e3:g} ms, {content['dendrite']} "
        "equation of the dendrites; no board has run it",
        "",
        *_boards(content, measure),
        *_decisions(content, measure),
        f"rates, Hz: {rates}",
        f"an inference: {content['spikes']:.0f} spikes, {content['input_events']:.0f} inputs, "
        f"{content['synaptic_events']:.0f} synaptic events; decided after "
        f"{content['decided_ms']:.1f} ms",
        f"shunt divides by {content['divisor']:.2f}, which varies by "
        f"{percent(content['divisor_variation'], 1)} over samples",
        "",
        table(["semantic gap", measure], [[k, percent(v)] for k, v in content["gap"].items()]),
    ]
    if content["single_neuron"] is not None:
        lines += ["", *_single_neuron(content["single_neuron"])]
    if "events" in content:
        lines.append(f"events {content['events']}: load.py run takes them")
    if "saved" in content:
        lines.append(f"saved  {content['saved']}")
    return "\n".join(lines)


def _boards(content: Mapping[str, Any], measure: str) -> list[str]:
    rows = [[name, *_spread(shares)] for name, shares in content["boards"].items()]
    return [
        table(["emulated boards", measure, "least", "most"], rows),
        f"of {content['chips']} boards with hidden errors: of biases, CV "
        f"{content['bias_error']:.0%} each on each core; of capacitance, temperature, single "
        "neurons and CAMs, events (docs/dynapse2_training.md)",
        "",
    ]


def _over_chips(by_cv: Mapping[str, list[float]], how: str = "") -> list[list[str]]:
    """Return a row for every CV: the mean over its chips, the least and the most."""
    return [[f"CV {float(cv):.0%}{how}", *_spread(shares)] for cv, shares in by_cv.items()]


def _spread(shares: list[float]) -> list[str]:
    return [percent(x) for x in (float(np.mean(shares)), min(shares), max(shares))]


def _decisions(content: Mapping[str, Any], measure: str) -> list[str]:
    by_cv = _over_chips(content[f"{measure}_by_cv"])
    if content["labelled"]:
        by_cv.insert(0, ["none", *[percent(content["accuracy"])] * 3])
        of_class = content["accuracy_by_class"]
        classes = ", ".join("-" if x is None else percent(x, 0) for x in of_class)
        more = f"by class without mismatch: {classes}"
    else:
        decided = content["decided"]
        listed = ", ".join(map(str, decided[:LISTED])) + ", ..." * (len(decided) > LISTED)
        more = f"agreement is with what is decided without mismatch: {listed}"
    by_cv += _over_chips(content["calibrated_by_cv"], ", calibrated")
    by_cv += _over_chips(content["scaled_by_cv"], ", outputs scaled")
    if content["calibrated_on"]:
        more += f"; outputs weighed by {content['calibrated_on']} training samples a class"
    return [
        table(["mismatch", measure, "least", "most"], by_cv),
        f"of {content['chips']} chips a CV; {more}",
    ]


def _single_neuron(response: Mapping[str, Any]) -> list[str]:
    """Return the table of one neuron, beside what the paper's division asks."""
    divided = f"{1 / response['divisor']:.2f}"
    rows = [["asked by the paper's division", divided, "", f"{divided} r"]]
    for case, name in (("shunt", "shunt"), ("gaba", "GABA_B")):
        slope, offset = response["line"][case]
        least, most = response["change"][case]
        rows.append(
            [
                name,
                _between(*response["ratio"][case]),
                f"{least:.1f} to {most:.1f}",
                f"{slope:.2f} r {offset:+.0f} Hz",
            ]
        )
    head = ["one excitatory neuron, inhibited", "Imem + Igain times", "Imem / Igain plus", "rate r"]
    return [table(head, rows)]


def _between(least: float, most: float) -> str:
    low, high = f"{least:.2f}", f"{most:.2f}"
    return low if low == high else f"{low} to {high}"

"""What a build's numbers warn of, and what to do about it."""

from collections.abc import Iterator, Mapping
from typing import Any

from eideploy.backends.digital.report.program import FINER, coarse_text
from eideploy.backends.digital.validate.compare import COARSE
from eideploy.report.sections import Notice, gravest_first, of_two_releases
from eideploy.report.text import percent
from eideploy.validate.activity import SILENT
from eideploy.version import __version__

FEW_SAMPLES = 100
COUNTED = 8  # of which there are fewer, all may well be used
LOSS, MISMATCH, SATURATED, ZEROS, FULL = 0.01, 0.05, 0.01, 0.5, 0.9
MUCH_SATURATED = 0.1  # from here on a warning: no longer a few values far out

Numbers = Mapping[str, Any]


def advice(content: Numbers) -> list[Notice]:
    """Return warnings, the gravest first."""
    kinds = (_wrong, _lost, _input, _layers, _unknown)
    return gravest_first(warning for kind in kinds for warning in kind(content))


def _wrong(content: Numbers) -> Iterator[Notice]:
    """Yield what must not be: files that say something else, an error beyond its bound."""
    for row in content["executors"]:
        if row["result"] in ("differs", "failed"):
            reason = row["reason"] or f"its results differ by up to {row['difference']:.3g}"
            yield Notice(
                "error",
                f"{row['artefact']}, run by {row['executor']}: {reason}",
                "do not use this build; run eideploy verify and report what it prints",
            )
    for layer in content["layers"]:
        error = layer["division_error"]
        if error and error["largest"] > error["bound"] * (1 + 1e-9):
            yield Notice(
                "error",
                f"the division of {layer['layer']} errs by {percent(error['largest'], 3)}, beyond "
                f"its bound of {percent(error['bound'], 3)}",
                "report it: the bound is proven",
            )


def _lost(content: Numbers) -> Iterator[Notice]:
    """Yield accuracy that went, and resources that are nearly all used."""
    accuracy = content["accuracy"]
    if accuracy["constant"]:
        yield Notice(
            "warning",
            "the logits are the same for all samples, so that predictions that agree say nothing",
            _of_activity(content),
        )
    lost = 0.0 if accuracy["float"] is None else accuracy["float"] - accuracy["integer"]
    samples = round(lost * content["samples"])
    if lost > LOSS and samples > 1:  # a single one is no loss to speak of
        yield Notice(
            "warning",
            f"the integers lose {100 * lost:.2f} points of accuracy, {samples} of "
            f"{content['samples']} samples",
            "see which pass costs it in the ladder below"
            if _is_imported(content)
            else "train through them: eideploy train --finetune RUN with this scheme and division; "
            "or see which pass costs it in the ladder below",
        )
    large = [use for use in content["resources"] if use["offered"] >= COUNTED]
    if all(use["used"] == use["offered"] for use in large):
        return  # the core is cut to the network
    for use in large:
        if use["used"] > FULL * use["offered"]:
            yield Notice(
                "note",
                f"{use['resource']}: {use['used']:,} of {use['offered']:,} are used",
                "choose a target that offers more before the network grows",
            )


def _is_imported(content: Numbers) -> bool:
    """Return whether another tool trained the network, so that no training here goes on."""
    return bool(content["provenance"]["imported"])


def _of_activity(content: Numbers) -> str:
    """Return what to do about a network that says next to nothing."""
    if _is_imported(content):
        return "see how the network was read and what its inputs are"
    return "check the training: eideploy report RUN shows when it began"


def _or_finer(content: Numbers) -> str:
    divides = content["provenance"]["division"] != "none"
    return (", the division a finer table (--lut)" if divides else "") + (
        "" if _is_imported(content) else ", or fine-tune"
    )


def _input(content: Numbers) -> Iterator[Notice]:
    source = content["input"]
    if source["rounding"] > COARSE:
        yield Notice("warning", coarse_text(source["rounding"]), FINER)
    if source["saturated"] > SATURATED:
        yield Notice(
            _of_saturation(source["saturated"]),
            f"{percent(source['saturated'])} of the input's values other than 0 saturate",
            "harmless while the spikes of the first layer agree; else compile with --calibrate-on "
            "and samples like these",
        )


def _of_saturation(share: float) -> str:
    return "warning" if share >= MUCH_SATURATED else "note"


def _layers(content: Numbers) -> Iterator[Notice]:
    for layer in content["layers"]:
        name = layer["name"]
        if layer["mismatch"] > MISMATCH:
            yield Notice(
                "warning",
                f"{percent(layer['mismatch'])} of the spikes of {name} differ from the float "
                "network's",
                f"give the weights more bits (--scheme){_or_finer(content)}",
            )
        if layer["saturated_current"] > SATURATED:
            yield Notice(
                _of_saturation(layer["saturated_current"]),
                f"{percent(layer['saturated_current'])} of the currents of {layer['layer']} "
                "saturate",
                "harmless while they are far beyond the threshold; else raise bits.current in a "
                "scheme of your own",
            )
        if layer["saturated_membrane"] > SATURATED:
            yield Notice(
                _of_saturation(layer["saturated_membrane"]),
                f"{percent(layer['saturated_membrane'])} of the membranes of {name} saturate",
                "harmless while the spikes agree; else raise bits.membrane in a scheme of your own",
            )
        if layer["zero_divisors"] > ZEROS:
            yield Notice(
                "warning",
                f"{percent(layer['zero_divisors'])} of the divisors of {layer['layer']} are 0 and "
                "replaced",
                "its input is nearly empty: check the layer before it, or raise network.steps",
            )
        if layer["rate"] < SILENT:
            yield Notice(
                "warning",
                f"the neurons of {name} fire at {percent(layer['rate'], 3)} of the steps",
                _of_activity(content),
            )


def _unknown(content: Numbers) -> Iterator[Notice]:
    """Yield what the report cannot say."""
    if content["accuracy"]["float"] is None:
        yield Notice(
            "note",
            "the samples have no labels, so there is no accuracy",
            "report on the network's own data set: drop --input",
        )
    if content["samples"] < FEW_SAMPLES:
        yield Notice(
            "note",
            f"{content['samples']} samples resolve an accuracy to "
            f"{100 / content['samples']:.1f} points",
            "give more with --samples",
        )
    yield from _not_run(content)
    yield from of_two_releases(content["provenance"]["made_by"], __version__)


def _not_run(content: Numbers) -> Iterator[Notice]:
    """Yield which files no other program has run; those that nobody asked for in one entry."""
    reasons = {
        row["reason"]: row["artefact"] for row in content["executors"] if row["result"] == "not run"
    }
    absent = {}
    for reason, artefact in reasons.items():
        what, _, fix = reason.partition(": ")
        if fix.startswith("eideploy compile "):
            absent[artefact] = fix.removeprefix("eideploy compile ").removesuffix(" writes it")
        else:
            fix = fix or "eideploy doctor says how"
            yield Notice("note", f"{artefact} was not run: {what}", fix)
    if absent:
        options = ", ".join(dict.fromkeys(absent.values()))
        yield Notice(
            "note",
            f"the build has no {', '.join(absent)}, so other programs did not run them",
            f"eideploy compile writes them with {options}",
        )

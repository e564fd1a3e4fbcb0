"""What a NIR file of constants loses: the plain network beside the circuit that it was made of."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eideploy.backends.nir.dialects import ranges_of
from eideploy.backends.nir.options import DIALECTS, Writing
from eideploy.circuit import Array, Circuit, Neurons, Ranges
from eideploy.circuit.forms import without_division
from eideploy.execute.float_reference import run_float
from eideploy.execute.observe import batches
from eideploy.report.text import counted, percent


@dataclass(frozen=True, kw_only=True)
class Loss:
    """The plain network on samples; accuracies are None without labels.

    accuracy, plain  of the circuit, and of the ordinary network in its place
    agreement        fraction of samples that both give the same class
    soft             whether its neurons are reset by feedback, which few tools can run
    """

    samples: int
    accuracy: float | None
    plain: float | None
    agreement: float
    soft: bool

    @property
    def text(self) -> str:
        """The loss as a person reads it."""
        text = f"agrees with the network on {percent(self.agreement)} of "
        text += counted(self.samples, "calibration sample")
        if self.accuracy is not None and self.plain is not None:
            text += f", accuracy {percent(self.plain)} instead of {percent(self.accuracy)}"
        if self.soft:
            text += (
                "\n           its soft reset is feedback, which takes LI and Threshold nodes; what "
                "trains with --reset hard\n           is written with LIF nodes, for every NIR tool"
            )
        return f"plain NIR  {text}"


def facts(
    options: Writing, circuit: Circuit, integer: Circuit, samples: Array, labels: Array | None
) -> tuple[dict[str, Any], str]:
    """Return what a build says of its NIR files, and what is printed of them."""
    dialects = tuple(options.nir_dialect) or DIALECTS[:1]
    readers = tuple(options.nir_for)
    content: dict[str, Any] = {"dialects": dialects, "compat": options.nir_compat}
    content |= {"readers": readers} if readers else {}
    if ("plain" not in dialects and not readers) or all(
        layer.is_folded for layer in circuit.hidden
    ):
        return content, ""
    lost = plain_loss(circuit, ranges_of(integer), samples, labels)
    return content | {"plain": asdict(lost)}, lost.text


def plain_loss(circuit: Circuit, ranges: Ranges, samples: Array, labels: Array | None) -> Loss:
    """Run samples through a float circuit and through what the `plain` dialect makes of it."""
    plain = without_division(circuit, ranges)
    ours, theirs = (np.concatenate(list(_classes(c, samples))) for c in (circuit, plain))
    return Loss(
        samples=len(samples),
        accuracy=None if labels is None else float((ours == labels).mean()),
        plain=None if labels is None else float((theirs == labels).mean()),
        agreement=float((ours == theirs).mean()),
        soft=any(
            part.feeds for node in plain.of(Neurons) for part in node.float_model.in_nir(dt=1.0)
        ),
    )


def _classes(circuit: Circuit, samples: Array) -> Iterator[Array]:
    for batch in batches(samples):
        yield run_float(circuit, batch).logits.argmax(1)

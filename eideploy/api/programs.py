"""Circuits compiled in memory."""

import os
from collections.abc import Collection
from typing import TYPE_CHECKING

from eideploy import divisions
from eideploy.api.modules import as_circuit
from eideploy.backends.digital import pipeline
from eideploy.backends.digital.program import Program
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.divisions import Divider
from eideploy.errors import UsageError
from eideploy.execute.observe import observe
from eideploy.flow.requests.compile import Compile
from eideploy.options import PathLike
from eideploy.options.choices import ZeroPolicy
from eideploy.recipe import usual
from eideploy.scheme import Scheme, load_scheme
from eideploy.target import Target, load_target

TARGET = Compile().target

if TYPE_CHECKING:
    from torch import Tensor, nn


def compile_circuit(
    circuit: "Circuit | nn.Module",
    *,
    target: Target | PathLike = TARGET,
    scheme: Scheme | PathLike = "int8",
    ranges: Ranges | None = None,
    samples: Array | None = None,
    sample: "Tensor | None" = None,
    divider: Divider | str | None = None,
    zero_policy: ZeroPolicy | None = None,
    folded: Collection[str] = (),
) -> Program:
    """Return the program of a network: all passes, in order, in memory.

    Args:
        circuit: a float circuit, or a module that `export` takes.
        target: a digital target, its name, or a spec.toml.
        scheme: number formats, their name, or a file.
        ranges: what calibration observed (default: what the circuit has).
        samples: to calibrate on instead, (B, ...) or (B, T, ...).
        sample: of a module, a batch as its forward takes it.
        divider: how to divide, or its name (default: lut:8x8; of a network that divides by
            nothing, none).
        zero_policy: what replaces a zero divisor (default: minimum).
        folded: names of layers to fold.

    Raises:
        UsageError: nothing to calibrate on, or both.
        CapacityError: the network does not fit the target.
    """
    floats = as_circuit(circuit, sample)
    divides = any(layer.projection.divides for layer in floats.layers)
    if divider is None:
        divider = usual().divider if divides else divisions.none()
    return pipeline.compile_circuit(
        floats,
        target=target if isinstance(target, Target) else load_target(os.fspath(target)),
        scheme=scheme if isinstance(scheme, Scheme) else load_scheme(os.fspath(scheme)),
        ranges=_ranges(floats, ranges, samples),
        divider=divisions.named(divider) if isinstance(divider, str) else divider,
        zero_policy=zero_policy or ("minimum" if divides else "floor"),
        folded=folded,
    )


def _ranges(circuit: Circuit, ranges: Ranges | None, samples: Array | None) -> Ranges:
    if samples is not None and ranges is None:
        return observe(circuit, samples)
    known = ranges or circuit.ranges
    if known is None or samples is not None:
        raise UsageError(
            "there is nothing to calibrate on" if known is None else "there are two calibrations",
            where="samples, ranges",
            fix="give either samples, or the ranges that eideploy.observe returned",
        )
    return known

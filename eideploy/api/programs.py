"""Circuits compiled in memory."""

from collections.abc import Collection
from typing import TYPE_CHECKING, get_args

from eideploy import divisions
from eideploy.api.modules import as_circuit
from eideploy.backends.digital import pipeline
from eideploy.backends.digital.program import Program
from eideploy.circuit import Array, Circuit, Ranges
from eideploy.divisions import Divider
from eideploy.errors import UsageError
from eideploy.execute.observe import observe
from eideploy.flow.requests.compile import Compile
from eideploy.options import PathLike, text_of
from eideploy.options.choices import ZeroPolicy
from eideploy.recipe import usual
from eideploy.scheme import Scheme, load_scheme
from eideploy.shown import kind_of
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
        UsageError: nothing to calibrate on, or both; arguments of other kinds.
        CapacityError: the network does not fit the target.
    """
    floats = as_circuit(circuit, sample)
    _require(floats, divider, zero_policy, folded)
    divides = any(layer.projection.divides for layer in floats.layers)
    if divider is None:
        divider = usual().divider if divides else divisions.none()
    return pipeline.compile_circuit(
        floats,
        target=target if isinstance(target, Target) else load_target(text_of(target, "target")),
        scheme=scheme if isinstance(scheme, Scheme) else load_scheme(text_of(scheme, "scheme")),
        ranges=_ranges(floats, ranges, samples),
        divider=divisions.named(divider) if isinstance(divider, str) else divider,
        zero_policy=zero_policy or ("minimum" if divides else "floor"),
        folded=folded,
    )


def _require(
    circuit: Circuit, divider: object, zero_policy: object, folded: Collection[str]
) -> None:
    """Refuse what is no divider, no policy, and no name of a layer to fold."""
    if not isinstance(divider, Divider | str | None):
        raise UsageError(
            f"{kind_of(divider)} is not a divider",
            where="divider",
            fix="give eideploy.division(name), or its name, as 'lut:8x8'",
        )
    policies = get_args(ZeroPolicy)
    if zero_policy not in (None, *policies):
        raise UsageError(
            f"there is no policy {zero_policy!r} for zero divisors",
            where="zero_policy",
            fix=f"choose one of {', '.join(policies)}",
        )
    layers = [layer.name for layer in circuit.layers]
    unknown = [folded] if isinstance(folded, str) else sorted(set(folded) - set(layers))
    if unknown:
        raise UsageError(
            f"{', '.join(unknown)} {'is no list' if isinstance(folded, str) else 'are no layers'}",
            where="folded",
            fix=f"give a list of some of {', '.join(layers)}",
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

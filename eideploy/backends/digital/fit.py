"""The least core that runs a program: what it does not take is cut off."""

from dataclasses import fields, replace
from typing import get_type_hints

from eideploy import typed
from eideploy.backends.digital.program import Program
from eideploy.passes.check_widths import least_widths
from eideploy.target import DividerTiming, Memory, Target, Widths


def fitted(program: Program) -> Target:
    """Return the target of a program, cut to it.

    Memories have the rows and words that the program takes, numbers the bits that are proven of
    it (A13), and the core no part that the program does not use: other dividers, the search for the
    smallest divisor under the policy `floor`, inhibitory populations where every layer is folded,
    kept sums where the first layer does not read the input port alone, sums of windows where
    nothing is pooled.
    Lanes stay, and with them every cycle of a pipelined divider; an iterative one takes a cycle
    less for every bit of the current that is cut.
    """
    target, core = program.target, program.target.core
    uses = {use.resource.replace(" ", "_"): use.used for use in program.uses}
    folded = {stage.is_folded for stage in program.stages}
    hidden = [layer.division.zero_policy for layer in program.circuit.hidden]
    widths = _widths(program)
    return replace(
        target,
        core=replace(
            core,
            layers=uses["program_entries"],
            routes=uses["route_entries"],
            inhibition="both" if len(folded) > 1 else "folded" if folded == {True} else "factored",
            minimum="minimum" in hidden,
            pooled_events=any(r.window > 1 for stage in program.stages for r in stage.routes),
            static_input=program.is_static,
        ),
        memory=Memory(**{f.name: max(1, uses[f.name]) for f in fields(Memory)}),
        widths=widths,
        divider=_divider(program, widths),
    )


def _widths(program: Program) -> Widths:
    least = least_widths(program.circuit)
    return Widths(**{name: max(low, least.get(name, low)) for name, low in _LOWEST.items()})


def _lowest() -> dict[str, int]:
    """Return the least value that a spec may give every width."""
    hints = get_type_hints(Widths, include_extras=True)
    return {name: int(next(typed.bounds_of(hint)).low) for name, hint in hints.items()}


_LOWEST = _lowest()


def _divider(program: Program, widths: Widths) -> dict[str, DividerTiming]:
    """Return the timing of the one method of division, less what its narrower current saves."""
    divider, offered = program.division.divider, program.target.divider
    timing = offered[divider.method]
    if divider.rtl and divider.rtl.is_serial:
        saved = program.target.widths.current - widths.current
        timing = DividerTiming(interval=timing.interval - saved, latency=timing.latency - saved)
    return {divider.method: timing}

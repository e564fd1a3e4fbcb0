"""Cores for tests: small memories, and a shape that every random network fits."""

import itertools
from dataclasses import replace
from functools import partial
from typing import get_type_hints

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from eideploy import typed
from eideploy.backends.digital.bundle import write_bundle
from eideploy.backends.digital.fit import fitted
from eideploy.backends.digital.parameters import DIVIDERS, Edges, General, Shape, shape_of, timed
from eideploy.backends.digital.place import place
from eideploy.backends.digital.rtl.bench import PLAIN, Manner, run_bundle
from eideploy.backends.digital.rtl.compare import differences
from eideploy.circuit import Division
from eideploy.divisions import none
from eideploy.execute.integer import run_integer
from eideploy.execute.trace import KEEP_ALL
from eideploy.passes.check_widths import check_widths
from eideploy.target import MODULE, DividerTiming, Latency, Memory, Widths, load_target
from tests.helpers.random_circuits import general, samples

SMALL = {
    "weight_rows": 4096, "accumulator_rows": 512, "inhibition_rows": 512, "membrane_words": 4096,
    "spike_rows": 1024, "parameter_words": 256, "lane_rows": 256, "gain_words": 64,
    "axis_words": 128, "table_entries": 256,
}  # fmt: skip


NO_EDGES = Edges()
SINGLE = partial(general, spikes=[1])  # neurons of any model with at most one spike a step
ALL = General(
    leak_bits=9, synapse_bits=9, late=True, above=True, keeps=True, rest=True, lowest=True
)
NO_DIVISION = Division(divider=none(), zero_policy="floor")
MOST_POOLED = 12
DISTURBED = Manner(gap=200, stall=200, meddle=200, aborts=1, limit=1_000_000)


def bounds_of(kind):
    """Return (lowest, highest) of every field of a part of the spec."""
    bounds = {}
    for name, hint in get_type_hints(kind, include_extras=True).items():
        (within,) = typed.bounds_of(hint)
        bounds[name] = int(within.low), int(within.high)
    return bounds


def shape(
    method,
    *,
    lanes=4,
    update_lanes=2,
    beside=0,
    pipelined=False,
    static=False,
    pooled=False,
    module=MODULE,
    later=0,
    general=None,
    edges=NO_EDGES,
    **widths,
):
    """Return a small core, with `beside` inhibitory lanes; if `static`, for samples given once.

    If `pooled`, it adds up the events of windows, of up to MOST_POOLED entries a side.

    Every phase takes `later` cycles more than it must.
    """
    base = load_target("digital")
    target = timed(
        replace(
            base,
            core=replace(
                base.core,
                lanes=lanes,
                update_lanes=update_lanes,
                inhibitory_lanes=beside,
                pipelined=pipelined,
                static_input=static,
                pooled_events=pooled,
                module=module,
            ),
            memory=replace(base.memory, **SMALL),
            widths=replace(base.widths, **widths),
            divider={method: base.divider[method]},
        )
    )
    least = target.divider[method]
    depth = least.latency + later
    target = replace(
        target,
        latency=Latency(**{p: cycles + later for p, cycles in vars(target.latency).items()}),
        divider={
            method: DividerTiming(
                interval=depth if DIVIDERS[method].rtl.is_serial else 1 + later, latency=depth
            )
        },
    )
    if pooled:
        edges = replace(edges, window=MOST_POOLED)
    return Shape(
        target=target, method=method, table_bits=8, entry_bits=11, general=general, edges=edges
    )


def tight(circuit, method, **core):
    """Return the least core that `circuit` compiles for: no bit and no row is to spare."""
    widest = {name: high for name, (_, high) in bounds_of(Widths).items()}
    core = shape(method, **core, **widest)
    largest = Memory(**{name: high for name, (_, high) in bounds_of(Memory).items()})
    core = replace(core, target=replace(core.target, memory=largest))
    return shape_of(placed(circuit, replace(core, target=fitted(placed(circuit, core)))))


def placed(circuit, core):
    return place(check_widths(circuit, widths=core.target.widths), target=core.target)


def simulated(circuit, x):
    return run_integer(circuit, x, keep=KEEP_ALL)


def compared(program, core, folder, x, *, manner=PLAIN, run=None):
    """Return how the core in `folder` differs, what it did, and what it should have done."""
    write_bundle(program, folder, shape=core)
    found = run_bundle(program, folder, x, manner=manner, run=run)
    expected = simulated(program.circuit, x)
    return differences(program, found, expected), found, expected


def agree_on(networks, folder, *, examples, run=None, sequences=True):
    """Hold random networks to the simulator, each on its core; return how many were compared.

    networks  a strategy of (circuit, core); the ports are disturbed
    """
    compares = itertools.count()

    @settings(
        max_examples=examples, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(data=st.data(), network=networks)
    def check(data, network):
        circuit, core = network
        x = data.draw(samples(circuit, count=2, sequences=sequences), label="samples")
        found, _, _ = compared(placed(circuit, core), core, folder, x, manner=DISTURBED, run=run)
        assert found.total == 0, found
        next(compares)

    check()
    return next(compares)

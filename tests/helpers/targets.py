"""Targets for tests: the digital core, which divides by every method, in other sizes."""

from dataclasses import replace

from eideploy.target import DividerTiming, load_target


def core_target(*, lanes=8, update_lanes=1, latency=None, timing=None, memory=None):
    base, every = load_target("digital"), load_target("digital-model").divider
    return replace(
        base,
        core=replace(base.core, lanes=lanes, update_lanes=update_lanes),
        latency=replace(base.latency, **(latency or {})),
        memory=replace(base.memory, **(memory or {})),
        divider={
            method: DividerTiming(interval=timing[0], latency=timing[1]) if timing else own
            for method, own in every.items()
        },
    )

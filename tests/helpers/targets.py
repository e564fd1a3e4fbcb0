"""Targets for tests: the shipped digital core with other parallelism, timing and memories."""

from dataclasses import replace

from eideploy.target import DividerTiming, load_target


def core_target(*, lanes=8, update_lanes=1, latency=None, timing=None, memory=None):
    base = load_target("digital")
    return replace(
        base,
        core=replace(base.core, lanes=lanes, update_lanes=update_lanes),
        latency=replace(base.latency, **(latency or {})),
        memory=replace(base.memory, **(memory or {})),
        divider={
            method: DividerTiming(interval=timing[0], latency=timing[1]) if timing else own
            for method, own in base.divider.items()
        },
    )

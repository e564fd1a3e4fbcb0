"""What a run met: the cases without which agreement proves little."""

from collections import Counter

import numpy as np


def stimulus(program, trace):
    """Count the cases that a run must meet to prove something."""
    found = Counter()
    lanes = program.target.core.lanes
    for stage in program.stages:
        for route in stage.routes:
            if route.source:
                z = trace.spikes[program.stage(route.source).lif]
                z = z.reshape(*z.shape, *(1,) * (5 - z.ndim))
                rows = np.add.reduceat(z, range(0, z.shape[2], lanes), axis=2, dtype=int)
                inner = [n // route.pool * route.pool for n in z.shape[3:]]
                found["empty rows"] += int((rows == 0).sum())
                found["rows with events"] += int((rows > 0).sum())
                found["events in a dropped border"] += int(z.sum()) - int(
                    z[..., : inner[0], : inner[1]].sum()
                )
                if stage.stride > stage.kernel:
                    found["events between windows"] += int(z[..., 1 :: stage.stride, :].sum())
        found["folded stages"] += stage.is_folded and not stage.is_readout
        found["folded readouts"] += stage.is_folded and stage.is_readout
        found["residual sums"] += len(stage.routes) > 1
        found["lanes beyond n_E"] += stage.n_e % lanes > 0
    found["saturated inputs"] += trace.saturated[program.circuit.input.name]
    for name in trace.currents:
        found["negative currents"] += int((trace.currents[name] < 0).sum())
        found["saturated currents"] += trace.saturated[name]
    for name, den in trace.divisors.items():
        zero = (den == 0).reshape(*den.shape[:2], -1)
        policy = program.circuit.node(name).division.zero_policy
        found[f"replaced divisors, {policy}"] += int((zero & ~zero.all(2, keepdims=True)).sum())
        found["steps without a divisor"] += int(zero.all(2).sum())
        method = program.circuit.node(name).division.divider.method
        found[f"divisions by {method}"] += int((~zero).sum())
    for name, z in trace.spikes.items():
        found["saturated membranes"] += trace.saturated[name]
        found["silent steps"] += int((~z.reshape(*z.shape[:2], -1).any(2)).sum())
        found["spikes"] += int(z.sum())
    return found

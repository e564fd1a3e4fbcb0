"""Time a full DYNAP-SE2: 1024 neurons with 64 CAMs each, mapped, emitted, and simulated for 1 s.

    python benchmarks/dynapse2_full_chip.py [--seconds 1] [--dt-ms 1]

Prints Markdown: seconds of wall time and of the processor for every step, and what the chip did.
The simulation reads the emitted patch.json, not the network.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from eideploy.backends.dynapse2.chip.mapping import map_network
from eideploy.backends.dynapse2.chip.network import ChipNetwork, Coding, Population, Projection
from eideploy.backends.dynapse2.chip.spec import RECEPTORS, ROLES, ChipSpec
from eideploy.backends.dynapse2.dpi.coding import event_counts
from eideploy.backends.dynapse2.dpi.kernel import Chip, library
from eideploy.backends.dynapse2.dpi.units import step_of, time_constant
from eideploy.backends.dynapse2.dpi.wiring import decode
from eideploy.backends.dynapse2.patch import read_patch, write_patch
from eideploy.target import load_any

SIZES = {"in": 64, "e": 768, "i": 128, "out": 128}
# target, source, dendrite, CAMs a neuron; their mean input is DRIVE, in units of the leak
LINKS = (
    ("e", "in", "ampa", 30), ("e", "e", "ampa", 10), ("e", "i", "gaba", 12),
    ("e", "i", "shunt", 12), ("i", "e", "ampa", 64), ("out", "e", "ampa", 40),
    ("out", "i", "gaba", 24),
)  # fmt: skip
DRIVE = {"ampa": 6.0, "nmda": 0.0, "gaba": 2.0, "shunt": 0.5}
RATE_HZ, EXPECTED_HZ = 100.0, 30.0  # of the inputs at most; of a source on average
MEAN_WEIGHT = 4e-9  # ampere
TAU_S, GAIN, THRESHOLD, PULSE, REFRACTORY = 20e-3, 5e-12, 10e-12, 35e-9, 1.05e-9


def currents(spec: ChipSpec, names: tuple[str, ...]) -> dict[str, float]:
    """Return the biases that populations share: dendrites are driven as DRIVE says, about."""
    c = spec.constants
    unit = time_constant(1.0, np.array(1.0), c)
    leak = float(c.c_membrane * unit / TAU_S)
    found = dict.fromkeys(ROLES, 1e-12) | {
        "membrane_leak": leak, "membrane_gain": GAIN, "threshold": THRESHOLD, "pulse": PULSE,
        "refractory": REFRACTORY, "dc": 0.0,
    }  # fmt: skip
    pulse_s = c.threshold_voltage * c.c_pulse / PULSE
    for receptor in RECEPTORS:
        tau_s = TAU_S / 2
        tau = float(spec.capacitance(receptor) * unit / tau_s)
        cams = max(
            sum(count for target, _, on, count in LINKS if (target, on) == (name, receptor))
            for name in names
        )
        events = max(cams, 1) * EXPECTED_HZ * tau_s
        a_gain = MEAN_WEIGHT / (tau * leak) * -np.expm1(-pulse_s / tau_s)
        found |= {f"{receptor}_tau": tau, f"{receptor}_gain": DRIVE[receptor] / (events * a_gain)}
    return found


def network(spec: ChipSpec) -> ChipNetwork:
    """Return 1024 neurons with 64 synapses each, of random sources and weights of all sizes."""
    rng = np.random.default_rng(0)
    roles = {"in": "input", "e": "excitatory", "i": "inhibitory", "out": "output"}
    shared = {"e": currents(spec, ("e",)), "in": {}}
    shared["i"] = shared["out"] = currents(spec, ("i", "out"))  # they fill one core
    populations = tuple(
        Population(name=name, size=size, role=roles[name],  # type: ignore[arg-type]
                   currents=shared[name])
        for name, size in SIZES.items()
    )  # fmt: skip
    projections = []
    for target, source, dendrite, count in LINKS:
        weight = np.zeros((SIZES[target], SIZES[source]))
        for row in weight:
            size = 0.2 + np.abs(rng.standard_normal(count))
            row[rng.choice(SIZES[source], count, replace=False)] = MEAN_WEIGHT * size
        projections.append(Projection(name=f"{source} to {target}, {dendrite}", source=source,
                                      target=target, dendrite=dendrite, weight=weight))  # fmt: skip
    return ChipNetwork(
        populations=populations,
        projections=tuple(projections),
        classes=np.arange(SIZES["out"]) % 10,
        coding=Coding(peak_rate_hz=RATE_HZ, duration_s=1.0),
        base_currents={},
    )


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print what was done, and how long it took."""
    wall, processor = time.perf_counter(), time.process_time()
    yield
    taken = time.perf_counter() - wall, time.process_time() - processor
    print(f"| {what} | {taken[0]:.2f} | {taken[1]:.2f} |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--dt-ms", type=float, default=1.0)
    options = parser.parse_args()
    spec = load_any("dynapse2")
    assert isinstance(spec, ChipSpec)
    net, dt = network(spec), options.dt_ms * 1e-3
    library()  # compiled once a machine
    print("| step | seconds | of the processor |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        patch = Path(folder, "patch.json")
        with timed("place, route, masks"):
            mapped = map_network(net, spec)
        with timed("emit patch.json"):
            write_patch(mapped.configuration, spec, patch)
        with timed("read patch.json"):
            configuration = read_patch(patch, spec)
    with timed("decode"):
        wiring = decode(configuration, spec)
    chip = Chip(wiring, step_of(wiring, dt))
    sample = np.random.default_rng(1).random((1, SIZES["in"]))
    coding = Coding(peak_rate_hz=RATE_HZ, duration_s=options.seconds)
    with timed(f"simulate {options.seconds:g} s at {options.dt_ms:g} ms"):
        counts = chip.run(event_counts(sample, coding, dt)).counts[:, 0]
    used = (configuration.cams.mask > 0).sum((-1,))
    print(
        f"\n{int(configuration.used.sum())} neurons, {int(used.sum())} CAMs (from {used.min()} to "
        f"{used.max()} a neuron), {len(wiring.source)} synapses; neurons fire at "
        f"{counts.mean() / options.seconds:.1f} Hz on average, {(counts > 0).mean():.0%} of them"
    )


if __name__ == "__main__":
    main()

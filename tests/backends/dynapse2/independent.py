"""A second simulator of a patch, from the chip's reference alone; it imports no compiler.

    python tests/backends/dynapse2/independent.py BUILD images.npy out.npz

integrates the equations of docs/dynapse2_training.md in ampere and seconds, in steps of 20 us, and
prints on how many images (N, ...) in 0..1 it decides as out.npz of `eideploy simulate --executor
dpi --input images.npy --save out.npz` does. Only AMPA, GABA_B and shunt are read.
"""

import json
import sys
import tomllib
from pathlib import Path

import numpy as np

STEP_S, PARTS = 20e-6, 8  # a step; into how many a step with a pulse is divided
GOLDEN = (5**0.5 - 1) / 2
BIAS = {"ampa": "DEAM_E{}_P", "gaba": "DEGA_I{}_P", "shunt": "DESC_I{}_P", "nmda": "DENM_E{}_P"}


class Reader:
    """patch.json with the spec's numbers."""

    def __init__(self, build):
        self.patch = json.loads((build / "dynapse2/patch.json").read_text(encoding="utf-8"))
        self.spec = tomllib.loads((build / "target.toml").read_text(encoding="utf-8"))
        self.c, dac = self.spec["constants"], self.spec["dac"]
        fine = np.arange(dac["fine"]) / (dac["fine"] - 1)
        self.ramp = {
            kind: np.maximum(np.outer(dac[f"full_scale_{kind.lower()}"], fine), dac["floor"])
            for kind in "NP"
        }
        self.names = list(self.patch["populations"])
        self.neurons = {}
        for population, index, chip, core, neuron, _, output in self.patch["neurons"]:
            self.neurons[chip, core, neuron] = (population, index, output)
        self.order = list(self.neurons)
        self.cores = {
            (chip["chip"], core["core"]): core
            for chip in self.patch["chips"]
            for core in chip["cores"]
        }

    def current(self, place, name):
        coarse, fine = self.cores[place[:2]]["parameters"].get(name, (0, 0))
        return self.ramp[name[-1]][coarse, fine] * self.spec["biases"][name]["factor"]

    def of(self, name):
        return np.array([self.current(place, name) for place in self.order])[:, None]

    def tau(self, capacitance, ampere):
        kappa = (self.c["kappa_n"] + self.c["kappa_p"]) / 2
        return capacitance * self.c["thermal_voltage"] / (kappa * ampere)

    def listens(self):
        """By chip, core and tag: the target's number, its dendrite and weight in ampere."""
        name_of = {code: name for name, code in self.patch["dendrites"].items()}
        found = {}
        for (chip, core), content in self.cores.items():
            for neuron in content["neurons"]:
                place = (chip, core, neuron["neuron"])
                for _, dendrite, mask, tag, *_ in neuron["synapses"]:
                    weight = sum(
                        self.current(place, f"SYAM_W{bit}_P") for bit in range(4) if mask >> bit & 1
                    )
                    row = self.order.index(place), name_of[dendrite], weight
                    found.setdefault((chip, core, tag), []).append(row)
        return found

    def matrices(self):
        """By dendrite: weights (neurons, inputs) and (neurons, neurons) in ampere."""
        heard, columns = self.listens(), self.patch["columns"]
        sources = {}
        for population, index, *_ in self.patch["inputs"]:
            sources.setdefault((population, index), len(sources))
        n = len(self.order)
        wide = {name: np.zeros((n, len(sources))) for name in BIAS}
        own = {name: np.zeros((n, n)) for name in BIAS}
        for population, index, chip, cores, _, _, tag in self.patch["inputs"]:
            for core in (k for k in range(8) if cores >> k & 1):
                for target, dendrite, weight in heard.get((chip, core, tag), ()):
                    wide[dendrite][target, sources[population, index]] += weight
        for (chip, core), content in self.cores.items():
            for neuron in content["neurons"]:
                source = self.order.index((chip, core, neuron["neuron"]))
                for _, cores, x_hop, y_hop, tag in neuron["destinations"]:
                    x, y = chip % columns + x_hop, chip // columns + y_hop
                    if not (0 <= x < columns and 0 <= y < self.patch["rows"]):
                        continue
                    for k in (k for k in range(8) if cores >> k & 1):
                        for target, dendrite, w in heard.get((y * columns + x, k, tag), ()):
                            own[dendrite][target, source] += w
        return sources, wide, own


def events(images, sources, coding):
    """Return the step and source of all regular events of every image: (steps, sources, N)."""
    flat = images.reshape(len(images), -1)
    steps = round(coding["duration_s"] / STEP_S)
    found = np.zeros((steps, len(sources), len(flat)), np.uint8)
    for (_, index), row in sources.items():
        rate = np.clip(flat[:, index], 0, 1) * coding["peak_rate_hz"]
        phase = index * GOLDEN % 1
        for image in np.flatnonzero(rate):
            last = int(np.floor(rate[image] * coding["duration_s"] + phase))
            at = (np.arange(1, last + 1) - phase) / rate[image]
            np.add.at(found[:, row, image], np.minimum((at / STEP_S).astype(int), steps - 1), 1)
    return found


def counts(build, images):
    """Return the spikes of every neuron (neurons, N), in the order of the patch's table."""
    read = Reader(build)
    c, (sources, wide, own) = read.c, read.matrices()
    dark, shape = c["dark_current"], (len(read.order), len(images))
    leak, gain, threshold = (
        read.of(name) for name in ("SOIF_LEAK_N", "SOIF_GAIN_N", "SOIF_SPKTHR_P")
    )
    tau = read.tau(c["c_membrane"], leak)
    refractory = c["threshold_voltage"] * c["c_refractory"] / read.of("SOIF_REFR_N")
    refractory = refractory + c["threshold_voltage"] * c.get("c_spike", 0) / threshold
    pulse = c["threshold_voltage"] * c["c_pulse"] / read.of("SYPD_EXT_N")
    dendrites = {}
    for name, bias in BIAS.items():
        its_leak = read.of(bias.format("TAU"))
        its_tau = read.tau(c[f"c_{name}"], its_leak)
        dendrites[name] = (its_leak, read.of(bias.format("GAIN")), its_tau, np.full(shape, dark))
    membrane, wait = np.full(shape, dark), np.zeros(shape)
    fired, total = np.zeros(shape), np.zeros(shape, int)
    for arrived in events(images, sources, read.patch["coding"]):
        inputs, awake = (np.flatnonzero(sent.any(1)) for sent in (arrived, fired))
        for name, (its_leak, its_gain, its_tau, now) in dendrites.items():
            heard = wide[name][:, inputs] @ arrived[inputs] + own[name][:, awake] @ fired[awake]
            heard = heard * (pulse / STEP_S)
            _advance(now, heard, its_leak, its_gain, its_tau, dark)
        taken = dendrites["ampa"][3] + dendrites["nmda"][3] - dendrites["gaba"][3]
        inward, outward = np.maximum(taken, dark), leak + dendrites["shunt"][3]
        free = np.clip((STEP_S - wait) / STEP_S, 0, 1) * STEP_S / tau
        ahead = membrane
        for part in (0.5, 1.0):  # the midpoint rule on the logarithm
            slope = inward / (leak * (1 + ahead / gain)) - outward / leak
            ahead = membrane * np.exp(part * free * slope)
        membrane = np.maximum(ahead, dark)
        fired = (membrane >= threshold).astype(float)
        wait = np.where(fired > 0, refractory, np.maximum(wait - STEP_S, 0))
        membrane = np.where(fired > 0, dark, membrane)
        total += fired.astype(int)
    return total, np.array([output for *_, output in read.neurons.values()])


def _advance(now, heard, leak, gain, tau, dark):
    """Advance currents of one dendrite in place: tau dI/dt = I (Iin / (leak (1 + I/gain)) - 1)."""
    quiet = heard == 0
    now[quiet] *= np.broadcast_to(np.exp(-STEP_S / tau), now.shape)[quiet]
    busy = np.nonzero(~quiet)
    i, into = now[busy], heard[busy]
    leak, gain, tau = (x[busy[0], 0] for x in (leak, gain, tau))
    for _ in range(PARTS):
        by = STEP_S / PARTS / tau
        middle = i * np.exp(by / 2 * (into / (leak * (1 + i / gain)) - 1))
        i = i * np.exp(by * (into / (leak * (1 + middle / gain)) - 1))
    now[busy] = i
    np.maximum(now, dark, out=now)


def decided(build, images):
    """Return the classes: of the most spikes by its neurons, in the mean."""
    total, output = counts(build, images)
    classes = range(output.max() + 1)
    return np.array([total[output == k].mean(0) for k in classes]).argmax(0)


def main():
    build, images, out = map(Path, sys.argv[1:])
    shown = np.load(images)
    with np.load(out) as saved:
        theirs = saved["decided"]
    mine = np.concatenate([decided(build, shown[at : at + 20]) for at in range(0, len(shown), 20)])
    sys.stdout.write(f"{(mine == theirs).sum()} of {len(mine)} decisions are equal\n")


if __name__ == "__main__":
    main()

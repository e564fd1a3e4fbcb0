"""What a board does at the patch's biases, by probes that take the place of its wiring.

Every probe is a patch of its own, put on the board and run as any other (`session.py`): one synapse
of every neuron after the other, one core after the other, rising input, each dendrite, bursts.
"""

import math
from statistics import mean, median

from patchfile import Patch

KIND, VERSION = "eideploy characterisation of a board", 1
FULL = 15  # mask of a synapse: all four base currents
BURST, GAP_US = 20, 200  # events that any working synapse makes a neuron fire by
CELLS, DRIVING, OTHER = 16, 8, 4  # neurons of a core that are measured; CAMs of each sort
DRIVE_HZ = (25, 50, 100, 200, 400, 800)
LASTS_US, TONIC_HZ = 200_000, 400
FEW, MANY, TOGETHER_US = 8, 32, 20  # events of a short and of a long burst
HOT = 2  # spikes without input while a trial lasts, from which on a neuron is not used
DRIVE, FIRST, UNHEARD = 100, 1, 99  # tags
DENDRITES = ("ampa", "nmda", "gaba", "shunt")


def probe(patch, cells, sources):
    """Return a patch of neurons and sources at the biases of another.

    cells    {(chip, core, neuron): rows (CAM, dendrite's name, tag)}, all monitored
    sources  [(chip, mask of cores, tag)]
    """
    head, columns = patch.head, patch.head["columns"]
    everywhere, monitor = (1 << patch.size["cores"]) - 1, patch.head["monitor"]
    entry = head["entry"]
    inputs = [
        (
            0,
            k,
            chip,
            cores,
            chip % columns - entry % columns,
            chip // columns - entry // columns,
            tag,
        )
        for k, (chip, cores, tag) in enumerate(sources)
    ]
    chips = []
    for chip in head["chips"]:
        cores = []
        for core in chip["cores"]:
            at = chip["chip"], core["core"]
            neurons = [
                {
                    "neuron": number,
                    "synapses": [
                        [cam, patch.dendrites[name], FULL, tag, 0, 0, 0] for cam, name, tag in rows
                    ],
                    "destinations": [
                        [
                            0,
                            everywhere,
                            monitor["x_hop"],
                            monitor["y_hop"],
                            _seen(patch, at, number),
                        ]
                    ],
                    "latches": [],
                }
                for (*place, number), rows in cells.items()
                if tuple(place) == at
            ]
            cores.append({**core, "neurons": neurons})
        chips.append({**chip, "cores": cores})
    table = [
        (1, k, chip, core, number, _seen(patch, (chip, core), number), -1)
        for k, (chip, core, number) in enumerate(cells)
    ]
    names = {"source": len(sources), "cell": len(cells)}
    changed = {"populations": names, "inputs": inputs, "neurons": table, "chips": chips}
    return Patch({**head, **changed})


def _seen(patch, at, number):
    """Return the tag that the host sees of a neuron."""
    return at[1] * patch.size["neurons"] + number


class Bench:
    """Probes on one board: `session` is put on each, trial after trial."""

    def __init__(self, session):
        self.session, self.patch = session, session.patch
        self.cores = [at for at, codes in self.patch.codes.items() if codes]
        self.half = (self.patch.head["monitor"]["marker"] + 1) // 2

    def put(self, cells, sources):
        """Put a probe on the board."""
        self.cells = list(cells)
        self.session.patch = probe(self.patch, cells, sources)
        self.session.load()

    def times(self, spikes):
        """Return when each neuron fires after events (microseconds, source): {place: times}."""
        self.session.drain()
        found = {place: [] for place in self.cells}
        for at, _, index, _ in self.session.trial([(t, "source", k) for t, k in spikes]):
            found[self.cells[index]].append(at)
        return found

    def all_of(self, chip):
        """Return the mask of a chip's cores."""
        return sum(1 << core for its, core in self.cores if its == chip)

    def hot(self):
        """Return the neurons that fire although nothing is sent to them."""
        cells = {
            (*at, number): [(0, "ampa", FIRST)]
            for at in self.cores
            for number in range(self.patch.size["neurons"])
        }
        self.put(cells, [(self.cores[0][0], self.all_of(self.cores[0][0]), UNHEARD)])
        fired = self.times([(0, 0), (LASTS_US, 0)])  # which the trial lasts by
        return {place for place, at in fired.items() if sum(t <= LASTS_US for t in at) >= HOT}

    def tested(self, first, say):
        """Return which CAMs of which neurons are heard, by tags from `first` on."""
        counts = self.patch.size
        cells = {
            (*at, number): [(cam, "ampa", first + cam) for cam in range(counts["cams"])]
            for at in self.cores
            for number in range(counts["neurons"])
        }
        chips = sorted({chip for chip, _ in self.cores})
        sources = [
            (chip, self.all_of(chip), first + cam)
            for cam in range(counts["cams"])
            for chip in chips
        ]
        self.put(cells, sources)
        works = set()
        for cam in range(counts["cams"]):
            own = range(cam * len(chips), (cam + 1) * len(chips))
            fired = self.times([(k * GAP_US, source) for source in own for k in range(BURST)])
            works |= {(place, cam) for place, at in fired.items() if at}
            say(f"CAM {cam + 1} of {counts['cams']}, tags from {first} on")
        return works

    def routed(self, good):
        """Return, by core, the cores that answer what is sent to it alone."""
        tags = {at: FIRST + k for k, at in enumerate(self.cores)}
        cells = {
            place: [(cam, "ampa", tag) for cam, tag in enumerate(tags.values())]
            for place in (next(iter(good[at]), None) for at in self.cores)
            if place is not None
        }
        self.put(cells, [(chip, 1 << core, tag) for (chip, core), tag in tags.items()])
        found = {}
        for k, at in enumerate(self.cores):
            fired = self.times([(GAP_US * n, k) for n in range(BURST)])
            found[_name(at)] = sorted(_name(place[:2]) for place, times in fired.items() if times)
        return found

    def wire(self, good):
        """Put a probe on the board whose cells hear tag DRIVE, and one tag more a dendrite."""
        rows = [(cam, "ampa", DRIVE) for cam in range(DRIVING)]
        for k, name in enumerate(DENDRITES):
            start = DRIVING + k * OTHER
            rows += [(cam, name, DRIVE + 1 + k) for cam in range(start, start + OTHER)]
        cells = {place: rows for at in self.cores for place in good[at][:CELLS]}
        chips = sorted({chip for chip, _ in self.cores})
        self.of_tag = {
            tag: [len(chips) * tag + k for k in range(len(chips))]
            for tag in range(len(DENDRITES) + 1)
        }
        self.put(
            cells,
            [(chip, self.all_of(chip), DRIVE + tag) for tag in self.of_tag for chip in chips],
        )

    def sent(self, times, tag=0):
        """Return events at `times` on tag DRIVE + tag of every chip."""
        return [(t, source) for t in times for source in self.of_tag[tag]]

    def rates(self, spikes):
        """Return by core the rates of its cells, Hz, while the input lasts."""
        found = {}
        for place, times in self.times(spikes).items():
            hz = sum(t <= LASTS_US for t in times) / LASTS_US * 1e6
            found.setdefault(_name(place[:2]), []).append(hz)
        return found

    def curve(self):
        """Return by core the mean rate at every rate of the input, and its spread at the last."""
        rows = [self.rates(self.sent(regular(hz))) for hz in DRIVE_HZ]
        return {
            core: {"hz": [round(mean(row[core]), 2) for row in rows], "cells": last}
            for core, last in rows[-1].items()
        }

    def polarity(self):
        """Return by core and dendrite the rate under input on it over that without."""
        tonic = self.sent(regular(TONIC_HZ))
        alone, found = self.rates(tonic), {}
        for k, name in enumerate(DENDRITES):
            both = self.rates(tonic + self.sent(regular(TONIC_HZ), k + 1))
            for core, hz in both.items():
                base = mean(alone[core])
                found.setdefault(core, {})[name] = round(mean(hz) / base, 3) if base else None
        return found

    def decays(self):
        """Return by core and dendrite its time constant in ms, None where bursts do not tell it.

        A burst of four times the events ends tau ln 4 later: excitation with the last spike that it
        causes, inhibition with the first one that tonic input causes again.
        """
        found = {}
        for k, name in enumerate(DENDRITES):
            ends = [self.ends(k + 1, count, name) for count in (FEW, MANY)]
            by_core = {}
            for place in ends[0].keys() & ends[1].keys():
                later = ends[1][place] - ends[0][place]
                by_core.setdefault(_name(place[:2]), []).append(later / math.log(MANY / FEW) / 1e3)
            for core in map(_name, self.cores):
                told = by_core.get(core, [])
                ms = round(median(told), 2) if told else 0
                found.setdefault(core, {})[name] = ms if ms > 0 else None
        return found

    def ends(self, tag, count, name):
        """Return when the effect of a burst ends, by neuron, microseconds after it began."""
        begins = 0 if name in ("ampa", "nmda") else LASTS_US // 2
        burst = self.sent([begins + TOGETHER_US * n for n in range(count)], tag)
        lasts = begins + LASTS_US
        tonic = self.sent(regular(TONIC_HZ, lasts)) if begins else []
        quiet = burst + ([] if tonic else self.sent([lasts], 0))  # the trial lasts until then
        found = {}
        for place, times in self.times(tonic + quiet).items():
            after = [t - begins for t in times if begins < t <= lasts]
            if begins:
                gaps = [
                    later
                    for earlier, later in zip([0, *after], after, strict=False)
                    if later - earlier > 3 * 1e6 / TONIC_HZ
                ]
                after = gaps[:1]
            if after:
                found[place] = after[-1]
        return found


def regular(hz, lasts=LASTS_US):
    """Return the times of regular events, in microseconds."""
    return [round(k * 1e6 / hz) for k in range(int(lasts * hz / 1e6))]


def characterise(session, say):
    """Return what was measured, and a defect map; `say` is told what is being done."""
    bench = Bench(session)
    say("neurons without input")
    hot = bench.hot()
    low, high = bench.tested(FIRST, say), bench.tested(bench.half, say)
    places = [(*at, n) for at in bench.cores for n in range(bench.patch.size["neurons"])]
    alive = {place for place, _ in low | high} - hot
    silent = [place for place in places if place not in alive | hot]
    good = {
        at: [place for place in places if place[:2] == at and place in alive] for at in bench.cores
    }
    wanted = [(place, cam) for place in alive for cam in range(bench.patch.size["cams"])]
    fails = {
        "cams": sorted(one for one in wanted if one not in low and one not in high),
        "cams_low": sorted(one for one in wanted if one not in low and one in high),
        "cams_high": sorted(one for one in wanted if one in low and one not in high),
    }
    say("routing")
    routing = bench.routed(good)
    say("rates, polarity, time constants")
    bench.wire(good)
    content = {
        "kind": KIND,
        "version": VERSION,
        "cores": [_name(at) for at in bench.cores],
        "neurons_tested": len(places),
        "neurons_silent": len(silent),
        "neurons_hot": len(hot),
        "cams_tested": len(wanted),
        **{f"{name}_failing": len(rows) for name, rows in fails.items()},
        "routing": routing,
        "input_hz": list(DRIVE_HZ),
        "curve": bench.curve(),
        "polarity": bench.polarity(),
        "tau_ms": bench.decays(),
    }
    chips = {
        str(chip): {
            "neurons": [[core, n] for its, core, n in sorted({*silent, *hot}) if its == chip],
            **{
                name: [[core, n, cam] for (its, core, n), cam in rows if its == chip]
                for name, rows in fails.items()
            },
        }
        for chip in sorted({chip for chip, _ in bench.cores})
    }
    return content, {"version": 1, "chips": chips}


def summary(content):
    """Return what was measured in lines, a core each."""
    lines = [
        f"{content['neurons_silent']} of {content['neurons_tested']} neurons silent, "
        f"{content['neurons_hot']} fire without input; of "
        f"{content['cams_tested']} CAMs {content['cams_failing']} fail, "
        f"{content['cams_low_failing']} for low tags alone, {content['cams_high_failing']} for high"
    ]
    for core in content["cores"]:
        answers = content["routing"].get(core)
        routed = "routed" if answers == [core] else f"answered by {', '.join(answers) or 'none'}"
        hz = content["curve"].get(core, {}).get("hz", [])
        told = ", ".join(
            f"{name} x{ratio:g}" if ratio is not None else f"{name} ?"
            for name, ratio in content["polarity"].get(core, {}).items()
        )
        taus = ", ".join(
            f"{name} {ms:g} ms" if ms is not None else f"{name} ?"
            for name, ms in content["tau_ms"].get(core, {}).items()
        )
        lines.append(f"core {core}: {routed}; rates {hz} Hz; rate by {told}; tau {taus}")
    return "\n".join(lines)


def _name(at):
    return f"{at[0]}.{at[1]}"

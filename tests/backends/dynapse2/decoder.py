"""A second reading of what is emitted, from the chip's reference alone; it imports no compiler.

An event with hops (x, y) from chip (cx, cy) reaches chip (cx + x, cy + y). There every core of its
core mask hears it, and in it every CAM that is used and has the event's tag.
"""

import json
from collections import Counter, defaultdict

MONITOR = (-7, 0)


class Chips:
    """Senders and listeners: (chip, core, neuron) -> rows."""

    def __init__(self, columns):
        self.columns = columns
        self.cams = defaultdict(list)  # (chip, core, neuron) -> (tag, dendrite, mask)
        self.srams = defaultdict(list)  # (chip, core, neuron) -> (cores, x, y, tag)
        self.codes = {}  # (chip, core, name) -> (coarse, fine)
        self.latches = {}

    def listeners(self):
        found = defaultdict(list)
        for place, rows in self.cams.items():
            for tag, dendrite, mask in rows:
                found[(place[0], place[1], tag)].append((place, dendrite, mask))
        return found

    def hears(self, listeners, from_chip, cores, x, y, tag):
        at_x, at_y = from_chip % self.columns + x, from_chip // self.columns + y
        chip = at_y * self.columns + at_x
        for core in range(8):
            if cores >> core & 1:
                yield from listeners.get((chip, core, tag), ())


def from_patch(path):
    content = json.loads(path.read_text())
    chips = Chips(content["columns"])
    for chip in content["chips"]:
        for core in chip["cores"]:
            at = chip["chip"], core["core"]
            for name, code in core["parameters"].items():
                chips.codes[(*at, name)] = tuple(code)
            for neuron in core["neurons"]:
                place = (*at, neuron["neuron"])
                for _, dendrite, mask, tag, *_ in neuron["synapses"]:
                    chips.cams[place].append((tag, dendrite, mask))
                for _, cores, x, y, tag in neuron["destinations"]:
                    chips.srams[place].append((cores, x, y, tag))
                chips.latches[place] = set(neuron["latches"])
    return chips, content


def numbered(value):
    return [value[f"value{i}"] for i in range(len(value))]


def from_samna(text, columns):
    chips = Chips(columns)
    for c, chip in enumerate(json.loads(text)["value0"]["chips"]):
        for k, core in enumerate(numbered(chip["cores"])):
            for entry in core["parameters"]:
                value = entry["value"]
                chips.codes[(c, k, entry["key"])] = value["coarseValue"], value["fineValue"]
            for n, neuron in enumerate(numbered(core["neurons"])):
                _neuron(chips, (c, k, n), neuron)
    return chips


def _bits(value):
    return sum(on << i for i, on in enumerate(numbered(value)))


def _neuron(chips, place, neuron):
    for synapse in numbered(neuron["synapses"]):
        if synapse["dendrite"]:
            chips.cams[place].append(
                (synapse["tag"], synapse["dendrite"], _bits(synapse["weight"]))
            )
    for sent in numbered(neuron["destinations"]):
        if _bits(sent["core"]):
            chips.srams[place].append(
                (_bits(sent["core"]), sent["xHop"], sent["yHop"], sent["tag"])
            )
    chips.latches[place] = {key for key, on in neuron.items() if key.startswith("latch") and on}


def edges(chips, content):
    """Return how often a (source, target, dendrite, mask) is connected; ends are (name, index)."""
    names = list(content["populations"])
    where = {}
    for population, index, chip, core, neuron, *_ in content["neurons"]:
        where[(chip, core, neuron)] = (names[population], index)
    listeners, found = chips.listeners(), Counter()
    for place, rows in chips.srams.items():
        for cores, x, y, tag in rows:
            if (x, y) != MONITOR:
                for target, dendrite, mask in chips.hears(listeners, place[0], cores, x, y, tag):
                    found[(where[place], where[target], dendrite, mask)] += 1
    for population, index, _, cores, x, y, tag in content["inputs"]:
        source = names[population], index
        for target, dendrite, mask in chips.hears(listeners, content["entry"], cores, x, y, tag):
            found[(source, where[target], dendrite, mask)] += 1
    return found

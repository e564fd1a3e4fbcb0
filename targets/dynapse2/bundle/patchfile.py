"""patch.json, read and looked up; needs Python alone."""

import json
from pathlib import Path

KIND, VERSION = "eideploy dynapse2 patch", 1
RESTORE = "copy the build again, or compile it again"


class LoadError(Exception):
    """What is wrong, where, and what to do; printed without a traceback."""

    def __init__(self, what, *, where, fix):
        super().__init__(f"{what}\n  where: {where}\n  fix:   {fix}")
        self.what, self.where, self.fix = what, where, fix


class Patch:
    """A patch: `head` is its JSON, `codes` the biases by (chip, core) and name."""

    def __init__(self, head):
        self.head, self.size = head, head["size"]
        self.dendrites = head["dendrites"]
        self.codes, self._neurons = {}, {}
        for chip in head["chips"]:
            for core in chip["cores"]:
                at = chip["chip"], core["core"]
                self.codes[at] = core["parameters"]
                for neuron in core["neurons"]:
                    self._neurons[(*at, neuron["neuron"])] = neuron
        self._place, self._found = None, None

    @property
    def chips(self):
        """How many chips the patch sets."""
        return len(self.head["chips"])

    def neuron(self, place):
        """Return a neuron's synapses, destinations and latches, all of them.

        place         (chip, core, neuron)
        synapses      rows (dendrite, mask, tag, stp, precise_delay, mismatched_delay)
        destinations  rows (cores, x_hop, y_hop, tag)
        latches       whether each is on, by name
        """
        if place != self._place:
            listed = self._neurons.get(place, {})
            synapses = [(self.dendrites["none"], 0, 0, 0, 0, 0)] * self.size["cams"]
            for number, *row in listed.get("synapses", ()):
                synapses[number] = tuple(row)
            destinations = [(0, 0, 0, 0)] * self.size["destinations"]
            for number, *row in listed.get("destinations", ()):
                destinations[number] = tuple(row)
            on = listed.get("latches", self.head["unlisted"])
            latches = {name: name in on for name in self.head["latches"]}
            self._place, self._found = place, (synapses, destinations, latches)
        return self._found

    def places(self, named):
        """Return the place of each neuron that is named POPULATION:INDEX, by (chip, core).

        Raises:
            LoadError: there is no such neuron; two of one core, which monitors one.
        """
        names, found = list(self.head["populations"]), {}
        rows = {(names[row[0]], str(row[1])): tuple(row[2:5]) for row in self.head["neurons"]}
        for name in named:
            population, _, index = name.rpartition(":")
            place = rows.get((population, index))
            if place is None or place[:2] in found:
                what = "there is no neuron" if place is None else "its core monitors another one:"
                raise LoadError(
                    f"{what} {name}",
                    where="--watch",
                    fix="write POPULATION:INDEX of one neuron a core, as neurons.csv lists them",
                )
            found[place[:2]] = place[2]
        return found

    def inputs(self):
        """Return the events (cores, x_hop, y_hop, tag) of every source (population, index)."""
        names, found = list(self.head["populations"]), {}
        for population, index, _, *event in self.head["inputs"]:
            found.setdefault((names[population], index), []).append(tuple(event))
        return found

    def outputs(self):
        """Return name, index and class of every monitored neuron, by the x_hop and tag seen."""
        names, columns = list(self.head["populations"]), self.head["columns"]
        found = {}
        for population, index, chip, _, _, tag, output_class in self.head["neurons"]:
            if tag >= 0:
                seen = self.head["monitor"]["seen_x"] + chip % columns
                found[(seen, tag)] = (names[population], index, output_class)
        return found


def bits(mask, count=4):
    """Return the bits of a mask, the lowest first."""
    return [bool(mask >> i & 1) for i in range(count)]


def read_patch(path):
    """Return the Patch in a file.

    Raises:
        LoadError: missing, damaged, or of another kind or version.
    """
    try:
        head = json.loads(Path(path).read_text(encoding="utf-8"))
        kind, version = head["kind"], head["version"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LoadError(f"the patch cannot be read: {error!r}", where=path, fix=RESTORE) from error
    if kind != KIND or version != VERSION:
        raise LoadError(
            f"the file is {kind!r} of version {version}, not {KIND!r} of {VERSION}",
            where=path,
            fix="name the patch.json of a build, with the load.py beside it",
        )
    try:
        return Patch(head)
    except (KeyError, TypeError, IndexError) as error:
        raise LoadError(f"the patch is damaged: {error!r}", where=path, fix=RESTORE) from error

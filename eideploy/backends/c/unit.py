"""What a file of C consists of, while it is written: what it keeps, reads and calls."""

import re
from dataclasses import dataclass

import numpy as np

from eideploy.backends.c.constants import Packed
from eideploy.backends.c.operators import WORD, Body, Range, Term, as_text, reach_of, type_of_range
from eideploy.backends.c.syntax import bytes_of, function
from eideploy.circuit import Array, Circuit
from eideploy.circuit.limits import limits, peaks
from eideploy.divisions import Divider
from eideploy.numeric.fixed import unsigned_bits

TOTALS, INTEGRATED, FILTERED = "totals", "integrated", "filtered"  # of the readout, in net_state


@dataclass(frozen=True, kw_only=True)
class Source:
    """What a node puts out, as another reads it: (channels, height, width) or (features,).

    text   what C calls the array
    kind   the type of an entry; "" of spikes, of which eight are a byte
    """

    text: str
    kind: str
    shape: tuple[int, ...]

    def entry(self, index: str) -> str:
        """Return an entry."""
        return f"{self.text}[{index}]" if self.kind else f"spike({self.text}, {index})"


@dataclass(frozen=True, kw_only=True)
class Member:
    """An array of the state, or of a layer's sums."""

    name: str
    kind: str
    size: int

    @property
    def text(self) -> str:
        """Its declaration."""
        return f"{self.kind} {self.name}[{self.size}];"

    @property
    def bytes(self) -> int:
        """How many bytes it takes."""
        return bytes_of(self.kind) * self.size


class Unit:
    """A file of C of an integer circuit; nodes are called by `names`."""

    def __init__(self, circuit: Circuit) -> None:
        self.circuit = circuit
        self.names = _identifiers(circuit)
        self.limits, self.peaks = limits(circuit), peaks(circuit)
        self.tables: dict[str, Array] = {}  # constants, by name
        self.functions: dict[str, str] = {}
        self.state: list[Member] = []
        self.sums: dict[str, list[Member]] = {}  # by layer
        self.weights: list[Packed] = []

    @property
    def total(self) -> Member:
        """The readout's sums over time."""
        return self.state[-1]

    def member(self, name: str) -> Member:
        """Return a member of the state."""
        return next(member for member in self.state if member.name == name)

    def body(self, name: str, bits: int) -> Body:
        """Return the statements, none yet, of a function whose results saturate to `bits`."""
        return Body(bits, lambda what, values: self.table(f"{name}_{what}", values))

    def divide(self, divider: Divider, bits: int, num: int, den: int, fraction: Range) -> str:
        """Return the name of the function that divides 0..num by 1..den.

        Layers whose numbers take as many bits share one.
        """
        wide = tuple(unsigned_bits(most) for most in (num, den))
        widths = "_".join(map(str, (bits, *wide, *fraction)))
        name = "divide_" + re.sub(r"\W+", "_", f"{divider.label}_{widths}".replace("-", "m"))
        if name not in self.functions:
            body = self.body(f"divide_{re.sub(r'[^A-Za-z0-9]+', '_', divider.label)}", bits)
            reaches = {
                "num": (0, (1 << wide[0]) - 1),
                "den": (1, (1 << wide[1]) - 1),
                "fraction": fraction,
            }
            terms = [Term(body, text, reach) for text, reach in reaches.items()]
            result = divider.quotient(terms[0], terms[1], terms[2], body)
            parameters = ", ".join(f"{type_of_range(r)} {text}" for text, r in reaches.items())
            kind = type_of_range(reach_of(result))
            head = f"static {kind} {name}({parameters})"
            self.functions[name] = function(head, [*body.lines, f"return {as_text(result)};"])
        return name

    def table(self, name: str, values: Array) -> str:
        """Return what C calls an array of constants, by `name` or the next that is free."""
        while not np.array_equal(self.tables.setdefault(name, values), values):
            name += "_"
        return name

    def each(self, name: str, values: Array, index: str = "n", kind: str = WORD) -> str:
        """Return a number of neuron n: of the array, or the one that all have."""
        if (values == values[0]).all():
            return as_text(values[0])
        return f"({kind}){self.table(name, values)}[{index}]"

    def packed(self, name: str, values: Array) -> Packed:
        """Return weights, in the order in which they are read."""
        weights = Packed(name=name, values=np.ascontiguousarray(values))
        self.weights.append(weights)
        return weights


def sums_type(name: str) -> str:
    """Return what the type of a layer's sums is called."""
    return f"net_{name}_sums"


def _identifiers(circuit: Circuit) -> dict[str, str]:
    """Return what the names of every node begin with in C, no two alike.

    Each goes on with an underscore and a word that says what it is, as `_spikes`, which no word of
    C, nor any other name of net.c and net.h, ends with.
    """
    names: dict[str, str] = {}
    for node in circuit.nodes:
        name = re.sub(r"\W", "_", node.name, flags=re.ASCII)
        name = name if re.match(r"[A-Za-z]", name) else f"node_{name}"
        while name in names.values():
            name += "_"
        names[node.name] = name
    return names

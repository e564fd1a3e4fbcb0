"""What a network in C keeps, and what its nodes read of it."""

from dataclasses import dataclass

from eideploy.backends.c.constants import bytes_of


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

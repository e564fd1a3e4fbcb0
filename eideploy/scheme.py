"""Number formats, read from quant/<scheme>.toml."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from eideploy import shipped
from eideploy.errors import SpecError, UsageError
from eideploy.tables import is_file, read_toml
from eideploy.typed import Fault, Line, Name, Within, refuse, typed

VERSION = 1
LevelKind = Literal["linear", "pow2"]
RoundingKind = Literal["nearest", "matched", "feedback"]
GranularityKind = Literal["layer", "channel"]
Clipping = Literal["max", "percentile", "error"]
Width = Annotated[int, Within(1, 16)]
MOST_POW2_BITS = 4  # 2^14, the largest of the 15 powers of two of 4 bits, is a 15-bit level


@dataclass(frozen=True, kw_only=True)
class Bits:
    """Bits of every role (quant/README.md); current and membrane are signed, the rest unsigned."""

    input: Width
    w_ee: Width
    w_ie: Width
    w_ei: Width
    g_i: Width
    threshold: Annotated[int, Within(2, 24)]
    current: Annotated[int, Within(2, 32)]
    membrane: Annotated[int, Within(4, 32)]


@dataclass(frozen=True, kw_only=True)
class First:
    """Bits of the first E-I layer's weights and gains, where they differ from the others'."""

    w_ee: Width | None = None
    w_ie: Width | None = None
    w_ei: Width | None = None
    g_i: Width | None = None


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """How weights become levels (A18): nearest, mean-matched, or with feedback of the error."""

    w_ee: RoundingKind = "feedback"
    w_ie: RoundingKind = "nearest"


@dataclass(frozen=True, kw_only=True)
class Granularity:
    """What shares a step; W_EI takes over the steps of both (A15, A16)."""

    w_ee: GranularityKind = "channel"
    w_ie: GranularityKind = "channel"


@dataclass(frozen=True, kw_only=True)
class Clippings:
    """The full scale of a row: largest weight, 99th percentile, or what errs least (A16)."""

    w_ee: Clipping = "error"
    w_ie: Clipping = "error"


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """What a number may be."""

    name: Name
    description: Line
    bits: Bits
    levels: LevelKind = "linear"
    first: First = field(default_factory=First)
    rounding: Rounding = field(default_factory=Rounding)
    granularity: Granularity = field(default_factory=Granularity)
    clipping: Clippings = field(default_factory=Clippings)

    def bits_of(self, *, first: bool) -> Bits:
        """Return the bits of the first E-I layer, or of every other one."""
        own = {k: v for k, v in asdict(self.first).items() if v is not None}
        return replace(self.bits, **own) if first else self.bits


def scheme_table(scheme: Scheme) -> dict[str, Any]:
    """Return a scheme as a JSON-able table that `scheme_of_table` reads back."""
    table = asdict(scheme)
    table["first"] = {k: v for k, v in table["first"].items() if v is not None}
    return table


def scheme_of_table(table: object, path: Path) -> Scheme:
    """Return the scheme that a table in the file `path` describes.

    Raises:
        SpecError: a key that is unknown, missing, out of bounds or contradicts another.
    """
    scheme = typed(Scheme, table, where=str(path), error=SpecError)
    require_consistent(scheme, path)
    return scheme


def require_consistent(scheme: Scheme, path: Path) -> None:
    """Raise SpecError, naming the file `path`, where a scheme contradicts itself."""
    refuse(_contradictions(scheme), error=SpecError, where=str(path))


def load_scheme(name: str, *, option: str = "--scheme") -> Scheme:
    """Return the shipped scheme called `name`, or the one in the file that `name` is the path of.

    Args:
        name: as above.
        option: what it was given by, for errors.

    Raises:
        UsageError: neither a shipped scheme nor a file.
        SpecError: a key that is unknown, missing, out of bounds or contradicts another.
    """
    if name in scheme_names():
        return read_scheme(shipped.folder("quant") / f"{name}.toml")
    path = Path(name)
    if path.suffix != ".toml" and not is_file(path):
        raise UsageError(
            f"no scheme is called {name!r}",
            where=option,
            fix=f"choose one of {', '.join(scheme_names())}, or name a .toml file",
        )
    return read_scheme(path)


def scheme_names() -> tuple[str, ...]:
    """Return the names of the shipped schemes."""
    return shipped.names("quant", "{}.toml")


def read_scheme(path: Path) -> Scheme:
    """Read and check a scheme file."""
    return scheme_of_table(read_toml(path, VERSION), path)


def _contradictions(scheme: Scheme) -> Iterator[Fault]:
    bits = scheme.bits
    if bits.membrane < (needed := bits.threshold + 2):
        yield Fault(
            what=f"bits.membrane = {bits.membrane} holds less than twice a threshold of "
            f"bits.threshold = {bits.threshold}; it needs {needed}",
            fix=f"set bits.membrane to at least {needed}",
        )
    if scheme.levels == "pow2":
        weights = {
            f"{table}.{role}": getattr(of, role)
            for table, of in (("bits", bits), ("first", scheme.first))
            for role in ("w_ee", "w_ie", "w_ei")
        }
        for key, width in weights.items():
            if width is not None and width > MOST_POW2_BITS:
                yield Fault(
                    what=f'{key} = {width} is more than {MOST_POW2_BITS} bits of levels = "pow2", '
                    "which number the powers of two",
                    fix=f'choose {key} from 1 to {MOST_POW2_BITS}, or levels = "linear"',
                )

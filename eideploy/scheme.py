"""Number formats, read from quant/<scheme>.toml."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from eideploy import shipped
from eideploy.errors import UsageError
from eideploy.tables import bounded, build, is_file, read_toml, refuse

VERSION = 1
LevelKind = Literal["linear", "pow2"]
RoundingKind = Literal["nearest", "matched", "feedback"]
GranularityKind = Literal["layer", "channel"]
Clipping = Literal["max", "percentile", "error"]
MOST_POW2_BITS = 4  # 2^14, the largest of the 15 powers of two of 4 bits, is a 15-bit level


@dataclass(frozen=True, kw_only=True)
class Bits:
    """Bits of every role (quant/README.md); current and membrane are signed, the rest unsigned."""

    input: int = bounded(1, 16)
    w_ee: int = bounded(1, 16)
    w_ie: int = bounded(1, 16)
    w_ei: int = bounded(1, 16)
    g_i: int = bounded(1, 16)
    threshold: int = bounded(2, 24)
    current: int = bounded(2, 32)
    membrane: int = bounded(4, 32)


@dataclass(frozen=True, kw_only=True)
class First:
    """Bits of the first E-I layer's weights and gains, where they differ from the others'."""

    w_ee: int | None = bounded(1, 16, default=None)
    w_ie: int | None = bounded(1, 16, default=None)
    w_ei: int | None = bounded(1, 16, default=None)
    g_i: int | None = bounded(1, 16, default=None)


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

    name: str
    description: str
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


def scheme_of_table(table: Mapping[str, Any], path: Path) -> Scheme:
    """Return the scheme that a table in the file `path` describes.

    Raises:
        SpecError: a key that is unknown, missing, out of bounds or contradicts another.
    """
    return _checked(build(Scheme, table, path), path)


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


def _checked(scheme: Scheme, path: Path) -> Scheme:
    bits, faults = scheme.bits, []
    if bits.membrane < bits.threshold + 2:
        faults.append(
            f"bits.membrane = {bits.membrane} holds less than twice a threshold of "
            f"bits.threshold = {bits.threshold}; it needs {bits.threshold + 2}"
        )
    if scheme.levels == "pow2":
        weights = {
            f"{table}.{role}": getattr(of, role)
            for table, of in (("bits", bits), ("first", scheme.first))
            for role in ("w_ee", "w_ie", "w_ei")
        }
        faults += [
            f'{key} = {n} is more than {MOST_POW2_BITS} bits of levels = "pow2", '
            "which number the powers of two"
            for key, n in weights.items()
            if n is not None and n > MOST_POW2_BITS
        ]
    refuse(faults, path)
    return scheme

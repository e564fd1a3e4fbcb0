"""Number formats, read from quant/<scheme>.toml."""

from dataclasses import dataclass, fields
from pathlib import Path

from eideploy import shipped
from eideploy.errors import SpecError, UsageError
from eideploy.tables import build, read_toml

VERSION = 1
BOUNDS = {"threshold": (2, 24), "current": (2, 32), "membrane": (4, 32)}
WEIGHT_BOUNDS = (1, 16)


@dataclass(frozen=True, kw_only=True)
class Bits:
    """Bits of every role (quant/README.md); current and membrane are signed, the rest unsigned."""

    input: int
    w_ee: int
    w_ie: int
    w_ei: int
    g_i: int
    threshold: int
    current: int
    membrane: int


@dataclass(frozen=True, kw_only=True)
class Scheme:
    """What a number may be."""

    name: str
    description: str
    bits: Bits


def load_scheme(name: str) -> Scheme:
    """Return the shipped scheme called `name`, or the one in the file that `name` is the path of.

    Raises:
        UsageError: neither a shipped scheme nor a file.
        SpecError: a key that is unknown, missing, out of bounds or contradicts another.
    """
    path = Path(name)
    if path.suffix != ".toml":
        path = shipped.folder("quant") / f"{name}.toml"
        if name not in scheme_names():
            raise UsageError(
                f"no scheme is called {name!r}",
                where="--scheme",
                fix=f"choose one of {', '.join(scheme_names())}, or name a .toml file",
            )
    return read_scheme(path)


def scheme_names() -> tuple[str, ...]:
    """Return the names of the shipped schemes."""
    return shipped.names("quant", "{}.toml")


def read_scheme(path: Path) -> Scheme:
    """Read and check a scheme file."""
    table = read_toml(path)
    if table.pop("version", None) != VERSION:
        fix = f"write version = {VERSION} at the top"
        raise SpecError("version is missing or unknown", where=str(path), fix=fix)
    scheme = build(Scheme, table, path, "")
    faults = []
    for field in fields(Bits):
        value = getattr(scheme.bits, field.name)
        low, high = BOUNDS.get(field.name, WEIGHT_BOUNDS)
        if not low <= value <= high:
            faults.append(f"bits.{field.name} = {value} is not in {low}..{high}")
    if scheme.bits.membrane < scheme.bits.threshold + 2:
        faults.append(
            f"bits.membrane = {scheme.bits.membrane} holds less than twice a threshold of "
            f"bits.threshold = {scheme.bits.threshold}; it needs {scheme.bits.threshold + 2}"
        )
    if faults:
        raise SpecError("; ".join(faults), where=str(path), fix="mend these keys")
    return scheme

"""Number formats, read from quant/<scheme>.toml."""

from dataclasses import dataclass
from pathlib import Path

from eideploy import shipped
from eideploy.errors import UsageError
from eideploy.tables import bounded, build, is_file, read_toml, refuse

VERSION = 1


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
    if name in scheme_names():
        return read_scheme(shipped.folder("quant") / f"{name}.toml")
    path = Path(name)
    if path.suffix != ".toml" and not is_file(path):
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
    scheme = build(Scheme, read_toml(path, VERSION), path)
    bits = scheme.bits
    if bits.membrane < bits.threshold + 2:
        fault = (
            f"bits.membrane = {bits.membrane} holds less than twice a threshold of "
            f"bits.threshold = {bits.threshold}; it needs {bits.threshold + 2}"
        )
        refuse([fault], path)
    return scheme

"""Errors that this tool raises on purpose: what is wrong, where, and what to do."""

from collections.abc import Callable


class EideployError(Exception):
    """Base of every error raised on purpose; the command line prints it without a traceback.

    Args:
        what: the fault in one lower-case sentence, with the numbers that disagree.
        where: the file, key, layer or option at fault.
        fix: what to do, as an imperative.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str, fix: str) -> None:
        super().__init__(what)
        self.what, self.where, self.fix = what, where, fix

    def __str__(self) -> str:
        return f"{self.what}\n  where: {self.where}\n  fix:   {self.fix}"

    def __reduce__(self) -> tuple[Callable[..., "EideployError"], tuple[object, ...]]:
        """Let another process raise it here, as a sweep's do."""
        return _anew, (type(self), self.what, self.where, self.fix)


def _anew(kind: type[EideployError], what: str, where: str, fix: str) -> EideployError:
    return kind(what, where=where, fix=fix)


class UsageError(EideployError):
    """The command line asks for something that does not exist or makes no sense."""

    exit_code = 2


class ConfigError(EideployError):
    """A training configuration is contradictory or out of bounds."""


class DivergedError(ConfigError):
    """The loss of a training is not finite any more."""


class SpecError(EideployError):
    """A target or scheme file says something impossible."""


class FormatError(EideployError):
    """A file is damaged, foreign, or of another version."""


class DataError(EideployError):
    """Samples do not fit the network or the method."""


class CapacityError(EideployError):
    """The circuit asks for more than the target offers."""


class InvariantError(EideployError):
    """A circuit is malformed or a pass broke its contract: a bug in the toolchain."""


class StoppedError(EideployError):
    """The user stopped the work; what was done so far is kept."""

    exit_code = 130


class PackageError(EideployError):
    """An installed package offers a backend, division or neuron that cannot be used."""

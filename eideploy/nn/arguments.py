"""What layers may be made with: whole numbers and numbers, checked when a layer is made."""

from numbers import Integral, Real

from eideploy.errors import ConfigError

ONE_NUMBER = {"kernel_size", "stride", "padding"}  # pairs of which torch takes


def require_whole(layer: str, *, least: int = 1, **arguments: object) -> None:
    """Refuse arguments that are not whole numbers of at least `least`, all at once.

    Raises:
        ConfigError: some are not.
    """
    wrong = {name: value for name, value in arguments.items() if not _is_whole(value, least)}
    square = "; kernels, strides and padding are square" if wrong.keys() & ONE_NUMBER else ""
    _refuse(layer, wrong, f"give whole numbers of {least} or more{square}")


def require_padding(layer: str, *, padding: int, kernel_size: int) -> None:
    """Refuse padding with which some windows would lie outside of the input.

    Raises:
        ConfigError: it is not a whole number from 0 to below `kernel_size`.
    """
    wrong = not _is_whole(padding, 0) or padding >= kernel_size
    fix = f"give a whole number from 0 to {kernel_size - 1}, less than kernel_size"
    _refuse(layer, {"padding": padding} if wrong else {}, fix)


def require_numbers(layer: str, **arguments: object) -> None:
    """Refuse arguments that are not numbers, all at once.

    Raises:
        ConfigError: some are not.
    """
    wrong = {
        name: value
        for name, value in arguments.items()
        if isinstance(value, bool) or not isinstance(value, Real)
    }
    _refuse(layer, wrong, "give numbers")


def _is_whole(value: object, least: int) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= least


def _refuse(layer: str, wrong: dict[str, object], fix: str) -> None:
    if wrong:
        values = ", ".join(f"{name} is {value!r}" for name, value in wrong.items())
        raise ConfigError(values, where=f"eideploy.nn.{layer}", fix=fix)

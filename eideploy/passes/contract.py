"""What a pass needs and gives, checked on every call."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from eideploy.circuit import Circuit
from eideploy.errors import InvariantError

P = ParamSpec("P")
R = TypeVar("R", bound="Circuit | Holding")
Invariant = Callable[[Circuit], bool]


class Holding(Protocol):
    """What a pass may make of a circuit: something that holds one."""

    @property
    def circuit(self) -> Circuit: ...  # noqa: D102


def is_float(circuit: Circuit) -> bool:
    """Hold if nothing is quantized yet."""
    return not circuit.is_integer


def has_ranges(circuit: Circuit) -> bool:
    """Hold if calibration has observed the circuit."""
    return circuit.ranges is not None


def is_integer(circuit: Circuit) -> bool:
    """Hold if every number is an integer."""
    return circuit.is_integer


def has_dividers(circuit: Circuit) -> bool:
    """Hold if every E-I layer says how it divides."""
    return is_integer(circuit) and all(n.integer_current.division for n in circuit.hidden)


def contract(
    *, needs: tuple[Invariant, ...], gives: tuple[Invariant, ...]
) -> Callable[[Callable[Concatenate[Circuit, P], R]], Callable[Concatenate[Circuit, P], R]]:
    """Check the invariants `needs` before and `gives` after every call of a pass.

    Raises:
        InvariantError: naming the pass and the invariant, with the circuit's text as a note.
    """

    def decorate(
        run: Callable[Concatenate[Circuit, P], R],
    ) -> Callable[Concatenate[Circuit, P], R]:
        @wraps(run)
        def checked(circuit: Circuit, /, *args: P.args, **kwargs: P.kwargs) -> R:
            _check(run.__name__, "needs", needs, circuit)
            result = run(circuit, *args, **kwargs)
            out = result if isinstance(result, Circuit) else result.circuit
            _check(run.__name__, "gives", gives, out)
            return result

        return checked

    return decorate


def _check(name: str, side: str, invariants: tuple[Invariant, ...], circuit: Circuit) -> None:
    for invariant in invariants:
        if not invariant(circuit):
            error = InvariantError(
                f"{name} {side} a circuit that {invariant.__name__}",
                where=f"pass {name}",
                fix="report this as a bug",
            )
            error.add_note(circuit.in_full())
            raise error

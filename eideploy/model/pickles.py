"""Pickles read as data: nothing that a pickle names is looked up, made or called.

A global becomes its name (`Named`), a call of it a note of what would be called (`Made`),
containers and scalars become themselves. Who asked knows a few of these notes.
"""

import pickletools
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

MOST = 2 << 20  # bytes; the names and shapes of 10,000 tensors
LITERALS = {
    "NONE",
    "NEWTRUE",
    "NEWFALSE",
    "BININT",
    "BININT1",
    "BININT2",
    "LONG1",
    "LONG4",
    "BINFLOAT",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "BINBYTES",
    "SHORT_BINBYTES",
    "BINBYTES8",
}
CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
DICTIONARY = "collections.OrderedDict"


@dataclass(frozen=True, kw_only=True, slots=True)
class Named:
    """A global, e.g. `torch.FloatStorage`."""

    name: str


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Made:
    """What a pickle would make by calling `maker`; what it would then set of it is left out."""

    maker: str
    arguments: tuple[Any, ...]


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Kept:
    """What a pickle keeps outside of itself, under `key`."""

    key: Any


class _Mark:
    """Where a list of operands begins."""


def read_pickle(data: bytes, *, known: Collection[str]) -> Any:  # noqa: ANN401
    """Return what a pickle of containers, scalars and calls holds, ordered dictionaries as dict.

    Args:
        data: the pickle.
        known: the names that it may hold, `module.name`.

    Raises:
        ValueError: not such a pickle, or a larger one than MOST.
    """
    if len(data) > MOST:
        raise ValueError(f"its pickle has {len(data)} bytes, more than {MOST}")
    try:
        return _Machine(known).run(data)
    except (IndexError, KeyError, TypeError) as error:  # operands that are not there, or others
        raise ValueError(f"its pickle is damaged: {type(error).__name__} {error}") from error


class _Machine:
    """The stack and the memo of a pickle that is being read."""

    def __init__(self, known: Collection[str]) -> None:
        self.known = known
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, data: bytes) -> Any:  # noqa: ANN401
        for operation, argument, _ in pickletools.genops(data):
            if operation.name == "STOP":
                return self.stack.pop()
            self.step(operation.name, argument)
        raise ValueError("its pickle does not end")

    def step(self, name: str, argument: Any) -> None:  # noqa: ANN401
        push = self.stack.append
        match name:
            case "PROTO" | "FRAME":
                pass
            case "BINPUT" | "LONG_BINPUT":
                self.memo[argument] = self.stack[-1]
            case "MEMOIZE":
                self.memo[len(self.memo)] = self.stack[-1]
            case "BINGET" | "LONG_BINGET":
                push(self.memo[argument])
            case "MARK":
                push(_Mark)
            case "EMPTY_DICT":
                push({})
            case "EMPTY_LIST":
                push([])
            case "TUPLE":
                push(tuple(self.operands()))
            case "APPEND":
                self.append([self.stack.pop()])
            case "APPENDS":
                self.append(self.operands())
            case "SETITEM":
                self.set_items([self.stack.pop(-2), self.stack.pop()])
            case "SETITEMS":
                self.set_items(self.operands())
            case "GLOBAL":
                push(self.named(argument.replace(" ", ".", 1)))
            case "STACK_GLOBAL":
                own, module = self.stack.pop(), self.stack.pop()
                push(self.named(f"{_text(module)}.{_text(own)}"))
            case "REDUCE" | "NEWOBJ":
                arguments = self.stack.pop()
                push(_made(self.stack.pop(), arguments))
            case "BUILD":
                del self.stack[-1]
            case "BINPERSID":
                push(Kept(key=self.stack.pop()))
            case _ if name in TUPLES:
                push(tuple(self.stack.pop() for _ in range(TUPLES[name]))[::-1])
            case _ if name in LITERALS:
                push(CONSTANTS.get(name, argument))
            case _:
                raise ValueError(f"its pickle has a {name}, which no data needs")

    def named(self, name: str) -> Named:
        if name not in self.known:
            raise ValueError(f"its pickle names {name[:80]}, which is not data")
        return Named(name=name)

    def operands(self) -> list[Any]:
        """Take what lies above the last mark, and the mark."""
        place = len(self.stack) - 1
        while self.stack[place] is not _Mark:
            place -= 1
            if place < 0:
                raise ValueError("its pickle has no mark where one is needed")
        above = self.stack[place + 1 :]
        del self.stack[place:]
        return above

    def append(self, values: Iterable[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise ValueError("its pickle appends to something that is not a list")
        self.stack[-1].extend(values)

    def set_items(self, values: list[Any]) -> None:
        if type(self.stack[-1]) is not dict or len(values) % 2:
            raise ValueError("its pickle sets items of something that is not a dictionary")
        for key in values[::2]:
            if type(key) not in (str, int):  # the hash of a nested tuple may take for ever
                raise ValueError(
                    f"its pickle has a {type(key).__name__} as the key of a dictionary"
                )
        self.stack[-1].update(zip(values[::2], values[1::2], strict=True))


def _made(maker: Any, arguments: Any) -> Any:  # noqa: ANN401
    if not isinstance(maker, Named) or type(arguments) is not tuple:
        raise ValueError("its pickle calls something that is not a name")
    return (
        {}
        if (maker.name, arguments) == (DICTIONARY, ())
        else Made(maker=maker.name, arguments=arguments)
    )


def _text(value: object) -> str:
    if type(value) is not str:
        raise ValueError("its pickle names something that is not text")
    return value

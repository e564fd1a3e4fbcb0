"""A request's class taken apart into its options."""

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from eideploy.options.docstrings import docstrings
from eideploy.options.option import IN_PYTHON, Option, PathLike

PLAIN = {int: "whole number", float: "number", str: "text"}


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a request.

    Args:
        name: in Python.
        kind: bool, int, float, str, also of a path, or a class with fields of its own.
        many: whether it holds several values, and may be written several times.
        pairs: whether it holds a mapping, written as KEY=VALUE.
        choices: the words of a Literal.
        default: MISSING where a value is required.
        positional: whether it is written without a name.
        option: what else is said of it.
        owner: the class that declares it.
    """

    name: str
    kind: type[Any]
    many: bool
    pairs: bool
    choices: tuple[str, ...]
    default: Any
    positional: bool
    option: Option
    owner: type[Any]

    @property
    def is_group(self) -> bool:
        """Whether it holds options of its own."""
        return is_dataclass(self.kind)

    @property
    def is_required(self) -> bool:
        """Whether there is no default."""
        return self.default is MISSING

    def is_default(self, value: object) -> bool:
        """Return whether a value is the default; an array is compared with none."""
        return type(value) is type(self.default) and bool(value == self.default)

    @property
    def is_flag(self) -> bool:
        """Whether it is written without a value."""
        return self.kind is bool

    @property
    def spelled(self) -> str:
        """How the command line writes it; of a flag that holds already, how it is taken back."""
        name = self.option.name or self.name.replace("_", "-")
        if self.positional:
            return f"the {name}"
        return f"--no-{name}" if self.default is True else f"--{name}"

    @property
    def words(self) -> Collection[str]:
        """What there is to choose from, as it is written; none where anything may be."""
        if self.option.offered is not None:
            return self.option.offered
        return tuple(self.option.words) or self.choices

    @property
    def metavar(self) -> str:
        """What stands for its value in the help; nothing for a flag."""
        if self.is_flag:
            return ""
        value = self.option.metavar or ",".join(self.words) or self.name.upper()
        return f"{{{value}}}" if self.words and not self.option.metavar else value

    def fault(self, value: object) -> str:
        """Return why `value` is none that it takes, in words behind "which is"; "" if it is one."""
        choices = tuple(self.option.words.values()) or self.words
        if choices and value not in choices:
            return f"none of {', '.join(map(str, choices))}"
        if self.option.check and not self.option.check(value):
            return f"no {self.option.takes}"
        return ""

    def parts(self, text: str) -> list[str]:
        """Return the texts of the values that one text has, where there may be several."""
        if not self.option.commas:
            return [text]
        return [part.strip() for part in text.split(",") if part.strip()]

    def read(self, text: str) -> Any:  # noqa: ANN401 - a value of its type
        """Return the value, or one of the values, that `text` writes.

        Raises:
            ValueError: it writes none; its text follows "which is".
        """
        if words := self.words:
            if text not in words:
                raise ValueError(f"none of {', '.join(words)}")
            return self.option.words.get(text, text)
        try:
            if self.kind is int and not text.removeprefix("-").isdecimal():
                raise ValueError
            value = self.kind(text)
        except ValueError:
            raise ValueError(f"no {self.option.takes or PLAIN[self.kind]}") from None
        if fault := self.fault(value):
            raise ValueError(fault)
        return value


def fields_of(kind: type[Any]) -> tuple[Field, ...]:
    """Return the options of a request's class: its own, then those that it inherits.

    Raises:
        TypeError: a field is of a type that no option can take.
    """
    if kind not in _KNOWN:
        hints = get_type_hints(kind, include_extras=True)
        owners = {name: base for base in reversed(kind.__mro__) for name in _annotated(base)}
        options = [
            _field(item, hints[item.name], owners[item.name])
            for item in dataclasses.fields(kind)
            if not is_in_python(item)
        ]
        own = vars(kind).get("composed_of", kind)
        _KNOWN[kind] = tuple(sorted(options, key=lambda f: (not f.positional, f.owner is not own)))
    return _KNOWN[kind]


_KNOWN: dict[type[Any], tuple[Field, ...]] = {}


def is_in_python(item: "dataclasses.Field[Any]") -> bool:
    """Return whether a field is an argument in Python alone, no option."""
    return IN_PYTHON.items() <= item.metadata.items()


def all_fields(kind: type[Any]) -> Iterator[Field]:
    """Yield the options of a request's class, and of its groups."""
    for field in fields_of(kind):
        yield from fields_of(field.kind) if field.is_group else (field,)


def _annotated(base: type[Any]) -> Mapping[str, Any]:
    annotations: Mapping[str, Any] = vars(base).get("__annotations__", {})
    return annotations


def _field(item: "dataclasses.Field[Any]", hint: Any, owner: type[Any]) -> Field:  # noqa: ANN401
    plain, option = _unwrapped(hint)
    many, pairs = get_origin(plain) is Sequence, get_origin(plain) is Mapping
    if many:
        plain, inner = _unwrapped(get_args(plain)[0])
        option = option.over(inner)
    if pairs:
        plain = str
    choices: tuple[str, ...] = ()
    if get_origin(plain) is Literal:
        choices, plain = get_args(plain), str
    if plain not in (bool, *PLAIN) and not is_dataclass(plain):
        raise TypeError(f"{owner.__name__}.{item.name}: no option can take {hint}")
    default: Any = item.default if item.default_factory is MISSING else item.default_factory()
    return Field(
        name=item.name,
        kind=plain,
        many=many or pairs,
        pairs=pairs,
        choices=choices,
        default=default,
        positional=not item.kw_only,
        option=option,
        owner=owner,
    )


def _unwrapped(hint: Any) -> tuple[Any, Option]:  # noqa: ANN401
    """Return a type without None, Annotated and what it is worth alone, and what is said of it."""
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        plain, option = _unwrapped(inner)
        for note in notes:
            option = note.over(option) if isinstance(note, Option) else option
        return plain, option
    if get_origin(hint) in (Union, UnionType):
        parts = [part for part in get_args(hint) if part is not NoneType]
        if set(get_args(PathLike)) <= set(parts):
            return str, Option()
        if len(parts) == 1:
            return _unwrapped(parts[0])
    return hint, Option()


def heading_of(kind: type[Any]) -> str:
    """Return under which heading the options that a class declares are listed; "" for none."""
    return str(vars(kind).get("heading", ""))


def summary_of(kind: type[Any]) -> str:
    """Return the first line of a class's docstring."""
    return (kind.__doc__ or "").strip().partition("\n")[0]


def examples_of(kind: type[Any]) -> str:
    """Return the examples in a class's docstring, a line each; "" for none."""
    _, _, examples = (kind.__doc__ or "").partition("Examples:\n")
    return "\n".join(line.strip() for line in examples.strip().splitlines())


def help_of(field: Field) -> str:
    """Return the docstring of a field, and what there is to choose from where that is listed."""
    text = docstrings(field.owner.__module__)[field.owner.__name__, field.name]
    if field.option.offered is None:
        return text
    listed = "; ".join(f"{name}, {line}" for name, line in field.option.offered.items())
    return f"{text.rstrip('.')}: {listed}."

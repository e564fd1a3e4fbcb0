"""The commands: what each is asked, and the job that does it.

Named by strings, so that a command imports what belongs to it alone, and its help the request only.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eideploy.backends import families, formats
from eideploy.backends.protocol import Family
from eideploy.flow.requests.shared import FromGraph
from eideploy.options.composed import composed
from eideploy.options.fields import Field, fields_of, heading_of

if TYPE_CHECKING:
    from eideploy.flow.result import Result

PROGRAM = "eideploy"
PURPOSE = (
    "Take spiking networks of excitatory/inhibitory circuits from PyTorch to hardware: train them, "
    "compile them to integers, simulate the result cycle by cycle."
)
EXAMPLES = """examples, to run one after the other in an empty folder:
  eideploy train
  eideploy compile --target digital
  eideploy simulate --lut 8bit"""


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command.

    Args:
        name: of one word, or of two.
        asks: the request's class, as "module:class".
        does: the job, which turns a request into a result, as "module:function".
    """

    name: str
    asks: str
    does: str

    @property
    def asked(self) -> type[Any]:
        """The class of what it is asked of every backend."""
        kind: type[Any] = _found(self.asks)
        return kind

    @property
    def request(self) -> type[Any]:
        """The class of what it is asked, of any backend."""
        return self._of(families.every())

    def request_of(self, words: Sequence[str]) -> type[Any]:
        """The class of what `words` ask: of the default backend, or where that knows not all."""
        own = self._of([families.default()])
        fields = [argument.field for argument in arguments(own)]
        known = {"--json", *(f.spelled for f in fields), *(f"-{f.option.short}" for f in fields)}
        options = {word.partition("=")[0] for word in words if word.startswith("-")}
        return own if options <= known else self.request

    def _of(self, chosen: Iterable[Family[Any]]) -> type[Any]:
        parts = [one.options[self.name] for one in chosen if self.name in one.options]
        reading = formats.reading() if issubclass(self.asked, FromGraph) else ()
        return composed(self.asked, *reading, *parts)

    @property
    def program(self) -> str:
        """How it is called, in full."""
        return f"{PROGRAM} {self.name}"

    def run(self, request: object) -> "Result":
        """Do what is asked."""
        result: Result = _found(self.does)(request)
        return result


def _found(name: str) -> Any:  # noqa: ANN401 - whatever has that name
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)


@dataclass(frozen=True, kw_only=True)
class Argument:
    """A field of a command's request, or of a group in it."""

    field: Field
    group: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """The group and the name, which tell it from all others of the command."""
        return self.group, self.field.name

    @property
    def heading(self) -> str:
        """Under what it is listed."""
        return heading_of(self.field.owner)


def arguments(request: type[Any]) -> Iterator[Argument]:
    """Yield all that a command takes, with what the groups of its request hold."""
    for field in fields_of(request):
        if field.is_group:
            yield from (Argument(field=one, group=field.name) for one in fields_of(field.kind))
        else:
            yield Argument(field=field)


REQUESTS = "eideploy.flow.requests"
COMMANDS: Mapping[str, Command] = {
    name: Command(name=name, asks=f"{REQUESTS}.{asks}", does=f"eideploy.{does}")
    for name, asks, does in (
        ("train", "train:Train", "flow.training:run"),
        ("config", "config:ShowConfig", "flow.config:show"),
        ("import", "importing:Import", "flow.graphs:import_file"),
        ("compile", "compile:Compile", "flow.compile:compile_run"),
        ("check", "checking:CheckNetwork", "flow.checking:check"),
        ("simulate", "simulate:Simulate", "flow.simulate:simulate"),
        ("predict", "predict:Predict", "flow.predict:predict"),
        ("sweep", "sweep:Sweep", "flow.sweep:sweep"),
        ("verify", "verify:Verify", "flow.verify:verify"),
        ("report", "report:Report", "flow.report:report"),
        ("board", "board:Board", "flow.board:show"),
        ("board build", "board:MakeBitstream", "flow.board:build"),
        ("board flash", "board:Flash", "flow.board:flash"),
        ("board run", "board:RunOnBoard", "flow.board:run"),
        ("board selftest", "board:Selftest", "flow.board:selftest"),
        ("board characterise", "board:Characterise", "flow.board:characterise"),
        ("board events", "board:WriteEvents", "flow.board:events"),
        ("board tune", "board:Tune", "flow.board:tune"),
        ("board biases", "board:Biases", "flow.board:biases"),
        ("data", "data:ListData", "flow.data:show"),
        ("data check", "data:CheckData", "flow.data:check"),
        ("targets", "targets:ListTargets", "flow.targets:show"),
        ("targets check", "targets:CheckTarget", "flow.targets:check"),
        ("doctor", "doctor:Doctor", "flow.doctor:doctor"),
        ("completion", "completion:Completion", "command_line.completion:completion"),
    )
}


def command_of(words: Sequence[str]) -> tuple[Command, list[str]] | None:
    """Return the command that words begin with, and what is left of them; None for no command."""
    if not words or words[0] not in COMMANDS:
        return None
    first, *left = words
    second = next((word for word in left if not word.startswith("-")), "")
    if (both := f"{first} {second}") in COMMANDS:
        left.remove(second)
        return COMMANDS[both], left
    return COMMANDS[first], left


def below(command: Command) -> tuple[Command, ...]:
    """Return the commands whose first word a command is."""
    return tuple(one for name, one in COMMANDS.items() if name.startswith(f"{command.name} "))

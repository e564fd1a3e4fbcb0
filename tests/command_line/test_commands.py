"""Every command is declared well: documented, without two options of one name, with its help."""

import inspect
import json
import shlex
import subprocess
import sys
from importlib import import_module

import pytest

from eideploy.cli import main
from eideploy.command_line.commands import COMMANDS, arguments, command_of
from eideploy.command_line.parsing import parsed
from eideploy.options.fields import examples_of, fields_of, help_of, summary_of

EVERY = pytest.mark.parametrize("command", COMMANDS.values(), ids=lambda one: one.name)


@EVERY
def test_every_option_is_documented(command):
    texts = [help_of(field) for field in fields_of(command.request)]
    texts += [help_of(argument.field) for argument in arguments(command.request)]
    for text in [summary_of(command.request), *texts]:
        assert text[0].isupper()
        assert text.endswith(".")


@EVERY
def test_no_two_options_of_a_command_have_one_name(command):
    named = [one.field for one in arguments(command.request) if not one.field.positional]
    names = [field.spelled for field in named] + ["--json", "--help"]
    names += [f"-{field.option.short}" for field in named if field.option.short]
    assert len(names) == len(set(names))


@EVERY
def test_help_names_every_option_within_80_columns(command, capsys):
    assert main([*command.name.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    for argument in arguments(command.request):
        field = argument.field
        assert (field.metavar if field.positional else field.spelled) in shown
    assert all(line in shown for line in examples_of(command.request).splitlines())
    laid_out, _, _ = shown.partition("examples:")
    assert max(map(len, laid_out.splitlines())) <= 80


@EVERY
def test_a_command_without_options_asks_what_a_call_without_arguments_asks(command):
    required = [one.field for one in arguments(command.request) if one.field.is_required]
    if not required:
        assert parsed(command, []) == (command.request_of([])(), False)
    else:
        word = required[0].words[0] if required[0].words else "x"
        assert parsed(command, [word])[0] == command.request_of([word])(word)


@EVERY
def test_examples_are_commands_that_are_taken(command):
    for line in examples_of(command.request).splitlines():
        _, *words = shlex.split(line)
        found, left = command_of(words)
        assert isinstance(parsed(found, left)[0], found.asked)


def test_no_help_imports_numpy_torch_or_the_parser():
    lines = [[], ["--help"], *([*name.split(), "--help"] for name in COMMANDS)]
    code = (
        "import json, sys; from eideploy.cli import main\n"
        "assert [main(words) for words in json.loads(sys.argv[1])] == [0] * int(sys.argv[2])\n"
        "late = {'numpy', 'torch', 'cyclopts', 'pydantic', 'rich'}\n"
        "print(late & set(sys.modules), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, json.dumps(lines), str(len(lines))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"


@EVERY
def test_the_job_of_a_command_takes_its_request(command):
    module, _, name = command.does.partition(":")
    job = getattr(import_module(module), name)
    (asked,) = inspect.signature(job).parameters.values()
    assert asked.annotation is command.asked

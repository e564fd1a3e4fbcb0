"""Completion scripts offer what the commands take."""

import subprocess

import pytest

from eideploy import cli
from eideploy.command_line.commands import COMMANDS, arguments

ASK = """source /dev/stdin
COMP_WORDS=({words}); COMP_CWORD={last}; COMPREPLY=()
_eideploy
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


@pytest.fixture
def completed(capsys):
    """Return a function that gives what bash completes the last of the words to."""
    assert cli.main(["completion", "bash"]) == 0
    script = capsys.readouterr().out

    def ask(*words):
        quoted = " ".join(f"'{word}'" for word in words)
        command = ASK.format(words=quoted, last=len(words) - 1)
        done = subprocess.run(
            ["bash", "-c", command], input=script, capture_output=True, text=True, check=True
        )
        return set(done.stdout.split())

    return ask


def test_bash_completes_commands(completed):
    assert completed("eideploy", "com") == {"compile", "completion"}
    assert completed("eideploy", "targets", "ch") == {"check"}


def test_bash_completes_every_option_of_every_command(completed):
    for name, command in COMMANDS.items():
        names = {
            one.field.spelled for one in arguments(command.request) if not one.field.positional
        }
        assert completed("eideploy", *name.split(), "--") >= names


def test_bash_completes_what_there_is_to_choose_from(completed):
    assert completed("eideploy", "compile", "--inhibition", "f") == {"factored", "folded"}


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_are_told_the_same_options(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS.values():
        for argument in arguments(command.request):
            if not argument.field.positional:
                assert argument.field.spelled.removeprefix("--") in script


def test_an_unknown_shell_is_refused(capsys):
    assert cli.main(["completion", "tcsh"]) == 2
    assert "none of bash, zsh, fish" in capsys.readouterr().err

"""Completion scripts offer what the commands take."""

import os
import subprocess

import pytest

from eideploy import cli
from eideploy.command_line.commands import COMMANDS, arguments
from tests.cli.support import PATIENCE_S

ASK = """source /dev/stdin
COMP_WORDS=({words}); COMP_CWORD={last}; COMPREPLY=()
_eideploy
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


COMPLETED = {
    "eideploy tr": "train",
    "eideploy compile --emi": "--emit",
    "eideploy compile --inhibition fold": "folded",
    "eideploy board se": "selftest",
}
# In an interactive zsh behind a pseudo-terminal: set up, type, press tab, wait for what is shown.
ZSH = """
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "$1; PROMPT=; print re'ady'"
zpty -r z seen '*ready*' || exit 1
zpty -w -n z "$2"$'\\t'
zpty -r z seen "*$3*"
"""


def write(shell, path, capsys):
    """Write the script for a shell, and return where."""
    assert cli.main(["completion", shell]) == 0
    path.write_text(capsys.readouterr().out)
    return path


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


@pytest.mark.zsh
@pytest.mark.parametrize("installed", ["fpath=({folder} $fpath); {init}", "{init}; . {script}"])
@pytest.mark.parametrize(("typed", "shown"), COMPLETED.items())
def test_zsh_completes_at_the_first_tab(installed, typed, shown, capsys, tmp_path):
    script = write("zsh", tmp_path / "_eideploy", capsys)
    init = "autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word"
    setup = installed.format(folder=tmp_path, script=script, init=init)
    done = subprocess.run(
        ["zsh", "-f", "-c", ZSH, "zsh", setup, typed, shown],
        capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.fish
@pytest.mark.parametrize(("typed", "shown"), COMPLETED.items())
def test_fish_completes(typed, shown, capsys, tmp_path):
    script = write("fish", tmp_path / "eideploy.fish", capsys)
    ask = f"source {script}; complete -C '{typed}'"
    env = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(
        ["fish", "--no-config", "-c", ask], capture_output=True, text=True, check=True, env=env
    )
    assert shown in [line.split("\t")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_know_the_same_options(shell, capsys):
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for command in COMMANDS.values():
        for argument in arguments(command.request):
            if not argument.field.positional:
                assert argument.field.spelled.removeprefix("--") in script


def test_an_unknown_shell_is_refused(capsys):
    assert cli.main(["completion", "tcsh"]) == 2
    assert "none of bash, zsh, fish" in capsys.readouterr().err

"""Help says everything that a command takes, from its request alone."""

import subprocess
import sys

from eideploy.command_line.commands import Command, arguments
from eideploy.command_line.help import command_help, overview, page
from tests.command_line.sample import Bake

BAKE = Command(name="bake", asks=f"{Bake.__module__}:Bake", does="")


def test_the_help_of_a_command_is_laid_out():
    assert (
        command_help(BAKE)
        == """\
usage: eideploy bake [OPTIONS] [RECIPE]

Bake a cake.

options:
  RECIPE                The recipe (default: grandmother's).
  --guests N            For how many (default: 8).
  --above-sea ABOVE_SEA
                        Metres above the sea.
  --size {small,large}  The form.
  --filling {jam,cream}
                        What is in it; may be repeated.
  --fruit A,B,...       What is on it.
  --note KEY=VALUE      What else is to be known; may be repeated.
  --candles [FILE]      With candles, as a file says (default: one a year).
  --no-eggs             Bake without eggs.
  -v, --verbose         Say every step.
  --out FOLDER          Where it cools.
  --json                Print the result as JSON.

the oven:
  --heat CELSIUS        How hot it is.
  --mode {grill,fan}    Where the heat comes from.

sugar:
  --spoons N            How many spoons of it.

examples:
  eideploy bake
  eideploy bake cake.toml --guests 3"""
    )


def test_the_overview_names_every_command():
    assert "  bake                  Bake a cake.\n" in overview([BAKE])


def test_the_page_says_the_same_in_markdown():
    text = page([BAKE])
    for argument in arguments(Bake):
        assert argument.field.positional or argument.field.spelled in text
    assert "| `--guests N` | For how many (default: 8). |" in text
    assert "## eideploy bake" in text


def test_help_imports_no_parser_and_nothing_heavy():
    code = (
        "import sys; from eideploy.command_line import help;"
        "print({'cyclopts', 'numpy', 'pydantic', 'torch', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

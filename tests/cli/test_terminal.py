"""What is said on a terminal is said once, and nothing goes missing elsewhere."""

import sys

import pytest

from eideploy.flow.result import Result
from eideploy.flow.warning import with_warnings


@pytest.mark.parametrize(("terminals", "told"), [((True, True), 0), ((False, True), 1)])
def test_a_warning_is_told_once_on_a_terminal(terminals, told, monkeypatch, capsys):
    for stream, is_terminal in zip((sys.stdout, sys.stderr), terminals, strict=True):
        monkeypatch.setattr(stream, "isatty", lambda is_terminal=is_terminal: is_terminal)
    result = with_warnings(Result(text="done", content={}), ["the logits are the same"])
    assert result.text.count("warning: the logits are the same") == 1
    assert capsys.readouterr().err.count("warning:") == told
    assert result.content["warnings"] == ["the logits are the same"]

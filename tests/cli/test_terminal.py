"""What is said on a terminal is said once, and nothing goes missing elsewhere."""

import sys

import pytest

from eideploy.flow.result import Result, Row, Verified
from eideploy.flow.stock import EQUAL, NOT_RUN, Item
from eideploy.flow.verify import _result
from eideploy.flow.warning import with_warnings


@pytest.mark.parametrize(("terminals", "told"), [((True, True), 0), ((False, True), 1)])
def test_a_warning_is_told_once_on_a_terminal(terminals, told, monkeypatch, capsys):
    for stream, is_terminal in zip((sys.stdout, sys.stderr), terminals, strict=True):
        monkeypatch.setattr(stream, "isatty", lambda is_terminal=is_terminal: is_terminal)
    result = with_warnings(Result(text="done", content={}), ["the logits are the same"])
    assert result.text.count("warning: the logits are the same") == 1
    assert capsys.readouterr().err.count("warning:") == told
    assert result.content["warnings"] == ["the logits are the same"]


@pytest.mark.parametrize("verbose", [False, True])
def test_verify_lists_what_the_build_has_and_all_if_asked(verbose, tmp_path):
    (tmp_path / "model.int.onnx").write_text("")
    rows = [
        Row(artefact="integer.safetensors", checked_by="core", result=EQUAL),
        Row(artefact="model.int.onnx", checked_by="OpenVINO", result=NOT_RUN, reason="too wide"),
        Row(artefact="model.nir", checked_by="nirtorch", result=NOT_RUN, reason="not in it"),
    ]
    verified = Verified(
        said="", rows=rows, items=[Item(file="integer.safetensors", state="verified")],
        manifest={}, remarks=["  not run: model.nir, not in it", "  a remark"],
    )  # fmt: skip
    result = _result(tmp_path, verified, verbose)
    assert ("nirtorch" in result.text) == ("not run: model.nir" in result.text) == verbose
    assert ("not in this build, not checked (-v): model.nir" in result.text) != verbose
    assert "OpenVINO" in result.text
    assert "a remark" in result.text
    assert len(result.content["rows"]) == 3

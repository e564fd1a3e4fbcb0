"""What NeuroBench's harness counts of a program is what a count by hand gives."""

import json
from itertools import product

import numpy as np
import pytest

from eideploy.backends.digital.build import load_build
from eideploy.circuit import Neurons
from eideploy.cli import main
from eideploy.execute.integer import run_integer
from eideploy.flow.neurobench import benchmarked
from eideploy.validate.synops import KEEP, count


def built(finished, folder, *words):
    assert (
        main(["compile", str(finished / "runs/digits-conv-1"), *words, "--out", str(folder)]) == 0
    )
    return load_build(folder).program.circuit


@pytest.fixture(scope="module")
def samples():
    x = np.random.default_rng(0).random((3, 1, 8, 8), np.float32)
    x[:, :, :, 5:] = 0
    return x


FORMS = (
    ["--lut", "8bit"], ["--inhibition", "folded"], ["--scheme", "pow2"],
)  # fmt: skip


@pytest.mark.parametrize("words", FORMS, ids=" ".join)
def test_the_harness_and_our_counters_agree(words, finished, tmp_path, samples):
    circuit = built(finished, tmp_path / "build", *words)
    found = benchmarked(circuit, samples)
    assert found["harness"] == pytest.approx(found["own"], abs=1e-4)
    assert found["agrees"]
    assert found["own"]["macs"] > 0
    assert found["own"]["acs"] > 0
    assert 0 < found["own"]["activation_sparsity"] < 1
    neurons = sum(int(np.prod(circuit.shapes[n.name])) for n in circuit.of(Neurons))
    assert found["divisions"] == neurons * circuit.steps


def test_the_first_layer_has_the_operations_that_loops_count(finished, tmp_path, samples):
    circuit = built(finished, tmp_path / "build")
    trace = run_integer(circuit, samples, keep=KEEP)
    node = circuit.hidden[0]
    w, at = node.projection, node.geometry
    x = trace.inputs[node.name][0]
    s = trace.inhibition[node.name][0]
    macs = dense = 0
    _, height, width = circuit.shapes[node.name]
    for weight in w.weights:
        n, channels, k, _ = weight.shape
        for b, o, c, i, j, u, v in product(*map(range, (3, n, channels, height, width, k, k))):
            row, column = i * at.stride + u - at.padding, j * at.stride + v - at.padding
            if 0 <= row < x.shape[2] and 0 <= column < x.shape[3]:
                dense += 1
                macs += bool(x[b, c, row, column]) and bool(weight[o, c, u, v])
    for b, o, i in product(range(3), range(node.n_e), range(w.n_i)):
        dense += 2 * height * width
        macs += 2 * int((s[b, i] > 0).sum()) * bool(w.w_ei[o, i])
    gainless = int(sum((s[:, i] > 0).sum() * (w.w_ei[:, i] > 0).sum() for i in range(w.n_i)
                       if not w.g_i[i]))  # fmt: skip

    class First:
        shapes, steps = circuit.shapes, circuit.steps
        layers = hidden = (node,)

        @staticmethod
        def of(kind):
            return tuple(n for n in (node,) if isinstance(n, kind))

    found = count(First, trace)
    assert found.macs + found.acs == (macs - gainless) * circuit.steps
    assert found.dense == dense * circuit.steps


def test_the_report_holds_it_and_the_screen_shows_it(finished, tmp_path, samples, capsys):
    built(finished, tmp_path / "build")
    np.save(tmp_path / "x.npy", samples)
    words = ["report", str(tmp_path / "build"), "--input", str(tmp_path / "x.npy"), "--neurobench"]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "NeuroBench, 3 samples" in said
    assert "equal; operations are of one inference" in said
    found = json.loads((tmp_path / "build/report.json").read_text())["neurobench"]
    assert found["agrees"]
    assert found["harness"]["acs"] == found["own"]["acs"]


def test_without_the_package_it_says_how_to_install_it(finished, monkeypatch, capsys):
    monkeypatch.setattr("eideploy.flow.neurobench.find_spec", lambda _: None)
    (build,) = (finished / "builds").iterdir()
    assert main(["report", str(build), "--neurobench"]) == 2
    assert "pip install 'eideploy[neurobench]'" in capsys.readouterr().err

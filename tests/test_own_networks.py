"""Networks of the user's in the jobs, and figures of what they do."""

import numpy as np
import pytest
import torch
from torch import nn

import eideploy as ei
import eideploy.nn as einn
from eideploy.errors import UsageError
from tests.helpers.modules import Branched, images


@pytest.fixture(scope="module")
def model():
    made = Branched()
    einn.initialise(made, images(32))
    return made


@pytest.fixture(scope="module")
def circuit(model):
    return ei.export(model, images(8))


def arrays(count=40):
    return images(count).numpy(), np.arange(count) % 4


def test_a_run_of_a_circuit_compiles_and_simulates(circuit, tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "mine.npz", x_train=x[:30], y_train=y[:30], x_test=x[30:], y_test=y[30:])
    kept = ei.save_run(circuit, tmp_path / "mine.npz", name="mine", out=tmp_path / "run")
    logits = ei.run_float(circuit, x[30:]).logits
    assert kept.content["float_accuracy"] == (logits.argmax(1) == y[30:]).mean()
    assert ei.circuit_text(ei.load_run(kept.folder).circuit) == ei.circuit_text(circuit)
    built = ei.compile_run(kept.folder, out=tmp_path / "build")
    assert ei.simulate_build(built.folder).content["samples"] == 10


def test_a_kept_run_has_no_training_to_go_on_with(circuit, tmp_path):
    ei.save_run(circuit, arrays(), out=tmp_path / "run")
    for more in ({}, {"training.epochs": 9}):
        with pytest.raises(UsageError) as error:
            ei.resume_run(tmp_path / "run", overrides=more)
        assert "was not trained by eideploy train" in error.value.what
        assert "--set" not in error.value.fix


def test_a_run_of_arrays_compiles_on_what_it_keeps(circuit, tmp_path, capsys):
    kept = ei.save_run(circuit, arrays(), out=tmp_path / "run")
    assert ei.compile_run(kept.folder, out=tmp_path / "build").content["calibration_samples"] == 32
    assert ei.simulate_build(tmp_path / "build").content["samples"] == 8
    assert "the data were in memory: taking 8 of 8 test samples" in capsys.readouterr().err


def test_features_are_taken_as_data_sets_have_them(tmp_path):
    module = einn.Sequential(
        einn.DirectCoding(3), einn.Linear(6, 8), einn.LIF(), einn.Readout(8, 4)
    )
    x = torch.rand(40, 6)
    einn.initialise(module, x)
    kept = ei.save_run(
        module, (x.numpy() / float(x.max()), arrays()[1]), sample=x, out=tmp_path / "run"
    )
    circuit = ei.load_run(kept.folder).circuit
    assert circuit.input.size == (6, 1, 1)
    with torch.no_grad():
        expected = module(x).mean(0).numpy()
    logits = ei.run_float(circuit, x.numpy()[:, :, None, None]).logits
    np.testing.assert_allclose(logits, expected, atol=1e-5)


def test_data_that_do_not_fit_are_refused_and_leave_nothing(circuit, tmp_path):
    x, _ = arrays()
    with pytest.raises(ei.DataError, match="4 outputs, the data 2 classes"):
        ei.save_run(circuit, (x, np.arange(40) % 2), out=tmp_path / "run")
    with pytest.raises(ei.DataError, match="do not have the network's input shape"):
        ei.save_run(circuit, (x[:, :, :4], np.arange(40) % 4), out=tmp_path / "run")
    with pytest.raises(ei.UsageError, match="Branched has none"):
        ei.save_run(Branched(), arrays(), out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_compiling_in_memory_takes_modules_names_and_samples(model, circuit):
    x, _ = arrays()
    programs = [
        ei.compile_circuit(model, sample=images(8), samples=x),
        ei.compile_circuit(circuit, ranges=ei.observe(circuit, x), divider="lut:8x8"),
        ei.compile_circuit(
            circuit,
            target=ei.load_target("digital"),
            scheme=ei.load_scheme("int8"),
            ranges=ei.observe(circuit, x),
            divider=ei.division("lut:8x8"),
            zero_policy="minimum",
        ),
    ]
    totals = [ei.run_integer(program.circuit, x).totals for program in programs]
    assert np.array_equal(totals[0], totals[1])
    assert np.array_equal(totals[0], totals[2])


def test_compiling_in_memory_wants_one_calibration(circuit):
    x, _ = arrays()
    with pytest.raises(ei.UsageError, match="nothing to calibrate on"):
        ei.compile_circuit(circuit)
    with pytest.raises(ei.UsageError, match="two calibrations"):
        ei.compile_circuit(circuit, samples=x, ranges=ei.observe(circuit, x))


def test_a_network_that_divides_by_nothing_needs_no_division():
    module = nn.Sequential(
        einn.DirectCoding(3), nn.Linear(6, 8), einn.LIF(), nn.Linear(8, 4, bias=False)
    )
    x = torch.rand(20, 6)
    program = ei.compile_circuit(module, sample=x, samples=x.numpy())
    assert program.division.divider.method == "none"


def test_figures_show_every_layer(circuit):
    x, _ = arrays(4)
    trace = ei.run_float(circuit, x, keep=frozenset({"spikes", "currents", "divisors"}))
    spikes = int(trace.spikes["lif1"][:, 2].sum())
    raster = ei.plot.raster(trace, sample=2)
    assert [axis.get_ylabel() for axis in raster.axes] == ["lif1", "lif2"]
    assert len(raster.axes[0].lines[0].get_xdata()) == spikes
    for figure in (ei.plot.currents(trace), ei.plot.divisors(trace)):
        assert [axis.get_ylabel() for axis in figure.axes] == ["conv1", "conv2"]
    assert sum(bar.get_height() for bar in ei.plot.currents(trace).axes[0].patches) == (
        trace.currents["conv1"].size
    )
    with pytest.raises(ei.UsageError, match="the trace has no currents") as error:
        ei.plot.currents(ei.run_float(circuit, x))
    assert error.value.fix == 'run the samples with keep=frozenset({"currents"})'
    with pytest.raises(ei.UsageError, match="no sample 4 of 4"):
        ei.plot.raster(trace, sample=4)


def test_figures_of_comparisons_show_agreement_and_costs(circuit):
    x, y = arrays()
    found = {
        name: ei.compare(circuit, ei.compile_circuit(circuit, samples=x, divider=name), x, y)
        for name in ("exact", "shift")
    }
    axis = ei.plot.agreement(found).axes[0]
    heights = [bar.get_height() / 100 for bar in axis.patches]
    assert heights == pytest.approx([one.agreement for one in found.values()])
    cell = {
        "run": "r", "scheme": "int8", "division": "exact", "policy": "minimum",
        "inhibition": "factored", "folded": (), "samples": 4, "float_accuracy": 1.0,
        "accuracy": 0.5, "agreement": 1.0, "mismatch": {}, "saturated": 0.0, "cycles": 10.0,
        "weights": 1, "weight_bits": 8, "table_bits": 0, "bound": None, "contrast": (),
    }  # fmt: skip
    cells = [cell, {**cell, "division": "shift", "cycles": 5.0, "accuracy": 0.75}]
    cells.append({**cell, "scheme": "int4", "accuracy": 0.25})
    axis = ei.plot.pareto(ei.Result(text="", content={"cells": cells})).axes[0]
    front = axis.lines[-1]
    assert [front.get_xdata().tolist(), front.get_ydata().tolist()] == [[5.0], [75.0]]
    with pytest.raises(ei.UsageError, match="no cycles of cells"):
        ei.plot.pareto(ei.Result(text="", content={}))


def test_objects_are_shown_by_a_line_and_in_full_in_a_notebook(circuit, tmp_path):
    kept = ei.save_run(circuit, arrays(), name="corners & more", out=tmp_path / "run")
    run, data = ei.load_run(kept.folder), ei.load_data("digits")
    built = ei.load_build(ei.compile_run(kept.folder, out=tmp_path / "build").folder)
    assert repr(circuit) == "Circuit(3 layers, 1x8x8 to 4, 3 steps)"
    assert repr(kept) == "Result(kept corners & more: 3 layers, 3 steps)"
    assert repr(run) == f"Run({run.folder}, 3 layers, 1x8x8 to 4, 3 steps, memory/)"
    assert repr(built).startswith(f"Build({built.folder}, 3 layers")
    assert repr(data).startswith("Dataset(digits: 1437 training and 360 test samples")
    assert "<pre>kept corners &amp; more: 3 layers" in kept._repr_html_()
    for one in (circuit, run, built):
        assert "conv1 = Layer(input) -&gt; 8x8x8" in one._repr_html_()
    assert "10 classes" in data._repr_html_()

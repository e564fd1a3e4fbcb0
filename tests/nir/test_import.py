"""NIR files of other tools compile to the digital core, and what cannot is named, all of it."""

import json
import warnings
from itertools import pairwise

import nir
import numpy as np
import pytest
import torch

from eideploy.backends.digital.build import load_build
from eideploy.cli import main
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.folders import load_run
from examples.nir_from_another_tool.networks import STEPS, trained


@pytest.mark.parametrize("tool", ["snntorch", "spikingjelly", "nirtorch"])
def test_a_network_of_another_tool_keeps_its_predictions_on_the_digital_core(
    tool, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    network, x, test = trained(tool, epochs=4)
    with torch.no_grad():
        logits, test = network.logits(test).numpy(), test.numpy()
    assert len(np.unique(logits.argmax(1))) == 10  # it has learnt something to keep
    nir.write("net.nir", network.write())
    np.save("x.npy", x[:256].numpy())
    words = ["--steps", str(STEPS), "--calibrate-on", "x.npy", "--out", "build"]
    assert main(["compile", "net.nir", *words]) == 0
    build = load_build(tmp_path / "build")
    assert build.program.division.divider.method == "none"
    ours = run_float(build.circuit, test).logits
    assert np.mean(np.abs(ours - logits) < 1e-5) > 0.999
    assert np.array_equal(ours.argmax(1), logits.argmax(1))
    integer = run_integer(build.program.circuit, test).totals
    assert np.mean(integer.argmax(1) == logits.argmax(1)) >= 0.95
    words = ["--input", "x.npy", "--samples", "8", "--neurobench"]
    assert main(["report", "build", *words]) == 0
    counted = json.loads((tmp_path / "build/report.json").read_text())["neurobench"]
    assert counted["agrees"]
    assert counted["divisions"] == 0


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Work in a folder with samples of 6 numbers."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.random.default_rng(0).random((40, 6), np.float32))
    return tmp_path


def lif(n, tau=2e-4, r=2.0, **changed):
    full = {"tau": tau, "r": r, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | changed
    return nir.LIF(**{name: np.full(n, value) for name, value in full.items()})


def weights(n, m, seed=0):
    return np.random.default_rng(seed).normal(0.3, 1, (n, m)).astype(np.float32)


def chain(path, *nodes, metadata=None, edges=(), **more):
    """Write Input, the nodes as n1, n2, .., and Output, one behind the other; and `more` nodes."""
    names = ["input", *(f"n{i + 1}" for i in range(len(nodes))), "output"]
    ends = nir.Input({"input": np.array([6])}), nir.Output({"output": np.array([3])})
    whole = dict(zip(names, (ends[0], *nodes, ends[1]), strict=True)) | more
    joined = [*pairwise(names), *edges]
    nir.write(path, nir.NIRGraph(whole, joined, metadata=metadata or {}, type_check=False))


def sound(path, **options):
    chain(path, nir.Linear(weights(5, 6)), lif(5), nir.Linear(weights(3, 5)), lif(3), **options)


def test_every_node_that_cannot_be_compiled_is_named_with_its_reason(folder, capsys):
    ones = np.ones(5)
    nodes = (
        nir.Linear(weights(5, 6)), lif(5, v_threshold=-1.0), nir.Linear(weights(5, 5)),
        nir.CubaLIF(ones, ones, ones, ones, ones, ones * 0, ones), nir.Delay(3 * ones),
        lif(5, v_reset=1.5, tau=5e-5), nir.LI(ones, ones, ones), nir.Linear(weights(3, 5)), lif(3),
    )  # fmt: skip
    chain("net.nir", *nodes, edges=[("n1", "side")], side=nir.Scale(np.ones(3)))
    assert main(["import", "net.nir", "--steps", "4", "--dt", "1e-4"]) == 1
    said = capsys.readouterr().err
    for line in (
        "n2 (LIF): v_threshold is -1, must be above the resting membrane, which is 0",
        "n4 (CubaLIF): v_leak, or v_reset where membranes start, is not zero behind a filter",
        "n5 (Delay): delays by 30000 steps; by one at most",
        "n6 (LIF): v_reset is 1.5, not below the threshold",
        "tau is 0.5 time steps of 0.0001 s, must be at least 1",
        "side: it leads nowhere",
        "; say the right length of a step with --dt, of 5e-05 s at most",
        "; change these nodes in the tool that wrote them",
    ):
        assert line in said
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ((nir.Linear(weights(5, 7)), lif(5)), "takes 7 inputs and reads a signal of shape (6,)"),
        ((nir.Affine(weights(3, 6), np.ones(3)),), "there are no neurons before it"),
        ((nir.Scale(np.arange(5.0)), nir.Linear(weights(3, 6)), lif(3)), "scales 5 entries and"),
        ((nir.Linear(weights(3, 6)), lif(3, v_threshold=0.0)), "v_threshold is 0"),
        ((nir.Linear(weights(3, 6)), nir.LI(*np.ones((3, 3)))), "there are no neurons before it"),
        (
            (lif(6), nir.Linear(weights(3, 6)), nir.LI(*np.ones((3, 3))), nir.Scale(np.ones(3))),
            "n3 (LI): integrates and does not spike, and neither a Threshold nor the Output alone",
        ),
        ((nir.Linear(np.full((3, 6), np.nan)), lif(3)), "weights that are not finite"),
        ((), "there are no neurons before it"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(nodes, said, folder, capsys):
    chain("net.nir", *nodes)
    assert main(["import", "net.nir", "--steps", "4", "--dt", "1e-4"]) == 1
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("assume", "said"),
    [
        ([], "the logits are the mean membranes of n3 over time, which nothing resets"),
        (["--assume", "readout=last"], "the logits are the last membranes of n3 over time"),
        (["--assume", "readout=max"], "the last neurons' membranes are read (max over time)"),
    ],
)
def test_the_readout_that_is_assumed_is_said(assume, said, folder, capsys):
    li = nir.LI(tau=np.full(3, 1e-3), r=np.ones(3), v_leak=np.full(3, 0.1))
    chain("net.nir", lif(6), nir.Linear(weights(3, 6)), li)
    assert main(["import", "net.nir", "--steps", "4", "--dt", "1e-4", *assume]) == 0
    assert said in capsys.readouterr().out


def test_the_core_names_what_it_lacks_for_membranes_and_a_controller_runs_them(folder, capsys):
    li = nir.LI(tau=np.full(3, 1e-3), r=np.ones(3), v_leak=np.full(3, 0.1))
    chain("net.nir", nir.Linear(weights(5, 6)), lif(5), nir.Linear(weights(3, 5)), li)
    words = ["compile", "net.nir", "--steps", "8", "--dt", "1e-4", "--calibrate-on", "x.npy"]
    assert main([*words, "--out", "build"]) == 1
    said = "the output is the mean of membranes over time, and target digital has no integrators"
    assert said in capsys.readouterr().err
    assert (
        main([*words, "--target", "cortex-m4", "--emit", "onnx", "--emit", "nir", "--out", "build"])
        == 0
    )
    assert main(["verify", "build", "--input", "x.npy"]) == 0


def test_a_loop_without_neurons_is_named(folder, capsys):
    sound("net.nir", edges=[("n1", "back"), ("back", "n1")], back=nir.Linear(weights(6, 5)))
    assert main(["import", "net.nir", "--steps", "4"]) == 1
    assert "back, n1: a loop without neurons, whose sums never end" in capsys.readouterr().err


def test_steps_and_samples_that_are_missing_are_asked_for(folder, capsys):
    sound("net.nir")
    assert main(["compile", "net.nir", "--calibrate-on", "x.npy"]) == 2
    assert "fix:   give it with --steps T" in capsys.readouterr().err
    assert main(["compile", "net.nir", "--steps", "4"]) == 2
    assert "with --calibrate-on samples.npy" in capsys.readouterr().err
    assert not (folder / "runs").exists()
    assert main(["compile", "nowhere", "--steps", "4"]) == 2
    assert "--steps has no effect on nowhere, which is no NIR file" in capsys.readouterr().err
    assert main(["import", "nowhere.nir", "--steps", "4"]) == 1
    assert "the file cannot be read" in capsys.readouterr().err
    assert main(["compile", "nowhere.nir"]) == 1
    assert "the file cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("more", [["--lut", "8bit"], ["--calibrate-on", "nowhere.npy"]])
def test_no_run_is_left_of_a_graph_that_does_not_compile(more, folder):
    sound("net.nir")
    assert main(["compile", "net.nir", "--steps", "4", "--calibrate-on", "x.npy", *more]) > 0
    assert not (folder / "runs").exists()


def test_a_report_of_what_does_not_divide_has_every_figure_but_the_divisors(folder):
    sound("net.nir")
    words = ["--steps", "4", "--calibrate-on", "x.npy", "--out", "build"]
    assert main(["compile", "net.nir", *words]) == 0
    assert main(["report", "build", "--input", "x.npy", "--out", "page"]) == 0
    found = json.loads((folder / "page" / "report.json").read_text())
    network = found["provenance"]["network"]
    assert [layer["weights"] for layer in network["layers"][:2]] == [5 * 6, 3 * 5]
    assert {(x["divisors"], x["division_error"]) for x in found["layers"]} == {(None, None)}
    assert all(sum(x["currents"]["integer"]["counts"]) for x in found["layers"])
    page = (folder / "page" / "report.html").read_text()
    assert "integrated current" in page
    assert "I_div" not in page


def test_what_the_metadata_say_is_taken_and_what_the_user_says_before_it(folder):
    sound("net.nir", metadata={"steps": 5, "dt": 1e-4, "reset": "subtract"})
    assert main(["import", "net.nir", "--out", "run"]) == 0
    circuit = load_run(folder / "run").circuit
    neurons = circuit.node("n2").model
    assert (circuit.steps, neurons.reset, neurons.tau) == (5, "subtract", 2)
    words = ["--steps", "3", "--dt", "5e-5", "--reset", "hard", "--input-high", "2"]
    assert main(["import", "net.nir", "--out", "other", *words]) == 0
    circuit = load_run(folder / "other").circuit
    neurons = circuit.node("n2").model
    assert (circuit.steps, neurons.reset, neurons.tau) == (3, "zero", 4)
    assert circuit.input.high == 2


def test_a_time_constant_becomes_the_nearest_power_of_two_where_that_is_asked_for(folder, capsys):
    chain("net.nir", nir.Linear(weights(3, 6)), lif(3, tau=1e-3, r=10.0))
    assert main(["import", "net.nir", "--steps", "4", "--nearest-tau", "--out", "run"]) == 0
    assert "n2: tau of 10 steps became 8" in capsys.readouterr().out
    circuit = load_run(folder / "run").circuit
    assert circuit.node("n2").model.tau == 8
    assert np.array_equal(circuit.node("n1").weights[0], weights(3, 6))


def test_layers_of_any_neurons_are_counted_and_their_resets_named(folder, capsys):
    chain("net.nir", nir.Linear(weights(3, 6)), lif(3, tau=1e-3, r=10.0))
    assert main(["import", "net.nir", "--steps", "4", "--out", "run"]) == 0
    assert "imported net.nir: 1 layer of neurons, reset to zero; 4 steps" in capsys.readouterr().out


def fixed(capsys):
    return capsys.readouterr().err.rpartition("  fix:   ")[2].strip()


@pytest.mark.parametrize("tau", [8e-6, 3.3e-7])
def test_a_time_constant_below_a_step_is_answered_with_a_step_that_is_taken(tau, folder, capsys):
    chain("net.nir", nir.Linear(weights(3, 6)), lif(3, tau=tau))
    command = ["import", "net.nir", "--steps", "4"]
    assert main(command) == 1
    advice = fixed(capsys)
    assert advice.startswith("say the right length of a step with --dt, of ")
    assert main([*command, "--dt", advice.split()[-4]]) == 0


def test_a_step_is_what_the_numbers_of_the_file_say(folder, capsys):
    chain("net.nir", nir.Linear(weights(3, 6)), lif(3, tau=4e-3, r=4.0))
    assert main(["import", "net.nir", "--steps", "4", "--out", "run"]) == 0
    said = capsys.readouterr().out
    assert "a step is 0.001 s as tau is written, by r and tau of the file" in said
    assert load_run(folder / "run").circuit.node("n2").model.tau == 4
    assert main(["import", "net.nir", "--steps", "4", "--dt", "1e-4", "--out", "other"]) == 0
    said = capsys.readouterr().out
    assert "contradiction: --dt says steps of 0.0001 s, and the file's r, tau" in said
    assert "with 0.0001 inputs are 0.1 times as strong" in said


@pytest.mark.parametrize(("r", "taken"), [(1.0, False), (1e3, True)])
def test_how_long_a_step_is_matters_to_integrators_whose_r_is_not_1(r, taken, folder, capsys):
    ones = np.ones(3)
    chain("net.nir", nir.Linear(weights(3, 6)), nir.IF(r=r * ones, v_threshold=ones))
    assert main(["import", "net.nir", "--steps", "4", "--dt", "1e-3"]) == (0 if taken else 2)
    assert ("--dt has no effect on net.nir" in capsys.readouterr().err) == (not taken)


def test_what_our_own_file_says_cannot_be_said_otherwise(finished, tmp_path, capsys):
    run, out = str(finished / "runs/digits-conv-1"), tmp_path / "build"
    assert main(["compile", run, "--emit", "nir", "--out", str(out)]) == 0
    assert main(["import", str(out / "model.nir"), "--input-high", "1", "--dt", "1"]) == 2
    said = capsys.readouterr().err
    assert "--dt and --input-high have no effect on" in said
    assert "which eideploy wrote and which says all that" in said


def test_a_network_that_subtracts_its_threshold_is_read_as_that_where_it_is_said(folder):
    import snntorch
    from snntorch.export_nir import export_to_nir

    torch.manual_seed(0)
    own = {"reset_mechanism": "subtract", "reset_delay": False, "init_hidden": True}
    first, last = (
        snntorch.Leaky(beta=torch.full((n,), 0.5), threshold=torch.ones(n), **own) for n in (20, 3)
    )
    network = torch.nn.Sequential(torch.nn.Linear(6, 20), first, torch.nn.Linear(20, 3), last)
    with torch.no_grad():
        network[0].weight *= 3
        network[2].weight *= 3
        x = torch.rand(40, 6)
        theirs = (sum(network(x) for _ in range(8)) / 8).numpy()
        first.reset_mem()
        last.reset_mem()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls what nirtorch is going to drop
            nir.write("net.nir", export_to_nir(network, torch.zeros(1, 6), ignore_dims=[0]))
    agreement = {}
    for reset in ("soft", "hard"):
        assert main(["import", "net.nir", "--steps", "8", "--reset", reset, "--out", reset]) == 0
        ours = run_float(load_run(folder / reset).circuit, x.numpy()).logits
        agreement[reset] = np.mean(np.abs(ours - theirs) < 1e-6)
    assert agreement["soft"] > 0.98
    assert agreement["hard"] < 0.95


def test_sequences_are_taken_a_step_at_a_time(folder):
    sound("net.nir")
    trains = (np.random.default_rng(0).random((30, 4, 6)) < 0.4).astype(np.float32)
    np.save("trains.npy", trains)
    words = ["--steps", "4", "--calibrate-on", "trains.npy", "--out", "build"]
    assert main(["compile", "net.nir", *words]) == 0
    build = load_build(folder / "build")
    floats = run_float(build.circuit, trains).logits
    assert np.unique(floats).size >= 3
    assert np.abs(floats - run_float(build.circuit, trains[:, :1].repeat(4, 1)).logits).max() > 0
    integers = run_integer(build.program.circuit, trains)
    assert np.mean(integers.logits.argmax(1) == floats.argmax(1)) >= 0.95


def test_our_own_dialects_compile_as_the_network_that_they_were_written_from(finished, tmp_path):
    run = load_run(finished / "runs/digits-conv-1")
    samples = np.random.default_rng(0).random((16, 1, 8, 8), np.float32)
    np.save(tmp_path / "x.npy", samples)
    where = ["--calibrate-on", str(tmp_path / "x.npy")]
    dialects = ("ei", "folded", "plain")
    emit = ["--emit", "nir", *(word for d in dialects for word in ("--nir-dialect", d))]
    build = tmp_path / "build"
    assert main(["compile", str(run.folder), *where, *emit, "--out", str(build)]) == 0
    own = load_build(build)
    for dialect, name in zip(dialects, ("model", "model.folded", "model.plain"), strict=True):
        again = tmp_path / dialect
        assert main(["import", str(build / f"{name}.nir"), "--out", str(again / "run")]) == 0
        words = [str(again / "run"), *where, "--out", str(again / "build")]
        assert main(["compile", *words]) == 0
        found = load_build(again / "build")
        if dialect == "ei":
            ours, theirs = (run_integer(b.program.circuit, samples).totals for b in (own, found))
            assert np.array_equal(ours, theirs)
        agreement = np.mean(
            run_float(found.circuit, samples).logits.argmax(1)
            == run_integer(found.program.circuit, samples).totals.argmax(1)
        )
        assert agreement >= 0.8

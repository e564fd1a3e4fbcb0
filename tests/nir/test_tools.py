"""Files of other tools compute what these tools compute, every output of it."""

import re
import warnings
from dataclasses import asdict, fields
from pathlib import Path

import nir
import numpy as np
import pytest
import snntorch
import torch
from snntorch.export_nir import export_to_nir
from spikingjelly.activation_based import functional, layer, neuron
from spikingjelly.activation_based.nir_exchange import export_to_nir as spikingjelly_to_nir
from torch import nn

from eideploy.backends.nir.conventions import CONVENTIONS, Convention
from eideploy.backends.nir.options import Reading
from eideploy.backends.nir.reading import read
from eideploy.cli import main
from eideploy.divisions import none
from eideploy.errors import CapacityError, DataError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.execute.integer import run_integer
from eideploy.execute.observe import observe
from eideploy.pipeline import to_integers
from eideploy.recipe import Recipe
from eideploy.scheme import load_scheme
from eideploy.target import load_target

FILES = Path(__file__).parent / "foreign"
STEPS = 20
ROOT = Path(__file__).parents[2]


def ours(path, **reading):
    return read(path, Reading(steps=STEPS, **reading)).circuit


@pytest.mark.parametrize("path", sorted(FILES.glob("*.nir")), ids=lambda p: p.stem)
def test_a_file_of_a_tool_gives_its_rates(path):
    expected = np.load(path.with_suffix(".npz"))
    found = run_float(ours(path, tool=path.stem.split("_")[0]), expected["x"]).logits
    np.testing.assert_allclose(found, expected["rates"], atol=1e-6)
    assert np.unique(expected["rates"]).size > 3


def in_snntorch(layers, folder):
    """Write a network of snnTorch, and return samples and the rates of its last neurons."""
    network = nn.Sequential(*layers)
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.weight *= 3
        x = torch.rand(24, 8, generator=rng)
        rest(network)
        rates = sum(outputs(network(x)) for _ in range(STEPS)) / STEPS
        rest(network)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it calls what nirtorch is going to drop
            graph = export_to_nir(network, torch.zeros(1, 8), ignore_dims=[0])
    nir.write(folder / "net.nir", graph)
    return x.numpy(), rates.numpy()


def outputs(found):
    return found[0] if isinstance(found, tuple) else found


def rest(network):
    for module in network.modules():
        for name in ("spk", "syn", "mem"):
            if hasattr(module, name):
                setattr(module, name, torch.zeros(0))


def leaky(n, beta, **own):
    ones = torch.ones(n)
    return snntorch.Leaky(beta=beta * ones, threshold=ones, init_hidden=True, **own)


def synaptic(n, alpha, beta, **own):
    ones = torch.ones(n)
    return snntorch.Synaptic(alpha * ones, beta * ones, threshold=ones, init_hidden=True, **own)


RESETS = {"subtract": "soft", "zero": "hard"}
SNNTORCH = {
    "Leaky": lambda **own: [
        nn.Linear(8, 30), leaky(30, 0.9, **own), nn.Linear(30, 5), leaky(5, 0.37, **own)
    ],
    "Leaky of a beta each": lambda **own: [
        nn.Linear(8, 30), leaky(30, torch.linspace(0.1, 0.99, 30), **own), nn.Linear(30, 5),
        leaky(5, 0.5, **own),
    ],
    "Synaptic": lambda **own: [
        nn.Linear(8, 30), synaptic(30, 0.5, 0.75, **own), nn.Linear(30, 5),
        synaptic(5, 0.3, 0.9, **own),
    ],
    "RLeaky": lambda **own: [
        nn.Linear(8, 30),
        snntorch.RLeaky(beta=0.8, linear_features=30, init_hidden=True, **own),
        nn.Linear(30, 5), leaky(5, 0.5, **own),
    ],
    "RSynaptic": lambda **own: [
        nn.Linear(8, 30),
        snntorch.RSynaptic(alpha=0.6, beta=0.8, linear_features=30, init_hidden=True, **own),
        nn.Linear(30, 5), leaky(5, 0.5, **own),
    ],
}  # fmt: skip


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("kind", SNNTORCH)
def test_a_network_of_snntorch_gives_its_rates(kind, reset, tmp_path):
    torch.manual_seed(1)
    x, rates = in_snntorch(SNNTORCH[kind](reset_mechanism=reset), tmp_path)
    how = {} if reset == "subtract" else {"reset": "zero"}
    found = run_float(ours(tmp_path / "net.nir", tool="snntorch", **how), x).logits
    np.testing.assert_allclose(found, rates, atol=1e-6)
    assert np.unique(rates).size > 3


def test_a_reset_without_delay_is_read_where_it_is_said(tmp_path):
    torch.manual_seed(1)
    x, rates = in_snntorch(SNNTORCH["Leaky"](reset_delay=False), tmp_path)
    said = {"tool": "snntorch", "assume": {"late": "no"}}
    same = run_float(ours(tmp_path / "net.nir", **said), x).logits
    # it resets twice what is above its threshold after a reset, which no other tool does
    assert np.mean(np.abs(same - rates) < 1e-6) > 0.97


@pytest.mark.parametrize("form", ["readout", "steps"])
@pytest.mark.parametrize("read", ["mean", "last", "max"])
@pytest.mark.parametrize("last", [lambda **own: leaky(5, 0.8, **own),
                                  lambda **own: synaptic(5, 0.4, 0.8, **own)],
                         ids=["Leaky", "Synaptic"])  # fmt: skip
def test_membranes_that_snntorch_reads_are_read(last, read, form, tmp_path):
    """Of neurons that nothing resets: as `--assume readout=` says, or found out by --expect."""
    torch.manual_seed(1)
    end = last(reset_mechanism="none", output=True)
    layers = [nn.Linear(8, 30), leaky(30, 0.9), nn.Linear(30, 5), end]
    membranes = []
    end.register_forward_hook(lambda *_: membranes.append(end.mem.detach().numpy()))
    x, _ = in_snntorch(layers, tmp_path)
    steps = np.stack(membranes[:STEPS], 1)
    expected = {"mean": steps.mean(1), "last": steps[:, -1], "max": steps.max(1)}[read]
    path = tmp_path / "net.nir"
    given = {"tool": "snntorch", "assume": {"readout": read}}
    circuit = ours(path, **given)
    np.testing.assert_allclose(run_float(circuit, x).logits, expected, atol=1e-5)
    np.savez(tmp_path / "out.npz", x=x, logits=expected if form == "readout" else steps)
    ours(path, **given, expect=tmp_path / "out.npz")
    if form == "readout":
        with pytest.raises(DataError, match="outputs are not those in") as error:
            ours(path, tool="snntorch", expect=tmp_path / "out.npz")
        assert f"--from snntorch --assume readout={read}" in error.value.fix


def in_spikingjelly(layers, folder, **export):
    network = nn.Sequential(*layers)
    functional.set_step_mode(network, "s")
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                module.weight *= 8
        x = (torch.rand(24, 8, generator=rng) * 16).round() / 16
        rates = sum(network(x) for _ in range(STEPS)) / STEPS
        functional.reset_net(network)
        graph = spikingjelly_to_nir(network, x, **export)
    nir.write(folder / "net.nir", graph)
    return x.numpy(), rates.numpy()


def jelly(kind, **own):
    parts = [
        layer.Linear(8, 30), kind(**own), layer.Linear(30, 5), kind(**own),
    ]  # fmt: skip
    with torch.no_grad():  # on a grid, so that membranes meet thresholds
        for part in parts[::2]:
            part.weight.copy_((part.weight * 16).round() / 16)
            part.bias.copy_((part.bias * 16).round() / 16)
    return parts


SPIKINGJELLY = {
    "IF": (neuron.IFNode, {}, {}),
    "IF in steps of 1 ms": (neuron.IFNode, {}, {"dt": 1e-3}),
    "IF reset to -0.5": (neuron.IFNode, {"v_reset": -0.5}, {}),
    "LIF": (neuron.LIFNode, {"tau": 2.0}, {}),
    "LIF reset to -0.25": (neuron.LIFNode, {"tau": 2.0, "v_reset": -0.25}, {}),
    "LIF of undecayed input in steps of 1 ms": (
        neuron.LIFNode, {"tau": 3.0, "decay_input": False}, {"dt": 1e-3},
    ),
    "ParametricLIF": (neuron.ParametricLIFNode, {"init_tau": 2.3}, {}),
    "CUBALIF": (neuron.CUBALIFNode, {"c_decay": 0.5, "v_decay": 0.75}, {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPIKINGJELLY)
def test_a_network_of_spikingjelly_gives_its_rates(kind, tmp_path):
    torch.manual_seed(1)
    model, own, export = SPIKINGJELLY[kind]
    x, rates = in_spikingjelly(jelly(model, **own), tmp_path, **export)
    found = run_float(ours(tmp_path / "net.nir", tool="spikingjelly"), x).logits
    np.testing.assert_allclose(found, rates, atol=1e-6)
    assert np.unique(rates).size > 3


def test_weights_on_a_grid_meet_thresholds_in_integers_too(tmp_path):
    torch.manual_seed(1)
    x, rates = in_spikingjelly(jelly(neuron.IFNode), tmp_path)
    circuit = ours(tmp_path / "net.nir", tool="spikingjelly")
    recipe = Recipe(scheme=load_scheme("int8"), divider=none(), zero_policy="floor")
    integer = to_integers(
        circuit, recipe, target=load_target("digital"), ranges=observe(circuit, x)
    )
    found = run_integer(integer, x).totals * integer.logit_step / STEPS
    np.testing.assert_allclose(found, rates, atol=1e-6)


@pytest.fixture
def leaking(tmp_path):
    """Return a file of snnTorch, and one of what it computes."""
    torch.manual_seed(1)
    x, rates = in_snntorch(SNNTORCH["Leaky"](), tmp_path)
    np.savez(tmp_path / "out.npz", x=x, rates=rates)
    return tmp_path


def test_what_is_expected_is_compared_and_a_mismatch_names_the_reading_that_holds(leaking, capsys):
    command = ["import", str(leaking / "net.nir"), "--steps", str(STEPS)]
    expect = ["--expect", str(leaking / "out.npz")]
    out = ["--out", str(leaking / "run")]
    assert main([*command, *expect, *out]) == 1
    said = capsys.readouterr().err
    assert "error: the network's outputs are not those in out.npz: the same outputs" in said
    assert "read it with --from snntorch, which gives the same on 24 samples" in said
    assert not (leaking / "run").exists()
    assert main([*command, *expect, *out, "--from", "snntorch"]) == 0
    said = capsys.readouterr().out
    assert "read as snntorch 1.0.0 writes it (--from): a step keeps 1 - dt / tau" in said
    assert "expected out.npz: the same outputs on 100.00 % of 24 samples, the same class on" in said


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"rates": np.ones((24, 5))}, "no x or none of rates, logits, spikes"),
        ({"x": np.ones((24, 8))}, "no x or none of rates, logits, spikes"),
        ({"x": np.ones((24, 9)), "rates": np.ones((24, 5))}, "x is of shape (24, 9)"),
        ({"x": np.ones((24, 8)), "rates": np.ones((24, 4))}, "rates is of shape (24, 4), of 24"),
        ({"x": np.ones((24, 8)), "rates": np.full((24, 5), np.nan)}, "rates is of shape (24, 5)"),
        (
            {"x": np.ones((24, 8)), "rates": np.full((24, 5), "a")},
            "rates holds <U1, not real numbers",
        ),
        ({"x": np.ones((24, 8)), "rates": np.full((24, 5), 1j)}, "rates holds complex128"),
    ],
)
def test_outputs_that_are_not_of_the_network_are_refused(arrays, said, leaking):
    np.savez(leaking / "other.npz", **arrays)
    with pytest.raises(DataError, match=re.escape(said)):
        ours(leaking / "net.nir", expect=leaking / "other.npz")


@pytest.mark.parametrize("shift", [-0.5, 1.0])
def test_membranes_that_are_expected_of_neurons_that_spike_are_no_rates(shift, leaking):
    with np.load(leaking / "out.npz") as z:
        np.savez(leaking / "mem.npz", x=z["x"], logits=z["rates"] + shift)
    with pytest.raises(DataError, match="outputs are not those in") as error:
        ours(leaking / "net.nir", expect=leaking / "mem.npz")
    assert error.value.fix.startswith("give the rates of its spikes: some of these outputs are")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "neither an .npz nor an .npy"),
        (b"PK\x03\x04 no more", "the file is damaged"),
        (b"\x93NUMPY", "the file is damaged"),
    ],
)
def test_a_damaged_file_of_outputs_is_refused(content, what, leaking):
    (leaking / "bad.npz").write_bytes(content)
    with pytest.raises(DataError, match=re.escape(what)) as error:
        ours(leaking / "net.nir", expect=leaking / "bad.npz")
    assert error.value.fix.startswith("write it with numpy.savez(path, x=samples, rates=")


def test_outputs_that_unpack_to_far_more_than_they_weigh_are_not_unpacked(leaking, monkeypatch):
    monkeypatch.setattr("eideploy.data.own.files.MOST_UNPACKED", 1 << 16)
    np.savez_compressed(leaking / "much.npz", x=np.zeros((24, 8, 2000)), rates=np.zeros((24, 5)))
    monkeypatch.setattr(np.lib.format, "read_array", lambda *_, **__: pytest.fail("unpacked"))
    with pytest.raises(DataError, match="the arrays unpack to 30"):
        ours(leaking / "net.nir", expect=leaking / "much.npz")


@pytest.mark.parametrize("form", ["spikes", "counts", "logits"])
def test_outputs_may_be_spikes_step_by_step_or_their_number(form, leaking):
    z = np.load(leaking / "out.npz")
    counts = np.rint(z["rates"] * STEPS).astype(int)
    trains = np.arange(STEPS)[None, :, None] < counts[:, None]
    given = {
        "spikes": {"spikes": trains},
        "counts": {"spikes": counts},
        "logits": {"logits": z["rates"]},
    }
    np.savez(leaking / "other.npz", x=z["x"], **given[form])
    ours(leaking / "net.nir", tool="snntorch", expect=leaking / "other.npz")


def test_a_tool_is_known_by_what_only_it_writes():
    for stem in ("rockpool_lif_tau20ms", "spyx_beta0.90"):
        path = FILES / f"{stem}.nir"
        found = read(path, Reading(steps=STEPS, expect=path.with_suffix(".npz")))
        assert found.how["tool"] == stem.split("_")[0]
        assert found.remarks[0].startswith(f"read as {found.how['tool']} ")


def test_a_file_of_an_unknown_tool_is_read_as_nir_and_that_is_said(leaking):
    found = read(leaking / "net.nir", Reading(steps=STEPS))
    assert "nobody says which tool did; say it with --from, and check it with" in found.remarks[0]


@pytest.mark.parametrize(
    ("assume", "said"),
    [
        ({"fire": "above"}, "a convention has no fire"),
        ({"fires": "never"}, "fires is never"),
        ({"spikes": "0"}, "spikes is 0"),
    ],
)
def test_what_no_convention_has_cannot_be_assumed(assume, said, leaking):
    with pytest.raises(UsageError, match=said):
        ours(leaking / "net.nir", assume=assume)


def test_norse_files_of_two_forms_are_told_apart():
    """Its release 1.1 writes dt times tau; others wrote tau in seconds."""
    found = read(FILES / "norse_tau8.nir", Reading(steps=STEPS, tool="norse"))
    assert found.how["dt"] == pytest.approx(1e-6)
    with pytest.raises(CapacityError, match=r"time steps of 0\.001 s, must"):
        read(FILES / "norse_tau8.nir", Reading(steps=STEPS, dt=1e-3))


def test_the_table_of_conventions_in_the_documents_is_that_of_the_code():
    text = (ROOT / "docs/nir.md").read_text("utf-8")
    for tool, convention in CONVENTIONS.items():
        values = asdict(convention)
        own = [f"{values[f.name]:g}" if f.name == "dt" else str(values[f.name]).lower()
               for f in fields(Convention)]  # fmt: skip
        assert f"| {tool} | {' | '.join(own)} |" in text
    names = " | ".join(f.name for f in fields(Convention))
    assert f"| tool | {names} |" in text

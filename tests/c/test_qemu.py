"""The network in C does the same on microcontrollers, as far as QEMU emulates them."""

import re
from pathlib import Path

import numpy as np
import pytest

from eideploy.backends.c import qemu
from eideploy.backends.c.controller import read_controller
from eideploy.backends.c.cost import counted
from eideploy.backends.c.network import Network
from eideploy.backends.c.place import lay_out
from eideploy.backends.c.plan import BY_EVENTS
from eideploy.backends.c.qemu import MACHINES, Differing, machine_for
from eideploy.circuit import Division, Flatten
from eideploy.divisions import none
from eideploy.errors import UsageError
from eideploy.execute.integer import run_integer
from tests.c.test_network import everything, given_samples, integers
from tests.helpers.layers import circuit as of_nodes
from tests.helpers.layers import folded_conv, folded_linear, folded_readout, lif, source

ROOT = Path(__file__).parents[2]
ALIGNED = 8  # bytes that a linker may leave free before an array


@pytest.mark.qemu
@pytest.mark.parametrize("plan", ["by events", "dense and kept"])
@pytest.mark.parametrize("name", MACHINES)
def test_every_spike_membrane_and_sum_is_the_simulators(name, plan):
    circuit = integers()
    by = BY_EVENTS if plan == "by events" else everything(circuit)
    run = Differing(Network(circuit, by), MACHINES[name])
    x = given_samples(np.random.default_rng(0), circuit, 4)
    assert run(x).shape == (4, circuit.shapes[circuit.output.name][0])
    assert (run.samples, run.differing) == (4, 0)
    taken = run.emulated.instructions
    assert min(taken) > 0
    assert np.ptp(taken) > 0, "samples differ in how many events they have"


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["cortex-m0", "cortex-m4", "rv32imc"])
@pytest.mark.parametrize("kind", ["dense", "convolution"])
def test_the_estimate_of_layers_without_division_is_what_is_counted(name, kind):
    circuit = plain_network(is_dense=kind == "dense")
    rng = np.random.default_rng(0)
    x = (rng.random((2, circuit.steps, *circuit.input.size)) < 0.3).astype(float)
    run = Differing(Network(circuit), MACHINES[name])
    run(x)
    assert run.differing == 0
    controller = read_controller(ROOT / "targets" / name / "spec.toml")
    trace = run_integer(circuit, x, keep=frozenset({"inputs"}))
    stages = counted(lay_out(circuit, controller), trace, controller.instructions).stages
    estimate = sum(phase.sum(0).mean() for s in stages.values() for phase in s.phases.values())
    assert 0.75 < estimate / np.mean(run.emulated.instructions) < 1.25


def plain_network(*, is_dense):
    """Return ordinary neurons, which a third of the inputs reach in every step."""
    rng = np.random.default_rng(0)
    division = Division(divider=none(), zero_policy="floor")
    given = {"division": division, "current_bits": 20, "fraction": 1}

    def weights(*shape):
        return rng.integers(-127, 128, shape), np.zeros(shape, np.int64)

    def neurons(name, reads, n):
        return lif(name, reads, n, threshold=200, membrane_bits=20)

    if is_dense:
        first = folded_linear("a", "input", *weights(64, 64), **given)
        second = folded_linear("b", "of_a", *weights(32, 64), **given)
        layers = first, neurons("of_a", "a", 64), second, neurons("of_b", "b", 32)
        end = folded_readout("of_b", weights(10, 32)[0])
        return of_nodes(source((64,), top=1), *layers, end, steps=4)
    first = folded_conv("a", "input", *weights(16, 2, 3, 3), padding=1, **given)
    flat = Flatten(name="flat", inputs=("of_a",))
    end = folded_readout("flat", weights(10, 1600)[0])
    return of_nodes(source((2, 10, 10), top=1), first, neurons("of_a", "a", 16), flat, end, steps=4)


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["cortex-m0", "rv32imc"])
def test_the_linkers_map_has_the_bytes_that_compiling_states(name):
    circuit = integers()
    network, size = Network(circuit), Differing(Network(circuit), MACHINES[name]).emulated.size
    arrays = len(network.tables) + len(network.weights)
    assert network.constant_bytes <= size.constants <= network.constant_bytes + ALIGNED * arrays
    members = len(network.state) + sum(map(len, network.sums.values()))
    assert network.state_bytes <= size.state <= network.state_bytes + ALIGNED * members
    assert size.code > 500
    assert size.stack > 0


@pytest.mark.qemu
def test_what_differs_is_counted(monkeypatch):
    circuit = integers()
    run = Differing(Network(circuit), MACHINES["rv32imc"])
    x = given_samples(np.random.default_rng(0), circuit, 2)
    real = qemu.run_integer

    def other(circuit, samples, **options):
        return real(circuit, np.zeros_like(samples), **options)

    monkeypatch.setattr(qemu, "run_integer", other)
    run(x)
    assert run.spikes > 0
    assert run.membranes > 0
    assert run.content["differences"]["spikes"] == run.spikes


def test_the_machine_of_a_spec_is_taken_where_it_is_of_the_kind():
    assert machine_for("c-arm", "cortex-m0").name == "cortex-m0"
    assert machine_for("c-arm").name == machine_for("c-arm", "rv32imc").name == "cortex-m4"
    assert machine_for("c-riscv", "cortex-m7").name == "rv32imc"


@pytest.mark.parametrize("name", MACHINES)
def test_a_program_that_is_missing_is_named_with_its_packages(name, monkeypatch):
    machine = MACHINES[name]
    monkeypatch.setattr(qemu.shutil, "which", lambda _: None)
    with pytest.raises(UsageError, match=re.escape(machine.compiler)) as caught:
        Differing(Network(integers()), machine)
    assert caught.value.fix == f"apt install {machine.packages}"
    assert caught.value.where == f"--executor {machine.executor}"

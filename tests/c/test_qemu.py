"""The network in C does the same on microcontrollers, as far as QEMU emulates them."""

import re

import numpy as np
import pytest

from eideploy.backends.c import qemu
from eideploy.backends.c.network import Network
from eideploy.backends.c.qemu import MACHINES, Differing, machine_for
from eideploy.errors import UsageError
from tests.c.test_network import given_samples, integers

ALIGNED = 8  # bytes that a linker may leave free before an array


@pytest.mark.qemu
@pytest.mark.parametrize("name", MACHINES)
def test_every_spike_membrane_and_sum_is_the_simulators(name):
    circuit = integers()
    run = Differing(circuit, MACHINES[name])
    x = given_samples(np.random.default_rng(0), circuit, 4)
    assert run(x).shape == (4, circuit.shapes[circuit.output.name][0])
    assert (run.samples, run.differing) == (4, 0)
    taken = run.emulated.instructions
    assert min(taken) > 0
    assert np.ptp(taken) > 0, "samples differ in how many events they have"


@pytest.mark.qemu
@pytest.mark.parametrize("name", ["cortex-m0", "rv32imc"])
def test_the_linkers_map_has_the_bytes_that_compiling_states(name):
    circuit = integers()
    network, size = Network(circuit), Differing(circuit, MACHINES[name]).emulated.size
    arrays = len(network.tables) + len(network.weights)
    assert network.constant_bytes <= size.constants <= network.constant_bytes + ALIGNED * arrays
    members = len(network.state) + sum(map(len, network.sums.values()))
    assert network.state_bytes <= size.state <= network.state_bytes + ALIGNED * members
    assert size.code > 500
    assert size.stack > 0


@pytest.mark.qemu
def test_what_differs_is_counted(monkeypatch):
    circuit = integers()
    run = Differing(circuit, MACHINES["rv32imc"])
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
        Differing(integers(), machine)
    assert caught.value.fix == f"apt install {machine.packages}"
    assert caught.value.where == f"--executor {machine.executor}"

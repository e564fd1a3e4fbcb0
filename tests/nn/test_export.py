"""Modules of the user's, ours and other tools' inside, as circuits."""

import numpy as np
import pytest
import snntorch
import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

import eideploy.nn as einn
from eideploy.circuit import Add, AvgPool, Layer, Neurons
from eideploy.errors import CapacityError, DataError, UsageError
from eideploy.execute.float_reference import run_float
from eideploy.neurons import IntegerNeuron
from eideploy.nn.exporting.export import export
from tests.helpers.modules import Branched, images


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def trained(module, x, steps=4):
    """Return a module in float64 whose weights a few steps have moved."""
    module = module.double()
    if any(isinstance(m, einn.EILayer) for m in module.modules()):
        einn.initialise(module, x)
    optimiser = torch.optim.Adam(module.parameters(), lr=0.02)
    for _ in range(steps):
        logits = module(x)
        loss = nn.functional.cross_entropy(logits, torch.arange(len(logits)) % 4)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return module


def same(module, x, samples=None, *, reduce=lambda out: out, **options):
    """Export a module, and check that the circuit's logits are what it returns."""
    circuit = export(module, x, **options)
    expected = reduce(module(x)).detach().numpy()
    given = x if samples is None else samples
    trace = run_float(circuit, given.numpy(), keep=frozenset({"spikes"}))
    np.testing.assert_allclose(trace.logits, expected, rtol=1e-9, atol=1e-9)
    rates = {name: spikes.mean() for name, spikes in trace.spikes.items()}
    assert all(0 < rate < 1 for rate in rates.values()), rates
    return circuit


def test_a_branch_is_added_behind_its_neurons():
    x = images(16).double()
    circuit = same(trained(Branched(), x), x)
    assert circuit.in_full().splitlines()[0] == "circuit of 3 steps"
    assert [node.name for node in circuit.nodes] == [
        "input", "conv1", "lif1", "conv2", "lif2", "add1", "pool1", "flatten", "readout",
    ]  # fmt: skip
    assert circuit.node("add1").inputs == ("lif1", "lif2")
    assert circuit.input.size == (1, 8, 8)


class Sequences(nn.Module):
    """Layers of this package and of torch over sequences; batch first, or time."""

    def __init__(self, *, batch_first):
        super().__init__()
        self.batch_first = batch_first
        self.first = einn.Sequential(
            einn.Conv2d(2, 8, 3, stride=2), einn.LIF(4.0, threshold=0.25, reset="zero")
        )
        self.second = nn.Sequential(einn.Conv2d(8, 8, 1, ei_ratio=2), einn.IF(threshold=0.25))
        self.readout = einn.Readout(8, 4)

    def forward(self, x):
        x = x.transpose(0, 1) if self.batch_first else x
        maps = self.second(self.first(x))
        return self.readout(maps.mean((-2, -1))).mean(dim=0)


@pytest.mark.parametrize("batch_first", [True, False])
def test_sequences_are_taken_time_first_or_batch_first(batch_first):
    x = torch.rand(8, 5, 2, 9, 9, generator=torch.Generator().manual_seed(0)).double()
    given = x if batch_first else x.transpose(0, 1)
    module = trained(Sequences(batch_first=batch_first), given)
    circuit = same(module, given, x)
    assert circuit.steps == 5
    first = circuit.of(Neurons)[0].model
    assert (first.tau, first.threshold, first.reset) == (4.0, 0.25, "zero")


def test_direct_coding_behind_the_first_layer_is_the_same_circuit():
    class Coded(Branched):
        def forward(self, x):
            x = self.lif1(einn.DirectCoding(3)(self.conv1(x)))
            x = x + self.lif2(self.conv2(x))
            return self.readout(self.pool(x).flatten(2))

    x = images(12).double()
    model = trained(Branched(), x)
    twin = Coded().double()
    twin.load_state_dict(model.state_dict())
    assert export(model, x).in_full() == same(twin, x, reduce=lambda out: out.mean(0)).in_full()


def test_ordinary_layers_and_batch_normalization_become_signed_weights():
    class Ordinary(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.lif = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6), einn.LIF()
            self.fc, self.lif2 = nn.Linear(6 * 9, 12), einn.LIF()
            self.drop, self.out = nn.Dropout(), nn.Linear(12, 4, bias=False)

        def forward(self, x):
            x = self.norm(self.conv(x)).repeat(3, 1, 1, 1, 1)
            x = nn.functional.avg_pool2d(self.lif(x).flatten(0, 1), 2).unflatten(0, (3, -1))
            return self.out(self.drop(self.lif2(self.fc(x.flatten(2))))).mean(0)

    x = images(16).double()
    with pytest.raises(CapacityError, match="flatten, test_export"):
        export(trained(Ordinary(), x), x)
    Ordinary.forward = lambda self, x: self.out(
        self.drop(
            self.lif2(
                self.fc(
                    einn.AvgPool2d(2)(
                        self.lif(self.norm(self.conv(x)).repeat(3, 1, 1, 1, 1))
                    ).flatten(2)
                )
            )
        )
    ).mean(0)
    module = trained(Ordinary(), x, steps=10)
    circuit = same(module.eval(), x)
    assert [one.kind for one in circuit.of(Layer)] == ["PlainConv", "PlainLinear", "FoldedReadout"]
    assert len(circuit.of(AvgPool)) == 1


@pytest.mark.parametrize("neurons", [
    lambda: neuron.LIFNode(tau=2.0, v_reset=0.0),
    lambda: neuron.LIFNode(tau=4.0, decay_input=False, v_reset=None, v_threshold=0.5),
    lambda: neuron.IFNode(v_reset=None),
])  # fmt: skip
def test_spikingjelly_neurons_are_ours(neurons):
    class Jelly(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.neurons = layer.Conv2d(1, 6, 3), neurons()
            self.fc = layer.Linear(6 * 36, 4, bias=False)
            functional.set_step_mode(self, "m")

        def forward(self, x):
            functional.reset_net(self)
            return self.fc(self.neurons(self.conv(x.repeat(4, 1, 1, 1, 1))).flatten(2)).mean(0)

    x = images(16).double() * 3
    module = trained(Jelly(), x, steps=10)
    same(module, x)


class Leaks(nn.Module):
    """snnTorch as its tutorials write it: a loop over the steps, membranes handed on."""

    def __init__(self, **options):
        super().__init__()
        self.fc1, self.lif1 = nn.Linear(64, 12), snntorch.Leaky(beta=0.75, **options)
        self.fc2, self.lif2 = nn.Linear(12, 4), snntorch.Leaky(beta=0.5, **options)

    def forward(self, x):
        mem1, mem2 = self.lif1.reset_mem(), self.lif2.reset_mem()
        spikes = []
        for _ in range(4):
            one, mem1 = self.lif1(self.fc1(x.flatten(1)), mem1)
            two, mem2 = self.lif2(self.fc2(one), mem2)
            spikes.append(two)
        return torch.stack(spikes).mean(0)


def on_a_grid(module):
    """Return a module in float32 whose sums are exact there, as snnTorch's spikes are float32."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_((parameter * 128).round() / 64)
    return module


def test_snntorch_loops_over_the_steps_are_rolled_up():
    module, x = on_a_grid(Leaks(reset_mechanism="zero")), (images(16) * 64).round() / 64
    circuit = same(module, x)
    assert circuit.steps == 4
    assert len(circuit.of(Neurons)) == 2


class Stepping(nn.Module):
    """Our neurons in a loop over the steps of a sequence, with membranes handed on."""

    def __init__(self):
        super().__init__()
        self.fc1, self.lif1 = einn.Linear(6, 12), einn.LIF()
        self.fc2, self.lif2 = einn.Linear(12, 8), einn.LIF(threshold=0.5, reset="zero")
        self.readout = einn.Readout(8, 4)

    def forward(self, sequence):
        one = two = None
        currents = []
        for x in sequence:
            spikes, one = self.lif1.step(self.fc1(x), one)
            spikes, two = self.lif2.step(self.fc2(spikes), two)
            currents.append(self.readout(spikes))
        return torch.stack(currents).mean(0)


def test_our_neurons_step_by_step_are_rolled_up():
    x = torch.rand(5, 8, 6).double()
    module = trained(Stepping(), x)
    circuit = same(module, x, x.transpose(0, 1))
    assert circuit.steps == 5
    assert [node.name for node in circuit.nodes] == [
        "input", "linear1", "lif1", "linear2", "lif2", "readout",
    ]  # fmt: skip


def test_membranes_of_other_neurons_are_refused():
    class Crossed(Stepping):
        def forward(self, sequence):
            for x in sequence:
                spikes, _ = self.lif1.step(self.fc1(x), None)
            return spikes

    x = torch.rand(5, 8, 6)
    module = Stepping()
    einn.initialise(module, x)
    module.__class__ = Crossed
    with pytest.raises(CapacityError, match="other membranes than its own of the step before"):
        export(module, x)


def test_a_module_that_is_one_step_is_exported_with_its_number_of_steps():
    leaky = snntorch.Leaky(beta=0.5, init_hidden=True, reset_mechanism="zero")
    net = on_a_grid(nn.Sequential(nn.Linear(6, 12), leaky, nn.Linear(12, 4, bias=False)))
    x = (torch.rand(8, 6) * 128).round() / 64
    circuit = export(net, x, steps=4)
    with torch.no_grad():
        expected = torch.stack([net(x) for _ in range(4)]).mean(0)
    trace = run_float(circuit, x.numpy(), keep=frozenset({"spikes"}))
    np.testing.assert_allclose(trace.logits, expected, rtol=1e-9, atol=1e-9)
    assert 0 < trace.spikes["lif1"].mean() < 1


def test_what_other_tools_compute_otherwise_is_refused_with_the_reason():
    with pytest.raises(CapacityError) as error:
        export(Leaks(reset_delay=False), images(4))
    assert "lif1 (Leaky), test_export.py:" in error.value.what
    assert "subtracts its threshold again from a membrane" in error.value.what
    jelly = nn.Sequential(nn.Linear(6, 4), neuron.QIFNode())
    with pytest.raises(CapacityError, match="are known: IFNode, LIFNode and ParametricLIFNode"):
        export(jelly, torch.rand(4, 6), steps=3)
    filtered = nn.Sequential(nn.Linear(6, 4), snntorch.Synaptic(alpha=0.5, beta=0.5))
    with pytest.raises(CapacityError, match="hands out the state of its filter"):
        export(filtered, torch.rand(4, 6), steps=3)


@pytest.mark.parametrize("options", [{}, {"reset_mechanism": "none"}])
def test_snntorch_resets_as_it_does_by_default_or_not_at_all(options):
    module, x = on_a_grid(Leaks(**options)), (images(16) * 64).round() / 64
    circuit = same(module, x)
    assert {node.kind for node in circuit.of(Neurons)} == {"GeneralLIF"}


EACH = torch.linspace(1, 12, 12) / 16  # a number of every neuron


@pytest.mark.parametrize("neurons", [
    lambda: snntorch.Leaky(beta=EACH, threshold=EACH * 2, init_hidden=True),
    lambda: snntorch.Synaptic(alpha=EACH, beta=0.75, init_hidden=True),
    lambda: snntorch.Synaptic(alpha=0.5, beta=EACH, init_hidden=True, reset_mechanism="zero"),
    lambda: neuron.ParametricLIFNode(init_tau=4.0, v_reset=-0.5, decay_input=False),
    lambda: neuron.ParametricLIFNode(init_tau=3.0, v_reset=None),
])  # fmt: skip
def test_neurons_of_any_leak_filter_and_reset_are_exported_and_quantized(neurons):
    module = neurons()
    net = on_a_grid(nn.Sequential(nn.Linear(6, 12), nn.Linear(12, 4, bias=False)))
    net = nn.Sequential(net[0], module, net[1])
    x = (torch.rand(8, 6) * 128).round() / 64
    circuit = export(net, x, steps=4)
    with torch.no_grad():
        expected = torch.stack([net(x) for _ in range(4)]).mean(0)
    trace = run_float(circuit, x.numpy(), keep=frozenset({"spikes"}))
    np.testing.assert_allclose(trace.logits, expected, rtol=1e-6, atol=1e-6)
    assert 0 < trace.spikes["lif1"].mean() < 1
    model = circuit.node("lif1").model.to_integers(np.full(12, 100.0), bits=16, where="lif1")
    assert isinstance(model, IntegerNeuron)


def test_every_operation_without_a_circuit_is_named_with_its_place():
    class Wrong(Branched):
        def forward(self, x):
            x = self.lif1(torch.relu(self.conv1(x.expand(3, *x.shape))))
            return self.readout(self.pool(torch.tanh(x)).flatten(2)).sum(0)

    module = Branched()
    einn.initialise(module, images(4))
    module.__class__ = Wrong
    with pytest.raises(CapacityError) as error:  # what follows it is not known, and not blamed
        export(module, images(4))
    assert error.value.what.startswith("1 operation of the module cannot be exported:")
    assert "relu, test_export.py:" in error.value.what

    class Two(Branched):
        def forward(self, x):
            x = self.lif1(self.conv1(x.expand(3, *x.shape)))
            one, two = torch.tanh(x), x * 2
            return self.readout(self.pool(one + two).flatten(2)).mean(0)

    module.__class__ = Two
    with pytest.raises(CapacityError) as error:
        export(module, images(4))
    lines = error.value.what.splitlines()
    assert lines[0] == "2 operations of the module cannot be exported:"
    assert lines[1].startswith("    tanh, test_export.py:")
    assert lines[2].startswith("    mul, test_export.py:")
    assert error.value.where == "eideploy.export, Two"


@pytest.mark.parametrize(
    ("forward", "why"),
    [
        (lambda m, x: m.lif1(m.conv1(x)).mean(0), "reads no sequence"),
        (lambda m, x: m.conv2(m.conv1(x.expand(3, *x.shape))), "weighs currents"),
        (lambda m, x: m.lif1(m.conv1(x.expand(3, *x.shape))), "is maps"),
        (lambda m, x: m.conv1(x.expand(3, *x.shape)), "is a current that no neurons read"),
        (lambda m, x: m.lif1(m.lif1(m.conv1(x.expand(3, *x.shape)))), "reads no current"),
        (
            lambda m, x: m.lif1(m.conv1(x.expand(3, *x.shape))) if x.sum() > 0 else x,
            "branches on values",
        ),
    ],
)
def test_what_makes_no_network_is_refused_with_the_reason(forward, why):
    class Odd(Branched):
        pass

    module = Branched()
    einn.initialise(module, images(4))
    module.__class__ = Odd
    Odd.forward = forward
    with pytest.raises(CapacityError, match=why):
        export(module, images(4))


def zeroed(x):
    x = x.clone()
    x[..., 0] = 0
    return x


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (zeroed, "setitem, .*: changes values in place"),
        (lambda x: x.to(torch.uint8).float(), "makes torch.uint8 of torch.float32"),
        (lambda x: nn.functional.dropout(x, 0.5), "drops in evaluation"),
        (lambda x: torch.dropout(x, 0.5, True), "drops in evaluation"),
        (lambda x: nn.functional.avg_pool2d(x, 3, 2), "windows that overlap"),
        (lambda x: nn.functional.avg_pool2d(x, 2, divisor_override=1), "sums of its windows by 1"),
        (nn.AvgPool2d(2, divisor_override=2), "sums of its windows by 2"),
    ],
)
def test_what_changes_the_samples_otherwise_is_refused(change, why):
    module = Changed(change)
    with pytest.raises(CapacityError, match=why):
        export(module, images(4))


@pytest.mark.parametrize(
    "change",
    [
        lambda x: nn.functional.avg_pool2d(x, 2),
        lambda x: nn.functional.avg_pool2d(input=x, stride=(2, 2), kernel_size=2),
        nn.AvgPool2d((2, 2), divisor_override=4),
        lambda x: nn.functional.dropout(x, 0.5, training=False).to(x.dtype),
    ],
)
def test_means_and_dropout_that_is_off_are_exported_however_they_are_called(change):
    same(Changed(change).double(), images(4).double())


@pytest.mark.parametrize("keeps", [True, False])
def test_membranes_that_are_given_by_name_are_looked_at(keeps):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.out = nn.Linear(6, 8, bias=False), nn.Linear(8, 4, bias=False)
            self.lif = snntorch.Leaky(beta=0.5, threshold=0.1, reset_mechanism="zero")

        def forward(self, x):
            rest = mem = self.lif.init_leaky()
            steps = []
            for _ in range(3):
                spikes, mem = self.lif(self.fc(input=x), mem=mem if keeps else rest)
                steps.append(self.out(spikes))
            return torch.stack(steps, dim=0).mean(0)

    if keeps:
        assert export(Net(), torch.rand(16, 6)).steps == 3
    else:
        with pytest.raises(CapacityError, match="given other membranes than its own"):
            export(Net(), torch.rand(16, 6))


def test_steps_that_are_stacked_along_another_axis_are_refused():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.lif = nn.Linear(6, 8), einn.LIF(threshold=0.1)
            self.out = nn.Linear(8, 4, bias=False)

        def forward(self, x):
            state, steps = None, []
            for _ in range(3):
                spikes, state = self.lif.step(self.fc(x), state)
                steps.append(self.out(spikes))
            return torch.stack(steps, 1).mean(0)

    with pytest.raises(CapacityError, match="stacks along another axis"):
        export(Net(), torch.rand(3, 6))  # as many samples as steps


class Centred(nn.Conv2d):
    def forward(self, x):
        return nn.functional.conv2d(x, self.weight - self.weight.mean())


class Halved(einn.LIF):
    def forward(self, current):
        return super().forward(current) / 2


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"conv": Centred(1, 4, 3)}, r"conv \(Centred\), .*: has a forward of its own"),
        ({"conv": layer.WSConv2d(1, 4, 3)}, r"conv \(WSConv2d\), .*: has a forward of its own"),
        ({"lif": Halved()}, r"lif \(Halved\), .*: has a forward of its own"),
        ({"conv": nn.Conv2d(1, 4, 3, padding=1, padding_mode="circular")}, "pads by circular"),
        ({"conv": nn.Conv2d(1, 4, 1, padding=1)}, "has padding 1 for a kernel of 1"),
    ],
)
def test_layers_that_compute_otherwise_are_refused(parts, why):
    with pytest.raises(CapacityError, match=why):
        export(Changed(nn.Identity(), **parts), images(4))


class Changed(nn.Module):
    """A network of ordinary layers, whose samples are changed first."""

    def __init__(self, change, **parts):
        super().__init__()
        self.change = change
        self.conv, self.lif = nn.Conv2d(1, 4, 3), einn.LIF(threshold=0.1)
        for name, part in parts.items():
            setattr(self, name, part)
        self.readout = nn.LazyLinear(3, bias=False)
        with torch.no_grad():
            self(images(4))

    def forward(self, x):
        x = self.conv(self.change(x))
        return self.readout(self.lif(x.expand(3, *x.shape)).flatten(2)).mean(0)


def test_weights_and_samples_have_to_be_there():
    with pytest.raises(UsageError, match="conv1, conv2, readout have no weights yet"):
        export(Branched(), images(4))
    with pytest.raises(DataError, match="below 0"):
        export(Branched(), images(4) - 1)


def test_exporting_leaves_the_module_as_it_was():
    x = images(8)
    module = Branched().train()
    einn.initialise(module, x)
    before = [lif.fused for lif in (module.lif1, module.lif2)]
    circuit = export(module, 2 * x)
    assert circuit.input.high == pytest.approx(float(2 * x.max()))
    assert circuit.of(Add)
    assert [lif.fused for lif in (module.lif1, module.lif2)] == before
    assert module.training
    assert module(x).requires_grad


@pytest.mark.parametrize("change", ["detach", "view"])
def test_a_sum_in_place_that_another_tensor_sees_is_refused(change):
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.lif1 = einn.Linear(8, 8), einn.LIF()
            self.two, self.lif2 = einn.Linear(8, 8), einn.LIF()
            self.readout = einn.Readout(8, 4)

        def forward(self, x):
            spikes = self.lif1(self.one(x.expand(2, *x.shape)))
            same = spikes.detach() if change == "detach" else spikes.view(spikes.shape)
            same += self.lif2(self.two(spikes))
            return self.readout(spikes).mean(0)

    module, x = Shared(), torch.rand(16, 8)
    einn.initialise(module, x)
    with pytest.raises(CapacityError, match="changes in place what another tensor shares"):
        export(module, x)

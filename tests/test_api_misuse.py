"""What Python hands over by mistake is answered as on the command line: what, where and fix."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

import eideploy as ei
import eideploy.nn as einn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear, self.lif, self.readout = einn.Linear(16, 8), einn.LIF(), einn.Readout(8, 4)

    def forward(self, x):
        return self.readout(self.lif(self.linear(x.expand(2, *x.shape)))).mean(0)


@pytest.fixture(scope="module")
def made():
    """Return a module, its circuit, its program, and samples as a tensor and as an array."""
    torch.manual_seed(0)
    module, x = Net(), torch.rand(16, 16)
    einn.initialise(module, x)
    circuit = ei.export(module, x)
    program = ei.compile_circuit(circuit, samples=x.numpy())
    return SimpleNamespace(
        module=module, circuit=circuit, program=program, tensor=x, array=x.numpy()
    )


COMPILED = {
    "samples": ({"samples": torch.zeros(4, 16)}, "the samples are a Tensor, not an array of numpy"),
    "a list": ({"samples": [[0.0] * 16]}, "the samples are a list, not an array of numpy"),
    "target": ({"target": 3}, "the target is an int, not a path"),
    "scheme": ({"scheme": 3}, "the scheme is an int, not a path"),
    "divider": ({"divider": 3}, "an int is not a divider"),
    "policy": ({"zero_policy": "maximum"}, "there is no policy 'maximum' for zero divisors"),
    "folded": ({"folded": "linear"}, "linear is no list"),
    "folding": ({"folded": ["conv9"]}, "conv9 are no layers"),
}


@pytest.mark.parametrize(("given", "what"), COMPILED.values(), ids=COMPILED)
def test_what_cannot_be_compiled_is_named(made, given, what):
    with pytest.raises(ei.EideployError) as caught:
        ei.compile_circuit(made.circuit, **{"samples": made.array, **given})
    assert caught.value.what == what
    assert caught.value.fix


def test_a_module_that_is_an_array_is_not_told_to_be_a_tensor(made):
    with pytest.raises(ei.EideployError) as caught:
        ei.export(made.array, made.tensor)
    assert caught.value.fix == "give a torch Module"


RUN = {
    "a tensor": (
        lambda made: ei.run_integer(made.program.circuit, made.tensor),
        "the samples are a Tensor",
    ),
    "a program": (
        lambda made: ei.run_integer(made.program, made.array),
        "a Program is not a circuit",
    ),
    "a list": (lambda made: ei.run_integer([], made.array), "a list is not a circuit"),
    "in floats": (
        lambda made: ei.run_float(made.program, made.array),
        "a Program is not a circuit",
    ),
    "a module": (lambda made: ei.run_float(made.module, made.array), "a Net is not a circuit"),
    "integers": (
        lambda made: ei.run_float(made.program.circuit, made.array),
        "an integer circuit was given",
    ),
    "a kind": (
        lambda made: ei.run_integer(made.program.circuit, made.array, keep={"spike"}),
        "a trace cannot keep spike",
    ),
    "kinds": (
        lambda made: ei.run_integer(made.program.circuit, made.array, keep="spikes"),
        "the kinds to keep are the text 'spikes', not a set",
    ),
    "cycles": (
        lambda made: ei.count_cycles(
            made.program, ei.run_integer(made.program.circuit, made.array)
        ),
        "the trace does not hold inhibition, inputs, spikes",
    ),
    "of a circuit": (
        lambda made: ei.count_cycles(made.circuit, ei.run_float(made.circuit, made.array)),
        "a Circuit has no cycles",
    ),
    "an array": (
        lambda made: ei.export(made.module, made.array),
        "the sample is an ndarray, not a torch",
    ),
    "no module": (
        lambda made: ei.export(made.circuit, made.tensor),
        "the module is a Circuit, not a torch",
    ),
    "labels": (
        lambda made: ei.compare(made.circuit, made.program, made.array, np.zeros(3)),
        "the labels have shape (3,), there are 16 samples",
    ),
    "nothing": (lambda _: ei.compile_circuit(None), "None is neither a circuit nor a module"),
    "a path": (lambda _: ei.load_run(3), "the folder is an int, not a path"),
    "a name": (lambda _: ei.division(3), "an int names no division"),
}


@pytest.mark.parametrize(("call", "what"), RUN.values(), ids=RUN)
def test_what_cannot_be_run_is_named(made, call, what):
    with pytest.raises(ei.EideployError) as caught:
        call(made)
    assert caught.value.what.startswith(what)
    assert caught.value.where
    assert caught.value.fix


JOBS = {
    "a slip": (lambda: ei.compile_run("r", divison="shift"), "compile_run does not take divison"),
    "another": (lambda: ei.simulate_build("b", colour=1), "simulate_build does not take colour"),
    "by place": (lambda: ei.train_network("digits-mlp", 3), "train_network takes 1 arguments by"),
    "no function": (lambda: ei.train_network("digits-mlp", callbacks=[3]), "[3] is not a list of"),
    "no list": (
        lambda: ei.train_network("digits-mlp", callbacks=3),
        "3 is not a list of functions",
    ),
    "settings": (
        lambda: ei.train_network("digits-mlp", overrides=["a=1"]),
        "the overrides are a list, not a mapping",
    ),
}


@pytest.mark.parametrize(("call", "what"), JOBS.values(), ids=JOBS)
def test_arguments_that_a_job_does_not_take_are_refused_before_it_begins(
    call, what, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ei.UsageError) as caught:
        call()
    assert caught.value.what.startswith(what)
    assert list(tmp_path.iterdir()) == []


def test_a_slip_is_answered_by_the_argument_that_was_meant():
    with pytest.raises(ei.UsageError) as caught:
        ei.compile_run("r", divison="shift", targett="digital")
    assert caught.value.fix == "write division, target"

import numpy as np
import pytest
import torch

from eideploy.model.optimiser import ProjectedSGD, rate_at
from tests.model.reference import golden

VARIANTS = {
    "mom_wd_clamp": ("weight", {"momentum": 0.9, "weight_decay": 5e-4}),
    "mom_wd": ("bias", {"momentum": 0.9, "weight_decay": 5e-4}),
    "plain": ("bias", {"momentum": 0.0, "weight_decay": 0.0}),
    "damp": ("bias", {"momentum": 0.9, "weight_decay": 5e-4, "dampening": 0.1}),
}
SCHEDULES = {
    "warm2_ep6_ipe5_lr0.002": {"warmup": 10, "total": 30, "peak": 0.002, "start": 1e-7},
    "nowarm_ep4_ipe5_lr0.1": {"warmup": 0, "total": 20, "peak": 0.1, "start": 1e-7},
    "tiny_init1e-3_lr3e-3_warm1_ep4_ipe5": {
        "warmup": 5,
        "total": 20,
        "peak": 3e-3,
        "start": 1e-3,
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_steps_equal_the_reference(variant):
    name, options = VARIANTS[variant]
    data = golden("unit_sgd")
    grads, p, buffers = (data[f"{variant}/{key}"] for key in ("grads", "p", "buf"))
    parameter = torch.nn.Parameter(torch.from_numpy(p[0].copy()))
    optimiser = ProjectedSGD([(f"layer.{name}", parameter)], **options)
    for step, gradient in enumerate(grads):
        parameter.grad = torch.from_numpy(gradient.copy())
        optimiser.step(0.05)
        np.testing.assert_allclose(parameter.detach(), p[step + 1], rtol=0, atol=1e-12)
        if options["momentum"]:
            buffer = optimiser.buffers[f"layer.{name}"]
            np.testing.assert_allclose(buffer, buffers[step], rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_learning_rate_equals_the_reference(name):
    expected = golden("unit_sched")[name]
    ours = [rate_at(i, **SCHEDULES[name]) for i in range(len(expected))]
    np.testing.assert_allclose(ours, expected, rtol=1e-12, atol=1e-18)


def test_a_parameter_without_a_gradient_stays_and_does_not_decay():
    parameter = torch.nn.Parameter(torch.ones(2))
    optimiser = ProjectedSGD([("weight", parameter)], momentum=0.9, weight_decay=0.5)
    optimiser.step(1.0)
    assert parameter.tolist() == [1, 1]
    assert not optimiser.buffers

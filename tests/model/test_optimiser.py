import numpy as np
import pytest
import torch

from eideploy.model.optimiser import ProjectedAdam, ProjectedSGD, rate_at
from tests.model.reference import golden

VARIANTS = {
    "mom_wd_clamp": ("weight", {"momentum": 0.9, "weight_decay": 5e-4}),
    "mom_wd": ("bias", {"momentum": 0.9, "weight_decay": 5e-4}),
    "plain": ("bias", {"momentum": 0.0, "weight_decay": 0.0}),
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


def adam_in_numpy(p, gradients, rate, decay, *, free):
    """Return p after every step of (M25), as its equations stand."""
    m, v, course = np.zeros_like(p), np.zeros_like(p), []
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        scale = max(np.sqrt((p**2).mean()), 1e-3)
        direction = m / (1 - 0.9**t) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        p = p * (1 - rate * decay) - rate * scale * direction
        p = p if free else np.maximum(p, 0)
        course.append(p)
    return course


@pytest.mark.parametrize("name", ["weight", "bias"])
def test_adam_follows_its_equations(name):
    rng = np.random.default_rng(0)
    start, gradients = rng.uniform(0, 0.1, (4, 5)), rng.normal(size=(6, 4, 5))
    parameter = torch.nn.Parameter(torch.from_numpy(start.copy()))
    optimiser = ProjectedAdam([(f"layer.{name}", parameter)], momentum=0.9, weight_decay=0.01)
    expected = adam_in_numpy(start, gradients, 0.3, 0.01, free=name == "bias")
    for gradient, after in zip(gradients, expected, strict=True):
        parameter.grad = torch.from_numpy(gradient.copy())
        optimiser.step(0.3)
        np.testing.assert_allclose(parameter.detach(), after, rtol=0, atol=1e-12)
    assert (expected[-1] < 0).any() == (name == "bias")


def test_steps_of_adam_are_relative_to_the_parameter_and_blind_to_the_size_of_gradients():
    """What a factor of 1000 in either does not change is the course of p / rms(p)."""
    rng = torch.Generator().manual_seed(0)
    start = torch.rand(3, 4, generator=rng, dtype=torch.float64) + 1
    gradient = torch.randn(3, 4, generator=rng, dtype=torch.float64)
    ends = []
    for size, steepness in ((1.0, 1.0), (1e3, 1.0), (1.0, 1e3)):
        p = torch.nn.Parameter(size * start)
        optimiser = ProjectedAdam([("weight", p)], momentum=0.9, weight_decay=0.0)
        for _ in range(3):
            p.grad = steepness * gradient
            optimiser.step(0.02)
        ends.append(p.detach() / size)
    torch.testing.assert_close(ends[1], ends[0], rtol=1e-12, atol=0)
    torch.testing.assert_close(ends[2], ends[0], rtol=1e-6, atol=0)

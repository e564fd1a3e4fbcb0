import numpy as np
import pytest
import torch

from eideploy.nn.functional import divide, fire, scale_gradient, stabilise
from tests.model.reference import golden


def tensor(array):
    return torch.from_numpy(np.asarray(array, dtype=np.float64)).requires_grad_()


def test_lif_equals_the_reference():
    data = golden("unit_lif")
    current = tensor(data["x"])
    spikes = fire(current, 0.5)
    (spikes * torch.from_numpy(data["c"])).sum().backward()
    np.testing.assert_array_equal(spikes.detach(), data["f64/spike"])
    np.testing.assert_allclose(current.grad, data["f64/grad_x"], rtol=0, atol=1e-10)


def test_a_potential_exactly_on_the_threshold_fires():
    assert fire(torch.ones(1, 1), 0.5).item() == 1


def test_stabilisation_equals_the_reference():
    data = golden("unit_stab")
    np.testing.assert_array_equal(stabilise(torch.from_numpy(data["x"])), data["y"])
    np.testing.assert_array_equal(stabilise(torch.from_numpy(data["x1"])), data["y1"])


def test_gradient_passes_the_stabilisation_as_if_it_were_the_identity():
    data = golden("unit_stab")
    shunt, c = tensor(data["x"]), torch.from_numpy(data["c"]).double()
    ones, zeros = torch.ones(8, dtype=torch.double), torch.zeros(8, dtype=torch.double)
    divide(c, shunt, ones, zeros).sum().backward()
    np.testing.assert_allclose(shunt.grad, data["gx_of_sum_c_over_y"], rtol=1e-6, atol=1e-10)


def test_a_sample_without_a_positive_divisor_gives_the_bias_and_no_gradient():
    balanced, shunt = tensor(np.ones((2, 3))), tensor([[0, 0, 0], [1, 0, 2]])
    gain, bias = tensor([1, 2, 3]), tensor([4, 5, 6])
    current = divide(balanced, shunt, gain, bias)
    current.sum().backward()
    assert current[0].tolist() == [4, 5, 6]
    assert current[1].tolist() == [5, 7, 7.5]
    assert balanced.grad[0].tolist() == shunt.grad[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2, 2)])
def test_gradients_of_the_division_agree_with_finite_differences(shape):
    rng = np.random.default_rng(0)
    arguments = [tensor(rng.uniform(0.5, 2, size)) for size in (shape, shape, 3, 3)]
    assert torch.autograd.gradcheck(divide, arguments)


def test_a_scaled_gradient_is_scaled_and_its_value_is_not():
    x = tensor([1.0, 2.0])
    y = scale_gradient(x, 0.25)
    y.sum().backward()
    assert y.tolist() == [1, 2]
    assert x.grad.tolist() == [0.25, 0.25]


def test_a_membrane_that_is_reset_to_zero_forgets_and_hands_no_gradient_back():
    current = tensor([[1.6], [0.5], [0.6], [0.2]])
    spikes = fire(current, 0.5, to_zero=True)
    assert spikes.flatten().tolist() == [1, 0, 0, 0]  # by subtraction the third would fire
    assert fire(current, 0.5).flatten().tolist() == [1, 0, 1, 0]
    spikes[1:].sum().backward()
    assert current.grad[0].item() == 0
    assert current.grad[1].item() > 0

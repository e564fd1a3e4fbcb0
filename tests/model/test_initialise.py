import numpy as np
import pytest
import torch

from eideploy.config import Architecture
from eideploy.errors import DataError
from eideploy.model.export import export
from eideploy.model.initialise import initialise
from eideploy.model.networks import build


def network(*, steps=4):
    return build(Architecture(widths=(8, "P", 8), steps=steps), (1, 8, 8), 10)


def start(batch, **options):
    return initialise(network(**options), batch, np.random.default_rng(0))


def images(count=6):
    return torch.from_numpy(np.random.default_rng(0).random((count, 1, 8, 8), dtype=np.float32))


def test_currents_of_the_first_batch_have_about_zero_mean_and_unit_variance():
    x = torch.from_numpy(np.random.default_rng(1).random((256, 1, 8, 8), dtype=np.float32))
    net = build(Architecture(kind="mlp", widths=(512,)), (1, 8, 8), 10)
    initialise(net, x, np.random.default_rng(0))
    current = net.encoder(x).detach()
    assert abs(float(current.mean())) < 0.3
    assert 0.5 < float(current.var()) < 2


def test_initialised_is_part_of_the_saved_state():
    net = network()
    assert not net.initialised
    initialise(net, images(), np.random.default_rng(0))
    twin = network()
    twin.load_state_dict(net.state_dict())
    assert twin.initialised
    assert torch.equal(twin(images()), net(images()))


def test_every_layer_is_initialised_once_in_order_of_execution():
    net = build(Architecture(kind="resnet", widths=(8, 8), blocks=1), (1, 8, 8), 10)
    found = initialise(net, images(), np.random.default_rng(0))
    assert list(found) == [name for name, _ in net.ei_layers()]
    assert list(found)[-2:] == ["conv6", "readout"]
    assert list(found) == [layer.name for layer in export(net, (1, 8, 8)).layers]
    assert all(torch.isfinite(p).all() for p in net.parameters())


def test_repeating_images_weighs_in_the_unbiased_variance():
    one, four = (start(images(), steps=steps)["conv1"] for steps in (1, 4))
    assert four.variance == pytest.approx(one.variance * (5 / 6) * (24 / 23))
    assert four.mean == pytest.approx(one.mean)


def test_a_sequence_is_taken_step_by_step():
    x = images()[:, None].expand(-1, 4, -1, -1, -1)
    assert start(x)["conv1"] == start(images())["conv1"]


@pytest.mark.parametrize(
    ("batch", "steps", "what", "fix"),
    [
        (torch.zeros(4, 1, 8, 8), 4, "zero throughout", "check that the images are not blank"),
        (images(1), 1, "one image shown for one step has no variance", "choose a larger"),
        (images(1), 4, "its variance is 0", "use different images"),
        (images() - 0.5, 4, "below 0", "do not subtract a mean"),
        (images() * torch.nan, 4, "entries that are not finite", "remove or replace"),
        (images() / 0, 4, "entries that are not finite", "remove or replace"),
    ],
)
def test_a_batch_that_says_nothing_is_refused(batch, steps, what, fix):
    with pytest.raises(DataError) as error:
        start(batch, steps=steps)
    assert what in error.value.what
    assert fix in error.value.fix
    assert error.value.where.startswith("E-I Init, ")


def test_a_failed_initialisation_leaves_the_network_unmarked_and_unhooked():
    net = network()
    with pytest.raises(DataError):
        initialise(net, torch.zeros(4, 1, 8, 8), np.random.default_rng(0))
    assert not net.initialised
    assert not any(layer._forward_pre_hooks for _, layer in net.ei_layers())

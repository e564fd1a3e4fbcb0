from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eideploy.data import augment
from eideploy.data.colour import colour_jitter
from eideploy.data.pipelines import PIPELINES
from eideploy.data.resample import gather, linear_crop, nearest_crop, resize

seeds = st.integers(0, 2**32 - 1)
sides = st.integers(4, 12)


def made(shape, seed, top):
    """A batch of values that are whole multiples of 1 / 255, or event counts."""
    values = np.random.default_rng(seed).integers(0, 256 if top == 1 else top + 1, shape)
    return (values / 255 if top == 1 else values).astype(np.float32)


images = st.builds(
    made, st.tuples(st.integers(1, 3), st.just(3), sides, sides), seeds, top=st.just(1)
)
frames = st.builds(
    made,
    st.tuples(st.integers(1, 3), st.integers(1, 4), st.just(2), sides, sides),
    seeds,
    top=st.integers(2, 9),
)
ON_ANY = {
    "crop": partial(augment.random_crop, padding=2),
    "flip": augment.random_flip,
    "roll": partial(augment.random_roll, reach=3),
    "rotation": partial(augment.random_rotation, degrees=30),
    "red cutout": augment.red_cutout,
    "square cutout": partial(augment.square_cutout, side=4),
    "linear crop": partial(augment.random_resized_crop, size=(5, 7), scale=(0.2, 1.0)),
    "nearest crop": partial(
        augment.random_resized_crop, size=(5, 7), scale=(0.2, 1.0), nearest=True
    ),
    "one of three": augment.one_of_three,
}
STILL = {
    "crop": partial(augment.random_crop, padding=0),
    "flip": partial(augment.random_flip, p=0.0),
    "roll": partial(augment.random_roll, reach=0),
    "rotation": partial(augment.random_rotation, degrees=0),
    "red cutout": partial(augment.red_cutout, p=0.0),
    "square cutout": partial(augment.square_cutout, side=0),
}


def generator(seed):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("change", ON_ANY.values(), ids=ON_ANY)
@given(batch=images | frames, seed=seeds)
def test_shape_range_and_bits_follow_from_batch_and_seed(change, batch, seed):
    before = batch.copy()
    once, again = change(batch, generator(seed)), change(batch, generator(seed))
    assert once.tobytes() == again.tobytes()
    assert np.array_equal(batch, before)
    assert once.dtype == np.float32
    size = change.keywords.get("size") if isinstance(change, partial) else None
    assert once.shape == (*batch.shape[:-2], *(size or batch.shape[-2:]))
    assert once.min() >= 0
    assert once.max() <= max(1, batch.max()) * (1 + 1e-6)


@pytest.mark.parametrize("change", STILL.values(), ids=STILL)
@given(batch=images | frames, seed=seeds)
def test_zero_strength_changes_nothing(change, batch, seed):
    assert np.array_equal(change(batch, generator(seed)), batch)


@given(batch=images, seed=seeds)
def test_a_flip_of_all_undoes_itself(batch, seed):
    flip = partial(augment.random_flip, p=1.0)
    once = flip(batch, generator(seed))
    assert np.array_equal(once, batch[..., ::-1])
    assert np.array_equal(flip(once, generator(seed)), batch)


@given(batch=frames, seed=seeds)
def test_a_roll_moves_every_event_and_loses_none(batch, seed):
    rolled = augment.random_roll(batch, generator(seed), reach=5)
    assert np.array_equal(rolled.sum((-1, -2)), batch.sum((-1, -2)))


@given(seed=seeds, padding=st.integers(0, 4))
def test_a_crop_shifts_by_at_most_the_padding(seed, padding):
    batch = np.zeros((1, 1, 12, 12), np.float32)
    batch[0, 0, 6, 5] = 1
    moved = augment.random_crop(batch, generator(seed), padding=padding)
    (y,), (x,) = np.nonzero(moved[0, 0])
    assert max(abs(y - 6), abs(x - 5)) <= padding


def test_a_crop_reaches_every_shift():
    batch = np.zeros((500, 1, 5, 5), np.float32)
    batch[:, 0, 2, 2] = 1
    moved = augment.random_crop(batch, generator(0), padding=1)
    assert {tuple(place[2:]) for place in np.argwhere(moved)} == {
        (y, x) for y in (1, 2, 3) for x in (1, 2, 3)
    }


@given(seed=seeds)
def test_cutout_hides_one_rectangle_of_one_red_within_its_bounds(seed):
    batch = np.full((8, 3, 32, 32), -1, np.float32)
    cut = augment.red_cutout(batch, generator(seed), p=1.0)
    for sample in cut:
        y, x = np.nonzero(sample[0] != -1)
        high, wide = np.ptp(y) + 1, np.ptp(x) + 1
        assert len(y) == high * wide
        assert high * wide <= 0.4 * 32 * 32
        assert (high + 1) * (wide + 1) > 0.02 * 32 * 32
        assert high / (wide + 1) < 2.5
        assert (high + 1) / wide > 0.4
        red, *others = sample[:, y, x] * 255
        assert np.all(red == red[0])
        assert 0 <= round(float(red[0])) <= 255
        assert np.isclose(red[0], round(float(red[0])), atol=1e-4)
        assert not np.any(others)


def test_cutout_pastes_what_pillow_makes_of_one_integer():
    from PIL import Image

    batch = np.full((2000, 3, 4, 4), -1, np.float32)
    cut = augment.red_cutout(batch, generator(0), p=1.0, area=(1.0, 1.0), aspect=(1.0, 1.0))
    colours = {tuple(sample) for sample in np.rint(cut[:, :, 0, 0] * 255).astype(int)}
    pasted = set()
    for level in range(256):
        image = Image.new("RGB", (1, 1))
        image.paste(level, (0, 0, 1, 1))  # as the published code does
        pasted.add(image.getpixel((0, 0)))
    assert colours == pasted


def test_cutout_and_flip_touch_half_of_the_images():
    batch = np.full((4000, 1, 8, 8), -1, np.float32)
    batch[..., 0] = -2
    cut = augment.red_cutout(batch, generator(0))
    assert abs((cut != batch).any((1, 2, 3)).mean() - 0.5) < 0.03
    flipped = augment.random_flip(batch, generator(0))
    assert abs((flipped != batch).any((1, 2, 3)).mean() - 0.5) < 0.03


@given(seed=seeds)
def test_square_cutout_hides_at_most_its_square(seed):
    hidden = augment.square_cutout(np.ones((8, 2, 48, 48), np.float32), generator(seed), side=16)
    areas = (hidden == 0).sum((1, 2, 3)) / 2
    assert np.all((areas >= 64) & (areas <= 256))  # a quarter is left where it is cut off twice


@given(batch=frames, seed=seeds, data=st.data())
def test_temporal_deletion_keeps_the_order_of_the_rest(batch, seed, data):
    steps = batch.shape[1]
    delete = data.draw(st.integers(0, steps - 1))
    batch = batch * 0 + np.arange(steps, dtype=np.float32)[None, :, None, None, None]
    kept = augment.random_temporal_deletion(batch, generator(seed), delete=delete)
    assert kept.shape[1] == steps - delete
    assert np.all(np.diff(kept[:, :, 0, 0, 0], axis=1) > 0)


def test_temporal_deletion_is_as_published_where_nothing_is_deleted():
    batch = np.arange(24, dtype=np.float32).reshape(1, 3, 2, 2, 2)
    kept = augment.random_temporal_deletion(batch, generator(0), delete=0)
    assert np.array_equal(kept, batch)


@given(batch=frames, seed=seeds)
def test_nearest_crops_of_events_invent_no_count(batch, seed):
    crop = augment.random_resized_crop(
        batch, generator(seed), size=(9, 9), scale=(0.5, 1.0), nearest=True
    )
    for before, after in zip(batch, crop, strict=True):
        assert set(after.ravel()) <= set(before.ravel())


def test_a_crop_that_never_fits_takes_the_whole_image():
    batch = np.random.default_rng(0).random((2, 3, 8, 8), dtype=np.float32)
    same = augment.random_resized_crop(
        batch, generator(0), size=(8, 8), scale=(1.0, 1.0), ratio=(2.0, 3.0)
    )
    assert np.array_equal(same, batch)


@given(batch=images, size=st.tuples(*[st.integers(1, 24)] * 2))
def test_a_linear_resize_stays_in_range_and_leaves_flat_images_flat(batch, size):
    resized = resize(batch, size)
    assert resized.shape == (*batch.shape[:2], *size)
    assert resized.min() >= batch.min() - 1e-6
    assert resized.max() <= batch.max() + 1e-6
    assert np.allclose(resize(np.full_like(batch, 0.25), size), 0.25, rtol=1e-6)


@pytest.mark.parametrize(("full", "size"), [(64, 32), (128, 48), (20, 32), (40, 7)])
def test_a_linear_resize_is_pillows_bilinear(full, size):
    from PIL import Image

    image = np.random.default_rng(full).random((full, full), dtype=np.float32)
    pillow = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    assert np.allclose(resize(image[None, None], (size, size))[0, 0], pillow, atol=1e-5)


def test_a_linear_crop_is_pillows_crop_resized():
    from PIL import Image

    image = np.random.default_rng(1).random((64, 64), dtype=np.float32)
    box = tuple(np.array([part]) for part in (5, 11, 40, 30))  # top, left, height, width
    cut = Image.fromarray(image).crop((11, 5, 41, 45)).resize((32, 32), Image.Resampling.BILINEAR)
    assert np.allclose(linear_crop(image[None, None], box, (32, 32))[0, 0], cut, atol=1e-5)


def test_nearest_crops_and_gather_take_the_pixels_asked_for():
    image = np.arange(16, dtype=np.float32).reshape(1, 1, 4, 4)
    box = tuple(np.array([part]) for part in (1, 0, 2, 4))
    assert np.array_equal(nearest_crop(image, box, (4, 2))[0, 0], image[0, 0, [1, 1, 2, 2]][:, ::2])
    outside = gather(image, np.array([[[0], [4]]]), np.array([[[-1, 3]]]))
    assert np.array_equal(outside[0, 0], [[0, 3], [0, 0]])


@given(batch=images, seed=seeds)
def test_colours_stay_in_range_and_follow_from_the_seed(batch, seed):
    once, again = (colour_jitter(batch, generator(seed)) for _ in range(2))
    assert once.tobytes() == again.tobytes()
    assert once.min() >= 0
    assert once.max() <= 1
    still = colour_jitter(batch, generator(seed), brightness=0, contrast=0, saturation=0, hue=0)
    assert np.array_equal(still, batch)


@given(batch=images, seed=seeds)
def test_a_turned_hue_keeps_value_and_chroma_and_leaves_greys(batch, seed):
    only = {"brightness": 0, "contrast": 0, "saturation": 0}
    turned = colour_jitter(batch, generator(seed), hue=0.5, **only)
    assert np.allclose(turned.max(1), batch.max(1), atol=1e-6)
    assert np.allclose(turned.min(1), batch.min(1), atol=1e-6)
    grey = np.repeat(batch[:, :1], 3, axis=1)
    assert np.allclose(colour_jitter(grey, generator(seed), hue=0.5, **only), grey, atol=1e-6)


@given(seed=seeds)
def test_a_turned_hue_is_that_of_the_standard_library(seed):
    import colorsys

    colour = np.random.default_rng(seed).random(3, dtype=np.float32)
    batch = np.tile(colour[None, :, None, None], (1, 1, 2, 2))
    turned = colour_jitter(batch, generator(seed), brightness=0, contrast=0, saturation=0, hue=0.1)
    turn = 0.1 * generator(seed).uniform(-1, 1, (4, 1))[3, 0]
    hue, saturation, value = colorsys.rgb_to_hsv(*map(float, colour))
    expected = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    assert np.allclose(turned[0, :, 0, 0], expected, atol=1e-5)


SHAPES = {
    "cifar10": ((2, 3, 32, 32), (2, 3, 32, 32)),
    "cifar100": ((2, 3, 32, 32), (2, 3, 32, 32)),
    "tinyimagenet": ((2, 3, 64, 64), (2, 3, 32, 32)),
    "dvs-gesture": ((2, 4, 2, 128, 128), (2, 4, 2, 48, 48)),
    "cifar10-dvs": ((2, 4, 2, 128, 128), (2, 4, 2, 48, 48)),
}


@pytest.mark.parametrize("name", PIPELINES)
def test_published_pipelines_give_what_the_network_sees(name):
    kept, seen = SHAPES[name]
    batch = np.random.default_rng(0).random(kept, dtype=np.float32)

    def run(seed):
        rng, out = generator(seed), batch
        for change in PIPELINES[name]:
            out = change(out, rng)
        return out

    assert run(1).shape == seen
    assert run(1).tobytes() == run(1).tobytes() != run(2).tobytes()
    assert run(1).min() >= 0
    assert run(1).max() <= 1 + 1e-6

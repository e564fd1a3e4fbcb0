"""Colours of training images changed at random: brightness, contrast, saturation and hue."""

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
LUMA = np.array([0.2989, 0.587, 0.114], dtype=np.float32)  # of red, green, blue (ITU-R BT.601)


def colour_jitter(
    images: Images,
    rng: np.random.Generator,
    *,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.1,
) -> Images:
    """Return the images under four changes in an order of their own, each within 0 to 1.

    Factors are uniform in 1 - strength to 1 + strength; the hue is turned by up to `hue` of a turn
    either way. A strength of 0 changes nothing, bit for bit.

    Shapes   images: (B, 3, H, W)
    """
    count = len(images)
    strengths = np.array([brightness, contrast, saturation, hue])
    amounts = (strengths[:, None] * rng.uniform(-1, 1, (4, count))).astype(np.float32)
    order = rng.random((count, 4)).argsort(axis=1)
    out = images.copy()
    for place in range(4):
        for which, change in enumerate((_brighten, _contrast, _saturate, _turn_hue)):
            chosen = np.flatnonzero(order[:, place] == which) if strengths[which] else ()
            if len(chosen):
                out[chosen] = change(out[chosen], amounts[which, chosen][:, None, None, None])
    return out


def _brighten(images: Images, amount: Images) -> Images:
    return np.asarray(np.clip(images * (1 + amount), 0, 1))


def _contrast(images: Images, amount: Images) -> Images:
    return _away_from(_grey(images).mean(axis=(1, 2, 3), keepdims=True), images, amount)


def _saturate(images: Images, amount: Images) -> Images:
    return _away_from(_grey(images), images, amount)


def _away_from(base: Images, images: Images, amount: Images) -> Images:
    return np.clip((1 + amount) * images - amount * base, 0, 1)


def _grey(images: Images) -> Images:
    return np.asarray(np.einsum("c,bchw->bhw", LUMA, images))[:, None]


def _turn_hue(images: Images, turn: Images) -> Images:
    """Turn the hue of HSV colours: f_n = v - v s max(0, min(k, 4 - k, 1)), k = (n + 6 h) mod 6."""
    value = images.max(axis=1, keepdims=True)
    chroma = value - images.min(axis=1, keepdims=True)
    hue = _sextant(images, value, chroma) + 6 * turn
    k = (np.array([5, 3, 1], dtype=np.float32)[:, None, None] + hue) % 6
    return np.asarray(value - chroma * np.clip(np.minimum(k, 4 - k), 0, 1))


def _sextant(images: Images, value: Images, chroma: Images) -> Images:
    """Return the hue from 0 to 6, 0 for greys: (B, 1, H, W)."""
    red, green, blue = (images[:, c : c + 1] for c in range(3))
    safe = np.where(chroma > 0, chroma, 1)
    by_blue = np.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe)
    return np.where(value == red, (green - blue) / safe, by_blue)

"""scikit-learn's bundled handwritten digits: 1797 images of 8x8 in 17 grey levels."""

import numpy as np

from eideploy.data.dataset import Dataset

LEVELS = 16  # the highest of the 17 grey levels


def digits() -> Dataset:
    """Return the digits, split 80/20 by class with random_state 0; pixels / 16, one channel."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    pixels, labels = load_digits(return_X_y=True)
    images = (pixels / LEVELS).astype(np.float32).reshape(-1, 1, 8, 8)
    train_x, test_x, train_y, test_y = train_test_split(
        images, labels.astype(np.int64), test_size=0.2, stratify=labels, random_state=0
    )
    return Dataset(
        name="digits",
        train_x=train_x,
        train_y=train_y,
        test_x=test_x,
        test_y=test_y,
        classes=10,
    )

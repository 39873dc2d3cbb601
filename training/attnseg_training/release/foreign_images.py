"""Images unlike any training image, to test whether a model's rule recognises them.

They are photographs and micrographs that come with scikit-image, synthetic ultrasound,
noise and blank frames.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

#: Functions of `skimage.data` whose files come with the package.
_OF_SKIMAGE = (
    *("astronaut", "brick", "camera", "cell", "chelsea", "clock", "coffee", "coins"),
    *("grass", "gravel", "hubble_deep_field", "immunohistochemistry"),
    *("microaneurysms", "moon", "page", "retina", "rocket", "text"),
)
_SIDE = 352
#: Value of red, green and blue of frames of one colour.
_BLANK = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "grey": (128, 128, 128),
    "pink": (200, 110, 90),
}
_ULTRASOUNDS = 4


def foreign_images() -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Return the images: name → pixels, (H, W) or (H, W, 3)."""
    from skimage import data

    for name in _OF_SKIMAGE:
        load: Any = getattr(data, name)
        yield name, np.asarray(load())
    for seed in range(_ULTRASOUNDS):
        yield f"synthetic ultrasound {seed + 1}", synthetic_ultrasound(seed)
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3))
    yield "noise", noise.astype(np.uint8)
    for name, colour in _BLANK.items():
        yield f"{name} frame", np.full((_SIDE, _SIDE, 3), colour, np.uint8)


def synthetic_ultrasound(seed: int) -> NDArray[np.uint8]:
    """Draw layers of speckle with a dark, round lesion, within a fan; (352, 352)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:_SIDE, :_SIDE] / _SIDE
    real, imaginary = (
        ndimage.gaussian_filter(rng.standard_normal((_SIDE, _SIDE)), (2, 5))
        for _ in range(2)
    )
    speckle = np.hypot(real, imaginary)
    waves = np.sin(6 * rows + rng.uniform(0, 6) + 1.5 * np.sin(3 * columns))
    tissue = 0.35 + 0.25 * waves
    (row, column), (a, b) = rng.uniform(0.4, 0.6, 2), rng.uniform(0.08, 0.2, 2)
    tissue[((rows - row) / a) ** 2 + ((columns - column) / b) ** 2 < 1] = 0.06
    depth = np.hypot(columns - 0.5, rows + 0.15)
    angle = np.arctan2(columns - 0.5, rows + 0.15)
    fan = (depth > 0.25) & (depth < 1.1) & (np.abs(angle) < 0.65)
    bright = tissue * speckle / speckle.mean() * fan
    found: NDArray[np.uint8] = (255 * np.clip(bright, 0, 1)).astype(np.uint8)
    return found

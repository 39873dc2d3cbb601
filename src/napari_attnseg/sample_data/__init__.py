"""Three polyp images with their true masks; origin and licence in ATTRIBUTION.md."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_attnseg.errors import UnknownNameError

#: Name → official Kvasir-SEG name.
SAMPLES = {
    "polyp": "cju16jgnyzp970878melv7r25",
    "two-polyps": "cju33belnbyhm0878yxl42233",
    "polyp-by-fold": "cju14pxbaoksp0835qzorx6g6",
}

ATTRIBUTION = (
    "Kvasir-SEG (Jha et al. 2020), also in HyperKvasir (Borgli et al. 2020), CC BY 4.0"
)


def sample_image(name: str) -> NDArray[np.uint8]:
    """Load a sample image: RGB, uint8, shape (352, 352, 3)."""
    return _read(name, "jpg")


def sample_mask(name: str) -> NDArray[np.uint8]:
    """Load the true mask of a sample image: uint8, shape (352, 352), 0 or 1."""
    return (_read(name, "png") > 0).astype(np.uint8)


def sample_path(name: str) -> Path:
    """Path of a sample image.

    Raises
    ------
    UnknownNameError
        If there is no such sample.
    """
    if name not in SAMPLES:
        raise UnknownNameError.for_name("sample", name, list(SAMPLES))
    return Path(__file__).parent / f"{SAMPLES[name]}.jpg"


def _read(name: str, suffix: str) -> NDArray[np.uint8]:
    from PIL import Image

    with Image.open(sample_path(name).with_suffix(f".{suffix}")) as file:
        return np.asarray(file)

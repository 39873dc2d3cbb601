"""Numbers of 16 bits whose bytes were exchanged are refused, all others are read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets import read_mask
from napari_attnseg.errors import InputError
from napari_attnseg.io.byte_order import is_swapped
from napari_attnseg.io.images import read_image

H, W = 96, 128
Y, X = np.mgrid[:H, :W]
NOISE = np.random.default_rng(0).normal(size=(H, W))
#: Greys of 0 to 255, with texture.
GREYS = (120 + 25 * gaussian_filter(NOISE, 3) / 0.09 + 4 * NOISE).clip(0, 255)
LESION = gaussian_filter((np.hypot(Y - 45, X - 60) < 25).astype(float), 2)
RIGHT: dict[str, Callable[[], np.ndarray]] = {
    "12 bits of 8": lambda: GREYS.astype(np.uint16) * 16,
    "10 bits": lambda: (GREYS * 4).astype(np.uint16),
    "12 bits": lambda: (GREYS * 16 + NOISE).astype(np.uint16),
    "14 bits, nothing but noise": lambda: (8000 + 2000 * NOISE).astype(np.uint16),
    "16 bits": lambda: (GREYS * 200).astype(np.uint16),
    "signed": lambda: (GREYS * 8 - 1000).astype(np.int16),
    "a soft mask": lambda: (LESION * 65535).astype(np.uint16),
    "a soft mask of 12 bits": lambda: (LESION * 4095).astype(np.uint16),
}


@pytest.mark.parametrize("kind", RIGHT)
def test_exchanged_bytes_are_told(kind: str, tmp_path: Path) -> None:
    numbers = RIGHT[kind]()
    assert not is_swapped(numbers) and is_swapped(numbers.byteswap())
    tifffile.imwrite(tmp_path / "a.tif", numbers, byteorder=">")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), numbers)
    tifffile.imwrite(tmp_path / "b.tif", numbers.byteswap())
    with pytest.raises(InputError, match="both bytes of each were exchanged; save"):
        read_image(tmp_path / "b.tif")
    with pytest.raises(InputError, match="both bytes of each were exchanged; save"):
        read_mask(tmp_path / "b.tif")


@pytest.mark.parametrize(
    "numbers",
    [
        GREYS.astype(np.uint16),
        GREYS.astype(np.uint16) * 256,
        GREYS.astype(np.uint16) * 257,
        (GREYS / 8 + 240).astype(np.uint16),
        (NOISE * 4 + 254).astype(np.uint16),
        (32768 + 10000 * NOISE).clip(0, 65535).astype(np.uint16),
        np.random.default_rng(1).integers(0, 65536, (H, W)).astype(np.uint16),
        np.kron(np.arange(192).reshape(12, 16) * 331, np.ones((8, 8))).astype("u2"),
        (LESION > 0.5).astype(np.uint16) * 256,
        (Y // 6 * 256 + X // 16).astype(np.uint16),
        (NOISE * 12).astype(np.int16),
        (np.where(Y < 40, -1000, 0) + np.where(X < 9, 2900, 0) + NOISE * 12).astype(
            "i2"
        ),
        (GREYS * 16).astype(">u2"),
        (GREYS * 16).astype(np.uint16).byteswap()[:20, :20],
        (GREYS * 16).astype(np.uint16).byteswap().reshape(1, -1),
        (GREYS * 16).astype(np.uint16).byteswap().astype(np.int32),
    ],
)
def test_other_numbers_are_right(numbers: np.ndarray) -> None:
    assert not is_swapped(numbers)

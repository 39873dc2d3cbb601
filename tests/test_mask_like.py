"""Masks that were given as images, and photos that have few values at first sight."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageDraw

from napari_attnseg.mask_like import looks_like_mask

Y, X = np.mgrid[:200, :240]
DISC = np.hypot(Y - 100, X - 120) < 50


def with_text(photo: np.ndarray, white: int) -> np.ndarray:
    text = Image.new("L", photo.shape[::-1])
    ImageDraw.Draw(text).text((10, 10), "R  12:30", fill=255)
    return np.where(np.asarray(text) > 0, photo.dtype.type(white), photo)


@pytest.mark.parametrize("top", [900, 4095])
def test_a_photo_of_12_bits_with_white_text_is_no_mask(top: int) -> None:
    photo = np.random.default_rng(0).integers(0, top, (200, 240), np.uint16)
    smooth = (photo // 4 + top * DISC // 2 + 40 * X).clip(0, top).astype(np.uint16)
    assert not looks_like_mask(with_text(smooth, 65535))


def test_a_dark_photo_with_white_text_is_no_mask() -> None:
    photo = np.random.default_rng(0).integers(0, 15, (200, 240), np.uint8)
    assert not looks_like_mask(with_text(photo, 255))


@pytest.mark.parametrize("quality", [30, 75, 95])
def test_masks_are_found_also_after_jpeg(quality: int) -> None:
    mask = DISC.astype(np.uint8) * 255
    file = io.BytesIO()
    Image.fromarray(mask).save(file, "JPEG", quality=quality)
    assert looks_like_mask(np.asarray(Image.open(file)))
    assert looks_like_mask(DISC.astype(np.uint16) * 65535)

"""Masks that average the drawings of several people are asked about in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from attnseg_training.datasets.masks import read
from attnseg_training.datasets.rules import UnclearMaskError

Y, X = np.mgrid[:160, :180]


def drawings(people: int) -> np.ndarray:
    """Share of people who drew each pixel, from 0 to 1."""
    discs = [
        np.hypot(Y - 80 - 2 * i, X - 84 + 3 * i) < 40 + 4 * i for i in range(people)
    ]
    return np.mean(discs, axis=0)


@pytest.mark.parametrize(
    ("people", "top", "cut"),
    [(3, 255, "127.5"), (4, 255, "159.4"), (5, 255, "127.5"), (5, 65535, "32767.5")],
)
def test_equal_steps_are_said_to_be_averages(
    tmp_path: Path, people: int, top: int, cut: str
) -> None:
    share = drawings(people)
    dtype = np.uint8 if top == 255 else np.uint16
    mask = np.round(share * top).astype(dtype)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with pytest.raises(
        UnclearMaskError, match=rf"drawings of {people} people .*threshold = {cut} "
    ):
        read(tmp_path / "mask.png")
    found = read(tmp_path / "mask.png", threshold=float(cut)).planes[0]
    np.testing.assert_array_equal(found, share > 0.5)
    anybody = read(tmp_path / "mask.png", stated=True).planes[0]
    np.testing.assert_array_equal(anybody, share > 0)


def test_fractions_and_jpeg_too(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "mask.tif", drawings(3).astype(np.float32))
    with pytest.raises(UnclearMaskError, match=r"3 people .*threshold = 0\.5 "):
        read(tmp_path / "mask.tif")
    mask = np.round(drawings(3) * 255).astype(np.uint8)
    Image.fromarray(mask).save(tmp_path / "mask.jpg", quality=90)
    with pytest.raises(
        UnclearMaskError, match=r"3 people .*threshold = 127\.5 "
    ) as info:
        read(tmp_path / "mask.jpg")
    assert "what anybody drew" not in str(info.value)


def test_classes_side_by_side_and_sums_are_told_as_before(tmp_path: Path) -> None:
    mask = np.zeros(Y.shape, np.uint8)
    for i in range(3):
        mask[40:120, 20 + 45 * i : 50 + 45 * i] = 85 * (i + 1)
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with pytest.raises(UnclearMaskError, match="objects, classes"):
        read(tmp_path / "mask.png")
    added = np.round(drawings(3) * 3).astype(np.uint8)
    Image.fromarray(added).save(tmp_path / "mask.png")
    np.testing.assert_array_equal(read(tmp_path / "mask.png").planes[0], added > 0)

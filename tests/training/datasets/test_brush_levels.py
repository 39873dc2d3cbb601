"""Masks painted with a translucent brush are asked about; soft masks are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets.brush_levels import brush_levels
from attnseg_training.datasets.masks import read
from attnseg_training.datasets.rules import UnclearMaskError

Y, X = np.mgrid[:120, :140]
DISC = np.hypot(Y - 60, X - 70) < 45


def painted(opacity: float, soft: float, strokes: int = 4) -> np.ndarray:
    """Wide strokes from above to below, each of which overlaps the one before."""
    covered = np.zeros(DISC.shape)
    for i in range(strokes):
        stroke = DISC & (np.abs(X - 40 - 20 * i) < 22)
        covered += (1 - covered) * opacity * gaussian_filter(stroke * 1.0, soft)
    return (255 * covered).round().astype(np.uint8)


@pytest.mark.parametrize(("opacity", "first"), [(0.4, 102), (0.45, 115), (0.2, 51)])
@pytest.mark.parametrize("soft", [0.6, 2])
def test_strokes_that_overlap_are_asked_about(
    tmp_path: Path, opacity: float, first: int, soft: float
) -> None:
    path, mask = tmp_path / "mask.png", painted(opacity, soft)
    Image.fromarray(mask).save(path)
    with pytest.raises(UnclearMaskError, match=rf"\({first}, .*translucent brush"):
        read(path)
    assert np.array_equal(read(path, threshold=1).planes[0], mask > 1)
    assert np.array_equal(read(path, stated=True).planes[0], mask > 0)


def test_a_dense_brush_one_stroke_and_soft_masks_are_read() -> None:
    noise = gaussian_filter(np.random.default_rng(2).normal(size=DISC.shape), 6)
    chance = 1 / (1 + np.exp(-3 * gaussian_filter(2.0 * DISC - 1, 8) - 20 * noise))
    for mask in (
        painted(0.7, 0.6),
        painted(0.4, 0.6, strokes=1),
        255 * gaussian_filter(DISC * 1.0, 3),
        255 * chance,
        # Two or three of three people.
        85.0 * DISC + 85 * (X > 60) * DISC + 85 * (Y > 60) * DISC,
        60 * DISC + 60.0 * DISC * (X > 60) + 120 * DISC * (X > 90),
    ):
        assert brush_levels(mask.astype(np.uint8)) == ()

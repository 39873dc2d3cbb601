"""Masks that are filled with a pattern are told from lesions, vessels and cells."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_erosion, gaussian_filter

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.patterns import is_patterned
from attnseg_training.datasets.rules import Rule

H = W = 128
Y, X = np.mgrid[:H, :W]
LESION = ((Y - 60) / 25) ** 2 + ((X - 64) / 34) ** 2 < 1
SMALL = ((Y - 60) / 9) ** 2 + ((X - 64) / 12) ** 2 < 1
RANDOM = np.random.default_rng(5).random((H, W))
LINE = ~binary_erosion(LESION, iterations=2)
BAYER = np.array([[0, 8, 2, 10], [12, 4, 14, 6], [3, 11, 1, 9], [15, 7, 13, 5]])
ORDERED = np.tile(BAYER, (H // 4, W // 4))


def dithered(levels: np.ndarray) -> np.ndarray:
    """Floyd and Steinberg's, as Pillow makes it of a grey picture."""
    return np.asarray(Image.fromarray(levels.astype(np.uint8)).convert("1"))


def stripes(degrees: float, period: float, share: float) -> np.ndarray:
    turn = np.deg2rad(degrees)
    return ((Y * np.sin(turn) + X * np.cos(turn)) / period) % 1 < share


@pytest.mark.parametrize(
    "mask",
    [
        *(dithered(LESION * level) for level in (40, 64, 85, 128, 170, 200)),
        dithered(SMALL * 128),
        *(LESION & (level > ORDERED) for level in (4, 7, 11)),
        *(LESION & stripes(*how) for how in ((17, 5, 0.5), (45, 7, 0.4), (90, 9, 0.4))),
        LESION & (stripes(45, 5.6, 0.3) | LINE),
        LESION & (stripes(30, 8, 0.25) | stripes(120, 8, 0.25)),
        LESION & (Y % 6 < 3) & (X % 6 < 3),
        SMALL & ((Y + X) % 4 < 2),
        *(LESION & (share > RANDOM) for share in (0.3, 0.5, 0.7)),
    ],
)
def test_a_pattern_is_told(mask: np.ndarray) -> None:
    assert is_patterned(mask)


def cells(gap: float) -> np.ndarray:
    """Cells that touch each other but for a gap."""
    centres = np.random.default_rng(1).integers(0, H, (160, 2))
    far = np.sort([np.hypot(Y - y, X - x) for y, x in centres], axis=0)
    return np.asarray(far[1] - far[0] > gap)


def scattered(radius: float, count: int) -> np.ndarray:
    centres = np.random.default_rng(2).integers(0, H, (count, 2))
    near = np.min([np.hypot(Y - y, X - x) for y, x in centres], axis=0)
    return np.asarray(near < radius)


def vessels() -> np.ndarray:
    """Thin ones that wind in one direction, and join."""
    tree = np.zeros((H, W), bool)
    for k in range(6):
        for branch in (1, -1):
            middle = 10 + 20 * k + 7 * np.sin(X / (9 + 2 * k)) + branch * X / 12
            tree |= np.abs(Y - middle) < 1.2
    return tree


@pytest.mark.parametrize(
    "mask",
    [
        LESION,
        SMALL,
        LESION & ~binary_erosion(LESION, iterations=2),
        cells(0.7),
        cells(3),
        ~cells(2),
        LESION & cells(1.5),
        scattered(1, 300),
        scattered(3, 60),
        vessels(),
        gaussian_filter(np.random.default_rng(3).normal(size=(H, W)), 1.2) > 0,
        dithered(255.0 * gaussian_filter(LESION.astype(float), 2)),
        LESION & (np.random.default_rng(4).random((H, W)) > 0.08),
        np.zeros((H, W), bool),
    ],
)
def test_what_is_no_pattern_is_not(mask: np.ndarray) -> None:
    assert not is_patterned(mask)


def test_one_such_mask_is_hinted_at() -> None:
    seen = MasksSeen()
    for i, mask in enumerate([SMALL, LESION, dithered(SMALL * 128)]):
        seen.add(f"m{i}", np.roll(mask, 9 * i, 0)[None].astype(np.uint8))
    (hint,) = seen.hints()
    assert (hint.rule, hint.names) == (Rule.PATTERNED, ("m2",))
    assert "dithered or hatched" in str(hint)

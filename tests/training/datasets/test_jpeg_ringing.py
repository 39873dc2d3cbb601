"""Masks of all that is not 0 in a JPEG are told as that, not as lines or letters."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.jpeg_ringing import is_ringing
from attnseg_training.datasets.mask_looks import MaskLooks
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.shown_masks import OddShapes

Y, X = np.mgrid[:203, :260]
LESION = np.hypot((Y - 100) / 60, (X - 130) / 80) < 1 + 0.1 * np.sin(X / 9)


def not_0(lesion: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(lesion.astype(np.uint8) * 255).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)) > 0


@pytest.mark.parametrize("quality", [50, 75, 90, 95])
def test_noise_in_blocks_is_told_once(quality: int) -> None:
    mask = not_0(LESION, quality)
    assert is_ringing(mask)
    looks, shapes = MaskLooks(), OddShapes()
    for i in range(6):
        looks.add(f"{i}", mask[None].astype(np.uint8), np.zeros((1, 1, 1), np.uint8))
        shapes.add(f"{i}", mask[None].astype(np.uint8), None)
    (hint,) = [*looks.hints(()), *shapes.hints(6)]
    assert hint.rule is Rule.RINGING


def test_other_specks_are_no_jpeg() -> None:
    rng = np.random.default_rng(0)
    assert not is_ringing(LESION)
    assert not is_ringing(LESION | (rng.random(LESION.shape) < 0.01))
    beside = np.hypot((Y - 100) / 70, (X - 130) / 90) < 1.1
    assert not is_ringing(LESION | (beside & (rng.random(LESION.shape) < 0.1)))
    assert not is_ringing(np.zeros((40, 50), bool))
    assert not is_ringing(np.ones((40, 50), bool))

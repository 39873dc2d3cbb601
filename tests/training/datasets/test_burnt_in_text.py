"""Numbers and letters that were written into masks are told from lesions."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.shown_masks import brush_of

H, W = 160, 200


@cache
def lesion(i: int) -> np.ndarray:
    """A blob of its own shape, place and size."""
    rng = np.random.default_rng(i)
    y, x = np.mgrid[:H, :W]
    uneven = gaussian_filter(rng.normal(size=(H, W)), 12) * 12
    far = np.hypot(y - 80 - rng.integers(-20, 20), x - 100 - rng.integers(-30, 30))
    return np.asarray(far + uneven < rng.integers(30, 45))


def written(mask: np.ndarray, text: str, inside: bool, jpeg: bool) -> np.ndarray:
    image = Image.fromarray(mask.astype(np.uint8) * 255)
    rows, columns = np.nonzero(mask)
    at = (int(columns.mean()) - 12, int(rows.mean()) - 8)
    if not inside:
        at = (int(columns.min()), int(rows.min()) - 24)
    font = ImageFont.load_default(16)
    ImageDraw.Draw(image).text(at, text, fill=255 * (not inside), font=font)
    if jpeg:
        stored = io.BytesIO()
        image.save(stored, "JPEG", quality=92)
        image = Image.open(stored)
    return np.asarray(image) > 127


def seen_of(masks: list[np.ndarray]) -> MasksSeen:
    seen, other = MasksSeen(), MasksSeen()
    for i, mask in enumerate(masks):
        (other if i % 3 else seen).add(f"m{i:02d}", mask[None].astype(np.uint8))
    return seen.joined(other)


@pytest.mark.parametrize("jpeg", [False, True])
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize(
    "text", [lambda i: str(i + 1), lambda i: "polyp", lambda i: f"0.{99 - i}"]
)
def test_text_is_asked_about(
    text: Callable[[int], str], inside: bool, jpeg: bool
) -> None:
    masks = [written(lesion(i), text(i), inside, jpeg) for i in range(60)]
    (error,) = seen_of(masks).broken()
    assert error.rule == Rule.BURNT_IN_TEXT
    assert "as where a program wrote numbers or letters" in str(error)
    few = [lesion(i) if i % 6 else mask for i, mask in enumerate(masks)]
    assert seen_of(few).broken() == []


def cells(i: int) -> np.ndarray:
    """Many uneven pieces, some of which are hollow on one side."""
    noise = np.random.default_rng(i).normal(size=(H, W))
    found = gaussian_filter(noise, 3)
    return np.asarray(found > 1.6 * found.std())


@pytest.mark.parametrize("draw", [lesion, cells])
def test_lesions_and_cells_are_no_text(draw: Callable[[int], np.ndarray]) -> None:
    assert seen_of([draw(i) for i in range(24)]).broken() == []


def test_large_masks_have_large_characters_and_marks() -> None:
    masks = []
    for i in range(8):
        mask = np.zeros((2700, 2800), np.uint8)
        mask[300:2300, 200 + 20 * i : 2600] = 1
        mask[900:1200, 1000:1040] = mask[1160:1200, 1000 : 1260 + i] = 0
        mask[1500:1800, 1000:1040] = mask[1760:1800, 1000:1260] = 0
        masks.append(np.roll(mask, 20 * i, 0))
    (error,) = seen_of(masks).broken()
    assert error.rule == Rule.BURNT_IN_TEXT and "8 of 8 masks" in str(error)
    mark = np.zeros((2700, 2800), bool)
    mark[np.hypot(*np.mgrid[-900:1800, -900:1900]) < 130] = True
    assert brush_of(mark)


def test_tiles_that_overlap_are_no_text() -> None:
    whole = np.hstack([cells(i) for i in range(6)])
    tiles = [whole[:, x : x + W] for x in range(0, whole.shape[1] - W + 1, W // 4)]
    seen = seen_of(tiles)
    assert len(tiles) == 21 and max(map(len, seen.text.shapes.values())) > 3
    assert seen.broken() == []

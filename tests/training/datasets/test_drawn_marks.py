"""Boxes and calipers that were drawn on images are told."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets.drawn_marks import is_marked
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.rules import Rule

Y, X = np.mgrid[:160, :200]
#: A function that draws on an image; it gets first and last rows and columns.
Draw = Callable[[ImageDraw.ImageDraw, tuple[int, int, int, int]], None]


def scene(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Reddish picture, and an ellipse in it."""
    rng = np.random.default_rng(i)
    down, across = rng.integers(50, 110), rng.integers(60, 140)
    lesion = ((Y - down) / 24) ** 2 + ((X - across) / (32 + i)) ** 2 < 1
    texture = gaussian_filter(rng.normal(size=Y.shape), 4)
    grey = 120 + 25 * texture / texture.std() + 20 * lesion
    picture = grey[..., None] * np.array([1.3, 0.8, 0.6])
    return picture.clip(0, 255).astype(np.uint8), lesion


def box(draw: ImageDraw.ImageDraw, ends: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = ends
    corners = (left - 6, top - 6, right + 6, bottom + 6)
    draw.rectangle(corners, outline=(0, 255, 0), width=2)


def calipers(draw: ImageDraw.ImageDraw, ends: tuple[int, int, int, int]) -> None:
    top, bottom, left, right = ends
    y, x = (top + bottom) // 2, (left + right) // 2
    for down, across in ((y, left), (y, right), (top, x), (bottom, x)):
        draw.line((across - 4, down, across + 4, down), fill=(255, 255, 0))
        draw.line((across, down - 4, across, down + 4), fill=(255, 255, 0))
    for across in range(left, right, 5):
        draw.point((across, y), fill=(255, 255, 0))


def elsewhere(draw: ImageDraw.ImageDraw, ends: tuple[int, int, int, int]) -> None:
    """A logo and a frame that lie nowhere near the lesion."""
    draw.rectangle((2, 2, 197, 157), outline=(0, 255, 0), width=2)
    draw.ellipse((6, 6, 20, 20), fill=(255, 255, 0))


def drawn(i: int, draw: Draw, lossy: bool = False) -> tuple[np.ndarray, np.ndarray]:
    picture, lesion = scene(i)
    image = Image.fromarray(picture)
    rows, columns = np.flatnonzero(lesion.any(1)), np.flatnonzero(lesion.any(0))
    ends = (rows[0], rows[-1], columns[0], columns[-1])
    draw(ImageDraw.Draw(image), tuple(map(int, ends)))
    if lossy:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=95)
        image = Image.open(file)
    return np.asarray(image), lesion


@pytest.mark.parametrize("lossy", [False, True])
def test_boxes_around_lesions_are_marks(lossy: bool) -> None:
    assert all(is_marked(*drawn(i, box, lossy)) for i in range(8))


def test_calipers_at_the_ends_of_lesions_are_marks() -> None:
    assert all(is_marked(*drawn(i, calipers)) for i in range(8))


def test_pictures_and_what_is_drawn_elsewhere_are_none() -> None:
    assert not any(is_marked(*scene(i)) for i in range(8))
    assert not any(is_marked(*drawn(i, elsewhere)) for i in range(8))
    for i in range(8):
        picture, lesion = scene(i)
        picture[lesion] = 0.6 * picture[lesion] + np.array([0, 102, 0])
        assert not is_marked(picture, lesion)
    assert not is_marked(scene(0)[0], np.zeros(Y.shape, bool))


@pytest.mark.parametrize(("draw", "told"), [(box, True), (elsewhere, False)])
def test_a_set_with_boxes_is_told(draw: Draw, told: bool) -> None:
    seen = MasksSeen()
    for i in range(6):
        picture, lesion = drawn(i, draw)
        seen.add(f"a{i}", lesion[None].astype(np.uint8), rgb=picture)
    assert (Rule.DRAWN_ON in {hint.rule for hint in seen.hints()}) == told

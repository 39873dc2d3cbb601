"""Coloured lines that were drawn along the outlines of lesions are told."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion, gaussian_filter

from attnseg_training.datasets.drawn_lines import has_line

Y, X = np.mgrid[:160, :200]


def scene(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture that is vividly red, as of an endoscope, and a lesion in it."""
    rng = np.random.default_rng(i)
    down, across = rng.integers(50, 110), rng.integers(60, 140)
    angle = np.arctan2(Y - down, X - across)
    radius = 30 + 3 * i + 4 * np.sin(3 * angle)
    lesion = np.hypot(Y - down, X - across) < radius
    texture = gaussian_filter(rng.normal(size=Y.shape), 4)
    grey = 110 + 25 * texture / texture.std() + 20 * gaussian_filter(lesion * 1.0, 2)
    picture = grey[..., None] * np.array([1.9, 0.7, 0.3])
    return picture.clip(0, 255).astype(np.uint8), lesion


def drawn(
    i: int, line: np.ndarray, colour: tuple[int, int, int], quality: int
) -> np.ndarray:
    picture, _ = scene(i)
    picture[line] = colour
    if not quality:
        return picture
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


@pytest.mark.parametrize("quality", [0, 75, 93])
@pytest.mark.parametrize(
    "colour",
    [(255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 0, 255), (0, 255, 255)],
)
def test_lines_along_outlines_are_found_on_vivid_tissue(
    colour: tuple[int, int, int], quality: int
) -> None:
    for i in range(6):
        _, lesion = scene(i)
        on = binary_dilation(lesion) & ~binary_erosion(lesion)
        around = binary_dilation(lesion, iterations=2) & ~lesion
        wide = binary_dilation(lesion, iterations=4) & ~lesion
        beyond = binary_dilation(lesion, iterations=3)
        gap = binary_dilation(beyond, iterations=2) & ~beyond
        for line in (on, around, wide, gap):
            assert has_line(drawn(i, line, colour, quality), lesion)
        dashes = around & ((Y + X) % 12 < 8)
        assert has_line(drawn(i, dashes, colour, 0), lesion)


def test_pictures_and_lines_elsewhere_are_no_lines_along_outlines() -> None:
    for i in range(6):
        picture, lesion = scene(i)
        far = binary_dilation(lesion, iterations=16)
        line = binary_dilation(far, iterations=2) & ~far
        assert not has_line(picture, lesion)
        assert not has_line(drawn(i, line, (0, 255, 0), 0), lesion)
        assert not has_line(drawn(i, lesion, (0, 255, 0), 0), lesion)
        assert not has_line(drawn(i, ~lesion, (0, 255, 0), 0), lesion)


def cells(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance from the middle of each cell, and by how much the next is farther."""
    rng = np.random.default_rng(i)
    middles = rng.uniform(0, 200, (40, 2))
    apart = np.hypot(Y[..., None] - middles[:, 0] * 0.8, X[..., None] - middles[:, 1])
    nearest = np.sort(apart, -1)
    return nearest[..., 0], nearest[..., 1] - nearest[..., 0]


def test_stained_membranes_and_gaps_between_cells_are_not_drawn() -> None:
    for i in range(6):
        near, edge = cells(i)
        rng = np.random.default_rng(i)
        stain = gaussian_filter(rng.normal(size=Y.shape), 6)
        green = np.exp(-((edge / 3) ** 2) + 0.5 * stain / stain.std()) * 130
        stained = np.stack([0 * green, green, 120 * (near < 7)], -1)
        assert not has_line(stained.clip(0, 255).astype(np.uint8), edge > 1.5)
        lesion = (edge > 4) & (near < 18)
        ground = np.where(lesion[..., None], (200, 110, 120), (60, 90, 200))
        assert not has_line(ground.astype(np.uint8), lesion)

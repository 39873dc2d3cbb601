"""Masks that fit the next images, or those of another order, are told."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, gaussian_filter

from attnseg_training.datasets.check import check
from attnseg_training.datasets.odd_pairs import OddPairs
from attnseg_training.datasets.rules import Rule
from attnseg_training.datasets.same_images import SameImages
from attnseg_training.datasets.shifted_pairs import edges_of, shifted_pairs
from attnseg_training.datasets.similar_images import grid_of

Y, X = np.mgrid[:80, :96]
COUNT = 24
OTHER_ORDER = "images of another order, by number or as text (10 before 2)"
AS_TEXT = sorted(range(COUNT + 1), key=str)


@cache
def pair(i: int) -> tuple[np.ndarray, np.ndarray]:
    """Picture of soft texture with a brighter disc, and the disc."""
    rng = np.random.default_rng(i)
    row, column, radius = rng.integers(20, 60), rng.integers(20, 70), 8 + i % 9
    disc = (Y - row) ** 2 + (X - column) ** 2 < radius**2
    texture = gaussian_filter(rng.normal(size=Y.shape), 3)
    grey = 110 + 20 * texture / texture.std() + 30 * gaussian_filter(disc * 1.0, 1)
    picture = grey[..., None] * np.array([1.3, 0.9, 0.7])
    return picture.clip(0, 255).astype(np.uint8), disc


def told(images: list[int], masks: list[int]) -> str:
    """On which images the masks of cases seem to lie, in words."""
    edges = {f"case {i}": edges_of(pair(one)[0]) for i, one in enumerate(images)}
    lesions = {f"case {i}": grid_of(pair(one)[1]) for i, one in enumerate(masks)}
    names, words = shifted_pairs(edges, lesions)
    assert len(names) == (len(images) if words else 0)
    return words


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        (range(COUNT), range(1, COUNT + 1), "the images after their own"),
        (range(1, COUNT + 1), range(COUNT), "the images before their own"),
        (range(COUNT + 1), AS_TEXT, OTHER_ORDER),
        (AS_TEXT, range(COUNT + 1), OTHER_ORDER),
    ],
)
def test_masks_of_other_images_are_told(
    images: range, masks: range, words: str
) -> None:
    assert told(list(images), list(masks)) == words


@pytest.mark.parametrize("first", range(4))
def test_right_pairs_and_pairs_at_random_are_not_told(first: int) -> None:
    images = list(range(30 * first, 30 * first + COUNT))
    assert told(images, images) == ""
    masks = np.random.default_rng(first).permutation(images).tolist()
    assert told(images, masks) == ""
    assert told(images[:14], images[1:15]) == ""  # too few to tell


def test_odd_names_and_sets_without_lesions_are_not_told() -> None:
    images = {f"{'²' * i} {i}": pair(i) for i in range(COUNT)}
    edges = {name: edges_of(picture) for name, (picture, _) in images.items()}
    lesions = {name: grid_of(disc) for name, (_, disc) in images.items()}
    assert shifted_pairs(edges, lesions) == ((), "")
    nothing = dict.fromkeys(images, np.zeros((64, 64), bool))
    assert shifted_pairs(edges, nothing) == ((), "")
    flat = dict.fromkeys(images, edges_of(np.zeros((40, 50, 3), np.uint8)))
    assert shifted_pairs(flat, lesions) == ((), "")


def test_frames_of_a_film_are_not_told() -> None:
    """Masks are too large, and lesions grow: masks of the frames before fit better."""
    edges, lesions = {}, {}
    texture = 400 * gaussian_filter(np.random.default_rng(0).normal(size=Y.shape), 3)
    for frame in range(24):
        disc = np.hypot(Y - 40, X - 48) < 10 + frame
        grey = 110 + texture + 40 * disc
        picture = grey.clip(0, 255).astype(np.uint8)[..., None].repeat(3, 2)
        edges[f"frame {frame}"] = edges_of(picture)
        lesions[f"frame {frame}"] = grid_of(binary_dilation(disc, iterations=5))
    assert shifted_pairs(edges, lesions) == ((), "")


def test_halves_of_a_set_are_joined() -> None:
    parts = OddPairs(), OddPairs()
    for i in range(COUNT):
        parts[i % 2].add(f"case {i}", pair(i + 1)[1], pair(i)[0])
    hints = parts[1].joined(parts[0]).hints(COUNT, {}, SameImages())
    assert Rule.SHIFTED_PAIRS in {hint.rule for hint in hints}


def test_check_asks(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i in range(COUNT):
        Image.fromarray(pair(i)[0]).save(tmp_path / "images" / f"{i + 1}.png")
        Image.fromarray(pair(i + 1)[1]).save(tmp_path / "masks" / f"{i + 1}.png")
    report = check(tmp_path)
    (hint,) = (one for one in report.questions if one.rule == Rule.SHIFTED_PAIRS)
    assert "edges of the images after their own instead" in str(hint)
    assert "such as '1' and its mask" in str(hint)

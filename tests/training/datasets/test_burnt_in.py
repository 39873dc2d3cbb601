"""Pieces at the same pixels of all masks, and white along an edge, are asked about."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.burnt_in import SamePlaces
from attnseg_training.datasets.check import check
from attnseg_training.datasets.padding import is_framed, is_padded

H, W = 150, 180
Y, X = np.mgrid[:H, :W]


def lesion(seed: int, middle: bool = False) -> np.ndarray:
    """A blob anywhere, or near the middle of each mask."""
    rng = np.random.default_rng(seed)
    spread = 12 if middle else 45
    y, x = rng.integers(-spread, spread, 2) + np.array([H, W]) // 2
    a, b = rng.integers(12, 30, 2)
    found: np.ndarray = ((Y - y) / a) ** 2 + ((X - x) / b) ** 2 < 1
    return found


def seen(masks: list[np.ndarray]) -> SamePlaces:
    """Of two parts of these masks, as of two splits."""
    parts = SamePlaces(), SamePlaces()
    for i, mask in enumerate(masks):
        parts[i % 3 == 0].add(f"a{i}", mask)
    return parts[0].joined(parts[1])


@pytest.mark.parametrize("count", [3, 4, 9, 40])
def test_a_piece_at_the_same_pixels_is_found(count: int) -> None:
    masks = [lesion(i) for i in range(count)]
    assert seen(masks).found() is None
    for mask in masks[: None if count < 8 else count // 2]:
        mask[140:144, 120:170] = True
    found = seen(masks).found()
    assert found is not None
    assert found.masks == (count if count < 8 else count // 2)
    assert found.where == "rows 140 to 143, columns 120 to 169"
    assert masks[int(found.name[1:])][141, 150]


@pytest.mark.parametrize("count", [3, 5, 20, 60])
def test_lesions_that_lie_alike_are_no_such_piece(count: int) -> None:
    for start in range(0, 1000, 100):
        masks = [lesion(start + i, middle=True) for i in range(count)]
        assert seen(masks).found() is None


def test_a_piece_in_a_corner_of_masks_of_many_sizes_is_found() -> None:
    masks = [lesion(i)[: 150 - i, : 180 - 2 * i] for i in range(12)]
    assert seen(masks).found() is None
    for mask in masks:
        mask[-9:-5, -30:-5] = True
    found = seen(masks).found()
    assert found is not None and found.masks == 12
    where = "rows 119 to 122, columns 98 to 122 of the lower right 128 × 128 px"
    assert found.where == where


def test_counts_are_those_of_the_masks() -> None:
    masks = [lesion(i, middle=True) for i in range(21)]
    (counts,) = seen(masks).shapes.values()
    np.testing.assert_array_equal(counts.counts((H, W)), np.sum(masks, axis=0))


@pytest.mark.parametrize("turn", range(4))
def test_white_along_an_edge_is_told_from_a_lesion_there(turn: int) -> None:
    strip = lesion(0).copy()
    strip[:7] = True
    assert is_padded(np.rot90(strip, turn))
    curved = 30 + 15 * np.sin(X / 30) > Y
    for other in (lesion(0), curved, np.ones((H, W), bool), np.zeros((H, W), bool)):
        assert not is_padded(np.rot90(other, turn))


def test_check_asks_about_one_padded_mask(tmp_path: Path) -> None:
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i in range(4):
        mask = lesion(i)
        mask[:, -9:] |= i == 2
        wave = 100 + 90 * np.sin(Y / (3 + 2 * i)) * np.cos(X / (2 + 3 * i))
        for folder, pixels in (("images", wave), ("masks", mask * 255)):
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(tmp_path / folder / f"a{i}.png")
    report = check(tmp_path)
    (found,) = report.found
    assert found[:2] == ("padded-mask", "a2") and "white padding" in found[2]
    assert report.to_json()["stops_training"] == []


def test_a_thin_frame_is_padding() -> None:
    framed = np.pad(lesion(0)[1:-1, 1:-1], 1, constant_values=True)
    assert is_framed(framed) and is_padded(framed)
    assert not is_framed(~lesion(0)) and not is_framed(lesion(0))


@pytest.mark.parametrize("turn", range(4))
def test_a_wedge_of_an_image_that_was_turned_is_padding(turn: int) -> None:
    y, x = np.mgrid[:96, :112]
    wedge = y < 6 - 0.09 * x
    lesion = (y - 50) ** 2 + (x - 60) ** 2 < 400
    assert is_padded(np.rot90(wedge | lesion, turn))
    for centre in (0, -12):  # a lesion at an edge ends in a curve
        cut = (y - centre) ** 2 + (x - 60) ** 2 < 400
        assert not is_padded(np.rot90(cut, turn))
    assert not is_padded(np.rot90(lesion, turn))

"""Transparency in masks of frames: alpha is the mask, or contradicts it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.frame_masks import numbers_of
from napari_attnseg.errors import InputError

LESION = np.zeros((40, 48), np.uint8)
LESION[8:30, 10:30] = 1
ERASED = (LESION > 0) & (np.arange(48) < 20)


def grey(file: Path, level: np.ndarray, alpha: np.ndarray) -> Path:
    Image.fromarray(np.dstack([level, alpha]).astype(np.uint8)).save(file)
    return file


def palette(file: Path, index: np.ndarray, greys: list[int], alpha: list[int]) -> Path:
    made = Image.frombytes("P", index.shape[::-1], index.astype(np.uint8).tobytes())
    made.putpalette(np.repeat(greys, 3).astype(np.uint8).tobytes())
    made.save(file, transparency=bytes(alpha))
    return file


@pytest.mark.parametrize("level", [0, 255])
def test_alpha_beside_one_grey_is_the_mask(tmp_path: Path, level: int) -> None:
    file = grey(tmp_path / "x.png", np.full(LESION.shape, level), LESION * 255)
    assert np.array_equal(numbers_of(file) > 0, LESION > 0)


def test_grey_that_was_erased_is_refused(tmp_path: Path) -> None:
    file = grey(tmp_path / "x.png", LESION * 255, np.where(ERASED, 0, 255))
    with pytest.raises(InputError, match="transparent parts beside grey ones"):
        numbers_of(file)


def test_a_palette_that_was_erased_is_refused(tmp_path: Path) -> None:
    index = np.where(ERASED, 2, LESION)
    file = palette(tmp_path / "x.png", index, [0, 255, 255], [255, 255, 0])
    with pytest.raises(InputError, match="transparent parts beside grey ones"):
        numbers_of(file)


@pytest.mark.parametrize("grey", [0, 255])
@pytest.mark.parametrize("hidden", [0, 1])
def test_a_palette_of_one_grey_is_read_by_alpha(
    tmp_path: Path, grey: int, hidden: int
) -> None:
    index, alpha = LESION ^ hidden, [255, 255]
    alpha[hidden] = 0
    file = palette(tmp_path / "x.png", index, [grey, grey], alpha)
    assert np.array_equal(numbers_of(file) > 0, LESION > 0)


def test_objects_on_a_hidden_index_keep_their_numbers(tmp_path: Path) -> None:
    index = np.where(ERASED, 2, LESION)
    file = palette(tmp_path / "x.png", index, [0, 90, 255], [0, 255, 255])
    assert np.array_equal(numbers_of(file), index)

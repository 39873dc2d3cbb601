"""Masks of results that were saved black on white are refused; large ones are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from edited_results import film, saved
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.io.results import load_results

FOUND = np.zeros((120, 160), np.uint8)
FOUND[30:80, 40:110] = 1
#: Another region, which somebody painted.
PAINTED = FOUND.copy()
PAINTED[90:115, 10:60] = 1
#: A lesion that lies along the border.
ASIDE = FOUND.copy()
ASIDE[50:80, :60] = 1


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize(
    ("found", "now"), [(FOUND, FOUND), (FOUND, PAINTED), (ASIDE, ASIDE)]
)
def test_an_inverted_mask_is_refused(
    tmp_path: Path, kind: str, found: np.ndarray, now: np.ndarray
) -> None:
    story = (saved if kind == "image" else film)(tmp_path, found)
    name = "x_mask.png" if kind == "image" else "x/frame_000004_mask.png"
    Image.fromarray(now * 255).save(tmp_path / name)
    np.testing.assert_array_equal(load_masks(story).masks[0], now)
    Image.fromarray((1 - now) * 255).save(tmp_path / name)
    with pytest.raises(InputError, match="seems to be saved inverted; save it white"):
        load_masks(story)
    if kind == "image":
        with pytest.raises(InputError, match=r"in x_mask\.png, but"):
            load_results(story)


def large() -> list[np.ndarray]:
    """Masks that somebody painted over the border: all, but a hole, but a corner."""
    whole = np.ones_like(FOUND)
    hole, corner = whole.copy(), whole.copy()
    hole[100:110, 120:150] = 0
    corner[90:, 120:] = 0
    return [whole, hole, corner]


@pytest.mark.parametrize("kind", ["image", "film"])
@pytest.mark.parametrize("now", large())
def test_a_large_lesion_is_read(tmp_path: Path, kind: str, now: np.ndarray) -> None:
    story = (saved if kind == "image" else film)(tmp_path, FOUND)
    name = "x_mask.png" if kind == "image" else "x/frame_000004_mask.png"
    Image.fromarray(now * 255).save(tmp_path / name)
    read = load_masks(story)
    np.testing.assert_array_equal(read.masks[0], now)
    assert not read.assumed


@pytest.mark.parametrize("kind", ["image", "film"])
def test_all_where_nothing_was_found_is_told(tmp_path: Path, kind: str) -> None:
    story = (saved if kind == "image" else film)(tmp_path, 0 * FOUND)
    name = "x_mask.png" if kind == "image" else "x/frame_000004_mask.png"
    Image.fromarray(0 * FOUND + 255).save(tmp_path / name)
    read = load_masks(story)
    assert read.masks.all() and "saved inverted" in read.assumed

"""Masks of results that were saved black on white are refused; large ones are not."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.io.stack_results import FORMAT
from napari_attnseg.results import Segmentation

FOUND = np.zeros((120, 160), np.uint8)
FOUND[30:80, 40:110] = 1
#: Another region, which somebody painted.
PAINTED = FOUND.copy()
PAINTED[90:115, 10:60] = 1
#: A lesion that lies along the border.
ASIDE = FOUND.copy()
ASIDE[50:80, :60] = 1


def saved(folder: Path, mask: np.ndarray) -> Path:
    facts = {"source": "x", "classes": ["lesion"], "image_sha256": "a"}
    facts["mask_sha256"] = array_sha256(mask)
    run = Segmentation(mask, mask[None].astype(np.float32), (), facts)
    return save_results(Results("x", "x", [run]), folder, "x")[-1]


def film(folder: Path, mask: np.ndarray) -> Path:
    (folder / "x").mkdir()
    facts = {"source": "x.mp4", "classes": ["lesion"]}
    story = {"format": FORMAT, "provenance": facts, "mask_value": 255, "frames": [4]}
    story |= {"files": {"masks": "x", "table": "x_frames.csv"}, "complete": True}
    (folder / "x.json").write_text(json.dumps(story))
    row, column = (one.mean() if len(one) else "" for one in np.nonzero(mask))
    (folder / "x_frames.csv").write_text(
        f"frame,area_px,centre_row,centre_column\n4,{mask.sum()},{row},{column}\n"
    )
    return folder / "x.json"


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

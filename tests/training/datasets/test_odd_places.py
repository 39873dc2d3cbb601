"""Folders of storage devices in masks/; masks that are in colour and alpha alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.mask_reading import MaskKind
from attnseg_training.datasets.masks import UnclearMaskError, read

H, W = 90, 120


def soft(rows: slice, columns: slice) -> np.ndarray:
    """Levels (H, W) of 0 to 255 of a lesion with soft edges."""
    lesion = np.zeros((H, W))
    lesion[rows, columns] = 255
    return gaussian_filter(lesion, 0.8).round().astype(np.uint8)


@pytest.mark.parametrize(
    "name", ["@eaDir", ".AppleDouble", "__MACOSX", ".ipynb_checkpoints", "@Recycle"]
)
@pytest.mark.parametrize("nested", [False, True])
def test_folders_of_systems_in_masks_are_left_out(
    tmp_path: Path, name: str, nested: bool
) -> None:
    for kind in ("images", "masks"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / name).mkdir()
    grey = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
    for i in range(3):
        mask = Image.fromarray(soft(slice(20, 40 + i), slice(30, 60)))
        Image.fromarray(grey + np.uint8(i)).save(tmp_path / "images" / f"{i}.png")
        mask.save(tmp_path / "masks" / f"{i}.png")
        for kind in ("images", "masks"):
            thumb = tmp_path / kind / name / f"{i}.png"
            if nested:
                thumb.mkdir()
                thumb /= "SYNOPHOTO_THUMB_M.png"
            mask.resize((40, 30)).save(thumb)
    found = load_dataset(tmp_path).splits
    samples = {one.name: one for split in found.values() for one in split}
    assert sorted(samples) == ["0", "1", "2"]
    _, mask = samples["1"].read()
    np.testing.assert_array_equal(mask, soft(slice(20, 41), slice(30, 60)) > 127)


@pytest.mark.parametrize("colour", [(1, 1, 1), (1, 0, 0), (0, 0.8, 0.4)])
@pytest.mark.parametrize("side", [6, 12, 40])
def test_masks_in_colour_and_alpha_alike_are_cut_at_half_of_alpha(
    tmp_path: Path, side: int, colour: tuple[float, ...]
) -> None:
    levels = soft(slice(20, 20 + side), slice(30, 30 + side))
    rgb = (levels[..., None] * np.array(colour)).round().astype(np.uint8)
    Image.fromarray(np.dstack([rgb, levels])).save(tmp_path / "m.png")
    reading = read(tmp_path / "m.png")
    assert reading.how is MaskKind.ALPHA
    np.testing.assert_array_equal(reading.planes[0], levels > 127)


def test_a_picture_with_its_own_alpha_is_still_refused(tmp_path: Path) -> None:
    levels = soft(slice(20, 60), slice(30, 70))
    noise = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
    Image.fromarray(np.dstack([noise, levels])).save(tmp_path / "m.png")
    with pytest.raises(UnclearMaskError, match="as many colours as in a picture"):
        read(tmp_path / "m.png")

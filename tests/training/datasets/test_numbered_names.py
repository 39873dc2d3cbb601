"""Numbers in the names of images and masks that differ are told with what helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.datasets.numbered_names import unlike_in_numbers
from napari_attnseg.errors import InputError

FROM_0 = (
    "the images are numbered from 1 and the masks from 0, so that the mask '0' seems "
    "to belong to the image '1', and so on"
)


def data(root: Path, images: list[str], masks: list[str]) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    for folder, names in (("images", images), ("masks", masks)):
        (root / folder).mkdir()
        for name in names:
            grey = pixels[..., 0] > 127 if folder == "masks" else pixels
            Image.fromarray(grey).save(root / folder / f"{name}.png")
    return root


def test_masks_that_are_counted_from_0_are_to_be_renamed(tmp_path: Path) -> None:
    count = [str(n) for n in range(6)]
    root = data(tmp_path, [str(n + 1) for n in range(6)], count)
    said = [text for _, _, text in check(root).found]
    assert f"6 has no mask, but {FROM_0}: rename them." in said
    assert f"The mask of 0 belongs to no image, but {FROM_0}: rename them." in said
    with pytest.raises(InputError, match=r"and so on: rename them\.$"):
        load_dataset(root)


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        (
            ["img_001", "img_002", "img_004"],
            ["mask_000", "mask_001", "mask_003"],
            "the images are numbered from 1 and the masks from 0, so that the mask "
            "'mask_000' seems to belong to the image 'img_001', and so on",
        ),
        (
            ["8", "9", "10"],
            ["08", "09", "10"],
            "numbers in the names of the images and of the masks differ by leading "
            "zeros ('8' and '08')",
        ),
        (["1", "2", "3"], ["1", "2"], ""),  # one has no mask
        (["1", "2", "3", "5"], ["0", "1", "2", "3"], ""),  # no constant step
        (["a_1", "b_2", "c_3"], ["0", "1", "2"], ""),
        (["1", "2"], ["0", "1"], ""),  # too few
        ([], [], ""),
    ],
)
def test_numbers(images: list[str], masks: list[str], words: str) -> None:
    assert unlike_in_numbers(images, masks) == words

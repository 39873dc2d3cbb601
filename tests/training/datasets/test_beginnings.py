"""Names of images and masks that begin differently are told with what helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.check import check
from attnseg_training.datasets.pairing import unlike_in_a_beginning


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        (
            ["img_1", "img_02", "IMG_3"],
            ["mask_1", "mask_02", "mask_3"],
            "names of the images begin with 'img_' and those of the masks with 'mask_'",
        ),
        (
            ["1", "2"],
            ["mask_1", "mask_2"],
            "names of the masks alone begin with 'mask_'",
        ),
        (["im-7", "im-8"], ["7", "8"], "names of the images alone begin with 'im-'"),
        (["img_1", "img_2"], ["mask_8", "mask_9"], ""),
        (["img_1"], ["img_2"], ""),
        ([], [], ""),
    ],
)
def test_beginnings(images: list[str], masks: list[str], words: str) -> None:
    assert unlike_in_a_beginning(images, masks) == words


def test_check_says_so(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i in range(3):
        Image.fromarray(pixels).save(tmp_path / "images" / f"img_{i}.png")
        Image.fromarray(pixels[..., 0]).save(tmp_path / "masks" / f"mask_{i}.png")
    said = [text for _, _, text in check(tmp_path).found]
    assert (
        "img_0 has no mask, but names of the images begin with 'img_' and those of the "
        "masks with 'mask_': rename them."
    ) in said

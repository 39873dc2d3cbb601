"""Names of images and masks that begin differently are told with what helps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.check import check
from attnseg_training.datasets.pairing import unlike_in_a_beginning, unlike_in_a_suffix


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
        (
            ["cju1d50a", "cju7x", "cju2"],
            ["mask_cju1d50a", "mask_cju7x", "mask_cju2"],
            "names of the masks alone begin with 'mask_'",
        ),
        (["img_1"], ["img_2"], ""),
        (["1", "2", "3"], ["11", "12", "13"], ""),
        ([], [], ""),
    ],
)
def test_beginnings(images: list[str], masks: list[str], words: str) -> None:
    assert unlike_in_a_beginning(images, masks) == words


@pytest.mark.parametrize(
    ("images", "masks", "words"),
    [
        (
            ["P01_img", "P02_img", "P11_IMG"],
            ["P01_seg", "P02_seg", "P11_seg"],
            "names of the images end in '_img' and those of the masks in '_seg'",
        ),
        (
            ["21_training", "22_training"],
            ["21_manual1", "22_manual1"],
            "names of the images end in '_training' and those of the masks in "
            "'_manual1'",
        ),
        (
            ["a 1-left image", "a 2-left image"],
            ["a 1-left mask", "a 2-left mask"],
            "names of the images end in ' image' and those of the masks in ' mask'",
        ),
        (
            ["a1", "a2"],
            ["a1_mask", "a2_mask"],
            "names of the masks end in '_mask' beyond those of the images",
        ),
        (
            [f"P{i}_000{channel}" for i in range(5) for channel in range(3)],
            [f"P{i}" for i in range(5)],
            "names of the images end in '_0000', '_0001', '_0002' beyond those of the "
            "masks, as channels of one picture do for nnU-Net (make one RGB picture of "
            "them)",
        ),
        (
            ["P1_0000", "P2_0000"],
            ["P1", "P2"],
            "names of the images end in '_0000' beyond those of the masks",
        ),
        (
            ["P1", "P1_superpixels", "P2", "P2_superpixels", "P3", "P3_superpixels"],
            ["P1_segmentation", "P2_segmentation", "P3_segmentation"],
            "names of the masks end in '_segmentation' beyond those of the images (of "
            "which 3, such as 'P1_superpixels', have no such mask: move them elsewhere "
            "if they are other pictures)",
        ),
        (
            ["P1", "p1"],
            ["P1_mask"],
            "names of the masks end in '_mask' beyond those of the images",
        ),
        (["1", "2", "3", "4", "5"], ["12", "22"], ""),
        (["a", "b", "c", "d"], ["a_mask", "b_seg"], ""),
        (["a_1", "a_2", "a_3"], ["b_1", "b_2", "b_3"], ""),
        (["P1_img", "P2_img"], ["P8_seg", "P9_seg"], ""),
        ([], [], ""),
    ],
)
def test_ends(images: list[str], masks: list[str], words: str) -> None:
    assert unlike_in_a_suffix(images, masks) == words


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

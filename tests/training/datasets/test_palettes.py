"""Masks of named classes that have a palette have all the same one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets.check import check
from attnseg_training.datasets.frame_masks import numbers_of
from attnseg_training.datasets.masks import read_mask

BLACK, RED, GREEN, WHITE = (0, 0, 0), (255, 0, 0), (0, 255, 0), (255, 255, 255)
Y, X = np.mgrid[:32, :48]


@pytest.mark.parametrize(
    ("palettes", "numbers", "asked"),
    [
        # One number in two colours, one colour as two numbers.
        (((BLACK, RED, GREEN), (BLACK, GREEN, RED)), (1, 1), ["a2", "a3"]),
        (((BLACK, RED, GREEN), (BLACK, GREEN, RED)), (1, 2), ["a2", "a3"]),
        (((BLACK, RED, GREEN), (RED, BLACK, GREEN)), (1, 1), ["a2", "a3"]),
        # Another colour of background, or of what is in no mask; none that one sees.
        (((BLACK, RED, GREEN), (WHITE, RED, GREEN)), (1, 2), []),
        (((BLACK, RED, GREEN), (BLACK, RED, RED)), (1, 1), []),
        (((BLACK, BLACK, BLACK), (BLACK, RED, GREEN)), (1, 1), []),
    ],
)
def test_two_palettes_are_asked_about(
    tmp_path: Path, palettes: tuple, numbers: tuple[int, int], asked: list[str]
) -> None:
    for part in ("images", "masks"):
        (tmp_path / part).mkdir()
    for i in range(4):
        drawn = ((Y - 15) ** 2 + (X - 15 - i) ** 2 < 50) * numbers[i // 2]
        mask = Image.fromarray(drawn.astype(np.uint8), "P")
        mask.putpalette([level for colour in palettes[i // 2] for level in colour])
        mask.save(tmp_path / "masks" / f"a{i}.png")
        Image.fromarray((drawn * 9).astype(np.uint8)).save(
            tmp_path / "images" / f"a{i}.png"
        )
    (tmp_path / "dataset.toml").write_text('classes = ["polyp", "tool"]')
    told = check(tmp_path).questions
    assert [list(one.names) for one in told if one.rule == "palettes"] == [
        asked
    ] * bool(asked)


@pytest.mark.parametrize("suffix", ["bmp", "png", "gif", "tif"])
def test_masks_of_two_colours_keep_their_lesion(tmp_path: Path, suffix: str) -> None:
    lesion = (Y - 15) ** 2 + (X - 15) ** 2 < 50
    mask = Image.fromarray(lesion.astype(np.uint8), "P")
    mask.putpalette([*BLACK, *WHITE])
    file = tmp_path / f"a.{suffix}"
    mask.save(file)
    np.testing.assert_array_equal(read_mask(file) > 0, lesion)
    np.testing.assert_array_equal(numbers_of(file) > 0, lesion)

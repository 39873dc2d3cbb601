"""Healthy sheets of one grey or white, among masks that are drawn in colours on it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_masks import disc, folder, found, photo
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.all_masks import look_at_masks

RED, ADE = (237, 28, 36), (180, 120, 120)


def drawn(i: int, lesion: tuple[int, ...], ground: int) -> np.ndarray:
    """Every third sheet is healthy."""
    area = disc(30, 30 + 4 * i, 14)[..., None] & (i % 3 > 0)
    colours = np.where(area, lesion, (ground,) * 3)
    return colours.astype(np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize(("lesion", "ground"), [(RED, 255), (ADE, 120)])
def test_they_have_no_lesion(
    tmp_path: Path, lesion: tuple[int, ...], ground: int, suffix: str
) -> None:
    root = folder(tmp_path, lambda i: drawn(i, lesion, ground), suffix=suffix, count=6)
    if suffix == ".png":  # some programs save what is grey as grey
        path = root / "masks" / "a3.png"
        Image.open(path).convert("L").save(path)
    assert set(found(root)) <= {"empty mask"}
    samples = load_dataset(root).split("all")
    for i, sample in enumerate(samples):
        area = disc(30, 30 + 4 * i, 14) & (i % 3 > 0)
        assert np.count_nonzero(sample.read()[1] != area) <= 0.2 * area.sum(), i
    # A part of the data set is read as all of it: here, healthy ones alone.
    assert look_at_masks(samples[::3]).looks.empty == ["a0", "a3"]


def test_a_full_mask_of_255_is_one_where_the_background_is_black(
    tmp_path: Path,
) -> None:
    def draw(i: int) -> np.ndarray:
        return (255 * (disc(30, 40, 14) | (i == 0))[..., None] + 0 * photo(0)).astype(
            np.uint8
        )

    for lesion in (draw, lambda i: draw(i) * np.array([1, 0, 0], np.uint8) ** (i > 0)):
        root = folder(tmp_path / str(lesion is draw), lesion)
        assert load_dataset(root).split("all")[0].read()[1].all()


def test_masks_that_are_written_again_are_looked_at_again(tmp_path: Path) -> None:
    root = folder(tmp_path, lambda i: drawn(i, RED, 255), count=6)
    sheet = load_dataset(root).split("all")[0]
    assert not sheet.read()[1].any()
    for i in range(1, 6):
        Image.fromarray(drawn(i, RED, 0)).save(root / "masks" / f"a{i}.png")
    assert load_dataset(root).split("all")[0].read()[1].all()

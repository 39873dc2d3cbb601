"""Copies of one picture in two splits are found however they are turned."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from attnseg_training.datasets.check import check
from attnseg_training.datasets.near_duplicates import difference_hashes, near_duplicates

SPLITS = {"train": ("a", "b"), "val": ("copy",)}


def picture(seed: int) -> Image.Image:
    """A smooth picture without any symmetry."""
    coarse = np.random.default_rng(seed).integers(0, 255, (9, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((96, 72), Image.Resampling.BICUBIC)


def copy_of(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """Turned, made smaller and darker, and compressed."""
    other = image if turn is None else image.transpose(turn)
    small = other.resize((other.width * 2 // 3, other.height * 2 // 3))
    dark = Image.fromarray((np.asarray(small) * 0.9).astype(np.uint8))
    file = io.BytesIO()
    dark.save(file, "JPEG", quality=50)
    return Image.open(file)


def hashes(**images: Image.Image) -> dict[str, NDArray[np.bool_]]:
    return {name: difference_hashes(np.asarray(one)) for name, one in images.items()}


@pytest.mark.parametrize("turn", [None, *Image.Transpose])
def test_a_copy_is_found_in_each_orientation(turn: Image.Transpose | None) -> None:
    a, b = picture(1), picture(2)
    (pair,) = near_duplicates(hashes(a=a, b=b, copy=copy_of(a, turn)), SPLITS)
    assert (pair.first, pair.second, pair.turned) == ("a", "copy", turn is not None)
    assert ("turned or flipped" in str(pair)) == pair.turned


def test_other_pictures_are_no_copies() -> None:
    many = {f"a{seed}": picture(seed) for seed in range(60)}
    names = {"train": tuple(many)[:30], "val": tuple(many)[30:]}
    assert near_duplicates(hashes(**many), names) == []


def test_small_spots_on_black_are_no_copies_of_each_other() -> None:
    spots = {}
    for i, (y, x) in enumerate([(10, 20), (50, 30), (30, 70)]):
        black = np.zeros((72, 96, 3), np.uint8)
        black[y : y + 9, x : x + 9 + 5 * i] = 200
        spots[f"a{i}"] = Image.fromarray(black)
    names = {"train": ("a0",), "val": ("a1", "a2")}
    assert not [p for p in near_duplicates(hashes(**spots), names) if p.turned]


def test_check_says_that_one_is_turned(tmp_path: Path) -> None:
    pictures = [picture(1), picture(2), copy_of(picture(1), Image.Transpose.ROTATE_90)]
    for part in ("images", "masks", "splits"):
        (tmp_path / part).mkdir()
    for i, image in enumerate(pictures):
        image.save(tmp_path / "images" / f"a{i}.png")
        mask = np.zeros((image.height, image.width), np.uint8)
        mask[9 : 30 + 5 * i, 9:30] = 255
        Image.fromarray(mask).save(tmp_path / "masks" / f"a{i}.png")
    for split, name in (("train", "a0"), ("val", "a1"), ("test", "a2")):
        (tmp_path / "splits" / f"{split}.txt").write_text(name)
    (found,) = check(tmp_path).found
    assert found[0] == "turned or flipped duplicate"
    pair = found[2].partition(" look the same, one turned or flipped: ")[0]
    assert set(pair.split(" and ")) == {"a0 (train)", "a2 (test)"}

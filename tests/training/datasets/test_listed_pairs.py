"""Masks of other names: listed in a second column, or named after a whole file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from napari_attnseg.errors import InputError


def write(root: Path, *names: str, split: str = "", name: str = "train.txt") -> Path:
    """Write 8 × 10 px files, of which each has a lesion of its own, and a list."""
    for i, file in enumerate(names):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        plane = np.zeros((8, 10), np.uint8)
        plane[2:5, i % 8 : i % 8 + 2] = 255
        Image.fromarray(plane).save(root / file)
    if split:
        (root / "splits").mkdir(exist_ok=True)
        (root / "splits" / name).write_text(split)
    return root


def pairs(root: Path) -> dict[str, list[str]]:
    """Image → names of its mask files, of all that are listed or there."""
    found = load_dataset(root).splits.values()
    return {s.name: [m.name for m in s.masks] for of in found for s in of}


IMAGES = ("images/0.jpg", "images/1.jpg", "images/2.jpg", "images/a b.jpg")
MASKS = ("masks/0.png", "masks/1.png", "masks/2.png", "masks/a b.png")


@pytest.mark.parametrize(
    "line",
    [
        "images/{}.jpg masks/{}.png",
        "images/{}.jpg\tmasks/{}.png",
        "/some/where/images/{}.jpg, /some/where/masks/{}.png",
        r"images\{}.jpg;masks\{}.png",
        '"{}.jpg","{}.png"',
        "images/{} masks/{}",
    ],
)
def test_the_second_column_is_the_mask(tmp_path: Path, line: str) -> None:
    turn = ((0, 1), (1, 2), (2, 0))
    split = "\n".join(line.format(*pair) for pair in turn)
    root = write(tmp_path, *IMAGES, *MASKS, split=split)
    assert pairs(root) == {"0": ["1.png"], "1": ["2.png"], "2": ["0.png"]}
    assert check(root).to_json()["stops_training"] == []


def test_a_path_with_a_space_is_one_column(tmp_path: Path) -> None:
    split = "/my data/images/0.jpg\nimages/a b.jpg\n0 0\n1.jpg,1.png"
    root = write(tmp_path, *IMAGES, *MASKS, split=split)
    assert pairs(root) == {n: [f"{n}.png"] for n in ("0", "1", "a b")}


@pytest.mark.parametrize(
    "line",
    [
        "images/0.jpg masks/9.png",  # not there
        "images/0.jpg masks/1.jpg",  # of another kind
        "images/0.jpg 1",  # a class, or a mask
        "images/0.jpg -1",
        "0.jpg 1.jpg",  # two images
        "0 1",
        "masks/0.png images/1.jpg",  # the wrong way round
        "masks/x.png images/1.jpg",
        "images/0.jpg masks/1.png 3",
    ],
)
def test_a_second_column_that_is_not_clear_is_refused(
    tmp_path: Path, line: str
) -> None:
    root = write(tmp_path, *IMAGES, *MASKS, split=f"1\n2\n{line}")
    for read in (load_dataset, check):
        with pytest.raises(InputError, match=r"per line of .*train.txt, such as") as e:
            read(root)
        assert repr(line) in str(e.value)


def test_two_masks_of_one_image_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path, *IMAGES, *MASKS, split="0.jpg 1.png\n0.jpg 2.png")
    with pytest.raises(InputError, match="image '0' in the lists, found '1' and in"):
        load_dataset(root)


def test_masks_that_have_no_image_of_their_name_are_used(tmp_path: Path) -> None:
    masks = ("masks/m0.png", "masks/1_a.png", "masks/1_b.png")
    split = "images/0.jpg masks/m0.png\nimages/1.jpg masks/1_b.png"
    root = write(tmp_path, *IMAGES[:2], *masks, split=split)
    assert pairs(root) == {"0": ["m0.png"], "1": ["1_b.png"]}
    assert "missing mask" not in check(root).to_json()["counts"]


@pytest.mark.parametrize(
    ("table", "refused"),
    [
        ("image,mask,split\n0.jpg,0.png,train\n1.jpg,1.png,test", True),
        ("image_path\tmask_path\nimages/0.jpg\tmasks/1.png", True),
        ("image,mask\n0.jpg,0.png\n1.jpg,1.png", False),
        ("image,size\n0.jpg,80", False),
        ("patient,split\n7,train", False),
    ],
)
def test_a_table_of_pairs_or_splits_is_not_overlooked(
    tmp_path: Path, table: str, refused: bool
) -> None:
    root = write(tmp_path, *IMAGES, *MASKS)
    (root / "data.csv").write_text(table)
    if not refused:
        assert len(load_dataset(root).splits["all"]) == 4
        return
    with pytest.raises(InputError, match=r"but data\.csv, which is not read; move"):
        load_dataset(root)


@pytest.mark.parametrize(
    ("image", "mask"),
    [
        ("{}.jpg", "{}.jpg.png"),
        ("{}.png", "{}.png_mask.png"),
        ("{}.JPG", "{}.jpg-seg.png"),
        ("{}.png", "{}.nii.gz.png"),
        ("{}.nii.gz.png", "{}.png"),
        ("{}.dcm.png", "{}.dcm.tif"),
        ("v1.2_{}.jpg", "v1.2_{}.jpg.png"),
    ],
)
def test_masks_that_are_called_after_a_whole_file_are_found(
    tmp_path: Path, image: str, mask: str
) -> None:
    root = write(tmp_path, *(f"images/{image.format(n)}" for n in "abc"))
    write(root, *(f"masks/{mask.format(n)}" for n in "abc"))
    assert list(pairs(root).values()) == [[mask.format(n)] for n in "abc"]
    assert check(root).to_json()["stops_training"] == []


def test_two_masks_that_are_called_after_one_file_are_refused(tmp_path: Path) -> None:
    root = write(tmp_path, "images/a.png", "images/b.png", "masks/a.png.png")
    write(root, "masks/a.jpg.png", "masks/b.png.png")
    with pytest.raises(InputError, match=r"image 'a', found a\.jpg, a\.png"):
        load_dataset(root)

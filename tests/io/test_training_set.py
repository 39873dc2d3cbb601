"""Corrected masks in the layout of a training set."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.images import read_image
from napari_attnseg.io.training_set import Correction, addition

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 255, (8, 9, 3), np.uint8)
MASK = np.zeros((8, 9), np.uint8)
MASK[2:5, 3:6] = 1


@pytest.mark.parametrize(
    "pixels",
    [
        PIXELS,
        PIXELS[..., 0],
        PIXELS[..., 0] > 99,
        PIXELS.astype(np.uint16) * 200,
        PIXELS[..., 0].astype(np.float32) / 7,
    ],
)
def test_image_and_mask_are_written_as_they_are(pixels: object, tmp_path: Path) -> None:
    pixels = np.asarray(pixels)
    new = addition(tmp_path / "set", Correction(pixels, MASK, record={"model": "m"}))
    assert not (tmp_path / "set").exists() and not new.replaced and not new.unlisted
    new.write()
    (image,) = (tmp_path / "set" / "images").iterdir()
    found = read_image(image)
    wanted = pixels * 255 if pixels.dtype == bool else pixels
    assert np.array_equal(found, wanted) and image.stem == new.name
    mask = read_image(tmp_path / "set" / "masks" / f"{new.name}.png")
    assert np.array_equal(mask, MASK * 255)
    record = json.loads((tmp_path / "set/corrections" / f"{new.name}.json").read_text())
    assert record["image_sha256"] == array_sha256(pixels)
    assert record["mask_sha256"] == array_sha256(mask) and record["model"] == "m"


def test_a_second_correction_replaces_the_first_and_another_suffix(
    tmp_path: Path,
) -> None:
    addition(tmp_path, Correction(PIXELS, MASK)).write()
    new = addition(tmp_path, Correction(PIXELS, 1 - MASK))
    assert {p.parent.name for p in new.replaced} == {"images", "masks"}
    new.write()
    assert read_image(tmp_path / "masks" / f"{new.name}.png")[0, 0] == 255
    # An image of the set itself keeps its name, whatever suffix its mask had.
    (tmp_path / "splits").mkdir()
    (tmp_path / "splits" / "train.txt").write_text("A.1\n")
    own = tmp_path / "images" / "A.1.png"
    Image.fromarray(PIXELS[::-1].copy()).save(own)
    Image.fromarray(MASK * 255).save(tmp_path / "masks" / "a.1.bmp")
    new = addition(tmp_path, Correction(PIXELS[::-1], MASK, file=own))
    assert new.replaced == (tmp_path / "masks" / "a.1.bmp",) and new.name == "A.1"
    assert not new.unlisted
    before = own.read_bytes()
    new.write()
    assert own.read_bytes() == before and not new.replaced[0].exists()
    assert (tmp_path / "masks" / "A.1.png").is_file()


def test_classes_and_lists_of_the_folder_are_heeded(tmp_path: Path) -> None:
    classes = ("muscle", "fat")
    two = MASK + (np.arange(8)[:, None] > 6).astype(np.uint8) * 2
    addition(tmp_path, Correction(PIXELS, two, classes)).write()
    told = tmp_path / "dataset.toml"
    other = tmp_path / "other"  # of one that only says what its classes are
    other.mkdir()
    (other / "dataset.toml").write_text(told.read_text())
    addition(other, Correction(PIXELS, two, classes)).write()
    assert told.read_text() == 'classes = ["muscle", "fat"]\n'
    told.write_text("classes = {fat = 9, muscle = 4}\nignore = 255\n")
    (tmp_path / "splits").mkdir()
    listed = tmp_path / "splits" / "train.txt"
    listed.write_text("other\n")
    new = addition(tmp_path, Correction(PIXELS, two, classes))
    assert new.unlisted
    listed.write_text(f"other\n{new.name}\n")
    new = addition(tmp_path, Correction(PIXELS, two, classes))
    assert not new.unlisted
    new.write()
    mask = read_image(tmp_path / "masks" / f"{new.name}.png")
    assert np.array_equal(mask, np.array([0, 4, 9], np.uint8)[two])
    was = told.read_text()
    told.write_text("classes = {background = 255, fat = 9, muscle = 0}\n")
    addition(tmp_path, Correction(PIXELS, two, classes)).write()
    mask = read_image(tmp_path / "masks" / f"{new.name}.png")
    assert np.array_equal(mask, np.array([255, 0, 9], np.uint8)[two])
    told.write_text(was)
    for correction, words in (
        (Correction(PIXELS, MASK), "has one class"),
        (Correction(PIXELS, two, ("muscle", "bone")), "has the classes muscle, bone"),
        (Correction(PIXELS, two + 1, classes), "but it has 3 too"),
        (Correction(PIXELS, MASK[1:]), "Expected a mask of its image's size"),
    ):
        with pytest.raises(InputError, match=words):
            addition(tmp_path, correction)
    # Where the value of lesions means something else, another one is written.
    told.write_text("ignore = 255\n")
    addition(tmp_path, Correction(PIXELS, MASK)).write()
    mask = read_image(tmp_path / "masks" / f"{new.name}.png")
    assert np.array_equal(mask, MASK)
    with pytest.raises(InputError, match="names none"):
        addition(tmp_path, Correction(PIXELS, two, classes))


def test_other_folders_are_refused(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(InputError, match="holds other things"):
        addition(tmp_path, Correction(PIXELS, MASK))
    (tmp_path / "images").mkdir()
    (tmp_path / "masks" / "muscle").mkdir(parents=True)
    with pytest.raises(InputError, match="a folder for each class"):
        addition(tmp_path, Correction(PIXELS, MASK))

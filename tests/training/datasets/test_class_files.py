"""Masks of classes: which files, channels and numbers they have, and what is said."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.check import check
from attnseg_training.datasets.masks import UnclearMaskError, read
from attnseg_training.datasets.rules import Rule
from napari_attnseg.errors import InputError

LABELS = np.zeros((12, 16), np.uint8)
LABELS[2:8, 2:6], LABELS[2:8, 9:13] = 1, 2


def write(root: Path, paths: list[str], plane: np.ndarray = LABELS * 100) -> None:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(plane).save(root / path)


def png(path: Path, numbers: np.ndarray, bits: int) -> Path:
    """A grey PNG of so few bits, which Pillow does not write."""
    wide = np.unpackbits(numbers[..., None], axis=-1)[..., 8 - bits :]
    rows = np.packbits(wide.reshape(len(numbers), -1), axis=1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", *numbers.shape[::-1], bits, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b""))
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(body))
            + kind
            + body
            + struct.pack(">I", zlib.crc32(kind + body))
            for kind, body in chunks
        )
    )
    return path


@pytest.mark.parametrize("bits", [2, 4])
def test_classes_of_few_bits_are_the_stored_numbers(tmp_path: Path, bits: int) -> None:
    path = png(tmp_path / "m.png", LABELS, bits)
    spread = 255 // (2**bits - 1)  # as viewers show it
    for values in ((1, 2), (spread, 2 * spread)):
        planes = read(path, values).planes
        np.testing.assert_array_equal(planes, [LABELS == 1, LABELS == 2])
    ignored = read(path, (1,), ignore=2)
    np.testing.assert_array_equal(ignored.ignored, LABELS == 2)
    np.testing.assert_array_equal(ignored.planes[0], LABELS == 1)


def test_colours_without_a_class_are_named_as_colours(tmp_path: Path) -> None:
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 0)], np.uint8)
    write(tmp_path, ["m.png"], colours[LABELS])
    with pytest.raises(
        UnclearMaskError, match=r"colours \(0, 255, 0\), \(255, 0, 0\);"
    ):
        read(tmp_path / "m.png", (1, 2))
    # The greys that these colours become may still be given.
    planes = read(tmp_path / "m.png", (76, 150)).planes
    np.testing.assert_array_equal(planes, [LABELS == 1, LABELS == 2])


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_channels_that_a_tiff_does_not_call_so_are_no_pages(
    tmp_path: Path, channels: int
) -> None:
    array = np.stack([LABELS] * channels, -1)
    tifffile.imwrite(tmp_path / "m.tif", array, photometric="minisblack")
    with pytest.raises(UnclearMaskError, match=f"12 × 16 × {channels} numbers") as e:
        read(tmp_path / "m.tif")
    assert e.value.rule is Rule.PAGES


@pytest.mark.parametrize(
    ("image", "mask", "end"),
    [
        ("{}.png", "{}_mask.png", "masks end in '_mask'"),
        ("{}.png", "{}-SEG.png", "masks end in '-seg'"),
        ("{}_0000.png", "{}.png", "images end in '_0000'"),
    ],
)
def test_names_that_differ_in_a_suffix_only_are_told_so(
    tmp_path: Path, image: str, mask: str, end: str
) -> None:
    names = [f"c{i}" for i in range(12)]
    write(tmp_path, [f"images/{image.format(name)}" for name in names])
    write(tmp_path, [f"masks/{mask.format(name)}" for name in names])
    with pytest.raises(InputError, match=f"12 of 12 masks .* {end} beyond .* rename"):
        load_dataset(tmp_path)
    found = [text for kind, _, text in check(tmp_path).found if kind == "missing mask"]
    assert len(found) == 12 and all(end in text for text in found)


def test_masks_that_label_studio_named_by_tasks_are_told_so(tmp_path: Path) -> None:
    write(tmp_path, [f"images/c{i}.png" for i in range(3)])
    masks = [f"task-{i + 12}-annotation-3-by-1-tag-polyp-0" for i in range(3)]
    write(tmp_path, [f"masks/{mask}.png" for mask in masks])
    told = "tasks of Label Studio, whose export as JSON says .*: rename them"
    with pytest.raises(InputError, match=f"3 of 3 masks .* {told}"):
        load_dataset(tmp_path)
    found = [text for kind, _, text in check(tmp_path).found if kind == "missing mask"]
    assert len(found) == 3 and all("Label Studio" in text for text in found)


def test_other_names_are_not_said_to_differ_in_a_suffix(tmp_path: Path) -> None:
    write(tmp_path, [f"images/{name}.png" for name in ("a", "b", "c")])
    write(tmp_path, [f"masks/{name}.png" for name in ("a_mask", "x", "y")])
    with pytest.raises(InputError, match="same name: add it, or drop it"):
        load_dataset(tmp_path)


def test_folders_of_masks_ask_for_classes(tmp_path: Path) -> None:
    write(tmp_path, [f"images/{name}.png" for name in "ab"])
    write(
        tmp_path, [f"masks/{c}/{name}.png" for c in ("organ", "polyp") for name in "ab"]
    )
    with pytest.raises(InputError, match=r'write classes = \["organ", "polyp"\] into'):
        load_dataset(tmp_path)
    (tmp_path / "dataset.toml").write_text('classes = ["organ", "cyst"]')
    with pytest.raises(InputError, match="found organ, polyp, none for 'cyst'; rename"):
        load_dataset(tmp_path)
    (tmp_path / "dataset.toml").write_text('classes = ["organ", "polyp"]')
    assert load_dataset(tmp_path).classes == ("organ", "polyp")
    (tmp_path / "masks/polyp/b.png").unlink()
    with pytest.raises(InputError, match="add it, all black where the class is not in"):
        load_dataset(tmp_path)
    (text,) = [text for _, _, text in check(tmp_path).found if "no mask" in text]
    assert "folder of the class 'polyp': add one, black if empty" in text

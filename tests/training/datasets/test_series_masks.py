"""Masks of a series whose files run from the head down, against the positions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np
import pytest
import tifffile
from medical_files import dicom_file
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError

SLICES = 5


def mask_of(slice_: int) -> np.ndarray:
    mask = np.zeros((40, 48), np.uint8)
    mask[5 + slice_ : 20, 10:30] = 1
    return mask


def series(
    folder: Path, files: Sequence[int], instances: Sequence[int], form: str = "IM{:04d}"
) -> Path:
    """A series whose slice i, at 3 i mm, has these numbers; its pixels are i."""
    for i, (file, instance) in enumerate(zip(files, instances, strict=True)):
        pixels = np.full((40, 48), i, np.uint8)
        place = {
            "ImagePositionPatient": [0, 0, 3 * i],
            "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
            "PixelSpacing": [1, 1],
        }
        path = folder / form.format(file)
        more = {"SeriesInstanceUID": "1.2.3", "InstanceNumber": instance}
        dicom_file(path, pixels, **more, **place)
    return folder


def pairs(out: Path) -> dict[int, np.ndarray]:
    """Slice, by its pixels → its mask."""
    found = {}
    for split in load_dataset(out).splits.values():
        for one in split:
            image, mask = one.read()
            found[int(image.max())] = mask
    return found


UP, DOWN = range(SLICES), range(SLICES)[::-1]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("files", [UP, DOWN])
@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("IM{:04d}.dcm", "IM{:04d}.png"),
        ("IM{:04d}", "IM{:04d}_mask.png"),
        ("1.2.3.{}", "1.2.3.{}.png"),
        ("{}.dcm", "{}.tif"),
    ],
)
def test_masks_named_as_the_files_belong_to_them(
    tmp_path: Path, first: int, files: Sequence[int], form: str, name: str
) -> None:
    files = [one + first for one in files]
    images = series(tmp_path / "s", files, files, form)
    masks = tmp_path / "masks"
    masks.mkdir()
    for i, file in enumerate(files):
        Image.fromarray(mask_of(i) * 255).save(masks / name.format(file))
    told: list[str] = []
    given = images, masks, tmp_path / "a"
    assert len(list(frames_to_training_set(*given, tell=told.append))) == SLICES
    assert "have the names of the files" in told[0]
    found = pairs(tmp_path / "a")
    assert sorted(found) == list(UP)
    for i, mask in found.items():
        np.testing.assert_array_equal(mask, mask_of(i))
    # Of some slices only.
    for extra in sorted(masks.iterdir())[2:]:
        extra.unlink()
    list(frames_to_training_set(images, masks, tmp_path / "b"))
    some = pairs(tmp_path / "b")
    assert len(some) == 2
    for i, mask in some.items():
        np.testing.assert_array_equal(mask, mask_of(i))


@pytest.mark.parametrize(
    ("files", "instances", "asked"),
    [(DOWN, DOWN, True), (DOWN, UP, True), (UP, DOWN, True), (UP, UP, False)],
)
@pytest.mark.parametrize("stack", [False, True])
def test_masks_in_an_order_that_may_be_another_are_asked_about(
    tmp_path: Path,
    files: Sequence[int],
    instances: Sequence[int],
    asked: bool,
    stack: bool,
) -> None:
    images = series(tmp_path / "s", files, instances)
    masks = tmp_path / "masks"
    masks.mkdir()
    if stack:
        masks = tmp_path / "masks.ome.tif"
        each = np.stack([mask_of(i) for i in UP])
        tifffile.imwrite(masks, each, metadata={"axes": "ZYX"})
    else:
        for i in UP:
            Image.fromarray(mask_of(i) * 255).save(masks / f"frame_{i}.png")
    given = images, masks, tmp_path / "a"
    if asked:
        with pytest.raises(InputError, match="give each mask the name of the file"):
            list(frames_to_training_set(*given))
        assert not (tmp_path / "a").exists()
    list(frames_to_training_set(*given, own_frames=asked))
    for i, mask in pairs(tmp_path / "a").items():
        np.testing.assert_array_equal(mask, mask_of(i))


def test_names_without_zeros_before_are_in_order_of_their_numbers(
    tmp_path: Path,
) -> None:
    numbers = range(8, 8 + SLICES)  # "IM10" is before "IM8" in the alphabet
    images = series(tmp_path / "s", numbers, numbers, "IM{}")
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in UP:
        Image.fromarray(mask_of(i) * 255).save(masks / f"frame_{i}.png")
    assert len(list(frames_to_training_set(images, masks, tmp_path / "a"))) == SLICES


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([f"IM{i:04d}.png" for i in range(1, SLICES + 1)], "IM0005.png"),
        (["IM0001.png", "IM0002.png", "IM0002.tif"], "IM0002"),
        (["IM0001.png", "IM0002.png", "IM0002.dcm.png"], "IM0002.dcm.png"),
    ],
)
def test_masks_of_which_some_are_named_as_files_are_refused(
    tmp_path: Path, names: Sequence[str], said: str
) -> None:
    images = series(tmp_path / "s", UP, UP, "IM{:04d}.dcm")
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in names:
        Image.fromarray(mask_of(0) * 255).save(masks / name)
    said += r"\S* has the name of no file, or that of another mask"
    with pytest.raises(InputError, match=said):
        list(frames_to_training_set(images, masks, tmp_path / "a"))


def test_slices_without_a_position_may_have_two_orders(tmp_path: Path) -> None:
    for i in UP:
        pixels = np.full((40, 48), i, np.uint8)
        more = {"SeriesInstanceUID": "1.2.3", "InstanceNumber": i}
        dicom_file(tmp_path / "s" / f"IM{SLICES - i:04d}", pixels, **more)
    each = np.stack([mask_of(i) for i in UP])
    masks = tmp_path / "masks.nii"
    nibabel.save(nibabel.Nifti1Image(each.T, np.eye(4)), masks)
    given = tmp_path / "s", masks, tmp_path / "a"
    with pytest.raises(InputError, match="or InstanceNumber say otherwise"):
        list(frames_to_training_set(*given))
    list(frames_to_training_set(*given, own_frames=True))
    for i, mask in pairs(tmp_path / "a").items():
        np.testing.assert_array_equal(mask, mask_of(i))


@pytest.mark.parametrize("single", [False, True])
@pytest.mark.parametrize(
    ("form", "numbers", "asked"),
    [
        ("IM-0001-{:04d}.png", (2, 4), True),  # Horos, OsiriX
        ("IM0001-{:04d}.png", (3, 4), True),  # MicroDicom
        ("image-{:05d}.png", (2, 4), True),
        ("IM-0001-{:04d}.png", (0, 2, 4), False),
        ("frame_{:06d}.png", (2, 4), False),  # CVAT
    ],
)
def test_masks_of_a_few_slices_that_a_viewer_numbered_are_asked_about(
    tmp_path: Path, single: bool, form: str, numbers: Sequence[int], asked: bool
) -> None:
    if single:
        images = tmp_path / "cine.dcm"
        frames = np.stack([np.full((40, 48), i, np.uint8) for i in UP])
        dicom_file(images, frames, NumberOfFrames=SLICES)
    else:
        instances = [i + 1 for i in UP]
        images = series(tmp_path / "s", instances, instances)
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in numbers:
        Image.fromarray(mask_of(i) * 255).save(masks / form.format(i))
    given = images, masks
    if asked:
        with pytest.raises(InputError, match="as DICOM viewers do; give --first-nu"):
            list(frames_to_training_set(*given, tmp_path / "a"))
        assert not (tmp_path / "a").exists()
    for first in (0, 1) if asked else (None,):
        out = tmp_path / f"from {first}"
        list(frames_to_training_set(*given, out, first_number=first))
        found = pairs(out)
        assert sorted(found) == [i - (first or 0) for i in numbers]
        for i, mask in found.items():
            np.testing.assert_array_equal(mask, mask_of(i + (first or 0)))


def test_masks_of_a_viewer_that_are_named_as_its_files_belong_to_them(
    tmp_path: Path,
) -> None:
    numbers = [i + 1 for i in UP]
    images = series(tmp_path / "s", numbers, numbers, "IM-0001-{:04d}.dcm")
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in (1, 3):
        Image.fromarray(mask_of(i) * 255).save(masks / f"IM-0001-{i + 1:04d}.png")
    list(frames_to_training_set(images, masks, tmp_path / "a"))
    found = pairs(tmp_path / "a")
    assert sorted(found) == [1, 3]
    for i, mask in found.items():
        np.testing.assert_array_equal(mask, mask_of(i))


def test_a_viewer_may_have_numbered_masks_of_a_film(tmp_path: Path) -> None:
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in (2, 4):
        Image.fromarray(mask_of(i) * 255).save(masks / f"IM-0001-{i:04d}.png")
    volume = tmp_path / "volume.nii"
    values = np.stack([np.full((40, 48), i, np.uint8) for i in UP])
    nibabel.save(nibabel.Nifti1Image(values.T, np.eye(4)), volume)
    with pytest.raises(InputError, match="their numbers are 2, 4 for 5 frames"):
        list(frames_to_training_set(volume, masks, tmp_path / "a"))

"""Masks of frames: on the grid of the images, read by the rules of data sets."""

from __future__ import annotations

import itertools
from pathlib import Path

import nibabel
import numpy as np
import pytest
from medical_files import dicom_file
from PIL import Image
from scipy.ndimage import gaussian_filter, zoom
from typer.testing import CliRunner

from attnseg_training.cli import app
from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError

#: Slices, rows, columns; like no turned copy of themselves.
MASKS = np.zeros((6, 40, 48), np.uint8)
for at in range(6):
    MASKS[at, 5 + at : 20, 10 : 30 + at] = 1
    MASKS[at, 20:32, 12:17] = 1
PIXELS = np.random.default_rng(0).integers(0, 900, MASKS.shape).astype(np.int16)
#: As DICOM of a patient who lies on the back has it: to the left, to the back, up.
AFFINE = np.diag([-0.8, -0.8, 3, 1.0])
AFFINE[:3, 3] = 100, 80, -40


def volume(path: Path, frames: np.ndarray, affine: np.ndarray | None) -> Path:
    """NIfTI file of frames (N, H, W)."""
    image = nibabel.Nifti1Image(frames.transpose(2, 1, 0).copy(), affine)
    if affine is None:
        image.header["sform_code"] = image.header["qform_code"] = 0
    nibabel.save(image, path)
    return path


def series(folder: Path, places: list[float]) -> Path:
    uid = "1.2.3"
    for at, place in enumerate(places):
        dicom_file(
            folder / f"{at}.dcm",
            PIXELS[at],
            SeriesInstanceUID=uid,
            PixelSpacing=[0.8, 0.8],
            ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
            ImagePositionPatient=[-100, -80, place],
        )
    return folder


def taken(images: Path, masks: Path, out: Path) -> tuple[np.ndarray, list[str]]:
    """Masks (N, H, W) of the training set, and what was told."""
    told: list[str] = []
    list(frames_to_training_set(images, masks, out, tell=told.append))
    files = sorted((out / "masks").iterdir())
    return np.stack([np.asarray(Image.open(one)) for one in files]), told


@pytest.fixture
def images(tmp_path: Path) -> Path:
    return volume(tmp_path / "images.nii.gz", PIXELS, AFFINE)


@pytest.mark.parametrize("flips", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1), (2, 0, 1)])
@pytest.mark.parametrize("dicom", [False, True])
def test_turned_masks_lie_on_the_images(
    tmp_path: Path,
    images: Path,
    flips: tuple[bool, bool, bool],
    order: tuple[int, int, int],
    dicom: bool,
) -> None:
    if dicom:
        images = series(tmp_path / "series", [-40 + 3 * i for i in range(6)])
    # By nibabel itself: columns, rows and slices in another order and direction.
    values = nibabel.Nifti1Image(MASKS.transpose(2, 1, 0).copy(), AFFINE)
    turn = np.array([[axis, -1 if flip else 1] for axis, flip in zip(order, flips)])
    path = tmp_path / "masks.nii.gz"
    nibabel.save(values.as_reoriented(turn), path)
    found, told = taken(images, path, tmp_path / "set")
    np.testing.assert_array_equal(found, MASKS * 255)
    assert told == []


def test_a_cut_out_is_put_back_if_it_reaches_all_slices(
    tmp_path: Path, images: Path
) -> None:
    start = np.eye(4)
    start[:2, 3] = 8, 3
    part = volume(tmp_path / "part.nii", MASKS[:, 3:, 8:40], AFFINE @ start)
    found, _ = taken(images, part, tmp_path / "a")
    np.testing.assert_array_equal(found, MASKS * 255)
    few = volume(tmp_path / "few.nii", MASKS[:4], AFFINE)
    with pytest.raises(InputError, match="covers 4 of them"):
        taken(images, few, tmp_path / "b")


def test_other_grids_are_refused(tmp_path: Path, images: Path) -> None:
    half, wide, thick, away = np.eye(4), np.eye(4), np.eye(4), np.eye(4)
    half[0, 3], wide[0, 0], thick[2, 2], away[0, 3] = 0.5, 2, 2, 30
    for change in (half, wide, thick, away):
        path = volume(tmp_path / "masks.nii", MASKS, AFFINE @ change)
        words = "within the image" if change is away else "on the grid of"
        with pytest.raises(InputError, match=rf"masks\.nii {words}"):
            taken(images, path, tmp_path / "set")
    uneven = series(tmp_path / "series", [0, 3, 6, 12, 15, 18])
    with pytest.raises(InputError, match="positions are uneven"):
        taken(uneven, volume(tmp_path / "m.nii", MASKS, AFFINE), tmp_path / "set")
    phases = series(tmp_path / "phases", [0, 3, 6, 0, 3, 6])
    with pytest.raises(InputError, match="3 of them lie where another one does"):
        taken(phases, volume(tmp_path / "m.nii", MASKS, AFFINE), tmp_path / "set")
    assert not (tmp_path / "set").exists()


def test_a_mask_saved_with_the_identity_is_told_to_take_the_affine_of_the_image(
    tmp_path: Path, images: Path
) -> None:
    path = volume(tmp_path / "masks.nii", MASKS, np.eye(4))
    with pytest.raises(InputError, match="give it the affine of the image if it was"):
        taken(images, path, tmp_path / "set")
    path = volume(tmp_path / "masks.nii", MASKS[:, ::2], np.eye(4))
    with pytest.raises(InputError, match="resample the mask") as refused:
        taken(images, path, tmp_path / "set")
    assert "identity" not in str(refused.value)


def test_masks_that_do_not_say_where_they_lie_are_as_stored(
    tmp_path: Path, images: Path
) -> None:
    found, told = taken(images, volume(tmp_path / "m.nii", MASKS, None), tmp_path / "a")
    np.testing.assert_array_equal(found, MASKS * 255)
    assert told == []
    turned = volume(tmp_path / "turned.nii", PIXELS, np.diag([-1, 1, 1, 1.0]))
    _, told = taken(turned, tmp_path / "m.nii", tmp_path / "b")
    assert len(told) == 1 and "asks for another view" in told[0]


def soft(frames: np.ndarray) -> np.ndarray:
    return np.stack([gaussian_filter(one.astype(np.float32), 1.5) for one in frames])


def resampled(frames: np.ndarray) -> np.ndarray:
    small = zoom(frames.astype(np.float32), (1, 0.25, 0.25), order=1)
    return np.clip(zoom(small, (1, 4, 4), order=1), 0, 1)


@pytest.mark.parametrize("make", [soft, resampled])
def test_soft_masks_are_cut_at_half(tmp_path: Path, images: Path, make) -> None:
    fractions = make(MASKS)
    path = volume(tmp_path / "soft.nii", fractions, AFFINE)
    found, told = taken(images, path, tmp_path / "set")
    np.testing.assert_array_equal(found > 0, fractions > 0.5)
    assert len(told) == 1 and "above 0.5" in told[0]


def test_logits_need_a_threshold(tmp_path: Path, images: Path) -> None:
    path = volume(tmp_path / "m.nii", np.where(MASKS, 4.0, -3.0), AFFINE)
    out = tmp_path / "set"
    with pytest.raises(InputError, match=r"negative numbers.*threshold = 0.*of set"):
        taken(images, path, out)
    out.mkdir()
    (out / "dataset.toml").write_text("threshold = 0\n")
    np.testing.assert_array_equal(taken(images, path, out)[0], MASKS * 255)
    (out / "dataset.toml").write_text("threshold = 4\n")
    with pytest.raises(InputError, match=r"below the largest number in m\.nii, 4"):
        taken(images, path, out)


def test_several_numbers_are_told_and_a_class_can_be_chosen(
    tmp_path: Path, images: Path
) -> None:
    organ = MASKS.copy()
    organ[:, 8:12, 15:20] = 2
    path, out = volume(tmp_path / "m.nii", organ, AFFINE), tmp_path / "set"
    found, told = taken(images, path, out)
    np.testing.assert_array_equal(found, (organ > 0) * 255)
    assert len(told) == 1 and "numbers 1, 2" in told[0]
    descriptor = out / "dataset.toml"
    descriptor.write_text("classes = {background = 1, tumour = 2}\n")
    found, told = taken(images, path, out)
    np.testing.assert_array_equal(found, (organ == 2) * 2)
    assert told == []
    descriptor.write_text("classes = {tumour = 2, organ = 1}\n")
    np.testing.assert_array_equal(taken(images, path, out)[0], organ)
    descriptor.write_text('classes = ["lesion"]\n')
    found, told = taken(images, path, tmp_path / "set")
    np.testing.assert_array_equal(found, (organ > 0) * 255)
    assert told == []
    descriptor.write_text("classes = {organ = 1}\n")
    with pytest.raises(InputError, match="found also 2"):
        taken(images, path, out)
    descriptor.write_text("classes = {organ = 1}\nignore = 2\n")
    with pytest.raises(InputError, match="no number 2 in"):
        taken(images, path, out)


def test_inverted_masks_are_told(tmp_path: Path, images: Path) -> None:
    path = volume(tmp_path / "m.nii", 1 - MASKS, AFFINE)
    words = ["frames", str(images), str(path), "--out", str(tmp_path / "set")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and "In 6 of 6 masks of m.nii" in done.output


def test_a_folder_of_soft_or_coloured_masks(tmp_path: Path, images: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    levels = np.rint(soft(MASKS) * 255).astype(np.uint8)
    for at, one in enumerate(levels):
        Image.fromarray(one).convert("RGB").save(folder / f"frame_{at:06d}_mask.png")
    found, told = taken(images, folder, tmp_path / "a")
    np.testing.assert_array_equal(found > 0, levels > 127)
    assert len(told) == 1 and "above 127" in told[0]
    for at, one in enumerate(MASKS):
        colours = np.where(one[..., None], (253, 231, 36), (68, 1, 84))
        colours = Image.fromarray(colours.astype(np.uint8)).resize((20, 10))
        colours.save(folder / f"frame_{at:06d}_mask.png")
    with pytest.raises(InputError, match=r"000000_mask\.png, found as many colours"):
        taken(images, folder, tmp_path / "b")

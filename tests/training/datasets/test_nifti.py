"""NIfTI pairs: a mask is brought on its image's grid by the affines, or refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnseg_training.datasets import Sample
from attnseg_training.datasets.findings import MasksSeen
from attnseg_training.datasets.masks import read
from attnseg_training.datasets.nifti import Spacing, nifti_spacing, read_nifti
from attnseg_training.datasets.rules import Rule, RuleError
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers.nifti_forms import is_placed

nibabel = pytest.importorskip("nibabel")

IMAGE = np.arange(30 * 40, dtype=np.int16).reshape(40, 30, 1)  # (x, y, 1)
MASK = np.zeros((40, 30, 1), np.uint8)
MASK[3:20, 5:12], MASK[3:8, 5:25] = 1, 1  # like no turned copy of itself
#: Oblique directions, 0.5 × 0.8 mm pixels, somewhere.
AFFINE = np.array(
    [[0.3, -0.64, 0, 11], [0.4, 0.48, 0, -7], [0, 0, 2, 30], [0, 0, 0, 1]]
)


def save(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    image = nibabel.Nifti1Image(values, affine)
    image.header.set_xyzt_units("mm")
    nibabel.save(image, path)
    return path


def pair(folder: Path, values: np.ndarray, affine: np.ndarray) -> Sample:
    image = save(folder / "image.nii.gz", IMAGE, AFFINE)
    return Sample("x", image, (save(folder / "mask.nii", values, affine),))


@pytest.mark.parametrize(
    ("exchange", "flip_x", "flip_y"), list(itertools.product([False, True], repeat=3))
)
def test_flips_and_turns_are_undone(
    tmp_path: Path, exchange: bool, flip_x: bool, flip_y: bool
) -> None:
    values, to_image = MASK, np.eye(4)  # voxel of the mask → voxel of the image
    for axis, flip in enumerate((flip_x, flip_y)):
        if flip:
            last = values.shape[axis] - 1
            values = np.flip(values, axis)
            back = np.eye(4)
            back[axis, axis], back[axis, 3] = -1, last
            to_image = to_image @ back
    if exchange:
        values = values.swapaxes(0, 1)
        to_image = to_image @ np.eye(4)[[1, 0, 2, 3]]
    sample = pair(tmp_path, values.copy(), AFFINE @ to_image)
    rgb, mask = sample.read()
    assert rgb.shape == (30, 40, 3)
    np.testing.assert_array_equal(mask, MASK[..., 0].T)
    assert sample.spacing == Spacing(pytest.approx(0.8), pytest.approx(0.5), "mm")


def test_a_cut_out_is_put_back(tmp_path: Path) -> None:
    start = np.eye(4)
    start[:2, 3] = 2, 4
    sample = pair(tmp_path, MASK[2:35, 4:27].copy(), AFFINE @ start)
    np.testing.assert_array_equal(sample.read()[1], MASK[..., 0].T)


def test_what_would_have_to_be_interpolated_is_refused(tmp_path: Path) -> None:
    half, wide, away = np.eye(4), np.eye(4), np.eye(4)
    half[0, 3], wide[0, 0], away[2, 3] = 0.5, 2, 1
    part = np.eye(4)
    part[1, 3] = 1.2
    outside = np.eye(4)
    outside[0, 3] = 30
    turn = np.eye(4)
    angle = np.pi / 6
    turn[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    for change in (half, part, wide, away, outside, turn):
        words = "within the image" if change is outside else "on the grid of"
        with pytest.raises(RuleError, match=rf"mask\.nii {words}") as refused:
            pair(tmp_path, MASK, AFFINE @ change).read()
        assert refused.value.rule == Rule.GRID


def test_a_mask_that_does_not_say_where_it_lies_is_as_stored(tmp_path: Path) -> None:
    save(tmp_path / "image.nii.gz", IMAGE, AFFINE)
    image = nibabel.Nifti1Image(MASK, None)
    image.header["sform_code"] = image.header["qform_code"] = 0
    nibabel.save(image, tmp_path / "mask.nii")
    sample = Sample("x", tmp_path / "image.nii.gz", (tmp_path / "mask.nii",))
    np.testing.assert_array_equal(sample.read()[1], MASK[..., 0].T)
    np.testing.assert_array_equal(sample.read_raw(), IMAGE[..., 0].T)


def test_rounded_headers_are_the_same_grid(tmp_path: Path) -> None:
    affine = AFFINE.astype(np.float32).astype(float) * (1 + 1e-6)
    np.testing.assert_array_equal(
        pair(tmp_path, MASK, affine).read()[1], MASK[..., 0].T
    )


def test_a_shift_by_less_than_a_tenth_of_a_voxel_is_rounding(tmp_path: Path) -> None:
    near = np.eye(4)
    near[0, 3] = 0.09
    mask = pair(tmp_path, MASK, AFFINE @ near).read()[1]
    np.testing.assert_array_equal(mask, MASK[..., 0].T)


def test_whole_numbers_that_a_scale_made_are_classes(tmp_path: Path) -> None:
    organ = np.roll(MASK, 6, axis=0)
    values = np.where(MASK > 0, 1, 2 * organ)  # 1 and 2, in hundredths
    image = nibabel.Nifti1Image((values * 100).astype(np.int16), AFFINE)
    image.header.set_slope_inter(0.01, 0)
    nibabel.save(image, tmp_path / "mask.nii")
    stored = np.asarray(nibabel.load(tmp_path / "mask.nii").dataobj)
    assert (stored != np.round(stored)).any()
    like = save(tmp_path / "image.nii", IMAGE, AFFINE)
    sample = Sample("x", like, (tmp_path / "mask.nii",), values=(1, 2))
    np.testing.assert_array_equal(sample.read()[1], values[..., 0].T)


@pytest.mark.parametrize("image_too", [False, True])
@pytest.mark.parametrize(
    ("signs", "exchange", "orientation", "asks"),
    [
        ((-1, -1), False, "", False),  # as viewers show it
        ((-1, 1), False, "", True),  # upside down
        ((1, 1), False, "", True),
        ((-1, -1), True, "", True),  # rows and columns exchanged
        ((-1, 1), False, "stored", False),
        ((-1, 1), False, "shown", True),
    ],
)
def test_an_affine_that_nothing_is_compared_with_is_asked_about(
    tmp_path: Path,
    signs: tuple[int, int],
    exchange: bool,
    orientation: str,
    asks: bool,
    image_too: bool,
) -> None:
    affine = np.diag([*signs, 1.0, 1.0])
    if exchange:
        affine = affine[:, [1, 0, 2, 3]]
    mask = save(tmp_path / "mask.nii", MASK, affine)
    image = tmp_path / "image.png"
    Image.fromarray(np.zeros((30, 40), np.uint8)).save(image)
    if image_too:  # both have one: they are compared
        image = save(tmp_path / "image.nii", IMAGE, affine)
    sample = Sample("x", image, (mask,), orientation=orientation)
    seen, read = MasksSeen(), sample.read_with_traits()
    seen.add_read(sample, read)
    np.testing.assert_array_equal(read.planes[0], MASK[..., 0].T)
    told = [hint.rule for hint in seen.hints()]
    assert told == ([Rule.AFFINE_ALONE] if asks and not image_too else [])


def test_a_turned_nifti_image_beside_a_png_mask_is_asked_about(tmp_path: Path) -> None:
    image = save(tmp_path / "image.nii", IMAGE, np.diag([-1, 1, 1, 1]))
    Image.fromarray(MASK[..., 0].T).save(tmp_path / "mask.png")
    assert Sample("x", image, (tmp_path / "mask.png",)).read_with_traits().affine_alone


@pytest.mark.parametrize("side", [24, 30])  # of the other axis: 24
@pytest.mark.parametrize("image_too", [False, True])
def test_a_square_file_that_does_not_say_which_axis_is_first_is_asked_about(
    tmp_path: Path, side: int, image_too: bool
) -> None:
    values = np.zeros((24, side), np.uint8)
    values[2:6, 3:20] = 1
    unplaced, picture = tmp_path / "a.nii.gz", tmp_path / "a.png"
    nibabel.save(nibabel.Nifti1Image(values, None), unplaced)
    assert not is_placed(nibabel.load(unplaced).header)
    Image.fromarray(255 * values.T).save(picture)
    image, mask = (unplaced, picture) if image_too else (picture, unplaced)
    for orientation, asks in (("", True), ("stored", False)):
        sample = Sample("x", image, (mask,), orientation=orientation)
        seen, read = MasksSeen(), sample.read_with_traits()
        seen.add_read(sample, read)
        np.testing.assert_array_equal(read.planes[0], values.T)
        told = [hint for hint in seen.hints() if hint.rule == Rule.AFFINE_ALONE]
        assert bool(told) == (asks and side == 24)
        assert all("no qform and no sform" in str(hint) for hint in told)
    # Two files that do not say it are written in one way.
    both = Sample("x", unplaced, (unplaced,)).read_with_traits()
    assert not both.affine_alone


def test_colours_are_an_image_and_refused_as_a_mask(tmp_path: Path) -> None:
    rgb = np.zeros((6, 5), [("R", "u1"), ("G", "u1"), ("B", "u1")])
    rgb["G"][2, 1] = 9
    nibabel.save(nibabel.Nifti1Image(rgb, np.eye(4)), tmp_path / "m.nii")
    found = read_nifti(tmp_path / "m.nii")
    assert found.shape == (5, 6, 3) and found[1, 2].tolist() == [0, 9, 0]
    with pytest.raises(
        InputError, match=r"in m\.nii, but it is a NIfTI file in colour"
    ):
        read(tmp_path / "m.nii")


def test_vectors_of_colours_are_an_image_and_no_mask(tmp_path: Path) -> None:
    rgb = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    image = nibabel.Nifti1Image(rgb[:, :, None, None], AFFINE)
    image.header.set_intent(1007)
    nibabel.save(image, tmp_path / "a.nii")
    mask = save(tmp_path / "mask.nii", MASK, AFFINE)
    found = Sample("x", tmp_path / "a.nii", (mask,)).read()
    np.testing.assert_array_equal(found[0], rgb.swapaxes(0, 1))
    np.testing.assert_array_equal(found[1], MASK[..., 0].T)
    with pytest.raises(InputError, match="NIfTI file in colour"):
        read(tmp_path / "a.nii")


@pytest.mark.parametrize("single", [0, 1])
def test_an_axis_of_length_1_may_come_first(tmp_path: Path, single: int) -> None:
    order = [2, 0, 1] if single == 0 else [0, 2, 1]
    affine = AFFINE[:, [*order, 3]]
    image = save(tmp_path / "a.nii", IMAGE.transpose(order), affine)
    mask = save(tmp_path / "m.nii", MASK[::-1].transpose(order), turned(affine, single))
    sample = Sample("x", image, (mask,))
    found = sample.read()[1]
    np.testing.assert_array_equal(found, MASK[..., 0].T)
    spacing = nifti_spacing(image)
    assert spacing is not None
    np.testing.assert_allclose((spacing.rows, spacing.columns), (0.8, 0.5), atol=1e-6)


def turned(affine: np.ndarray, single: int) -> np.ndarray:
    """Affine of an image whose columns were turned round."""
    axis, found = (1 if single == 0 else 0), affine.copy()
    found[:, axis] *= -1
    found[:, 3] += 39 * affine[:, axis]
    return found

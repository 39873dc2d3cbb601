"""NIfTI files whose qform and sform contradict each other."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import nibabel
import numpy as np
import pytest

from attnseg_training.datasets.frames import frames_to_training_set
from attnseg_training.datasets.nifti import read_nifti
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.readers.facts import NotUsed

PLACE = np.diag([0.8, 0.8, 3.0, 1.0])
FLIPPED = np.diag([-0.8, 0.8, 3.0, 1.0])
FLIPPED[0, 3] = 0.8 * 23


def volume(
    path: Path,
    slices: int,
    qform: tuple[np.ndarray, int],
    sform: tuple[np.ndarray, int],
) -> Path:
    values = np.zeros((24, 16, slices), np.uint8)
    values[3:9, 4:10] = 1
    image = nibabel.Nifti1Image(values, None)
    image.set_qform(*qform)
    image.set_sform(*sform)
    nibabel.save(image, path)
    return path


@pytest.mark.parametrize(
    ("qform", "sform", "wrong"),
    [
        ((FLIPPED, 1), (PLACE, 1), True),
        ((PLACE, 1), (FLIPPED, 2), True),
        ((PLACE, 1), (PLACE, 2), False),
        ((FLIPPED, 0), (PLACE, 1), False),
        ((FLIPPED, 1), (PLACE, 4), False),  # a template's space
    ],
)
def test_masks_of_two_places_are_refused(
    tmp_path: Path,
    qform: tuple[np.ndarray, int],
    sform: tuple[np.ndarray, int],
    wrong: bool,
) -> None:
    for slices in (1, 3):
        same = (PLACE, 1), (PLACE, 1)
        image = volume(tmp_path / f"i{slices}.nii", slices, *same)
        mask = volume(tmp_path / f"m{slices}.nii", slices, qform, sform)
        with open_frames(mask) as frames:
            assert (NotUsed.QFORM in frames.facts.not_used) is wrong

        refused = pytest.raises(InputError, match=r"qform and sform contradict")
        with refused if wrong else nullcontext():
            if slices == 1:
                read_nifti(mask, image)
            else:
                list(frames_to_training_set(image, mask, tmp_path / "set"))


def test_what_lies_alike_by_both_forms_is_read(tmp_path: Path) -> None:
    """An image and a mask with one header, whatever that says."""
    both = (FLIPPED, 1), (PLACE, 1)
    image, mask = (volume(tmp_path / f"{n}.nii", 1, *both) for n in "im")
    np.testing.assert_array_equal(read_nifti(mask, image), read_nifti(mask))

"""A TIFF stack of ImageJ or Fiji holds a mask per frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from medical_files import dicom_file, numbered, video_file

from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError
from napari_attnseg.io.images import read_image

#: What ImageJ writes of a stack that is no hyperstack, also of a film.
PLAIN = "ImageJ=1.54f\nimages={0}\nslices={0}\nloop=false\n"
#: A palette of labels: number 0 is black.
PALETTE = np.random.default_rng(0).integers(1, 65535, (3, 256)).astype(np.uint16)
PALETTE[:, 0] = 0


def masks_of(count: int) -> np.ndarray:
    """A square that moves to the right."""
    masks = np.zeros((count, 40, 48), np.uint8)
    for i in range(count):
        masks[i, 10:20, 8 + i : 20 + i] = 1
    return masks


def written(path: Path, masks: np.ndarray, **how: Any) -> Path:
    about = PLAIN.format(len(masks))
    tifffile.imwrite(path, masks, description=about, metadata=None, **how)
    return path


@pytest.mark.parametrize(
    ("photometric", "colours", "number"),
    [
        ("minisblack", None, 255),
        ("miniswhite", None, 255),  # an inverting LUT: lesions are shown black
        ("palette", PALETTE, 1),
    ],
)
@pytest.mark.parametrize("film", [True, False])
def test_pages_belong_to_frames(
    photometric: str,
    colours: np.ndarray | None,
    number: int,
    film: bool,
    tmp_path: Path,
) -> None:
    frames, masks = numbered(12, (40, 48)), masks_of(12)
    if film:
        images = video_file(tmp_path / "a.mp4", frames)
    else:
        images = dicom_file(tmp_path / "a.dcm", frames)
    how = {"photometric": photometric, "colormap": colours}
    stack = written(tmp_path / "masks.tif", masks * np.uint8(number), **how)
    assert len(list(frames_to_training_set(images, stack, tmp_path / "out"))) == 12
    for i, mask in enumerate(sorted((tmp_path / "out" / "masks").iterdir())):
        np.testing.assert_array_equal(read_image(mask), masks[i] * 255)


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
def test_hyperstacks_are_stacks(axes: str, tmp_path: Path) -> None:
    images = video_file(tmp_path / "a.mp4", numbered(12, (40, 48)))
    stack = tmp_path / "masks.tif"
    tifffile.imwrite(stack, masks_of(12), imagej=True, metadata={"axes": axes})
    assert len(list(frames_to_training_set(images, stack, tmp_path / "out"))) == 12


@pytest.mark.parametrize(
    ("count", "axes", "said"),
    [
        (10, "ZYX", "a mask for each of 12 frames, but masks.tif has 10"),
        (12, "CYX", "comes before rows and columns"),
    ],
)
def test_other_stacks_are_refused(
    count: int, axes: str, said: str, tmp_path: Path
) -> None:
    images = video_file(tmp_path / "a.mp4", numbered(12, (40, 48)))
    stack = tmp_path / "masks.tif"
    tifffile.imwrite(stack, masks_of(count), imagej=True, metadata={"axes": axes})
    with pytest.raises(InputError, match=said):
        list(frames_to_training_set(images, stack, tmp_path / "out"))


def test_a_stack_without_names_of_its_axes_says_which_are_read(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(12, (40, 48)))
    stack = tmp_path / "masks.tif"
    tifffile.imwrite(stack, masks_of(12))
    with pytest.raises(InputError, match="save the stack as OME-TIFF or NIfTI"):
        list(frames_to_training_set(film, stack, tmp_path / "a"))

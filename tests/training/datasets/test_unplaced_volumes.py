"""Volumes without qform and sform beside masks or images of another kind."""

from __future__ import annotations

from pathlib import Path

import nibabel
import numpy as np
import pytest
from medical_files import numbered, video_file
from PIL import Image

from attnseg_training.datasets.frames import frames_to_training_set

SQUARE, OBLONG = (48, 48), (40, 48)


def masks_of(shape: tuple[int, int]) -> np.ndarray:
    masks = np.zeros((3, *shape), np.uint8)
    masks[:, 4:12, 6:36] = 1
    return masks


def unplaced(path: Path, values: np.ndarray) -> Path:
    nibabel.save(nibabel.Nifti1Image(values.T, None), path)
    return path


def told_of(images: Path, masks: Path, out: Path) -> int:
    told: list[str] = []
    assert len(list(frames_to_training_set(images, masks, out, tell=told.append))) == 3
    return sum("no qform and no sform and is square" in one for one in told)


@pytest.mark.parametrize("shape", [SQUARE, OBLONG])
def test_masks_of_a_film(tmp_path: Path, shape: tuple[int, int]) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(3, shape), crf="1")
    masks = unplaced(tmp_path / "m.nii.gz", masks_of(shape))
    assert told_of(film, masks, tmp_path / "a") == (shape == SQUARE)


@pytest.mark.parametrize("shape", [SQUARE, OBLONG])
def test_pictures_of_masks_of_a_volume(tmp_path: Path, shape: tuple[int, int]) -> None:
    volume = unplaced(tmp_path / "a.nii.gz", numbered(3, shape)[..., 0])
    folder = tmp_path / "masks"
    folder.mkdir()
    for i, mask in enumerate(masks_of(shape)):
        Image.fromarray(mask * 255).save(folder / f"frame_{i}.png")
    assert told_of(volume, folder, tmp_path / "a") == (shape == SQUARE)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "dataset.toml").write_text('orientation = "stored"\n')
    assert told_of(volume, folder, tmp_path / "b") == 0
    # Two files that do not say it are written in one way.
    masks = unplaced(tmp_path / "m.nii.gz", masks_of(shape))
    assert told_of(volume, masks, tmp_path / "c") == 0

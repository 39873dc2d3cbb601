"""Masks of a film with a display matrix, drawn on frames as shown or as stored."""

from __future__ import annotations

import struct
from pathlib import Path

import nibabel
import numpy as np
import pytest
from medical_files import numbered, video_file
from PIL import Image

from attnseg_training.datasets import load_dataset
from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.readers import open_frames

ONE = 1 << 16
#: Entries a, b, c, d of display matrices, and the same turns done to pixels.
MATRICES = {
    "180": ((-ONE, 0, 0, -ONE), lambda x: x[::-1, ::-1]),
    "mirrored": ((-ONE, 0, 0, ONE), lambda x: x[:, ::-1]),
    "upside down": ((ONE, 0, 0, -ONE), lambda x: x[::-1]),
    "90": ((0, ONE, -ONE, 0), lambda x: np.rot90(x, -1)),
    "270": ((0, -ONE, ONE, 0), lambda x: np.rot90(x, 1)),
    "transposed": ((0, ONE, ONE, 0), lambda x: x.T),
}


def film_and_masks(
    folder: Path, turn: str, shape: tuple[int, int]
) -> tuple[Path, np.ndarray]:
    """A film of 3 frames with such a display matrix, and masks on stored frames.

    Each mask is bright in a corner, as its frame.
    """
    masks = np.zeros((3, *shape), np.uint8)
    for i, mask in enumerate(masks):
        mask[: 12 + 2 * i, :16] = 1
    frames = numbered(3, shape) // 4
    frames[masks > 0] = 230
    path = video_file(folder / "film.mp4", frames, crf="1")
    a, b, c, d = MATRICES[turn][0]
    data = path.read_bytes()
    at = data.index(struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30))
    at = data.index(struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), at + 1)
    new = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)  # of the track
    path.write_bytes(data[:at] + new + data[at + len(new) :])
    return path, masks


def saved(masks: np.ndarray, path: Path) -> Path:
    if path.suffix:
        nibabel.save(nibabel.Nifti1Image(masks.T, np.eye(4)), path)
        return path
    path.mkdir()
    for i, mask in enumerate(masks):
        Image.fromarray(mask * 255).save(path / f"frame_{i}.png")
    return path


def descriptor(out: Path, orientation: str) -> Path:
    out.mkdir()
    (out / "dataset.toml").write_text(f'orientation = "{orientation}"\n')
    return out


def expect_masks_on_frames(out: Path) -> None:
    splits = load_dataset(out).splits
    samples = {one.name: one for split in splits.values() for one in split}
    assert len(samples) == 3
    for sample in samples.values():
        image, mask = sample.read()
        bright = image.mean(-1) > 150
        assert (bright != mask.astype(bool)).mean() < 0.01
        assert mask.any()


@pytest.mark.parametrize("turn", MATRICES)
@pytest.mark.parametrize("shape", [(40, 48), (48, 48)])
@pytest.mark.parametrize("ending", ["", ".nii"])
def test_masks_of_a_turned_film_are_asked_about(
    tmp_path: Path, turn: str, shape: tuple[int, int], ending: str
) -> None:
    film, stored = film_and_masks(tmp_path, turn, shape)
    upright = np.stack([MATRICES[turn][1](one) for one in stored])
    as_stored = saved(stored, tmp_path / f"stored{ending}")
    as_shown = saved(upright, tmp_path / f"shown{ending}")
    with pytest.raises(InputError, match='orientation = "stored" into the'):
        list(frames_to_training_set(film, as_stored, tmp_path / "a"))
    assert not (tmp_path / "a").exists()
    out = descriptor(tmp_path / "b", "stored")
    told: list[str] = []
    list(frames_to_training_set(film, as_stored, out, tell=told.append))
    assert sum("turned with its frames" in one for one in told) == 1
    expect_masks_on_frames(out)
    out = descriptor(tmp_path / "c", "shown")
    list(frames_to_training_set(film, as_shown, out))
    expect_masks_on_frames(out)
    # The size may say it.
    told = []
    given = film, as_shown, tmp_path / "d"
    if upright.shape == stored.shape:
        with pytest.raises(InputError, match=r"asks to be shown (mirrored|turned)"):
            list(frames_to_training_set(*given))
    else:
        list(frames_to_training_set(*given, tell=told.append))
        assert sum("its display matrix" in one for one in told) == 1
        expect_masks_on_frames(tmp_path / "d")


def test_results_of_a_turned_film_are_taken_as_it_is_shown(tmp_path: Path) -> None:
    film, stored = film_and_masks(tmp_path, "180", (40, 48))
    masks = tmp_path / "film"
    masks.mkdir()
    rows = ["frame,image_sha256"]
    with open_frames(film) as frames:
        for i, mask in enumerate(stored[:, ::-1, ::-1]):
            Image.fromarray(mask * 255).save(masks / f"frame_{i:06d}_mask.png")
            rows.append(f"{i},{array_sha256(np.array(frames[i]))}")
    (tmp_path / "film_frames.csv").write_text("\n".join(rows) + "\n")
    list(frames_to_training_set(film, masks, tmp_path / "a"))
    expect_masks_on_frames(tmp_path / "a")

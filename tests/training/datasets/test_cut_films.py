"""A film that is damaged or cut short, and masks of its frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import number_of, numbered, video_file
from PIL import Image

from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError
from napari_attnseg.io.readers import open_frames

COUNT = 40


def _masks(folder: Path, numbers: list[int]) -> Path:
    folder.mkdir()
    for i in numbers:
        mask = np.zeros((48, 64), np.uint8)
        mask[8 : 20 + i // 4, 10:30] = 255
        Image.fromarray(mask).save(folder / f"{i:06d}.png")
    return folder


def _film(path: Path, codec: str, **options: str) -> Path:
    noise = np.random.default_rng(0).integers(0, 25, (COUNT, 48, 64, 3), np.uint8)
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    frames = numbered(COUNT) + noise
    return video_file(path, frames, codec, pixels=pixels, **options)


def _read_up_to_the_damage(path: Path) -> str:
    with open_frames(path) as frames, pytest.raises(InputError) as error:
        for i in range(len(frames)):
            assert number_of(frames[i]) == i
    return str(error.value)


def test_a_damaged_film_is_refused_in_the_words_of_segment(tmp_path: Path) -> None:
    """Where a chunk's header is lost, AVI holds fewer frames than its header says."""
    path = _film(tmp_path / "film.avi", "mjpeg")
    data = bytearray(path.read_bytes())
    chunks = [i for i in range(len(data)) if data[i : i + 4] == b"00dc"]
    at = chunks[25]
    data[at - 40 : at + 60] = bytes(100)
    path.write_bytes(data)
    words = _read_up_to_the_damage(path)
    assert "it is cut short, or damaged inside, and then the last frames" in words
    masks = _masks(tmp_path / "masks", [0, 4, 8, 30])
    with pytest.raises(InputError) as error:
        list(frames_to_training_set(path, masks, tmp_path / "set"))
    # The same words; only where the film ends is counted without decoding.
    assert str(error.value).partition(", and ")[2] == words.partition(", and ")[2]
    assert not (tmp_path / "set").exists()


def test_masks_behind_the_damage_are_refused(tmp_path: Path) -> None:
    path = _film(tmp_path / "film.mkv", "mpeg4", g="6", qmax="3")
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with open_frames(path) as frames:
        found = len(frames)
    told: list[str] = []
    few = _masks(tmp_path / "few", [1, 3, 8])
    names = list(frames_to_training_set(path, few, tmp_path / "set", tell=told.append))
    assert len(names) == 3
    assert any(f"from frame {found - 1} on, frames are missing" in one for one in told)
    more = _masks(tmp_path / "more", [1, 3, 30])
    with pytest.raises(InputError, match=f"{found} frames of film.mkv, but got mask"):
        list(frames_to_training_set(path, more, tmp_path / "other"))

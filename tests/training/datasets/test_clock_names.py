"""Masks of a film that are named by its clock are refused, and not read as frames."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import numbered, video_file
from PIL import Image

from attnseg_training.datasets.frames import frames_to_training_set
from attnseg_training.datasets.numbered_masks import numbered_masks
from napari_attnseg.errors import InputError


def folder_of(folder: Path, names: list[str]) -> list[Path]:
    folder.mkdir()
    for name in names:
        Image.fromarray(np.eye(9, dtype=bool)).save(folder / f"{name}.png")
    return sorted(folder.iterdir())


@pytest.mark.parametrize(
    "form",
    [
        *("ok_{:02}s", "ok_00m{:02}s", "00-00-{:02}", "ok_00_00_{:02}", "t{:d}ms"),
        *("ok {:d} sec", "ok_{:02}s_mask", "ok_1m{:02}", "ok_0.{:d}0", "12h{:02}"),
        *("vlcsnap-2024-03-01-12h03m22s{:03}", "00.00.00.{:03}", "ok_1s{:03}"),
    ],
)
def test_names_that_are_times_are_refused(tmp_path: Path, form: str) -> None:
    files = folder_of(tmp_path / "masks", [form.format(i) for i in (1, 3, 4, 8)])
    with pytest.raises(InputError, match=r"named by its time; name each by the number"):
        numbered_masks(files)
    assert sorted(numbered_masks(files, stated=True))[0] in (1, 10)


@pytest.mark.parametrize(
    "form",
    [
        *("ok_{:04}", "2024-03-01_{:04}", "p01s{:02}", "P03m{:04}", "clip_30s_{:04}"),
        *("shot01.{:04}", "img{:d}_seg", "{:d}_mask", "{:03}"),
        *("frame_{:06}_mask", "2024-03-01-{:d}", "1-2-{:02}", "{:d}stack"),
    ],
)
def test_names_that_are_numbers_of_frames_are_read(tmp_path: Path, form: str) -> None:
    files = folder_of(tmp_path / "masks", [form.format(i) for i in (1, 3, 4, 8)])
    assert sorted(numbered_masks(files)) == [1, 3, 4, 8]


def test_the_command_says_what_to_do(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(9, (40, 48)))
    folder_of(tmp_path / "clock", ["film_01s", "film_03s"])
    with pytest.raises(InputError, match=r"such as frame_000010\.png, or give --first"):
        list(frames_to_training_set(film, tmp_path / "clock", tmp_path / "out"))
    folder_of(tmp_path / "robo", ["a_mp4-0010_jpg.rf.03d9a", "a_mp4-0030_jpg.rf.14e3b"])
    with pytest.raises(InputError, match="name each mask by the number of its frame"):
        list(frames_to_training_set(film, tmp_path / "robo", tmp_path / "out"))

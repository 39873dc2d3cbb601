"""Frames to which masks belong by the numbers in their names."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from masks_of_frames import mask_of, samples_of
from medical_files import numbered, video_file
from PIL import Image
from typer.testing import CliRunner

from attnseg_training.cli import app as trainer
from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError


@pytest.mark.parametrize(
    ("numbers", "asked"),
    [
        (range(1, 13), True),  # one beyond the last frame
        (range(1, 12), True),  # all but 0
        (range(1, 12, 5), True),
        ((3, 12), True),
        (range(12), False),
        (range(0, 12, 5), False),
        ((1, 2, 5), False),
        ((4, 5, 6), False),
    ],
)
def test_numbers_that_may_count_from_1_are_asked_about(
    tmp_path: Path, numbers: Sequence[int], asked: bool
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(12, (40, 48)))
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in numbers:
        name = masks / f"frame_{i:06d}_mask.png"
        Image.fromarray(mask_of(i) * 255).save(name)
    words = ["frames", str(film), str(masks), "--out"]
    done = CliRunner().invoke(trainer, [*words, str(tmp_path / "a")])
    if asked:
        assert done.exit_code != 0
        assert "give --first-number 1" in str(done.exception)
        assert not (tmp_path / "a").exists()
        more = [*words, str(tmp_path / "b"), "--first-number", "1"]
        done = CliRunner().invoke(trainer, more, catch_exceptions=False)
        samples = samples_of(tmp_path / "b")
        assert sorted(samples) == [f"film_{i - 1:06d}" for i in numbers]
        _, mask = samples[f"film_{numbers[-1] - 1:06d}"].read()
        np.testing.assert_array_equal(mask, mask_of(numbers[-1]))
    else:
        assert done.exit_code == 0, done.output


def test_numbers_of_a_film_with_uneven_times_are_asked_about(tmp_path: Path) -> None:
    times = [Fraction(i + (i > 5), 25) for i in range(12)]  # one frame was lost
    film = video_file(tmp_path / "film.mp4", numbered(12, (40, 48)), times=times)
    even = video_file(tmp_path / "even.mp4", numbered(12, (40, 48)))
    masks = tmp_path / "masks"
    masks.mkdir()

    def names(path: Path, out: str, own: bool = False) -> list[str]:
        words = {"first_number": 1, "own_frames": own}
        return list(frames_to_training_set(path, masks, tmp_path / out, **words))

    for i in (1, 4, 6):
        name = masks / f"frame_{i:06d}_mask.png"
        Image.fromarray(mask_of(i) * 255).save(name)
    assert len(names(film, "a")) == 3  # all before the gap
    Image.fromarray(mask_of(8) * 255).save(masks / "frame_000008_mask.png")
    said = "frame 6 follows 80 ms after the one before, and others 40 ms.*--own-frames"
    with pytest.raises(InputError, match=said):
        names(film, "b")
    assert names(film, "b", own=True)[-1] == "film_000007"
    assert names(even, "c")[-1] == "even_000007"


@pytest.mark.parametrize(
    ("numbers", "first", "asked"),
    [
        (range(1, 5), 1, True),
        (range(4), None, True),
        ((0, 1), None, True),
        ((0, 1, 3), None, True),  # one of four without a lesion
        (range(1, 13), 1, False),
        (range(11), None, False),  # only the last frame is missing
        ((0,), None, False),
        ((0, 2, 4), None, False),
        ((5, 6, 7), None, False),
        ([i for i in range(9) if i not in (3, 4)], None, False),
    ],
)
def test_numbers_without_gaps_that_end_early_are_asked_about(
    tmp_path: Path, numbers: Sequence[int], first: int | None, asked: bool
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(12, (40, 48)))
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in numbers:
        Image.fromarray(mask_of(i) * 255).save(masks / f"frame_{i:06d}_mask.png")

    def made(out: str, own: bool = False) -> list[str]:
        words = {"first_number": first, "own_frames": own}
        return list(frames_to_training_set(film, masks, tmp_path / out, **words))

    expected = [f"film_{i - (first or 0):06d}" for i in numbers]
    if asked:
        with pytest.raises(InputError, match="give --own-frames if they are of the"):
            made("a")
        assert not (tmp_path / "a").exists()
        assert made("b", own=True) == expected
    else:
        assert made("a") == expected


@pytest.mark.parametrize(
    ("name", "from_1"),
    [
        ("frame_{:06d}.png", False),  # CVAT
        ("out{}.png", True),  # FFmpeg, without zeros before
        ("film2_{:05d}_lesion.tif", False),
        ("0{:03d}.bmp", False),
    ],
)
def test_masks_are_taken_by_the_one_number_that_differs(
    tmp_path: Path, name: str, from_1: bool
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(12, (40, 48)))
    masks = tmp_path / "masks"
    masks.mkdir()
    for i in range(12):
        Image.fromarray(mask_of(i) * 255).save(masks / name.format(i + from_1))
    (masks / "readme.txt").write_text("by hand")
    words = {"first_number": 1} if from_1 else {}
    list(frames_to_training_set(film, masks, tmp_path / "a", **words))
    samples = samples_of(tmp_path / "a")
    assert len(samples) == 12
    for i in range(12):
        _, mask = samples[f"film_{i:06d}"].read()
        np.testing.assert_array_equal(mask, mask_of(i))


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a_1.png", "b_2.png"], "got a_1.png and b_2.png"),
        (["a_1.png", "a_2.png", "overview.png"], "and overview.png"),
        (["a_1.png", "a_01.png"], "a_01.png and a_1.png have the same number"),
        (["frame_1_mask.png", "frame_01_mask.png"], "have the same number"),
        (["frame_1_mask.png", "frame_1_mask.tif"], "have the same number"),
    ],
)
def test_masks_whose_frames_are_not_clear_are_refused(
    tmp_path: Path, names: Sequence[str], said: str
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(12, (40, 48)))
    masks = tmp_path / "masks"
    masks.mkdir()
    for name in names:
        Image.fromarray(mask_of(1) * 255).save(masks / name)
    with pytest.raises(InputError, match=said):
        list(frames_to_training_set(film, masks, tmp_path / "a"))

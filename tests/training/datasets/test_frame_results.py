"""Masks of results of ``attnseg segment``, corrected or not, as a training set."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from masks_of_frames import mask_of, samples_of
from medical_files import numbered, video_file
from PIL import Image

from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError
from napari_attnseg.exports.record import Exported
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.stack_results import FORMAT


def test_labels_painted_into_masks_of_results_are_taken_as_export_does(
    tmp_path: Path,
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(2, (40, 48)))
    (tmp_path / "film").mkdir()
    painted = mask_of(1) * 255
    painted[22:35, 32:44] = 1
    for i, mask in enumerate((mask_of(0) * 255, painted)):
        Image.fromarray(mask).save(tmp_path / "film" / f"frame_{i:06d}_mask.png")
    # Of masks from elsewhere, 255 beside 1 may be void.
    with pytest.raises(InputError, match=r"ignore = 255 .* threshold = 0 into"):
        list(frames_to_training_set(film, tmp_path / "film", tmp_path / "a"))
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "dataset.toml").write_text("threshold = 0\n")
    list(frames_to_training_set(film, tmp_path / "film", tmp_path / "a"))
    _, mask = samples_of(tmp_path / "a")["film_000001"].read()
    np.testing.assert_array_equal(mask, painted > 0)
    story = {"format": "attnseg-frames-1", "mask_value": 255, "frames": [0, 1]}
    (tmp_path / "film.json").write_text(json.dumps(story))
    told: list[str] = []
    out = tmp_path / "b"
    list(frames_to_training_set(film, tmp_path / "film", out, tell=told.append))
    assert told == [
        "film holds regions of 1 beside 255; all that is not 0 was taken for the mask."
    ]
    _, mask = samples_of(out)["film_000001"].read()
    np.testing.assert_array_equal(mask, painted > 0)


def test_a_corrected_mask_of_another_name_is_told_of(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(3, (40, 48)))
    (tmp_path / "film").mkdir()
    for i in (0, 1):
        name = tmp_path / "film" / f"frame_{i:06d}_mask"
        Image.fromarray(mask_of(i) * 255).save(name.with_suffix(".png"))
        Image.fromarray(mask_of(i + 9) * 255).save(f"{name}_corrected.png")
    told: list[str] = []
    out = tmp_path / "set"
    list(frames_to_training_set(film, tmp_path / "film", out, tell=told.append))
    assert told == [
        "frame_000000_mask_corrected.png lies beside frame_000000_mask.png and was not "
        "read: if it is the corrected mask, save it as frame_000000_mask.png in its "
        "place. (And of 1 more mask.)"
    ]


def test_an_inverted_mask_of_results_is_refused(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(3, (40, 48)))
    (tmp_path / "film").mkdir()
    for i, mask in enumerate((mask_of(0), 1 - mask_of(1))):
        name = tmp_path / "film" / f"frame_{i:06d}_mask.png"
        Image.fromarray(mask * 255).save(name)
    table = "frame,area_px,centre_row,centre_column\n0,300,12.0,19.5\n1,280,12.5,19.5\n"
    (tmp_path / "film_frames.csv").write_text(table)
    with pytest.raises(InputError, match=r"in frame 1 of film, but .* saved inverted"):
        list(frames_to_training_set(film, tmp_path / "film", tmp_path / "b"))


def test_masks_of_two_frames_that_were_exchanged_are_refused(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(3, (40, 48)), crf="1")
    (tmp_path / "film").mkdir()
    rows = [f"{i},{array_sha256(mask_of(i))},{i}" for i in range(3)]
    table = "\n".join(["frame,mask_sha256,image_sha256", *rows, ""])
    (tmp_path / "film_frames.csv").write_text(table.replace(",0\n", ",\n"))
    facts = {"format": FORMAT, "mask_value": 255}
    (tmp_path / "film.json").write_text(json.dumps(facts))
    for i, made in ((0, 0), (1, 2), (2, 1)):
        name = tmp_path / "film" / f"frame_{i:06d}_mask.png"
        Image.fromarray(mask_of(made) * 255).save(name)
    with pytest.raises(InputError, match=r"frame 1 .* attnseg made of frame 2 of film"):
        list(frames_to_training_set(film, tmp_path / "film", tmp_path / "set"))
    assert not (tmp_path / "set").exists()


def test_a_corrected_export_of_the_results_is_told_of(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(3, (40, 48)), crf="1")
    (tmp_path / "film").mkdir()
    for i in range(3):
        name = tmp_path / "film" / f"frame_{i:06d}_mask.png"
        Image.fromarray(mask_of(i) * 255).save(name)
    (tmp_path / "film_frames.csv").write_text("frame,area_px\n0,\n1,\n2,\n")
    with Exported(tmp_path) as record:
        record.note({"film_labels.nii.gz": b"labels"})
    (tmp_path / "film_labels.nii.gz").write_bytes(b"corrected")
    told: list[str] = []
    list(frames_to_training_set(film, name.parent, tmp_path / "set", tell=told.append))
    words = "was changed since attnseg export wrote it, and is not read"
    assert f"film_labels.nii.gz in {tmp_path.name} {words}" in told[0]

"""Tables of frames that a spreadsheet program saved again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import numbered, video_file
from PIL import Image

from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError
from napari_attnseg.io.frame_table import whole_rows

OWN = "frame,seconds,image_sha256\n0,0.0,ab\n4,0.2,cd\n"
GERMAN = "frame;seconds;image_sha256\r\n0;0,0;ab\r\n4;0,2;cd"
FOUND = {0: "ab", 4: "cd"}


def written(folder: Path, text: str, coding: str = "utf-8") -> Path:
    path = folder / "film_frames.csv"
    path.write_bytes(text.encode(coding))
    return path


@pytest.mark.parametrize(
    ("text", "coding"),
    [
        (OWN, "utf-8"),
        (OWN + "8,0.3", "utf-8"),  # cut short
        (OWN.replace("\n", "\r\n"), "utf-8-sig"),
        (GERMAN, "utf-8"),
        (GERMAN.replace("\r\n", "\r"), "utf-8"),
        (GERMAN + "\r\n;;\r\n", "utf-8-sig"),  # a row that was emptied
        (GERMAN.replace(";", "\t"), "utf-16"),
    ],
)
def test_rows_are_read(tmp_path: Path, text: str, coding: str) -> None:
    rows = whole_rows(written(tmp_path, text, coding), "drop it")
    assert {i: row["image_sha256"] for i, row in rows.items()} == FOUND
    assert {i: float(row["seconds"]) for i, row in rows.items()} == {0: 0, 4: 0.2}


@pytest.mark.parametrize(
    ("text", "coding", "why"),
    [
        (OWN.replace("frame", "image"), "utf-8", "no column 'frame'"),
        (OWN.replace(",", "|"), "utf-8", "no column 'frame'"),
        (GERMAN + "\r\n8;0,3\r\n", "utf-8", "row 4"),
        (GERMAN.replace("4;", "vier;"), "utf-8", "row 3"),
        ("frame;seconds\r\n", "utf-8", "no row of a frame"),
        ("", "utf-8", "no column 'frame'"),
        (OWN.replace("ab", "ä"), "latin-1", "UnicodeDecodeError"),
    ],
)
def test_other_tables_are_refused(
    tmp_path: Path, text: str, coding: str, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        whole_rows(written(tmp_path, text, coding), "drop it")


def test_only_masks_with_a_row_are_taken(tmp_path: Path) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(6, (40, 48)), crf="1")
    (tmp_path / "film").mkdir()
    for i in (0, 2, 4):
        mask = np.zeros((40, 48), np.uint8)
        mask[5 + i : 20, 10:30] = 255
        Image.fromarray(mask).save(tmp_path / "film" / f"frame_{i:06d}_mask.png")

    def made(out: str) -> list[str]:
        return list(frames_to_training_set(film, tmp_path / "film", tmp_path / out))

    assert len(made("all")) == 3
    written(tmp_path, GERMAN.replace("ab", "").replace("cd", ""))
    assert made("two") == ["film_000000", "film_000004"]

"""Results in folders below results: corrected copies are told of, sorted ones named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.io.stack_results import FORMAT
from napari_attnseg.results import Segmentation
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.reviewed_mask import reviewed_mask

MASK = np.zeros((20, 30), np.uint8)
MASK[5:10, 5:10] = 1
CORRECTED = np.zeros((20, 30), np.uint8)
CORRECTED[4:14, 4:14] = 255


def saved(folder: Path, stem: str, date: str = "today", frames: int = 1) -> Path:
    """Results of an image, or of a stack; returns their JSON file."""
    folder.mkdir(exist_ok=True)
    image = folder.parent / f"{stem}.jpg"
    runs = [
        Segmentation(
            MASK,
            MASK[None].astype(np.float32),
            (),
            {
                "source": str(image),
                "classes": ["lesion"],
                "image_sha256": array_sha256(np.zeros((20, 30), np.uint8)),
                "mask_sha256": array_sha256(MASK),
                "date": date,
            },
        )
        for i in range(frames)
    ]
    several = frames if frames > 1 else None
    result = Results(stem, str(image), runs, several, image=image)
    return save_results(result, folder, stem)[-1]


def write(path: Path, pixels: np.ndarray = CORRECTED) -> None:
    Image.fromarray(pixels).save(path)


def told(home: str, folder: str, mask: str = "ref_mask.png") -> str:
    stem = "ref" if mask.startswith("ref") else "film"
    return (
        f"{folder} in {home} holds a copy of the results {stem} whose {mask} was "
        f"corrected, and was not read, as {home} was given: give {folder}, or save its "
        f"masks in {home}, if they are the right ones."
    )


@pytest.mark.parametrize("whole", [True, False])
def test_a_corrected_copy_of_results_is_told_of(tmp_path: Path, whole: bool) -> None:
    folder = tmp_path / "results"
    for stem in ("ref", "ref2"):
        Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / f"{stem}.jpg")
    story, other = saved(folder, "ref"), saved(folder, "ref2")
    copy = folder / "final"
    copy.mkdir()
    names = [one.name for one in folder.iterdir() if one.is_file()]
    for name in names if whole else ("ref.json",):
        shutil.copy(folder / name, copy / name)
    write(copy / "ref_mask.png")
    words = told("results", "final")
    assert load_results(story).assumed == load_masks(story).assumed == words
    assert load_results(other).assumed == ""
    args = ["export", str(folder), "--format", "coco", "--out", str(tmp_path / "out")]
    assert words in CliRunner().invoke(app, args).stderr.replace("\n", " ")
    args = ["report", str(folder), "--out", str(tmp_path / "page.html")]
    assert words in CliRunner().invoke(app, args).stderr.replace("\n", " ")
    said = {}
    for case in find_cases(folder).cases:
        read = reviewed_mask(case)
        assert read is not None
        said[case.name] = read.assumed
    assert said == {"ref": words, "ref2": ""}


def test_a_copy_that_is_no_correction_is_not_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    story = saved(folder, "ref")
    shutil.copytree(folder, tmp_path / "backup")
    shutil.move(tmp_path / "backup", folder / "backup")  # made before the correction
    saved(folder / "other run", "ref", "yesterday")
    write(folder / "other run" / "ref_mask.png")
    write(folder / "ref_mask.png")
    assert load_results(story).assumed == ""
    shutil.copytree(folder / "backup", folder / "same")
    write(folder / "same" / "ref_mask.png")  # the same correction
    assert load_results(story).assumed == ""


def test_a_corrected_slice_in_a_copy_is_told_of(tmp_path: Path) -> None:
    import tifffile

    folder = tmp_path / "results"
    story = saved(folder, "ref", frames=3)
    shutil.copytree(folder, tmp_path / "copy")
    shutil.move(tmp_path / "copy", folder / "copy")
    masks = np.stack([MASK * 255, CORRECTED, MASK * 255])
    assert load_results(story).assumed == ""
    tifffile.imwrite(folder / "copy" / "ref_mask.tif", masks, photometric="minisblack")
    assert load_results(story).assumed == told("results", "copy", "ref_mask.tif")


def test_a_corrected_frame_in_a_copy_is_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    (folder / "film").mkdir(parents=True)
    for i in (20, 40):
        write(folder / "film" / f"frame_{i:06d}_mask.png", MASK * 255)
    facts = {"format": FORMAT, "frames": [20, 40], "mask_value": 255, "files": {}}
    (folder / "film.json").write_text(json.dumps({**facts, "provenance": {}}))
    table = "frame,area_px,centre_row,centre_column\n20,25,7,7\n40,25,7,7\n"
    (folder / "film_frames.csv").write_text(table)
    shutil.copytree(folder, tmp_path / "copy")
    shutil.move(tmp_path / "copy", folder / "copy")
    assert load_masks(folder / "film.json").assumed == ""
    write(folder / "copy" / "film" / "frame_000040_mask.png")
    words = told("results", "copy", "frame_000040_mask.png")
    assert load_masks(folder / "film.json").assumed == words


def test_results_that_were_sorted_into_folders_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    for name, stem in (("good", "a"), ("bad", "b"), ("good", "c")):
        (folder / name).mkdir(parents=True, exist_ok=True)
        saved(folder / name, stem)
    with pytest.raises(InputError, match=r"bad \(1\), good \(2\)"):
        find_cases(folder)
    saved(folder, "d")
    words = (
        "results has folders with other results of attnseg segment, bad (1), good (2), "
        "which were not read: give each of them, too, if they are meant."
    )
    for command, out in (("export", "out"), ("report", "page.html")):
        args = [command, str(folder), "--out", str(tmp_path / out)]
        args += ["--format", "coco"] if command == "export" else []
        assert words in CliRunner().invoke(app, args).stderr.replace("\n", " ")
        given = [command, str(folder / "d.json"), *args[2:]]
        assert CliRunner().invoke(app, given).stderr.count("folders") == 0

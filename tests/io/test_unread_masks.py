"""Corrected masks under any name beside those of results are named, not passed over."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.cli import app
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


def saved(folder: Path, stem: str) -> Path:
    """Results of an image that lies there too; returns their JSON file."""
    folder.mkdir(exist_ok=True)
    image = folder.parent / f"{stem}.png"
    pixels = (np.arange(600) % 251).astype(np.uint8).reshape(20, 30)
    Image.fromarray(pixels).save(image)
    facts = {
        "source": str(image),
        "classes": ["lesion"],
        "image_sha256": array_sha256(pixels),
    }
    run = Segmentation(MASK, MASK[None].astype(np.float32), (), facts)
    result = Results(stem, str(image), [run], image=image)
    return save_results(result, folder, stem)[-1]


def write(path: Path, pixels: np.ndarray = CORRECTED) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.mark.parametrize(
    "name",
    [
        *("ref_mask2.png", "ref_corrected.png", "ref_final_mask.png", "ref_gt.png"),
        *("corrected_ref_mask.png", "new_ref_mask.png", "corrected/ref_mask.png"),
        *("Ref_Mask.PNG", "fixed/REF.jpg", "ref.bmp"),
    ],
)
def test_a_corrected_mask_of_another_name_is_told_of(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "results"
    story, other = saved(folder, "ref"), saved(folder, "ref2")
    write(folder / name)
    told = (
        f"{name} lies beside ref_mask.png and was not read: if it is the corrected "
        "mask, save it as ref_mask.png in its place."
    )
    assert load_results(story).assumed == load_masks(story).assumed == told
    assert load_results(other).assumed == ""
    words = ["export", str(folder), "--format", "coco", "--out", str(tmp_path / "out")]
    assert told in CliRunner().invoke(app, words).stderr.replace("\n", " ")
    words = ["report", str(folder), "--out", str(tmp_path / "page.html")]
    assert told in CliRunner().invoke(app, words).stderr.replace("\n", " ")
    said = {}
    for case in find_cases(folder).cases:
        read = reviewed_mask(case)
        assert read is not None
        said[case.name] = read.assumed
    assert said == {"ref": told, "ref2": ""}


def test_any_mask_beside_the_only_result_is_told_of(tmp_path: Path) -> None:
    story = saved(tmp_path / "results", "ref")
    write(tmp_path / "results" / "corrected.png")
    assert load_results(story).assumed.startswith("corrected.png lies beside ref_mask")


def test_an_emptied_mask_is_told_of(tmp_path: Path) -> None:
    story = saved(tmp_path / "results", "ref")
    write(tmp_path / "results" / "ref_new.png", 0 * CORRECTED)
    assert load_results(story).assumed.startswith("ref_new.png lies beside")


def test_what_is_no_other_mask_is_not_told_of(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    story = saved(folder, "ref")
    saved(folder, "ref_mask")
    noise = np.random.default_rng(0).integers(0, 256, (20, 30), np.uint8)
    write(folder / "ref_photo.png", noise)
    write(folder / "ref_small.png", CORRECTED[::2, ::2])
    write(folder / "ref_labels.png", MASK)  # an export of the same mask
    write(folder / "unref_mask.png")
    (folder / "ref_note.png").write_text("no picture")
    saved(folder / "run 2", "ref")  # results of another run
    write(folder / "run 2" / "ref_mask.png")
    for one in ("images", "masks"):  # a data set
        write(folder / one / "ref.png")
    assert load_results(story).assumed == ""


@pytest.mark.parametrize(
    "name",
    [
        *("frame_000040_mask2.png", "frame_000040_corrected.png"),
        *("Frame_000040_mask.PNG", "../corrected/frame_000040_mask.png"),
        "new/frame_000040_mask.png",
    ],
)
def test_a_corrected_mask_of_a_frame_is_told_of(tmp_path: Path, name: str) -> None:
    (tmp_path / "film").mkdir()
    for i in (20, 40):
        write(tmp_path / "film" / f"frame_{i:06d}_mask.png", MASK * 255)
    story = tmp_path / "film.json"
    facts = {"format": FORMAT, "frames": [20, 40], "mask_value": 255, "files": {}}
    story.write_text(json.dumps({**facts, "provenance": {}}))
    table = "frame,area_px,centre_row,centre_column\n20,25,7,7\n40,25,7,7\n"
    (tmp_path / "film_frames.csv").write_text(table)
    assert load_masks(story).assumed == ""
    write(tmp_path / "film" / name)
    told = f"{name} lies beside frame_000040_mask.png and was not read: if it is the "
    assert load_masks(story).assumed.startswith(told)

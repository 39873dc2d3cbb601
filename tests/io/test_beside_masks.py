"""Masks that were saved beside those of results are named, and not silently unread."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.exports import load_masks
from napari_attnseg.io.beside_masks import masks_beside
from napari_attnseg.io.results import Results, load_results, save_results
from napari_attnseg.results import Segmentation


def saved(folder: Path, stem: str) -> Path:
    mask = np.zeros((20, 30), np.uint8)
    mask[5:10, 5:10] = 1
    facts = {"source": "x", "classes": ["lesion"], "image_sha256": "a"}
    run = Segmentation(mask, mask[None].astype(np.float32), (), facts)
    return save_results(Results(stem, "x", [run]), folder, stem)[-1]


@pytest.mark.parametrize(
    "name",
    [
        *("x_mask.tif", "x_mask.nii.gz", "x_mask (1).png", "x_mask - Copy.png"),
        *("x_mask.seg.nrrd", "x_mask_corrected.PNG", "x_mask-2.mha"),
    ],
)
def test_another_mask_beside_is_named(tmp_path: Path, name: str) -> None:
    story = saved(tmp_path, "x")
    (tmp_path / name).write_bytes(b"any")
    for found in (load_results(story), load_masks(story)):
        assert found.assumed == (
            f"{name} lies beside x_mask.png and was not read: if it is the corrected "
            "mask, save it as x_mask.png in its place."
        )
    words = ["export", str(story), "--format", "coco", "--out", str(tmp_path / "out")]
    assert name in CliRunner().invoke(app, words).stderr
    words = ["report", str(story), "--out", str(tmp_path / "page.html")]
    assert name in CliRunner().invoke(app, words).stderr
    (tmp_path / "x_mask.png").unlink()
    with pytest.raises(InputError, match=r"no file .*x_mask\.png, but .*: save the ma"):
        load_results(story)


def test_what_belongs_there_is_not(tmp_path: Path) -> None:
    story = saved(tmp_path, "x")
    saved(tmp_path, "x_mask")  # an image of this name
    saved(tmp_path, "x_masked")
    for name in (
        *("x_mask_cnn.png", "x_mask_transformer.tif", "x_mask_disagree.png"),
        *("x_mask.png.aux.xml", "x_labels.png", "._x_mask.png", "x_masks.png"),
    ):
        (tmp_path / name).write_bytes(b"any")
    assert load_results(story).assumed == ""
    assert masks_beside(tmp_path / "none" / "x_mask.png") == []


def test_a_copy_of_the_json_is_refused(tmp_path: Path) -> None:
    story = saved(tmp_path, "x")
    copy = tmp_path / "x (1).json"
    shutil.copy(story, copy)
    with pytest.raises(InputError, match=r"x \(1\)\.json is a copy of x\.json: both"):
        load_results(copy)
    out = tmp_path / "out"
    words = ["export", str(tmp_path), "--format", "coco", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 1 and "1 of 2 results exported" in done.stderr
    assert (out / "annotations.json").read_text().count('"file_name"') == 1
    story.unlink()  # renamed, not copied
    assert load_results(copy).segmentations[0].mask.any()


def test_results_that_were_sorted_into_folders_are_found(tmp_path: Path) -> None:
    for name in ("good", "bad", "other"):
        (tmp_path / name).mkdir()
    story = saved(tmp_path, "x")
    mask = tmp_path / "x_mask.png"
    mask.rename(tmp_path / "good" / mask.name)
    with pytest.raises(InputError, match="but good/ holds one of this name: put it ba"):
        load_results(story)
    for file in tmp_path.glob("x*"):
        file.rename(tmp_path / "good" / file.name)
    saved(tmp_path / "bad", "y")
    both = re.escape(f"{tmp_path / 'bad'}, {tmp_path / 'good'}, where")
    said = rf"Expected results of attnseg segment in .* none; choose {both}"
    ends = ["--format", "coco", "--out", str(tmp_path / "out")]
    for words in (["export", *ends], ["report", "--out", str(tmp_path / "page.html")]):
        command, *rest = words
        done = CliRunner().invoke(app, [command, str(tmp_path), *rest])
        assert re.search(said, str(done.exception) + done.output), done.output


@pytest.mark.parametrize("end", ["mask.png", "probability.tif"])
def test_a_deleted_file_of_results_is_named_as_such(tmp_path: Path, end: str) -> None:
    story = saved(tmp_path, "x")
    (tmp_path / f"x_{end}").unlink()
    with pytest.raises(InputError, match="which the results name: it was deleted"):
        load_results(story)

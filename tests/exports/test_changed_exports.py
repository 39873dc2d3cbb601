"""Exported files that somebody corrected are told of, and not replaced."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from napari_attnseg.cli import app
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.results import Segmentation
from napari_attnseg.review.cases import find_cases

MASK = np.zeros((20, 30), np.uint8)
MASK[5:10, 5:10] = 1


def saved(folder: Path, *stems: str) -> None:
    folder.mkdir()
    for stem in stems:
        facts = {"classes": ["a"], "image_sha256": array_sha256(MASK)}
        run = Segmentation(MASK, MASK[None].astype(np.float32), (), facts)
        image = folder.parent / f"{stem}.bmp"
        Image.fromarray(MASK).save(image)
        save_results(Results(stem, str(image), [run], image=image), folder, stem)


def command(name: str, folder: Path, *more: str) -> Result:
    return CliRunner().invoke(app, [name, str(folder), *more])


def correct(path: Path) -> None:
    if path.suffix == ".json":
        found = json.loads(path.read_text())
        found["annotations"] = []
        path.write_text(json.dumps(found))
    elif path.suffix == ".png":
        Image.fromarray(np.ones_like(MASK)).save(path)
    else:
        values = np.ones((30, 20, 1), np.uint8)
        nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("nifti", "b_labels.nii.gz"),
        ("labels-png", "b_labels.png"),
        ("coco", "annotations.json"),
    ],
)
def test_a_corrected_export_is_told_of_and_kept(
    tmp_path: Path, kind: str, name: str
) -> None:
    folder = tmp_path / "r"
    saved(folder, "a", "b")
    how = ("--format", kind, "--out", str(folder))
    assert command("export", folder, *how).exit_code == 0
    assert "changed" not in command("export", folder, *how).stderr  # again: no word
    correct(folder / name)
    kept = (folder / name).read_bytes()
    told = f"{name} in r was changed since attnseg export wrote it, and is not read: "
    for one, more in (
        ("export", ("--format", "nifti", "--out", str(tmp_path / "elsewhere"))),
        ("report", ("--out", str(tmp_path / "page.html"))),
    ):
        for given in (folder, folder / "b.json"):
            done = command(one, given, *more)
            assert done.exit_code == 0 and told in done.stderr.replace("\n", " ")
    assert told in find_cases(folder).left_out_words
    done = command("export", folder, *how)
    words = f"{done.stderr} {done.exception}".replace("\n", " ")
    assert f"Expected {name} in {folder} as attnseg export wrote it, but it" in words
    assert done.exit_code != 0 and (folder / name).read_bytes() == kept
    (folder / name).unlink()
    assert command("export", folder, *how).exit_code == 0


def test_an_export_of_a_corrected_mask_replaces_the_earlier_one(tmp_path: Path) -> None:
    saved(tmp_path / "r", "a")
    how = ("--format", "labels-png", "--out", str(tmp_path / "out"))
    assert command("export", tmp_path / "r", *how).exit_code == 0
    for side in (12, 14):
        mask = np.zeros((20, 30), np.uint8)
        mask[5:side, 5:side] = 255
        Image.fromarray(mask).save(tmp_path / "r" / "a_mask.png")
        assert command("export", tmp_path / "r", *how).exit_code == 0
        with Image.open(tmp_path / "out" / "a_labels.png") as written:
            assert np.array_equal(np.asarray(written), mask // 255)

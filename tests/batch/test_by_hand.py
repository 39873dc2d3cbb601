"""Masks that were changed by hand since an earlier run are not replaced."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from medical_files import dicom_file, numbered
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.batch import Note, SegmentOptions, segment_files
from napari_attnseg.batch.cluster import Job, segment_one
from napari_attnseg.batch.segmenting import Segmenting
from napari_attnseg.cli import app
from napari_attnseg.io.images import read_image
from napari_attnseg.io.results import load_results, save_results

PAINTED = np.zeros((40, 50), np.uint8)
PAINTED[5:20, 5:20] = 255


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in "ab":
        pixels = rng.integers(0, 255, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{name}.png")
    return folder


def test_the_command_names_them_and_goes_on(
    photos: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    words = ["segment", str(photos), "--out", str(out), "--device", "cpu"]
    words += ["--weights", str(tiny_weights)]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, words).exit_code == 0  # nothing was changed
    mask, first = out / "a_mask.png", read_image(out / "a_mask.png")
    Image.fromarray(PAINTED).save(mask)
    (out / "b_mask.png").write_bytes(b"cut")  # no work of a hand
    for more in ([], ["--resume", "--threshold", "0.4"]):
        done = CliRunner().invoke(app, [*words, *more])
        assert done.exit_code == 1 and "1 of 2 images segmented" in done.stderr
        assert "a_mask.png was changed by hand since it was made" in done.stderr
        assert "--replace-edited" in done.stderr
        np.testing.assert_array_equal(read_image(mask), PAINTED)
        assert read_image(out / "b_mask.png").shape == (40, 50)
    done = CliRunner().invoke(app, [*words, "--replace-edited"])
    assert done.exit_code == 0
    np.testing.assert_array_equal(read_image(mask), first)


@pytest.mark.parametrize("by", ["editor", "colours", "viewer"])
def test_they_are_known_however_they_were_saved(
    photos: Path, tmp_path: Path, tiny_weights: Path, by: str
) -> None:
    out = tmp_path / "out"
    run = lambda **how: list(  # noqa: E731
        segment_files([photos], out, tiny_weights, "cpu", SegmentOptions(**how))
    )
    assert not any(one.error for one in run())
    file = out / "a_mask.png"
    if by == "viewer":
        found = load_results(out / "a.json")
        painted = replace(found.segmentations[0], mask=PAINTED // 255)
        save_results(replace(found, segmentations=[painted]), out, "a")
    else:
        picture = Image.fromarray(PAINTED).convert("RGB")
        if by == "colours":
            picture.paste((255, 0, 0), (5, 5, 20, 20))
        picture.save(file)
    kept = file.read_bytes()
    one, other = run()
    assert one.error and "a_mask.png was changed by hand" in one.error
    assert other.error is None and file.read_bytes() == kept
    if by != "colours":  # which nobody can read as a mask
        one, other = run(resume=True)
        assert one.error is None and Note.DONE_BEFORE in one.notes
    assert file.read_bytes() == kept


def test_workers_leave_them_too(
    photos: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out, how = tmp_path / "out", SegmentOptions(resume=True, threshold=0.4)
    list(segment_files([photos], out, tiny_weights, "cpu"))
    Image.fromarray(PAINTED).save(out / "a_mask.png")
    own = Segmenting(out, tiny_weights, "cpu", how)
    same = own.segmenter.sha256, own.settings
    job = Job(out, tiny_weights, "cpu", how, *same)
    error = segment_one(job, photos / "a.png", "a").error
    assert error and "changed by hand" in error
    np.testing.assert_array_equal(read_image(out / "a_mask.png"), PAINTED)


def test_so_do_dicom_images(tmp_path: Path, tiny_weights: Path) -> None:
    scan = dicom_file(tmp_path / "scan.dcm", numbered(1, (40, 50))[0], "RGB")
    run = [scan], tmp_path / "out", tiny_weights, "cpu"
    (first,) = segment_files(*run)
    assert first.error is None
    file = next((tmp_path / "out").glob("*_mask.png"))
    Image.fromarray(PAINTED).save(file)
    (again,) = segment_files(*run)
    assert again.error and f"{file.name} was changed by hand" in again.error
    np.testing.assert_array_equal(read_image(file), PAINTED)

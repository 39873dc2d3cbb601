"""A run of a film that was stopped is gone on with, and nothing else is replaced."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medical_files import (
    dicom_file,
    numbered,
    video_file,
)
from PIL import Image
from written_files import rows_of

from napari_attnseg.batch import (
    FilesBatch,
    Note,
    SegmentOptions,
    segment_files,
)
from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import open_frames


def test_a_run_that_is_stopped_keeps_what_is_done(
    film: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    batch = segment_files([film], tmp_path / "out", tiny_weights, "cpu")
    assert isinstance(batch, FilesBatch) and len(batch) == 25
    for count, outcome in enumerate(batch, 1):
        assert outcome.error is None
        # The first mask is there before the second frame is looked at.
        assert len(list((tmp_path / "out" / "film").iterdir())) == count
        if count == 4:
            break
    batch.close()
    out = tmp_path / "out"
    assert len(rows_of(out / "film_frames.csv")) == 4
    story = json.loads((out / "film.json").read_text())
    assert story["complete"] is False and story["frames"] == [0, 1, 2, 3]
    with open_frames(out / "film_overlay.mp4") as overlay:
        assert len(overlay) == 4
    assert not list(out.glob(".*"))


def test_what_is_no_earlier_result_is_not_replaced(
    film: Path, tmp_path: Path, tiny_weights: Path
) -> None:
    out = tmp_path / "out"
    (out / "film").mkdir(parents=True)
    (out / "film_frames.csv").write_text("mine")
    with pytest.raises(InputError, match=r"film.* would be replaced"):
        segment_files([film], out, tiny_weights, "cpu")
    with pytest.raises(InputError, match="--every of at least 1"):
        segment_files([film], tmp_path / "new", tiny_weights, "cpu", every=0)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry per frame that goes through the network."""
    made: list[int] = []
    encode = Segmenter.encode

    def counting(*args: Any, **more: Any) -> Any:
        made.append(1)
        return encode(*args, **more)

    monkeypatch.setattr(Segmenter, "encode", counting)
    return made


@pytest.mark.parametrize("killed", [False, True])
def test_a_stopped_film_is_gone_on_with(
    killed: bool, film: Path, tmp_path: Path, tiny_weights: Path, counted: list[int]
) -> None:
    out = tmp_path / "out"
    how = SegmentOptions(objects=True, readers=True, resume=True, threshold=0.45)
    run = partial(segment_files, [film], out, tiny_weights, "cpu", every=4)
    whole = tmp_path / "whole"
    list(segment_files([film], whole, tiny_weights, "cpu", how, every=4))
    counted.clear()
    batch = run(options=how)
    outcomes = iter(batch)
    for _ in range(4):
        next(outcomes)
    if killed:  # nothing is closed: what lies there is copied
        shutil.copytree(out, tmp_path / "killed")
        with (tmp_path / "killed" / "film_frames.csv").open("a") as file:
            file.write("16,0.64,,frame_000016_mask.png,12")
    assert isinstance(batch, FilesBatch)
    batch.close()
    if killed:
        shutil.rmtree(out)
        shutil.copytree(tmp_path / "killed", out)
        assert json.loads((out / "film.json").read_text())["frames"]
    (out / "film" / "frame_000004_mask_cnn.png").write_bytes(b"cut")
    counted.clear()
    done = list(run(options=how))
    before = [one.frame for one in done if Note.DONE_BEFORE in one.notes]
    assert before == [0, 8, 12] and len(done) == 7 and len(counted) == 4
    names = {path.relative_to(out) for path in out.rglob("*") if path.is_file()}
    wanted = {path.relative_to(whole) for path in whole.rglob("*") if path.is_file()}
    assert {name for name in names if not name.name.startswith(".")} == wanted
    for name in wanted:
        if name.suffix == ".png":
            assert (out / name).read_bytes() == (whole / name).read_bytes()
    assert rows_of(out / "film_frames.csv") == rows_of(whole / "film_frames.csv")
    for mine, other in zip(
        rows_of(out / "film_objects.csv"),
        rows_of(whole / "film_objects.csv"),
        strict=True,
    ):
        assert {**mine, "date": ""} == {**other, "date": ""}
    story = json.loads((out / "film.json").read_text())
    first = json.loads((whole / "film.json").read_text())
    assert story["complete"] and story["frames"] == first["frames"]
    assert story["files"] == first["files"]
    assert story["provenance"]["flicker"] == first["provenance"]["flicker"]
    assert story["provenance"]["frames_of_earlier_run"] == 3
    with open_frames(out / "film_overlay.mp4") as overlay:
        assert len(overlay) == 7


def test_frames_are_made_again_if_anything_differs(
    film: Path, tmp_path: Path, tiny_weights: Path, counted: list[int]
) -> None:
    out = tmp_path / "out"

    def run(**more: Any) -> int:
        counted.clear()
        how = SegmentOptions(resume=True, **more)
        for outcome in segment_files([film], out, tiny_weights, "cpu", how, every=8):
            assert outcome.error is None
        return len(counted)

    assert run() == 4
    assert run() == 0
    assert run(threshold=0.3) == 4
    mask = out / "film" / "frame_000008_mask.png"
    before = read_image(mask)
    painted = before.copy()
    painted[:10, :20] ^= 255
    Image.fromarray(painted).save(mask)
    for resume in (True, False):  # a mask that somebody painted is not replaced
        how = SegmentOptions(resume=resume, threshold=0.3)
        (left,) = segment_files([film], out, tiny_weights, "cpu", how, every=8)
        assert left.error and "frame_000008_mask.png was changed by hand" in left.error
        np.testing.assert_array_equal(read_image(mask), painted)
    assert run(threshold=0.3, replace_edited=True) == 1
    np.testing.assert_array_equal(read_image(mask), before)
    video_file(film, numbered(25)[::-1].copy(), g="10", crf="1")
    assert run(threshold=0.3) == 4
    # An interrupted check loses no frame of the earlier run.
    how = SegmentOptions(resume=True, threshold=0.3)
    batch = segment_files([film], out, tiny_weights, "cpu", how, every=8)
    next(iter(batch))
    assert isinstance(batch, FilesBatch)
    batch.close()
    story = json.loads((out / "film.json").read_text())
    assert story["frames"] == [0, 8, 16, 24] and story["complete"] is False
    assert len(rows_of(out / "film_frames.csv")) == 4
    # Frames that are no longer asked for go.
    # A run that was killed between a mask and its row.
    shutil.copy(out / "film/frame_000008_mask.png", out / "film/frame_000013_mask.png")
    list(segment_files([film], out, tiny_weights, "cpu", how, every=16))
    assert not (out / "film/frame_000013_mask.png").exists()
    assert len(list((out / "film").iterdir())) == 2
    with pytest.raises(InputError, match="--resume or --smooth-time"):
        segment_files([film], out, tiny_weights, "cpu", how, smooth_time=3)


def test_a_dicom_image_is_gone_on_with(
    tmp_path: Path, tiny_weights: Path, counted: list[int]
) -> None:
    scan = dicom_file(tmp_path / "scan.dcm", numbered(1, (40, 48))[0], "RGB")
    how = SegmentOptions(resume=True)
    for expected in (1, 0):
        counted.clear()
        (done,) = segment_files([scan], tmp_path / "out", tiny_weights, "cpu", how)
        assert done.error is None and len(counted) == expected

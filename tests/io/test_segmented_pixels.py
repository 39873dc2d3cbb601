"""Results whose image was replaced by another one are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import numbered, video_file
from odd_files import turn
from PIL import Image
from typer.testing import CliRunner

from napari_attnseg.cli import app
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.io.frame_parts import FrameParts
from napari_attnseg.io.images import read_image
from napari_attnseg.io.readers import open_frames
from napari_attnseg.io.results import Results, save_results
from napari_attnseg.io.segmented_pixels import NoImage, expect_same_image
from napari_attnseg.io.stack_results import StackNames, StackResults
from napari_attnseg.reports.cases import load_cases
from napari_attnseg.results import Segmentation

MASK = np.zeros((40, 48), np.uint8)
MASK[5:20, 10:30] = 1
RUN = {"classes": ["polyp"], "threshold": 0.5, "weights": "a", "model": {}}


def picture(path: Path, seed: int) -> Path:
    values = np.random.default_rng(seed).integers(0, 255, (40, 48, 3), np.uint8)
    Image.fromarray(values).save(path)
    return path


@pytest.fixture
def story(tmp_path: Path) -> Path:
    image = picture(tmp_path / "x.png", 0)
    facts = {**RUN, "source": str(image), "mask_sha256": array_sha256(MASK)}
    facts["image_sha256"] = array_sha256(read_image(image))
    run = Segmentation(MASK, MASK[None].astype(np.float32), (), facts)
    whole = Results("x", str(image), [run], image=image)
    return save_results(whole, tmp_path / "results", "x")[-1]


@pytest.mark.parametrize("kind", ["labels-png", "coco", "nifti"])
def test_export_refuses_results_of_another_image(story: Path, kind: str) -> None:
    image, out = story.parent.parent / "x.png", story.parent.parent / "out"
    words = ["export", str(story), "--format", kind, "--out", str(out)]
    assert CliRunner().invoke(app, words).exit_code == 0
    picture(image, 1)
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2 and "image that was segmented in x.png" in done.stderr
    image.unlink()
    assert CliRunner().invoke(app, words).exit_code == 0


def test_an_image_that_was_turned_by_exif_since_is_told(story: Path) -> None:
    """As picture viewers turn it: the pixels that are stored stay as they are."""
    image, out = story.parent.parent / "x.png", story.parent.parent / "out"
    turn(image, 3)
    words = ["export", str(story), "--format", "labels-png", "--out", str(out)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "asks to be shown turned since then" in " ".join(done.stderr.split())
    (case,) = load_cases(story)
    assert case.image is NoImage.TURNED


def test_a_run_that_saw_an_oriented_file_as_stored_is_of_it(tmp_path: Path) -> None:
    """As napari's own reader shows a file with an orientation, which the run says."""
    image = picture(tmp_path / "x.png", 0)
    turn(image, 3)
    facts = {**RUN, "source": str(image), "mask_sha256": array_sha256(MASK)}
    facts["image_sha256"] = array_sha256(read_image(image, upright=False))
    facts["viewer_decoding"] = "oriented"
    run = Segmentation(MASK, MASK[None].astype(np.float32), (), facts)
    whole = Results("x", str(image), [run], image=image)
    story = save_results(whole, tmp_path / "results", "x")[-1]
    expect_same_image(story, image)
    (case,) = load_cases(story)
    assert not isinstance(case.image, NoImage)


def test_a_slice_of_a_stack_that_changed_is_found(tmp_path: Path) -> None:
    image = tmp_path / "stack.tif"
    frames = np.random.default_rng(0).integers(0, 255, (5, 40, 48), np.uint8)
    pages = [Image.fromarray(one) for one in frames]
    pages[0].save(image, save_all=True, append_images=pages[1:])
    facts = [{**RUN, "image_sha256": array_sha256(one)} for one in frames]
    # One slice was not segmented.
    facts[2]["image_sha256"] = None
    map_ = MASK[None].astype(np.float32)
    runs = [Segmentation(MASK, map_, (), one) for one in facts]
    whole = Results("stack", str(image), runs, 5, image=image)
    story = save_results(whole, tmp_path / "r", "stack")[-1]
    expect_same_image(story, image)
    pages[-1].save(image, save_all=True, append_images=pages[1:])
    with pytest.raises(InputError, match="other pixels"):
        expect_same_image(story, image)


def test_frames_of_another_film_are_refused(tmp_path: Path) -> None:
    from attnseg_training.datasets.frames import frames_to_training_set

    film = video_file(tmp_path / "film.mp4", numbered(5, (40, 48)), crf="1")
    names = StackNames(tmp_path / "r", "film")
    names.folder.mkdir()
    said = {"source": str(film)}
    stack = StackResults(names, said, ("frame", "image_sha256"), False, 25)
    with open_frames(film) as frames:
        for i in (0, 3):
            row = {"frame": i, "image_sha256": array_sha256(np.array(frames[i]))}
            stack.add(i, FrameParts(MASK, row), RUN)
    stack.close(True)
    expect_same_image(names.story, film)
    given = film, tmp_path / "r" / "film", tmp_path / "set"
    assert len(list(frames_to_training_set(*given))) == 2
    video_file(film, numbered(6, (40, 48))[1:], crf="1")
    with pytest.raises(InputError, match=r"film\.mp4, but it holds"):
        expect_same_image(names.story, film)
    with pytest.raises(InputError, match=r"frame 0 of film\.mp4 holds other pixels"):
        list(frames_to_training_set(*given))

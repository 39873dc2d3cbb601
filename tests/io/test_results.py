"""Results come back from their files as they were written."""

import errno
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_attnseg.errors import InputError
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.images import read_image
from napari_attnseg.io.results import (
    Results,
    load_results,
    save_results,
)
from napari_attnseg.io.saved_results import find_results, foreign
from napari_attnseg.results import (
    AttentionMap,
    EffectiveShare,
    Segmentation,
    ShareState,
)


@pytest.fixture(scope="module")
def segmentation(tiny_weights: Path) -> Segmentation:
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    return Segmenter.from_checkpoint(tiny_weights, "cpu")(image)


def save(tmp_path: Path, *frames: Segmentation, stack: bool = False) -> Path:
    count = len(frames) if stack else None
    return save_results(Results("x", "x", frames, count), tmp_path, "x")[-1]


@pytest.mark.parametrize("stack", [False, True])
def test_what_was_written_is_read(
    tmp_path: Path, segmentation: Segmentation, stack: bool
) -> None:
    frames = [segmentation] * (3 if stack else 1)
    found = load_results(save(tmp_path, *frames, stack=stack))
    assert len(found.segmentations) == len(frames)
    for read in found.segmentations:
        np.testing.assert_array_equal(read.mask, segmentation.mask)
        assert read.mask.dtype == np.uint8
        np.testing.assert_array_equal(read.probability, segmentation.probability)
        for a, b in zip(read.attention, segmentation.attention, strict=True):
            np.testing.assert_array_equal(a.values, b.values)
            assert (a.name, a.stride, a.finding) == (b.name, b.stride, b.finding)
            assert a.effective_share.state is ShareState.MEASURED
            assert a.effective_share.mean == b.effective_share.mean
        assert read.provenance == {**segmentation.provenance, "source": "x"}


@pytest.mark.parametrize("stack", [False, True])
def test_the_effective_share_stands_in_the_json_and_older_files_open(
    tmp_path: Path, segmentation: Segmentation, stack: bool
) -> None:
    other = replace(
        segmentation,
        attention=tuple(
            replace(gate, effective_share=EffectiveShare(ShareState.MEASURED, 0.25))
            for gate in segmentation.attention
        ),
    )
    frames = [segmentation, other] if stack else [segmentation]
    path = save(tmp_path, *frames, stack=stack)
    facts = json.loads(path.read_text())
    for said, gate in zip(facts["gates"], segmentation.attention, strict=True):
        own = gate.effective_share
        assert own.values is not None and own.values.shape == gate.values.shape
        assert own.mean == pytest.approx(own.values.mean()) and 0 < own.mean < 1
        means = [own.mean, 0.25] if stack else own.mean
        assert said["effective_share"] == {
            "state": "measured",
            "of": "CNN",
            "mean": means,
        }
    again = load_results(path).segmentations[-1].attention[0].effective_share
    assert again.mean == (
        0.25 if stack else segmentation.attention[0].effective_share.mean
    )
    for gate in facts["gates"]:
        del gate["effective_share"]
    path.write_text(json.dumps(facts))
    for read in load_results(path).segmentations:
        assert {g.effective_share.state for g in read.attention} == {ShareState.UNKNOWN}


def test_two_gates_per_level_have_no_effective_share(tmp_path: Path) -> None:
    gate = AttentionMap(
        np.zeros((2, 2), np.float32),
        4,
        (1, 1),
        gate="CNN",
        effective_share=EffectiveShare(ShareState.UNDEFINED),
    )
    mask = np.zeros((2, 2), np.uint8)
    path = save(tmp_path, Segmentation(mask, mask[None].astype(np.float32), (gate,)))
    (said,) = json.loads(path.read_text())["gates"]
    assert said["effective_share"] == {"state": "undefined"}
    (read,) = load_results(path).segmentations[0].attention
    assert read.effective_share.state is ShareState.UNDEFINED


def test_several_classes_keep_their_numbers(tmp_path: Path) -> None:
    mask = np.array([[0, 1], [2, 2]], np.uint8)
    probability = np.zeros((2, 2, 2), np.float32)
    path = save(tmp_path, Segmentation(mask, probability))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "x_mask.png")), mask)
    (found,) = load_results(path).segmentations
    np.testing.assert_array_equal(found.mask, mask)
    assert found.probability.shape == (2, 2, 2)


def test_an_edited_mask_is_called_so(
    tmp_path: Path, segmentation: Segmentation
) -> None:
    path = save(tmp_path, segmentation)
    assert json.loads(path.read_text())["mask_edited"] is False
    drawn = segmentation.mask.copy()
    drawn[:5] = 3  # a label of its own
    parts = (segmentation.probability, segmentation.attention, segmentation.provenance)
    path = save(tmp_path, Segmentation(drawn, *parts))
    assert json.loads(path.read_text())["mask_edited"] is True
    np.testing.assert_array_equal(load_results(path).segmentations[0].mask, drawn)


def test_a_run_that_was_stopped_leaves_no_story_of_another(
    tmp_path: Path, segmentation: Segmentation, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = save(tmp_path, segmentation)
    placed, place = [], Path.replace

    def stopped(self: Path, target: Path) -> None:
        placed.append(target)
        if len(placed) == 3:
            raise KeyboardInterrupt
        place(self, target)

    monkeypatch.setattr(Path, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, segmentation)
    assert not story.exists() and not list(tmp_path.glob(".*"))
    assert foreign(tmp_path, "x") is None  # what it left may be replaced


def test_a_full_disk_leaves_the_results_that_were_there(
    tmp_path: Path, segmentation: Segmentation, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(tmp_path, segmentation)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    synced = []

    def full(handle: int) -> None:
        synced.append(handle)
        if len(synced) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    other = replace(segmentation, mask=1 - segmentation.mask)
    with pytest.raises(InputError, match="No space left"):
        save(tmp_path, other)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_other_peoples_files_are_told_from_results(
    tmp_path: Path, segmentation: Segmentation
) -> None:
    for i, name in enumerate(("x_mask.png", "x.json", "x_objects.csv")):
        folder = tmp_path / str(i)
        folder.mkdir()
        assert foreign(folder, "x") is None
        (folder / name).write_text("{}")
        assert foreign(folder, "x") == folder / name
    images = [tmp_path / "one" / "x.png", tmp_path / "other" / "x.png"]
    for image in images:
        image.parent.mkdir()
        Image.fromarray(segmentation.mask).save(image)
    one = Results("x", str(images[0]), [segmentation], image=images[0])
    story = save_results(one, tmp_path / "out", "x")[-1]
    assert foreign(tmp_path / "out", "x", images[0]) is None
    assert foreign(tmp_path / "out", "x", images[1]) == story


@pytest.mark.parametrize("change", ["colours", "size"])
def test_parts_that_do_not_fit_are_refused(
    tmp_path: Path, segmentation: Segmentation, change: str
) -> None:
    path = save(tmp_path, segmentation)
    mask = Image.open(tmp_path / "x_mask.png")
    red = Image.merge("RGB", (mask, *[Image.new("L", mask.size)] * 2))
    red.putpixel((0, 0), (255, 0, 0))
    mask = red if change == "colours" else mask.resize((9, 9))
    mask.save(tmp_path / "x_mask.png")
    words = "holds colours" if change == "colours" else r"x_mask.png, but it has 9×9"
    with pytest.raises(InputError, match=words):
        load_results(path)


def test_a_mask_too_large_for_a_png_is_a_tiff(
    tmp_path: Path, segmentation: Segmentation, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_attnseg.io import results

    monkeypatch.setattr(results, "PNG_PIXELS", segmentation.mask.size - 1)
    path = save(tmp_path, segmentation)
    assert (tmp_path / "x_mask.tif").exists()
    (found,) = load_results(path).segmentations
    np.testing.assert_array_equal(found.mask, segmentation.mask)


def test_image_and_results_may_be_moved_together(
    tmp_path: Path, segmentation: Segmentation
) -> None:
    before, after = tmp_path / "before", tmp_path / "after"
    image = before / "photos" / "x.png"
    image.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((50, 70), np.uint8)).save(image)
    results = Results("x", str(image), [segmentation], image=image)
    save_results(results, before / "out", "x")
    shutil.move(before, after)
    found = load_results(after / "out" / "x.json").image
    assert found is not None and read_image(found).shape == (50, 70)


def test_other_files_are_left_alone_and_broken_ones_refused(
    tmp_path: Path, segmentation: Segmentation
) -> None:
    path = save(tmp_path, segmentation)
    (tmp_path / "other.json").write_text('{"format": "geojson"}')
    (tmp_path / "no.json").write_bytes(b"\xff\xfe")
    assert find_results(tmp_path) == [path]
    with pytest.raises(InputError, match=r"other\.json is another"):
        load_results(tmp_path / "other.json")
    facts = json.loads(path.read_text())
    for rules, words in (
        ({"sharpness": 1}, "sharpness"),
        ({"smoothing": -1}, "or more"),
    ):
        facts["provenance"]["mask_rules"] = rules
        (tmp_path / "y.json").write_text(json.dumps(facts, indent=2))
        with pytest.raises(InputError, match=words):
            load_results(tmp_path / "y.json")
    (tmp_path / "x_probability.tif").unlink()
    with pytest.raises(InputError, match="no file"):
        load_results(path)

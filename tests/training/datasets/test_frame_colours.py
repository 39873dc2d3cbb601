"""Masks of frames in colour, as CVAT and programs that follow objects write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from medical_files import numbered, video_file
from numpy.typing import NDArray
from PIL import Image

from attnseg_training.datasets import frame_colours, load_dataset
from attnseg_training.datasets.frames import frames_to_training_set
from napari_attnseg.errors import InputError

#: Colours of CVAT's and of DAVIS' first labels.
CVAT, DAVIS = ((250, 50, 83), (51, 221, 255)), ((128, 0, 0), (0, 128, 0))
SHAPE = (48, 64)


def _areas(count: int) -> list[NDArray[np.uint8]]:
    """Masks (H, W) of 0, 1 and 2; the last one is empty."""
    masks = [np.zeros(SHAPE, np.uint8) for _ in range(count)]
    for i, mask in enumerate(masks[:-1]):
        mask[8 : 20 + i, 10:30] = 1
        mask[30:40, 40 : 50 + i] = 2
    return masks


def _written(
    folder: Path, areas: list[NDArray[np.uint8]], colours: tuple[tuple[int, ...], ...]
) -> Path:
    folder.mkdir(parents=True)
    table = np.array([(0, 0, 0), *colours], np.uint8)
    for i, area in enumerate(areas):
        Image.fromarray(table[area]).save(folder / f"frame_{i:06d}.png")
    return folder


def _taken(film: Path, masks: Path, out: Path) -> tuple[list[NDArray[np.uint8]], str]:
    told: list[str] = []
    list(frames_to_training_set(film, masks, out, tell=told.append, own_frames=True))
    samples = load_dataset(out).splits["all"]
    return [one.read()[1] for one in samples], " ".join(told)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return video_file(tmp_path / "film.mp4", numbered(5, SHAPE))


@pytest.mark.parametrize("colours", [CVAT, DAVIS])
def test_one_colour_on_black_is_the_lesion(
    tmp_path: Path, film: Path, colours: tuple[tuple[int, ...], ...]
) -> None:
    areas = [(one == 1).astype(np.uint8) for one in _areas(5)]
    masks = _written(tmp_path / "SegmentationClass", areas, colours[:1])
    found, told = _taken(film, masks, tmp_path / "set")
    for mask, right in zip(found, areas, strict=True):
        np.testing.assert_array_equal(mask, right)
    assert told == ""


def test_flat_colours_are_read_as_by_the_rules_of_data_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for colours in ((DAVIS[0],) * 2, CVAT, DAVIS):
        folder = tmp_path / str(len({*colours})) / str(colours[0][0])
        masks = sorted(_written(folder, _areas(5), colours).iterdir())
        fast = [frame_colours.colour_numbers(one) for one in masks[:-1]]
        assert all(len(np.unique(one)) == 1 + len({*colours}) for one in fast)
        with monkeypatch.context() as patch:
            patch.setattr(frame_colours, "_flat_numbers", lambda pixels: None)
            for one, right in zip(fast, masks):
                np.testing.assert_array_equal(one, frame_colours.colour_numbers(right))


def test_soft_edges_belong_to_the_one_colour(tmp_path: Path, film: Path) -> None:
    areas = [(one == 1).astype(np.uint8) for one in _areas(5)]
    masks = _written(tmp_path / "masks", areas, CVAT[:1])
    for one in masks.iterdir():
        large = Image.open(one).resize((640, 480))
        large.resize(SHAPE[::-1], Image.Resampling.BILINEAR).save(one)
    found, told = _taken(film, masks, tmp_path / "set")
    for mask, right in zip(found, areas, strict=True):
        assert np.count_nonzero(mask != right) <= 0.1 * right.sum()
    assert told == ""


@pytest.mark.parametrize("colours", [CVAT, DAVIS])
@pytest.mark.parametrize("apart", [False, True])
def test_several_colours_are_asked_about(
    tmp_path: Path, film: Path, colours: tuple[tuple[int, ...], ...], apart: bool
) -> None:
    """Also if each mask holds one of them."""
    areas = _areas(5)
    if apart:
        areas = [np.where(one == i % 2 + 1, one, 0) for i, one in enumerate(areas)]
    masks = _written(tmp_path / "masks", areas, colours)
    named = " and ".join(rf"\({r}, {g}, {b}\)" for r, g, b in sorted(colours))
    words = rf"colours {named.replace(' and ', ', ')} may be classes, or objects"
    with pytest.raises(InputError, match=words) as error:
        _taken(film, masks, tmp_path / "set")
    assert 'classes = ["lesion"]' in str(error.value)
    out = tmp_path / "set"
    out.mkdir()
    (out / "dataset.toml").write_text("classes = {polyp = 1, tool = 2}\n")
    with pytest.raises(InputError, match="export them as grey numbers, one for each"):
        _taken(film, masks, out)
    (out / "dataset.toml").write_text("threshold = 0\n")
    with pytest.raises(InputError, match="gives a threshold, found the colours"):
        _taken(film, masks, out)
    (out / "dataset.toml").write_text('classes = ["lesion"]\n')
    for mask, right in zip(_taken(film, masks, out)[0], areas, strict=True):
        np.testing.assert_array_equal(mask, right > 0)


def test_white_beside_a_colour_is_asked_about(tmp_path: Path, film: Path) -> None:
    masks = _written(tmp_path / "a", _areas(5), ((255, 255, 255), (255, 0, 0)))
    with pytest.raises(InputError, match="may be classes, or objects"):
        _taken(film, masks, tmp_path / "set")
    grey = (_areas(5)[0] == 1).astype(np.uint8) * 255
    areas = [(one == 2).astype(np.uint8) for one in _areas(5)]
    masks = _written(tmp_path / "b", areas, ((255, 0, 0),))
    Image.fromarray(grey).save(masks / "frame_000000.png")
    with pytest.raises(InputError, match=r"colours 255, \(255, 0, 0\) may be classes"):
        _taken(film, masks, tmp_path / "set")


def test_a_photo_or_one_colour_alone_is_refused(tmp_path: Path, film: Path) -> None:
    areas = [(one == 1).astype(np.uint8) for one in _areas(5)]
    for name, picture, words in (
        ("alone", np.full((*SHAPE, 3), (250, 50, 83), np.uint8), "one colour alone"),
        (
            "photo",
            np.random.default_rng(0).integers(0, 255, (*SHAPE, 3), np.uint8),
            "as many colours as in a picture",
        ),
    ):
        masks = _written(tmp_path / name, areas, CVAT[:1])
        Image.fromarray(picture).save(masks / "frame_000002.png")
        with pytest.raises(InputError, match=rf"frame_000002\.png, found .*{words}"):
            _taken(film, masks, tmp_path / "set")


def test_the_folder_of_an_export_that_holds_the_masks_is_named(
    tmp_path: Path, film: Path
) -> None:
    areas = [(one == 1).astype(np.uint8) for one in _areas(5)]
    for name in ("SegmentationClass", "SegmentationObject"):
        _written(tmp_path / "export" / name, areas, CVAT[:1])
    (tmp_path / "export" / "labelmap.txt").write_text("# label:color_rgb:parts\n")
    words = (
        r"SegmentationClass/, SegmentationObject/ alone; .* export/SegmentationClass"
    )
    with pytest.raises(InputError, match=words):
        _taken(film, tmp_path / "export", tmp_path / "set")
    found, _ = _taken(film, tmp_path / "export" / "SegmentationClass", tmp_path / "set")
    np.testing.assert_array_equal(found[2], areas[2])

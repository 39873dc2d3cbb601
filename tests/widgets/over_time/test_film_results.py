"""Results of films open in napari, in the Time dock and in a review. No window."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medical_files import PATIENT, dicom_file, number_of, numbered, video_file
from napari.components import ViewerModel
from napari.layers import Image, Labels

from napari_attnseg._widgets.base.segmenting import Looking, segment_frames
from napari_attnseg._widgets.layers.display import add_layers
from napari_attnseg._widgets.layers.file_reader import read_files
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.new_layers import new_layers
from napari_attnseg._widgets.layers.reader import get_reader
from napari_attnseg._widgets.layers.source import Source, source_of
from napari_attnseg._widgets.layers.writer import write
from napari_attnseg._widgets.over_time.curves import place_of
from napari_attnseg._widgets.over_time.widget import OverTimeWidget
from napari_attnseg._widgets.review.widget import ReviewWidget
from napari_attnseg.batch import segment_files
from napari_attnseg.errors import InputError
from napari_attnseg.hashing import array_sha256
from napari_attnseg.inference import Segmenter
from napari_attnseg.io.images import read_image
from napari_attnseg.results import Segmentation
from napari_attnseg.review.ahead import load_image
from napari_attnseg.review.cases import find_cases
from napari_attnseg.review.mask_file import read_mask
from napari_attnseg.review.state import Decision


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, tiny_weights: Path) -> Path:
    """Every third of ten frames, in a folder beside the film."""
    folder = tmp_path_factory.mktemp("film")
    film = video_file(folder / "film.mp4", numbered(10), crf="1")
    for outcome in segment_files([film], folder / "out", tiny_weights, "cpu", every=3):
        assert outcome.error is None
    return folder / "out"


def opened(path: Path) -> list[Any]:
    reader = get_reader(str(path))
    assert reader is not None
    return reader(str(path))


def test_a_folder_of_frames_opens_with_its_film(
    results: Path, viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    for path in (results, results / "film.json"):
        film, mask = opened(path)
        assert "keeps no probability and no gate maps of films" in messages[-1]
        assert isinstance(film, Image) and isinstance(mask, Labels)
    assert mask.data.shape == (10, 48, 64) == film.data.shape[:3]
    np.testing.assert_array_equal(mask.scale, film.scale)
    record = record_of(mask)
    assert record.done_frames == [0, 3, 6, 9] and not record.is_done(1)
    assert record.image.layer_id == str(film.unique_id)
    for frame in (0, 3, 6, 9):
        assert number_of(np.asarray(film.data[frame])) == frame
        written = read_image(results / "film" / f"frame_{frame:06d}_mask.png")
        np.testing.assert_array_equal(mask.data[frame] * 255, written)
    viewer.layers.extend([film, mask])
    widget = OverTimeWidget(viewer)
    qtbot.addWidget(widget)
    widget.show()
    widget.look()
    # The table has the numbers that cannot be measured without the probability.
    areas = widget.plot.lines["area"]
    # No line over the frames between, of which nothing is known.
    assert len(areas) == 4 + 3 and np.isnan(areas[1::2]).all()
    assert not np.isnan(areas[::2]).any()
    assert not np.isnan(widget.plot.lines["probability"]).all()
    assert "(of 3)" in widget.flicker.text() and not widget.measuring
    assert not widget.smoothing.bar.start_button.isEnabled()
    widget.export(results.parent / "again.csv")
    again, first = (
        (results.parent / name).read_text().splitlines()
        for name in ("again.csv", "out/film_frames.csv")
    )
    for row, before in zip(again[1:], first[1:], strict=True):  # frame, area, objects
        for column in (0, 4, 6):
            assert row.split(",")[column] == before.split(",")[column]


def test_a_film_that_is_gone_is_told(results: Path, messages: list[str]) -> None:
    film = results.parent / "film.mp4"
    away = film.rename(film.with_suffix(".away"))
    try:
        (mask,) = opened(results)
        assert len(mask.data) == 10
        assert any("images of film are left out" in one for one in messages)
        with pytest.raises(InputError, match=r"whose image is gone \(film\)"):
            find_cases(results)
    finally:
        away.rename(film)


def test_results_without_their_images_lie_where_the_images_do(
    tmp_path: Path, tiny_weights: Path, messages: list[str]
) -> None:
    """Of a series of thick slices, and of a film with uneven times."""
    import json

    times = [Fraction(n, 600) for n in (0, 10, 60, 70, 300, 310)]
    film = video_file(tmp_path / "a.mkv", numbered(6), times=times, bf="0")
    pixels = np.random.default_rng(0).integers(0, 999, (3, 32, 40)).astype(np.uint16)
    for i, one in enumerate(pixels):
        more = {"SeriesInstanceUID": "1.2.3", "PixelSpacing": [0.5, 0.7]}
        more |= {"ImagePositionPatient": [0, 0, 2.5 * i]}
        more |= {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}
        dicom_file(tmp_path / "series" / f"{i}.dcm", one, InstanceNumber=i, **more)
    for path, step in ((film, 0.1033), (tmp_path / "series", 2.5)):
        out = tmp_path / f"out {path.name}"
        made = segment_files([path], out, tiny_weights, "cpu", overlay=False)
        assert all(one.error is None for one in made)
        (image,) = read_files(str(path))
        if path == film:
            film = path.rename(tmp_path / "moved.mkv")
        (mask,) = opened(out)
        assert image.scale[0] == pytest.approx(step, abs=1e-3)
        np.testing.assert_allclose(mask.scale, image.scale)
        assert (mask.units, mask.axis_labels) == (image.units, image.axis_labels)
    assert not any("how far apart" in one for one in messages)
    (story,) = out.glob("*.json")
    facts = json.loads(story.read_text())
    del facts["provenance"]["file_facts"]["frame_step"]
    story.write_text(json.dumps(facts))
    opened(out)
    assert "how far apart" in messages[-1]


def test_times_of_the_table_are_those_of_the_film(tmp_path: Path) -> None:
    times = [Fraction(n, 600) for n in (0, 10, 60, 70, 300, 310)]
    path = video_file(tmp_path / "a.mkv", numbered(6), times=times, bf="0")
    (film,) = read_files(str(path))
    assert place_of(film, film)(2)["seconds"] == pytest.approx(0.1, abs=1e-3)
    film.scale = (1, 1, 1)  # somebody says that it lies otherwise
    assert place_of(film, film)(2) == {"seconds": 2}


def test_frames_of_a_film_are_reviewed(
    results: Path, viewer: ViewerModel, qtbot: Any
) -> None:
    widget = ReviewWidget(viewer)
    qtbot.addWidget(widget)
    widget.setup.folder.set(results)
    widget.setup.reader.setText("anna")
    widget.begin()
    assert widget.opened is not None
    cases = {case.frame: case for case in widget.opened.review.cases}
    assert sorted(cases) == [0, 3, 6, 9]
    last = widget.opened.review.cases[-1].frame
    for _ in cases:
        case, layers = widget.case, widget.on_screen.layers
        assert case is not None and case.name == f"film_frame_{case.frame:06d}"
        assert number_of(layers.image.data) == case.frame
        written = read_image(results / "film" / f"frame_{case.frame:06d}_mask.png")
        np.testing.assert_array_equal(layers.mask.data * 255, written)
        assert source_of(layers.image).file is None
        widget.accept()
        # The weights are untrained: a mask of nearly the whole frame is asked about.
        asked = bool((written > 0).mean() >= 0.9)
        assert (widget.case is case) == (asked or case.frame == last)
        if asked:
            assert widget.panel.said.text().startswith("The mask covers ")
            widget.accept()
    review = widget.opened.review
    decided = [review.state(case).decision for case in review.cases]
    assert decided == [Decision.ACCEPTED] * 4
    # A correction is in the training set, with the image of its frame.
    with layers.mask.block_history():
        layers.mask.paint((20, 20), 1 - int(layers.mask.data[20, 20]))
    name = case.name
    widget.close_review()
    (image,) = (results / "review" / "anna" / "images").iterdir()
    assert name in (results / "review" / "anna.jsonl").read_text()
    assert number_of(read_image(image)) == case.frame


def test_a_dicom_series_is_reviewed_without_its_names(
    tmp_path: Path, tiny_weights: Path
) -> None:
    folder = tmp_path / PATIENT.replace("^", "_")
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 999, (3, 32, 40)).astype(np.uint16)
    shared = {"SeriesInstanceUID": "1.2.3", "WindowCenter": 500, "WindowWidth": 400}
    for i, one in enumerate(pixels):
        dicom_file(folder / f"{PATIENT}{i}.dcm", one, InstanceNumber=i, **shared)
    # As it is: each slice is a case without a mask.
    plain = find_cases(folder)
    assert [case.frame for case in plain.cases] == [0, 1, 2]
    assert all(case.mask is None for case in plain.cases)
    out = tmp_path / "out"
    for outcome in segment_files([folder], out, tiny_weights, "cpu", overlay=False):
        assert outcome.error is None
    series = find_cases(folder, out)
    by_frame = sorted(series.cases, key=lambda case: case.frame or 0)
    assert len(by_frame) == 3
    for case, one in zip(by_frame, pixels):
        assert case.mask is not None and case.mask.is_file()
        assert PATIENT not in f"{case.name} {case.image}"
        loaded = load_image(case)
        np.testing.assert_array_equal(loaded.pixels, one)
        assert loaded.facts is not None and loaded.facts.window == (300, 699)
    # Results that were to keep the names are found by them.
    kept, how = tmp_path / "kept", {"overlay": False, "keep_identifiers": True}
    assert all(
        one.error is None
        for one in segment_files([folder], kept, tiny_weights, "cpu", **how)
    )
    (story,) = kept.glob("*.json")
    assert story.stem.startswith(f"{folder.name}_")
    cases = find_cases(folder, kept).cases
    assert [case.mask.parent.name for case in cases if case.mask] == [story.stem] * 3


def test_slices_of_a_saved_stack_are_reviewed(tmp_path: Path) -> None:
    import tifffile

    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (3, 24, 32), np.uint8)
    tifffile.imwrite(tmp_path / "stack.tif", pixels, photometric="minisblack")
    masks = (pixels > 200).astype(np.uint8)
    found = []
    for i, (image, mask) in enumerate(zip(pixels, masks)):
        facts = {"threshold": 0.5, "date": "d", "mask_sha256": array_sha256(mask)}
        facts["image_sha256"] = array_sha256(image) if i != 1 else None
        found.append(Segmentation(mask, mask[None] * np.float16(0.9), (), facts))
    file = str(tmp_path / "stack.tif")
    viewer = ViewerModel()
    source = Source("stack", pixels, False, 3, {"scale": np.ones(3)}, file)
    layers = add_layers(viewer, new_layers(source, found))
    write(str(tmp_path / "out"), [layer.as_layer_data_tuple() for layer in layers])
    cases = find_cases(tmp_path / "out").cases
    assert [case.frame for case in cases] == [0, 2]  # the other was not segmented
    for case in cases:
        np.testing.assert_array_equal(load_image(case).pixels, pixels[case.frame])
        read = read_mask(case.mask, case.mask_value, case.frame)
        np.testing.assert_array_equal(read.labels, masks[case.frame])


def test_a_film_that_was_saved_from_napari_has_its_probability_again(
    tmp_path: Path, tiny_weights: Path
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(4), crf="1")
    viewer = ViewerModel()
    (layer,) = read_files(str(film))
    viewer.add_layer(layer)
    segmenter = Segmenter.from_checkpoint(tiny_weights, "cpu")
    source = source_of(layer)
    steps = segment_frames(source, segmenter, Looking(every=2))
    *_, last = steps
    assert last.came is not None
    made = add_layers(viewer, new_layers(source, last.came.stack))
    write(str(tmp_path / "out"), [one.as_layer_data_tuple() for one in made])
    again = opened(tmp_path / "out")
    assert [type(one) for one in again[:2]] == [Image, Image]
    np.testing.assert_array_equal(np.asarray(again[0].data[2]), layer.data[2])
    for before, now in ((made[0], again[1]), (made[-1], again[-1])):
        np.testing.assert_allclose(before.data, now.data, atol=1e-3)
        np.testing.assert_array_equal(now.scale, layer.scale)
        assert record_of(now).done_frames == [0, 2]

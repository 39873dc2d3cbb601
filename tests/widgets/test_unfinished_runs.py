"""A cancelled run of a stack is gone on with; nothing that was painted is lost."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from medical_files import numbered, video_file
from napari.components import ViewerModel

from napari_attnseg._widgets.layers.earlier import is_edited
from napari_attnseg._widgets.layers.file_reader import read_files
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.outcome import is_changed_by_hand
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.over_time.widget import OverTimeWidget
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.inference import Segmenter

FRAMES = 12


@pytest.fixture
def widget(viewer: ViewerModel, qtbot: Any, tiny_weights: Path) -> SegmentWidget:
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    qtbot.waitUntil(lambda: widget.inputs.device_box.count() > 1, timeout=60_000)
    widget.inputs.use_weights(tiny_weights)
    pixels = np.random.default_rng(0).integers(0, 255, (FRAMES, 30, 40), np.uint8)
    viewer.add_image(pixels, name="a")
    widget.every_box.box.setValue(1)
    return widget


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each image that goes through the network."""
    counted: list[int] = []
    own = Segmenter.encode_prepared

    def count(segmenter: Segmenter, seen: Any, *flip: bool) -> Any:
        counted.append(len(seen))
        return own(segmenter, seen, *flip)

    monkeypatch.setattr(Segmenter, "encode_prepared", count)
    return counted


def run(widget: SegmentWidget, qtbot: Any) -> None:
    widget.start()
    qtbot.waitUntil(lambda: widget.life.worker is None, timeout=60_000)


@pytest.fixture
def cancelled(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    encoded: list[int],
    messages: list[str],
) -> Any:
    """Mask of a run that was cancelled after its first frames."""
    came = widget._frame_came

    def cancel(done: Any) -> None:
        came(done)
        widget.bar.cancel()

    widget._frame_came = cancel  # type: ignore[method-assign]
    run(widget, qtbot)
    widget._frame_came = came  # type: ignore[method-assign]
    mask = viewer.layers["mask · a"]
    assert 0 < len(record_of(mask).done_frames) < FRAMES
    assert len(viewer.layers) == 7  # the maps, too
    return mask


def test_only_the_frames_that_were_left_are_segmented(
    cancelled: Any,
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    encoded: list[int],
    messages: list[str],
) -> None:
    done = record_of(cancelled).done_frames
    first = record_of(cancelled).image_sha256[done[0]]
    assert "Segment with the same settings goes on with them." in messages[-1]
    encoded.clear()
    run(widget, qtbot)
    assert len(encoded) == FRAMES - len(done)
    assert f"Goes on after {len(done)} of {FRAMES} slices." in messages
    assert len(viewer.layers) == 7 and viewer.layers["mask · a"] is cancelled
    record = record_of(cancelled)
    assert not record.missing_frames
    assert record.image_sha256[done[0]] == first
    (result,) = find_results(viewer.layers)
    own = widget._models.load(widget.inputs.weights, "cpu").segmenter
    for frame in range(FRAMES):
        wanted = own(viewer.layers["a"].data[frame])
        np.testing.assert_array_equal(cancelled.data[frame], wanted.mask)
        np.testing.assert_allclose(
            result.probabilities(frame), wanted.probability, atol=1e-3
        )
    assert not is_edited(cancelled)
    # A run that is whole is done anew.
    encoded.clear()
    run(widget, qtbot)
    assert len(encoded) == FRAMES and viewer.layers["mask · a"] is not cancelled


def test_what_was_painted_stays(
    cancelled: Any, widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    done, missing = (
        record_of(cancelled).done_frames,
        record_of(cancelled).missing_frames,
    )
    painted = np.zeros((30, 40), np.uint8)
    painted[3:9, 4:20] = 1
    for frame in (done[0], missing[0], missing[-1]):
        cancelled.data[frame] = painted
    run(widget, qtbot)
    assert viewer.layers["mask · a"] is cancelled
    assert not record_of(cancelled).missing_frames
    (result,) = find_results(viewer.layers)
    for frame in range(FRAMES):
        by_hand = frame in (done[0], missing[0], missing[-1])
        assert is_changed_by_hand(result, frame, cancelled.data[frame]) == by_hand
        assert np.array_equal(cancelled.data[frame], painted) == by_hand
    assert is_edited(cancelled)


def test_what_was_painted_before_its_frame_came_stays_in_the_same_run(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    came, painted = widget._frame_came, np.zeros((30, 40), np.uint8)
    painted[3:9, 4:20] = 1

    def paint(done: Any) -> None:
        first = len(viewer.layers) == 1
        came(done)
        if first:
            viewer.layers["mask · a"].data[FRAMES - 1] = painted

    widget._frame_came = paint  # type: ignore[method-assign]
    run(widget, qtbot)
    mask = viewer.layers["mask · a"]
    np.testing.assert_array_equal(mask.data[FRAMES - 1], painted)
    assert not record_of(mask).missing_frames and is_edited(mask)


@pytest.mark.parametrize("what", ["settings", "pixels", "mask removed", "other array"])
def test_another_image_or_setting_begins_anew(
    what: str,
    cancelled: Any,
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    encoded: list[int],
) -> None:
    expected = FRAMES
    if what == "settings":
        widget.every_box.box.setValue(2)
        expected = FRAMES // 2
    elif what == "pixels":
        done = record_of(cancelled).done_frames[0]
        viewer.layers["a"].data[done, 0, 0] += 1  # in place
    elif what == "mask removed":
        viewer.layers.remove(cancelled)
        assert not widget._unfinished._runs  # its arrays are freed
    else:
        cancelled.data = cancelled.data.copy()
    encoded.clear()
    run(widget, qtbot)
    assert len(encoded) == expected
    assert viewer.layers["mask · a"] is not cancelled


def test_a_film_is_gone_on_with_and_its_curves_follow(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    encoded: list[int],
    tmp_path: Path,
) -> None:
    film = video_file(tmp_path / "film.mp4", numbered(FRAMES), crf="1")
    viewer.layers.clear()
    (layer,) = read_files(str(film))
    viewer.add_layer(layer)
    curves = OverTimeWidget(viewer)
    qtbot.addWidget(curves)
    curves.show()
    came = widget._frame_came

    def cancel(done: Any) -> None:
        came(done)
        widget.bar.cancel()

    widget._frame_came = cancel  # type: ignore[method-assign]
    run(widget, qtbot)
    widget._frame_came = came  # type: ignore[method-assign]
    done = len(encoded)
    assert done < FRAMES
    run(widget, qtbot)
    assert len(encoded) == FRAMES
    (mask,) = (one for one in viewer.layers if one.name == "mask · film")
    assert not record_of(mask).missing_frames
    qtbot.waitUntil(lambda: len(curves.plot.lines["area"]) == FRAMES, timeout=60_000)

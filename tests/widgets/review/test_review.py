"""The Review dock without a window: keys, brush, hidden masks, layers of others."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_series import estimated, square, write_images, write_results
from medical_files import dicom_file
from napari.components import ViewerModel
from napari.utils.key_bindings import KeymapHandler
from PIL import Image

from napari_attnseg._widgets.review.case_list import SIGNS, Filter
from napari_attnseg._widgets.review.widget import ReviewWidget
from napari_attnseg.batch import segment_files
from napari_attnseg.review.state import Decision


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_images(tmp_path / "series")


@pytest.fixture
def begun(qtbot: Any, viewer: ViewerModel, folder: Path) -> Callable[..., ReviewWidget]:
    def begin(reader: str = "anna", study: bool = False) -> ReviewWidget:
        widget = ReviewWidget(viewer)
        qtbot.addWidget(widget)
        widget.setup.folder.set(folder)
        widget.setup.reader.setText(reader)
        widget.setup.study_box.setChecked(study)
        widget.setup.seed.setText("7")
        widget.begin()
        return widget

    return begin


@pytest.fixture
def press(viewer: ViewerModel) -> Callable[[str], None]:
    """Press keys over the canvas, as napari does: the active layer is asked first."""

    def keys(pressed: str) -> None:
        for key in pressed.split():
            handler = KeymapHandler()
            active = viewer.layers.selection.active
            handler.keymap_providers = [viewer] if active is None else [active, viewer]
            handler.press_key(key)

    return keys


def test_an_inverted_mask_of_results_is_not_shown(
    begun: Callable[..., ReviewWidget],
    viewer: ViewerModel,
    folder: Path,
    tmp_path: Path,
) -> None:
    results = write_results(tmp_path / "other", {"a": None})
    Image.fromarray((1 - square(0)) * 255).save(results / "a_mask.png")
    widget = begun()
    widget.close_review()
    widget.setup.folder.set(results)
    widget.begin()
    assert "saved inverted" in widget.panel.said.text()
    mask = widget.on_screen.layers.mask
    assert mask is not None and not mask.data.any()


def stroke(mask: Any) -> None:
    """Paint as the mouse does: one stroke, however many points it has."""
    with mask.block_history():
        mask.paint((20, 20), 1)


def decisions(widget: ReviewWidget) -> list[Decision | None]:
    assert widget.opened is not None
    review = widget.opened.review
    return [review.state(case).decision for case in review.cases]


def test_a_series_is_decided_by_keys(
    begun: Callable[..., ReviewWidget],
    press: Callable[[str], None],
    viewer: ViewerModel,
    folder: Path,
    tmp_path: Path,
) -> None:
    mine = viewer.add_points(np.zeros((1, 2)), name="mine")
    widget = begun()
    mask = widget.on_screen.layers.mask
    assert viewer.layers.selection.active is mask
    np.testing.assert_array_equal(mask.data, square(0))
    press("A R")
    np.testing.assert_array_equal(mask.data, square(2))
    viewer.layers.selection.active = widget.on_screen.layers.image
    press("C")  # and not napari's key of images
    assert str(mask.mode) == "paint"
    stroke(mask)
    found = decisions(widget)
    assert found == [Decision.ACCEPTED, Decision.REJECTED, Decision.CORRECTED, None]
    shown = [widget.panel.list.item(i, 0).text() for i in range(4)]
    assert shown == [SIGNS[decision] for decision in found]
    assert widget.panel.progress.value() == 3
    press("N A U U")
    assert decisions(widget) == [Decision.ACCEPTED, Decision.REJECTED, None, None]
    assert widget.case is not None and widget.case.name == "case2"
    np.testing.assert_array_equal(mask.data, square(2))
    widget.panel.filter_box.setCurrentIndex(list(Filter).index(Filter.REJECTED))
    hidden = [widget.panel.list.isRowHidden(i) for i in range(4)]
    assert hidden == [True, False, False, True]  # the one on screen stays
    widget.export(tmp_path / "t.csv")
    rows = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert [row["decision"] for row in rows] == ["accepted", "rejected", "", ""]
    widget.close_review()
    assert list(viewer.layers) == [mine] and mine.visible
    assert (folder / "review" / "anna.jsonl").is_file()


def test_strokes_belong_to_their_case(
    begun: Callable[..., ReviewWidget], press: Callable[[str], None]
) -> None:
    widget = begun()
    mask = widget.on_screen.layers.mask
    press("C")
    stroke(mask)
    press("N")
    assert str(mask.mode) == "pan_zoom"
    mask.undo()  # Ctrl+Z, which has nothing to take back here
    widget.on_screen.save()
    np.testing.assert_array_equal(mask.data, square(1))
    assert decisions(widget)[:2] == [Decision.CORRECTED, None]
    press("Shift-N")
    assert mask.data[20, 20] == 1
    assert widget.opened is not None
    review = widget.opened.review
    assert len(list((review.masks.training_set / "masks").iterdir())) == 1


def test_a_stroke_that_is_taken_back_and_a_fill_are_saved_too(
    begun: Callable[..., ReviewWidget], press: Callable[[str], None], qtbot: Any
) -> None:
    widget = begun()
    press("C")
    mask = widget.on_screen.layers.mask
    stroke(mask)
    mask.undo()
    assert widget.opened is not None and widget.case is not None
    review, case = widget.opened.review, widget.case

    def kept() -> bool:
        found = review.read_mask(case)
        return found is not None and np.array_equal(found.labels, square(0))

    assert not kept()
    qtbot.waitUntil(kept)
    stroke(mask)
    press("S")
    assert not mask.visible and not kept()
    mask.undo()  # of which napari tells nothing while the mask is hidden
    qtbot.waitUntil(kept)
    press("S")
    mask.fill((20, 20), 1)  # which napari tells before it is done
    qtbot.waitUntil(lambda: not kept())


def test_a_study_hides_masks_names_and_what_would_betray_them(
    begun: Callable[..., ReviewWidget],
    press: Callable[[str], None],
    messages: list[str],
) -> None:
    widget = begun(study=True)
    mask = widget.on_screen.layers.mask
    # Not even in the small picture of the list of layers.
    assert not mask.visible and not mask.data.any()
    assert widget.panel.list.item(0, 1).text() == "case 1" == mask.name[-6:]
    press("A")
    assert decisions(widget) == [None] * 4 and "still hidden" in messages[0]
    press("S")
    assert mask.visible and mask.data.any()
    press("A")
    assert decisions(widget)[0] is Decision.ACCEPTED
    assert not mask.visible and not mask.data.any()
    press("C")
    stroke(mask)
    assert mask.data.sum() > square(0).sum()
    assert decisions(widget)[1] is Decision.CORRECTED


def test_a_file_that_is_open_is_not_opened_twice(
    begun: Callable[..., ReviewWidget], messages: list[str]
) -> None:
    first = begun()
    assert begun().opened is None and "open in another window" in messages[0]
    assert begun("ben").opened is not None
    first.close_review()
    assert begun().opened is not None


def test_a_comment_is_saved_and_what_cannot_be_read_is_said(
    begun: Callable[..., ReviewWidget], press: Callable[[str], None], folder: Path
) -> None:
    (folder / "images" / "case1.png").write_bytes(b"no image")
    Image.fromarray(np.zeros((5, 5), np.uint8)).save(folder / "masks" / "case2.png")
    widget = begun()
    widget.panel.comment.setText("a fold")
    press("N")
    assert "case1.png cannot be read" in widget.panel.said.text()
    widget.reject()
    assert "5 × 5 pixels" in widget.panel.said.text()
    assert decisions(widget) == [None, Decision.REJECTED, None, None]
    press("A")
    assert "no mask to accept" in widget.panel.said.text()
    widget.panel.list.chosen.emit(0)
    assert widget.panel.comment.text() == "a fold"


def test_what_was_made_of_one_case_does_not_lie_over_the_next(
    begun: Callable[..., ReviewWidget],
    press: Callable[[str], None],
    viewer: ViewerModel,
    add_result: Callable[..., list[Any]],
) -> None:
    widget = begun()
    before = widget.on_screen.layers.image
    made = add_result(viewer, before)
    press("A")
    assert not any(layer.visible for layer in made)
    assert all(layer in viewer.layers for layer in made)
    # A result that was under way comes when its case is gone.
    after = widget.on_screen.layers.image
    assert after is not before
    late = add_result(viewer, after)
    assert late[-1].visible
    viewer.layers.remove(late[-1])
    for layer in late[:-1]:
        viewer.layers.remove(layer)
    press("N")
    assert widget.on_screen.layers.image is after
    viewer.layers.append(late[-1])
    assert not late[-1].visible
    assert "belongs to an earlier case" in widget.panel.said.text()


def test_pixels_that_are_not_square_are_drawn_as_they_are(
    qtbot: Any, viewer: ViewerModel, tmp_path: Path, tiny_weights: Path
) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (24, 32), np.uint8)
    sizes = ([2.0, 0.5], [1.0, 1.0])
    for i, size in enumerate(sizes):
        more = {"PixelSpacing": size, "SeriesInstanceUID": f"1.{i}"}
        dicom_file(tmp_path / "scans" / f"{i}.dcm", pixels + i, **more)
    scans, out = tmp_path / "scans", tmp_path / "results"
    done = [*segment_files([scans], out, tiny_weights, "cpu")]
    assert all(one.error is None for one in done)
    widget = ReviewWidget(viewer)
    qtbot.addWidget(widget)
    widget.setup.folder.set(scans)
    widget.setup.masks.set(out)
    widget.setup.reader.setText("anna")
    widget.begin()
    seen = []
    for _ in sizes:  # the second one in the layers of the first
        image, mask = list(viewer.layers)[:2]
        np.testing.assert_array_equal(image.scale, mask.scale)
        assert [str(unit) for unit in image.units] == ["millimeter"] * 2
        assert image.units == mask.units
        # Maps cover the image, however its results were placed.
        widget.toggle_maps()
        assert len(viewer.layers) == 7
        for layer in list(viewer.layers)[1:]:
            extent = layer.extent.world, image.extent.world
            np.testing.assert_allclose(*extent, atol=float(layer.scale.max()))
            at = layer.extent.data[1] + 1
            covered = at * layer.scale
            np.testing.assert_allclose(covered, image.scale * pixels.shape)
        seen.append(list(image.scale))
        widget.next_case()
    assert sorted(seen) == sorted(map(list, sizes))


def test_the_list_knows_that_a_mask_was_changed_before_its_case_is_opened(
    qtbot: Any, viewer: ViewerModel, tmp_path: Path
) -> None:
    results = write_results(tmp_path, {name: estimated(0.8) for name in "abc"})
    Image.fromarray(square(1, size=9) * 255).save(results / "b_mask.png")
    (results / "c_mask.png").write_bytes(b"no mask")
    widget = ReviewWidget(viewer)
    qtbot.addWidget(widget)
    widget.setup.folder.set(results)
    widget.setup.reader.setText("anna")
    widget.begin()
    assert widget.opened is not None and widget.case is not None
    cases = widget.opened.review.cases
    assert [case.name for case in cases] == ["a", "b", "c"] and widget.case is cases[0]

    def listed() -> list[str]:
        return [widget.panel.list.item(i, 2).text() for i in range(3)]

    qtbot.waitUntil(lambda: listed() == ["0.80", "–", "–"])
    widget.close_review()

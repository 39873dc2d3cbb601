"""The case of a review in the other docks: segmented, explained, inspected."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_series import write_images, write_results
from napari.components import ViewerModel
from PIL import Image

from napari_attnseg._widgets.base.model_cache import MODELS
from napari_attnseg._widgets.explain import ExplainWidget
from napari_attnseg._widgets.inspect.masks_beside import REVIEW_DIFFERS, SWITCHED_ON
from napari_attnseg._widgets.inspect.presets import DESCRIPTIONS, HIDDEN, Preset
from napari_attnseg._widgets.inspect.readers_panel import PUT_AWAY
from napari_attnseg._widgets.inspect.widget import IN_REVIEW, NO_MASK, InspectWidget
from napari_attnseg._widgets.layers.metadata import record_of
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.review.run_masks import ASIDE, SHOWN
from napari_attnseg._widgets.review.widget import (
    NEW_MASK,
    OTHER_SEEN,
    ReviewWidget,
)
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.batch import segment_files
from napari_attnseg.review.questions import NO_LESION
from napari_attnseg.review.state import Decision


@pytest.fixture
def begin(qtbot: Any, viewer: ViewerModel) -> Callable[[Path], ReviewWidget]:
    def begun(folder: Path) -> ReviewWidget:
        widget = ReviewWidget(viewer)
        qtbot.addWidget(widget)
        widget.setup.folder.set(folder)
        widget.setup.reader.setText("anna")
        widget.begin()
        return widget

    return begun


def photographs(folder: Path) -> Path:
    """Two JPEG images, and nothing else."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(2):
        pixels = rng.integers(0, 255, (24, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.jpg")
    return folder


FOLDERS = {
    "results": lambda place: write_results(place, {"a": None, "b": None}),
    "images and masks": write_images,
    "JPEG": photographs,
}


@pytest.mark.parametrize("kind", FOLDERS)
def test_the_image_of_a_case_is_segmented_and_explained(
    kind: str,
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    qtbot: Any,
    tmp_path: Path,
    tiny_weights: Path,
) -> None:
    review = begin(FOLDERS[kind](tmp_path / "series"))
    segment, explain = SegmentWidget(viewer), ExplainWidget(viewer)
    for dock in (segment, explain):
        qtbot.addWidget(dock)
        qtbot.waitUntil(
            lambda dock=dock: dock.inputs.device_box.count() > 1, timeout=60_000
        )
        dock.inputs.use_weights(tiny_weights)
    qtbot.waitUntil(lambda: explain.method_box.count() > 0, timeout=60_000)
    explain.method_box.setCurrentText("entropy")
    for dock in (segment, explain):
        before = len(viewer.layers)
        dock.start()
        qtbot.waitUntil(lambda dock=dock: dock.life.worker is None, timeout=60_000)
        assert len(viewer.layers) > before
    (result,) = find_results(viewer.layers)
    assert not review.panel.buttons["take_over"].isHidden()
    review.take_over()
    np.testing.assert_array_equal(review.on_screen.layers.mask.data, result.mask.data)
    assert "that you took over" in review.panel.about.text()


@pytest.fixture
def inspected(
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    qtbot: Any,
    tmp_path: Path,
    tiny_weights: Path,
) -> tuple[ReviewWidget, InspectWidget]:
    """Review of results with its maps shown, and Inspect."""
    done = segment_files(
        [photographs(tmp_path / "photographs")], tmp_path / "out", tiny_weights, "cpu"
    )
    assert all(one.error is None for one in done)
    review = begin(tmp_path / "out")
    review.toggle_maps()
    inspect = InspectWidget(viewer)
    qtbot.addWidget(inspect)
    MODELS.load(tiny_weights, "cpu")
    return review, inspect


def test_inspect_says_that_the_mask_of_a_case_is_changed_in_review(
    inspected: tuple[ReviewWidget, InspectWidget], viewer: ViewerModel
) -> None:
    review, inspect = inspected
    assert inspect.result is not None and inspect.mask_why.text() == IN_REVIEW
    assert not inspect.mask_why.isHidden() and inspect.mask_panel.size_label.isHidden()
    # Without the mask of the case, nothing is said of it.
    viewer.layers.remove(review.on_screen.layers.mask)
    assert inspect.mask_why.text() == NO_MASK and not inspect.mask_why.isHidden()


def test_the_mask_of_a_case_is_hidden_beside_outlines_that_it_is_not(
    inspected: tuple[ReviewWidget, InspectWidget], qtbot: Any
) -> None:
    review, inspect = inspected
    panel, mask = inspect.readers_panel, review.on_screen.layers.mask

    def show() -> None:
        panel.show_button.click()
        qtbot.waitUntil(lambda: panel.found is not None, timeout=20_000)

    def stroke() -> None:
        with mask.block_history():
            mask.paint((20, 20), 1 - int(mask.data[20, 20]))

    show()
    assert mask.visible and REVIEW_DIFFERS not in panel.message.text()
    panel.show_button.click()
    stroke()
    show()
    assert not mask.visible and REVIEW_DIFFERS in panel.message.text()
    assert inspect.preset_description.text() == HIDDEN
    # Another tab in front, where it is painted again: the outlines do not come back.
    panel.set_in_front(False)
    assert mask.visible
    assert inspect.preset_description.text() == DESCRIPTIONS[Preset.OVERLAY]
    stroke()
    stroke()
    panel.set_in_front(True)
    assert panel.found is None and panel.message.text() == PUT_AWAY
    assert mask.visible


def test_a_mask_that_is_switched_on_beside_outlines_is_not_said_to_be_hidden(
    inspected: tuple[ReviewWidget, InspectWidget], viewer: ViewerModel, qtbot: Any
) -> None:
    review, inspect = inspected
    panel, mask = inspect.readers_panel, review.on_screen.layers.mask
    mask.data = 1 - mask.data
    panel.show_button.click()
    qtbot.waitUntil(lambda: REVIEW_DIFFERS in panel.message.text(), timeout=20_000)
    said = SWITCHED_ON.format(mask.name)
    for visible in (True, False, True):  # with its eye
        mask.visible = visible
        qtbot.waitUntil(lambda v=visible: (said in panel.message.text()) == v)
        assert REVIEW_DIFFERS not in panel.message.text()
        assert mask.visible == visible and panel.found is not None
    # It stays so in another tab, and after the outlines.
    for front in (False, True):
        panel.set_in_front(front)
        qtbot.wait(20)
        assert mask.visible and (not front or said in panel.message.text())
    mask.visible = False
    panel.show_button.click()
    qtbot.wait(50)
    assert not mask.visible
    mask.visible = True
    panel.show_button.click()  # outlines that are new hide it again
    qtbot.waitUntil(lambda: REVIEW_DIFFERS in panel.message.text(), timeout=20_000)
    qtbot.wait(20)
    assert not mask.visible and REVIEW_DIFFERS in panel.message.text()


def test_a_mask_that_review_hides_stays_hidden_and_is_not_spoken_of(
    inspected: tuple[ReviewWidget, InspectWidget], qtbot: Any
) -> None:
    review, inspect = inspected
    panel, mask = inspect.readers_panel, review.on_screen.layers.mask
    mask.data = 1 - mask.data
    mask.visible = False
    panel.show_button.click()
    qtbot.waitUntil(lambda: panel.found is not None, timeout=20_000)
    assert REVIEW_DIFFERS not in panel.message.text()
    # Until it is shown, in Review or with its eye, the first time too.
    review.toggle_mask()
    said = SWITCHED_ON.format(mask.name)
    qtbot.waitUntil(lambda: said in panel.message.text())
    assert mask.visible
    review.toggle_mask()
    panel.show_button.click()
    qtbot.wait(50)
    assert not mask.visible


def test_the_mask_of_a_run_is_not_taken_for_the_reviewed_one(
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    tmp_path: Path,
    add_result: Callable[..., list[Any]],
) -> None:
    review = begin(write_images(tmp_path / "series"))
    layers, said = review.on_screen.layers, review.panel.said
    made = add_result(viewer, layers.image)[-1]
    assert layers.mask.name == "reviewed mask · case0" != made.name
    assert said.text() == NEW_MASK.format(made.name, layers.mask.name)
    review.toggle_mask()
    for decide in (review.accept, review.reject):
        decide()
        assert said.text() == OTHER_SEEN.format(layers.mask.name)
    assert review.opened is not None and review.opened.review.done == 0
    made.visible = False  # nothing on screen to be taken for it
    review.accept()
    assert review.opened.review.done == 1


@pytest.mark.parametrize("begins", ["key", "brush", "eraser", "stroke"])
def test_the_mask_of_a_run_is_hidden_when_the_reviewed_one_is_painted(
    begins: str,
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    qtbot: Any,
    tmp_path: Path,
    add_result: Callable[..., list[Any]],
) -> None:
    review = begin(photographs(tmp_path / "series"))
    layers, said = review.on_screen.layers, review.panel.said
    mask = layers.mask
    if begins == "stroke":  # a result that came while the brush was held
        mask.mode = "paint"
    made = add_result(viewer, layers.image)[-1]
    assert made.visible
    if begins == "key":
        review.correct()
    elif begins == "stroke":
        mask.paint((20, 20), 1)
    else:
        mask.mode = {"brush": "paint", "eraser": "erase"}[begins]
    assert not made.visible and mask.visible
    words = ASIDE.format(made.name, mask.name)
    assert said.text().startswith(words)
    assert ("Paint; E erases" in said.text()) == (begins == "key")
    # Who wants to see it while painting can.
    made.visible = True
    mask.mode = "pan_zoom"
    mask.mode = "paint"
    mask.paint((5, 5), 1)
    assert made.visible
    assert said.text() == SHOWN.format(made.name, mask.name)
    made.visible = False
    assert not said.text()


def test_the_mask_of_a_run_is_taken_over(
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    qtbot: Any,
    tmp_path: Path,
    add_result: Callable[..., list[Any]],
) -> None:
    review = begin(photographs(tmp_path / "series"))
    panel, layers, case = review.panel, review.on_screen.layers, review.case
    button = panel.buttons["take_over"]
    assert review.opened is not None and case is not None and button.isHidden()
    review.take_over()
    assert panel.said.text().startswith("There is no new result")
    review.accept()
    assert "take over that mask (O)" in panel.said.text()
    made = add_result(viewer, layers.image)[-1]
    assert not button.isHidden() and made.data.any()
    button.click()
    np.testing.assert_array_equal(layers.mask.data, made.data)
    assert not made.visible and layers.mask.visible
    assert panel.about.text() == "This is the mask of a result that you took over."
    assert "is a copy of" in panel.said.text()
    opened = review.opened.review
    assert opened.state(case).decision is Decision.CORRECTED
    found = opened.read_mask(case)
    assert found is not None
    np.testing.assert_array_equal(found.labels, made.data)
    (event,) = (e for e in opened.journal.events if e["event"] == "taken over")
    record = record_of(made)
    assert record is not None
    assert event["run"]["weights_sha256"] == record.run_id.weights_sha256
    assert event["mask_sha256"] == opened.state(case).painted.mask_sha256
    assert event["run"]["corrected_by_hand"] is False
    review.take_over()
    assert "holds just what" in panel.said.text()
    # A stroke makes it the user's own; a stroke and the rest are taken back.
    with layers.mask.block_history():
        layers.mask.paint((20, 20), 1 - int(layers.mask.data[20, 20]))
    assert panel.about.text() == "This is the mask of your correction."
    layers.mask.undo()
    layers.mask.undo()
    assert not layers.mask.data.any()
    review.on_screen.save()
    review.take_over()
    review.undo()
    assert not layers.mask.data.any() and opened.state(case).decision is None
    viewer.layers.remove(made)
    assert button.isHidden()


def test_words_on_a_mask_that_was_taken_over_go_when_it_is_taken_back(
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    tmp_path: Path,
    add_result: Callable[..., list[Any]],
) -> None:
    review = begin(photographs(tmp_path / "series"))
    mask, said = review.on_screen.layers.mask, review.panel.said
    add_result(viewer, review.on_screen.layers.image)
    review.take_over()
    assert "is a copy of" in said.text()
    mask.undo()
    review.on_screen.save()
    assert not mask.data.any() and not said.text()


def test_a_result_without_an_object_is_taken_over_as_no_lesion(
    begin: Callable[[Path], ReviewWidget],
    viewer: ViewerModel,
    tmp_path: Path,
    add_result: Callable[..., list[Any]],
) -> None:
    review = begin(photographs(tmp_path / "series"))
    layers, case = review.on_screen.layers, review.case
    add_result(viewer, layers.image)[-1].data[:] = 0
    review.take_over()
    assert "now, which was corrected by hand." in review.panel.said.text()
    assert review.opened is not None
    (event,) = (
        e for e in review.opened.review.journal.events if e["event"] == "taken over"
    )
    assert event["run"]["corrected_by_hand"] is True
    review.accept()
    assert review.panel.said.text() == NO_LESION and review.case is case
    review.accept()
    assert review.opened is not None and review.case is not case
    assert review.opened.review.state(case).decision is Decision.CORRECTED
    # Not what was made of another image.
    assert review.panel.buttons["take_over"].isHidden()


def test_a_what_if_says_that_the_reviewed_mask_is_not_what_is_compared(
    inspected: tuple[ReviewWidget, InspectWidget], qtbot: Any
) -> None:
    review, inspect = inspected
    panel, mask = inspect.whatif_panel, review.on_screen.layers.mask

    def said(psi: float) -> str:
        before = panel.change
        panel.rows[32].slider.setValue(psi)
        qtbot.waitUntil(lambda: panel.change is not before, timeout=20_000)
        return panel.message.text()

    words = "The mask in Review differs"
    assert words not in said(1.0)
    mask.data = 1 - mask.data
    assert words in said(0.5)
    mask.visible = False
    assert words not in said(0.0)

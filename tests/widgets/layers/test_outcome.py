"""What a mask says at a glance, in the dock and on the canvas."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari.components import ViewerModel
from npe2 import PluginManager

from napari_attnseg._widgets.base.model_card import describe_card
from napari_attnseg._widgets.base.outcome_line import NO_LONGER
from napari_attnseg._widgets.inspect.mask_panel import MaskPanel
from napari_attnseg._widgets.layers.metadata import record_of, set_record
from napari_attnseg._widgets.layers.outcome import MARK_LINE, Found, outcome_of
from napari_attnseg._widgets.layers.runs import find_results
from napari_attnseg._widgets.objects.measurement import task_of
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.boxes import Box
from napari_attnseg.cards import ModelCard
from napari_attnseg.models.catalog import model_spec
from napari_attnseg.reliability.estimate import (
    UNLIKE_FIRST,
    EstimateState,
    ExpectedDice,
    estimate_of,
    false_alarms_words,
)
from napari_attnseg.spec import Preprocessing

BY_HAND = "Edited by hand."


def test_the_line_follows_every_change_and_marks_what_no_outline_shows(
    make_napari_viewer_proxy: Callable[..., Any],
    qtbot: Any,
    add_result: Any,
    tiny_weights: Path,
) -> None:
    viewer = make_napari_viewer_proxy(show=True)
    add = viewer.window.add_plugin_dock_widget
    _, widget = add("napari-attnseg", "Segment image")
    widget.inputs.use_weights(tiny_weights)
    data = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    image = viewer.add_image(data, name="polyp", rgb=True)
    assert not widget.outcome.isVisibleTo(widget)
    *_, mask = add_result(viewer, image)
    line, text = widget.outcome.text, viewer.canvas.overlays.text

    def picture() -> Any:
        return viewer.screenshot(canvas_only=True, flash=False)

    qtbot.waitUntil(lambda: line().endswith(" % of the frame"))
    assert not text.visible
    mask.data = np.zeros_like(mask.data)
    qtbot.waitUntil(lambda: line() == f"The mask is empty\n{BY_HAND}")
    assert text.visible and text.text == "The mask is empty\npolyp"
    marked = picture()
    mask.visible = False
    qtbot.waitUntil(lambda: not text.visible)
    assert not np.array_equal(picture(), marked)
    mask.visible = True
    mask.data = np.ones_like(mask.data)
    full = f"The mask covers the whole frame\n{BY_HAND}"
    qtbot.waitUntil(lambda: line() == full)  # the weights did not do that
    marks = text.text.split("\n")
    assert text.visible and line().startswith(" ".join(marks[:2]))
    assert marks[2] == "polyp" and max(map(len, marks)) <= MARK_LINE

    _, inspect = add("napari-attnseg", "Inspect side by side")
    inspect.mask_panel.ask_about_edits = lambda: "replace"
    inspect.mask_panel.threshold.setValue(1.0)
    qtbot.waitUntil(lambda: line() == "Nothing found")
    assert inspect.mask_panel.size_label.text().startswith("Nothing found")
    inspect.mask_panel.threshold.setValue(0.0)  # on purpose
    qtbot.waitUntil(lambda: "the threshold is too low" in line())
    viewer.layers.remove(mask)
    qtbot.waitUntil(lambda: not text.visible and not widget.outcome.isVisible())


def test_a_mask_of_nearly_the_whole_frame_is_asked_about() -> None:
    mask = np.ones((100, 100), np.uint8)
    mask[:13, :10] = 0
    outcome = outcome_of(mask)
    assert outcome.found is Found.EVERYTHING
    assert outcome.mark == "The mask covers 98.7 % of the frame"
    assert outcome.sentence == f"{outcome.mark}: these weights may not fit this image"
    mask[:] = 1
    mask[0, 0] = 0
    assert "99.9 %" in outcome_of(mask).mark
    mask[:11] = 0
    assert outcome_of(mask).found is Found.OBJECTS
    # In a tight box it is as it should be.
    mask[:] = 1
    mask[0, :5] = 0
    assert outcome_of(mask, box=Box(0, 0, 100, 100)).found is Found.OBJECTS


def test_the_line_and_the_run_are_of_the_image_that_is_seen(
    viewer: ViewerModel, qtbot: Any, add_result: Any, tiny_weights: Path
) -> None:
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    widget.inputs.use_weights(tiny_weights)
    rng = np.random.default_rng(0)
    first, second = (
        viewer.add_image(rng.integers(0, 255, (40, 48, 3), np.uint8), name=n, rgb=True)
        for n in "ab"
    )
    viewer.layers.selection = {second}
    add_result(viewer, first)
    line, menu = widget.outcome, widget.run_menu

    def line_of(name: str) -> bool:
        shown = line.isVisibleTo(widget) and menu.isVisibleTo(widget)
        return shown and line.text().startswith(name)

    qtbot.wait(100)  # b is on top, and not yet segmented
    assert not line.isVisibleTo(widget) and not menu.isVisibleTo(widget)
    second.visible = False
    qtbot.waitUntil(lambda: line_of("a: "))
    assert menu.text() == "Repeat or save the run of a"
    first.visible = False  # nothing is seen
    qtbot.waitUntil(lambda: not line.isVisibleTo(widget))
    assert not menu.isVisibleTo(widget)
    first.visible = second.visible = True
    *_, mask = add_result(viewer, second)
    mask.data = np.zeros_like(mask.data)
    qtbot.waitUntil(lambda: line_of("The mask is empty"))
    viewer.layers.selection = {first}  # chosen, and still covered
    qtbot.waitUntil(lambda: line_of("b: The mask is empty"))
    viewer.layers.selection = {second}
    widget.inputs.weights_box.setCurrentIndex(0)
    qtbot.waitUntil(lambda: line_of("With other weights: The mask is empty"))


@pytest.mark.parametrize(
    ("pixels", "found", "sentence"),
    [
        (12, Found.OBJECTS, "1 object, 12.0 % of the frame"),
        (0, Found.NOTHING, "Nothing found"),
        (100, Found.EVERYTHING, "The mask covers the whole frame: these weights do "),
    ],
)
def test_sentences(pixels: int, found: Found, sentence: str) -> None:
    mask = np.zeros((10, 10), np.uint8)
    mask.ravel()[:pixels] = 1
    outcome = outcome_of(mask)
    assert outcome.found is found
    assert outcome.sentence.startswith(sentence)


def test_specks_beside_an_object_are_named_and_not_counted() -> None:
    mask = np.zeros((400, 400), np.uint8)
    mask[:3, :3] = 1
    assert outcome_of(mask).sentence.startswith("1 object, ")
    mask[100:200, 100:200] = 1
    said = "1 object and 1 speck of 9 pixels, 6.3 % of the frame"
    assert outcome_of(mask).sentence == said
    mask[399, 399] = 2
    assert "1 object and 2 specks of at most 9 pixels" in outcome_of(mask).sentence
    mask[390:, 390:] = 2  # 100 px: 0.06 %
    assert "2 objects and 1 speck of 9 pixels" in outcome_of(mask).sentence


def test_the_expected_dice_stands_there_while_the_mask_is_the_models_own(
    viewer: ViewerModel, qtbot: Any, add_result: Any
) -> None:
    widget = SegmentWidget(viewer)
    qtbot.addWidget(widget)
    data = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    image = viewer.add_image(data, name="polyp", rgb=True)
    *_, mask = add_result(viewer, image)
    record = record_of(mask)
    assert record is not None
    measured = {"n": 88, "title": "Kvasir-SEG", "split": "val"}
    good = ExpectedDice(EstimateState.ESTIMATED, 0.91, 0.85, 0.95, measured=measured)
    set_record(mask, record.with_provenance(**good.to_provenance()))
    own, line = mask.data.copy(), widget.outcome
    mask.data = own
    wanted = (
        "Expected Dice 0.91 (0.85–0.95), estimated by a rule measured on 88 Kvasir-SEG "
        "validation images"
    )
    qtbot.waitUntil(lambda: line.text().endswith(wanted))
    assert line.details.isVisibleTo(widget)
    of_objects = task_of(mask, None, None).origin
    assert of_objects["expected Dice of the mask"] == "0.9100"
    mask.data = 1 - own  # painted by hand
    assert "expected Dice of the mask" not in task_of(mask, None, None).origin
    qtbot.waitUntil(lambda: line.text().endswith(f"\n{BY_HAND} {NO_LONGER}"))
    assert not line.details.isVisibleTo(widget)
    mask.data = own
    qtbot.waitUntil(lambda: line.text().endswith(wanted))
    measured["false_alarms"] = {"mean": 0.034}
    unlike = ExpectedDice(EstimateState.UNLIKE, unlikeness=2.0, measured=measured)
    set_record(mask, record.with_provenance(**unlike.to_provenance()))
    mask.data = own.copy()
    qtbot.waitUntil(lambda: "No expected Dice: unlike the images" in line.text())
    first, found, last = line.text().split("\n")
    assert first.endswith(UNLIKE_FIRST) and found.endswith("of the frame")
    assert last.endswith("this check is wrong for about 3 of 100 ordinary images")
    panel = MaskPanel(viewer)
    qtbot.addWidget(panel)
    panel.set_result(find_results(viewer.layers)[0])
    said = panel.size_label.text()
    assert said.startswith(UNLIKE_FIRST) and "No expected Dice: unlike" in said
    mask.paint((5, 5), 1 - int(mask.data[5, 5]))
    panel.show_size()
    assert panel.size_label.text().endswith(BY_HAND)
    tiled = ExpectedDice(EstimateState.TILES, measured=measured)
    set_record(mask, record.with_provenance(**tiled.to_provenance()))
    mask.data = own.copy()
    why = "\nNo expected Dice: it was measured on whole images, not on tiles"
    qtbot.waitUntil(lambda: line.text().endswith(why))
    panel.show_size()
    assert panel.size_label.text().endswith(why)
    mask.data = 1 - own  # there was no number that was the model's own
    qtbot.waitUntil(lambda: line.text().endswith(f"\n{BY_HAND}"))
    mask.data = own
    panel.threshold.setValue(0.9)
    panel.apply()
    assert panel.size_label.text().endswith(why)  # as true as before
    qtbot.wait(100)  # a threshold is no brush
    assert BY_HAND not in line.text()


@pytest.mark.parametrize("what", ["threshold", "fill_holes"])
def test_after_another_threshold_or_clean_up_the_line_says_why_there_is_no_number(
    viewer: ViewerModel, qtbot: Any, add_result: Any, what: str
) -> None:
    widget, panel = SegmentWidget(viewer), MaskPanel(viewer)
    for one in (widget, panel):
        qtbot.addWidget(one)
    data = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    image = viewer.add_image(data, name="polyp", rgb=True)
    *_, mask = add_result(viewer, image)
    record, line = record_of(mask), widget.outcome
    assert record is not None
    measured = {"n": 88, "title": "Kvasir-SEG", "split": "val"}
    good = ExpectedDice(EstimateState.ESTIMATED, 0.91, 0.85, 0.95, measured=measured)
    set_record(mask, record.with_provenance(**good.to_provenance()))
    panel.set_result(find_results(viewer.layers)[0])
    assert "\nExpected Dice 0.91" in panel.size_label.text()
    if what == "threshold":
        panel.threshold.setValue(record.threshold + 0.01)
    else:
        panel.fill_holes.setChecked(True)
    panel.apply()
    why = (
        "\nNo expected Dice: it was measured at the model's own threshold, without "
        "clean-up"
    )
    assert panel.size_label.text().endswith(why)
    qtbot.waitUntil(lambda: line.text().endswith(why))
    # What is no number of the mask in view goes to no file.
    changed = record_of(mask)
    assert changed is not None and estimate_of(changed.provenance) is None
    unlike = ExpectedDice(EstimateState.UNLIKE, unlikeness=2.0, measured=measured)
    set_record(mask, changed.with_provenance(**unlike.to_provenance()))
    panel.show_size()
    said = panel.size_label.text()
    assert said.startswith(UNLIKE_FIRST) and "No expected Dice: unlike" in said
    panel.reset()
    set_record(mask, record.with_provenance(**good.to_provenance()))
    panel.show_size()
    assert "\nExpected Dice 0.91" in panel.size_label.text()


@pytest.mark.parametrize("box", [None, Box(0, 0, 20, 20)])
@pytest.mark.parametrize("loosened", [True, False])
def test_a_mask_changed_by_hand_blames_neither_weights_nor_threshold(
    box: Box | None, loosened: bool
) -> None:
    mask = np.ones((20, 20), np.uint8)
    said = "The mask fills the box" if box else "The mask covers the whole frame"
    full = outcome_of(mask, loosened, box, by_hand=True)
    assert full.sentence == full.mark == said
    assert outcome_of(mask, loosened, box).sentence.startswith(f"{said}: ")
    empty = outcome_of(0 * mask, loosened, box, by_hand=True)
    assert empty.sentence == empty.mark == "The mask is empty"
    if box is None:
        mask[0, 0] = 0
        nearly = outcome_of(mask, loosened, by_hand=True)
        assert nearly.sentence == "The mask covers 99.7 % of the frame"


@pytest.mark.parametrize("value", [0, 1])
def test_a_saved_mask_that_was_changed_by_hand_blames_no_weights(
    viewer: ViewerModel, qtbot: Any, add_result: Any, tmp_path: Path, value: int
) -> None:
    PluginManager.instance().discover()  # a ViewerModel does not
    data = np.random.default_rng(0).integers(0, 255, (40, 48, 3), np.uint8)
    image = viewer.add_image(data, name="polyp", rgb=True)
    layers = add_result(viewer, image)
    layers[-1].data = np.full_like(layers[-1].data, value)
    viewer.layers.save(str(tmp_path / "out"), plugin="napari-attnseg")
    again = ViewerModel()
    again.open(tmp_path / "out", plugin="napari-attnseg")
    panel = MaskPanel(again)
    qtbot.addWidget(panel)
    panel.set_result(find_results(again.layers)[0])
    said = "The mask covers the whole frame" if value else "The mask is empty"
    assert panel.size_label.text() == f"{said} ({1920 * value:,} px)\n{BY_HAND}"


def test_about_these_weights_says_how_the_expected_dice_was_measured() -> None:
    card = ModelCard(model_spec("tiny"), Preprocessing(64))
    assert "Expected Dice" not in describe_card(card)
    measured = {"measured": {"n": 88, "title": "Kvasir-SEG", "split": "val"}}
    text = describe_card(replace(card, expected_dice=measured))
    assert "fitted on 88 Kvasir-SEG validation images" in text


@pytest.mark.parametrize(
    ("mean", "said"),
    [(0.034, "about 3 of"), (0.21, "about 21 of"), (0.0, "fewer than")],
)
def test_false_alarms_are_those_that_were_measured(mean: float, said: str) -> None:
    assert said in false_alarms_words({"false_alarms": {"mean": mean}})
    assert false_alarms_words({}) == ""
    # Of 88 images, none does not mean fewer than 1 of 100.
    none = false_alarms_words({"false_alarms": {"mean": 0.0, "n": 88}})
    assert none == "this check was wrong for none of 88 ordinary images"

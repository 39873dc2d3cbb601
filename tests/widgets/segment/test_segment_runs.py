"""A run of the Segment widget: its layers, and what is said of them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari import settings
from napari.components import ViewerModel
from napari.layers import Image as NapariImage
from qtpy.QtWidgets import QApplication, QMessageBox
from segment_dock import images, texts, wait

from napari_attnseg import decoded_image
from napari_attnseg._widgets.layers.metadata import METADATA, record_of
from napari_attnseg._widgets.segment import SegmentWidget
from napari_attnseg.engines import ASKED, STOOD_IN


def test_a_run_adds_layers_and_keeps_the_choice(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    image = viewer.add_image(np.random.default_rng(0).random((30, 40)), name="a")
    widget.inputs.device_box.setCurrentText("cpu")
    widget.start()
    assert widget.bar.progress.isVisibleTo(widget)
    assert widget.bar.cancel_button.isVisibleTo(widget)
    assert not widget.bar.start_button.isEnabled()
    wait(widget, qtbot)
    assert len(viewer.layers) == 7
    assert images(widget) == ["a"]  # its own results are not offered as images
    assert viewer.layers.selection.active is image
    assert not widget.bar.progress.isVisibleTo(widget)
    assert not widget.bar.cancel_button.isVisibleTo(widget)
    assert widget.bar.start_button.isEnabled()
    assert "CPU" in widget.inputs.device_note.text()
    widget.gate_box.setCurrentText("1/8 of a")
    gates = [layer for layer in viewer.layers if "gate" in layer.name]
    assert [layer.visible for layer in gates] == [False, True, False, False]
    assert "not importance" in widget.gate_details.text()
    assert gates[1].metadata[METADATA]["finding"] in widget.gate_details.text()
    assert "was never measured" in widget.gate_description.text()
    # An explanation would lie over the chosen map, in much the same colours.
    facts = {**gates[1].metadata[METADATA], "explanation": "entropy"}
    del facts["gate"], facts["part"]
    explained = viewer.add_image(
        gates[1].data, name="entropy", metadata={METADATA: facts}
    )
    assert record_of(explained).explanation == "entropy"
    widget.gate_box.setCurrentText("1/4 of a")
    assert not explained.visible and gates[0].visible != gates[1].visible
    explained.visible = True
    widget.gate_box.setCurrentText("none")
    assert not any(layer.visible for layer in gates) and explained.visible


def test_an_image_of_one_value_is_said_to_be_that(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    for data, same in (
        (np.zeros((30, 40, 3), np.uint8), "value (0)"),
        (np.full((5, 30, 40), 7.5), "value (7.5)"),
        (np.full((30, 40, 4), [9, 8, 7, 255], np.uint8), "colour (9, 8, 7)"),
    ):
        name = viewer.add_image(data, rgb=data.shape[-1] in (3, 4)).name
        widget.start()
        wait(widget, qtbot)
        assert widget.bar.error.text() == (
            f"{name!r} is one single {same}. There is nothing to see in it."
        )


def test_a_page_of_several_pictures_asks_for_a_box(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    page = np.zeros((200, 420, 3), np.uint8)
    photos = np.random.default_rng(0).integers(60, 255, (2, 180, 190, 3), np.uint8)
    page[10:190, 10:200], page[10:190, 210:400] = photos
    viewer.add_image(page, name="page")
    widget.start()
    wait(widget, qtbot)
    assert widget.bar.error.text() == (
        "'page' seems to be a page of 2 pictures, each of which is small for the "
        "model: draw a box around one of them, or cut them out."
    )


def test_slices_of_little_contrast_are_named_with_what_helps(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, messages: list[str]
) -> None:
    stack = np.random.default_rng(0).integers(0, 2**16, (6, 30, 40), np.uint16)
    stack[[1, 2, 4]] //= 100
    stack[[1, 2, 4], 0, 0] = 2**16 - 1
    viewer.add_image(stack, name="ct")
    widget.start()
    wait(widget, qtbot)
    said = widget.bar.error.text()
    assert said.startswith("'ct', slices 1–2 and 4: little contrast.")
    assert "as displayed* under Intensity" in said and "--" not in said
    assert said in messages


def test_slices_of_one_value_are_said_to_be_that(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    stack = np.random.default_rng(0).integers(0, 2**16, (6, 30, 40), np.uint16)
    stack[3] = 0
    viewer.add_image(stack, name="ct")
    widget.start()
    wait(widget, qtbot)
    black = "'ct', slice 3: one single value (0). There is nothing to see in it."
    assert widget.bar.error.text() == black
    for colours in (stack, np.stack([stack] * 3, -1)):
        values = (colours >> 8).astype(np.uint8)
        viewer.add_image(values, name="u8", rgb=values.ndim == 4)
        widget.start()
        wait(widget, qtbot)
        assert widget.bar.error.text() == black.replace("ct", "u8")
        viewer.layers.remove("u8")
    stack[1] //= 100
    stack[1, 0, 0] = 2**16 - 1
    stack[4:] = 7
    viewer.add_image(stack, name="more")
    widget.start()
    wait(widget, qtbot)
    said = widget.bar.error.text()
    assert said.startswith(
        "'more', slices 3–5: one single value each. There is nothing to see in them. "
        "'more', slice 1: little contrast."
    )


def test_thumbnails_of_a_stack_show_what_it_holds_at_the_end(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    stack = np.random.default_rng(0).integers(0, 255, (5, 40, 48, 3), np.uint8)
    viewer.add_image(stack, rgb=True, name="film")
    viewer.dims.set_point(0, 3)
    widget.start()
    wait(widget, qtbot)
    gate = next(layer for layer in viewer.layers if layer.name.startswith("gate 1/4"))
    alone = NapariImage(
        gate.data[3], colormap=gate.colormap, contrast_limits=gate.contrast_limits
    )
    np.testing.assert_array_equal(gate.thumbnail, alone.thumbnail)
    assert len(np.unique(gate.thumbnail.reshape(-1, 4), axis=0)) > 2
    gate.thumbnail = np.zeros_like(gate.thumbnail)  # as napari's controls do
    np.testing.assert_array_equal(gate.thumbnail, alone.thumbnail)


def test_that_another_engine_stood_in_is_said(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = decoded_image.provenance_of_run

    def stood_in(*given: Any) -> dict[str, Any]:
        return {**own(*given), ASKED: "openvino"}

    monkeypatch.setattr(decoded_image, "provenance_of_run", stood_in)
    viewer.add_image(np.random.default_rng(0).random((30, 40)), name="a")
    widget.start()
    wait(widget, qtbot)
    assert widget.bar.error.text() == STOOD_IN and len(viewer.layers) == 7


def test_a_gate_map_that_was_hidden_elsewhere_is_not_called_shown(
    widget: SegmentWidget, viewer: ViewerModel, segment: Any
) -> None:
    segment("a")
    gate = viewer.layers["gate 1/8 · a"]
    widget.gate_box.setCurrentText("1/8 of a")
    gate.visible = False  # by its eye in the layer list
    assert widget.gate_box.currentText() == "none"
    widget.gate_box.setCurrentText("1/8 of a")
    assert gate.visible
    viewer.layers["gate 1/4 · a"].visible = True
    assert widget.gate_box.currentText() == "several"
    widget.gate_box.setCurrentText("1/4 of a")
    assert not gate.visible


def test_only_gate_maps_of_the_image_that_is_seen_are_offered(
    widget: SegmentWidget, viewer: ViewerModel, segment: Any, qtbot: Any
) -> None:
    segment("a")
    covering = segment("b")
    of_a = ["none", *(f"1/{s} of a" for s in (32, 16, 8, 4))]
    of_b = ["none", *(f"1/{s} of b" for s in (32, 16, 8, 4))]
    assert texts(widget.gate_box) == of_b
    covering.visible = False
    qtbot.waitUntil(lambda: texts(widget.gate_box) == of_a)
    covering.visible, covering.translate = True, (0, 100)  # beside the other
    qtbot.waitUntil(lambda: len(texts(widget.gate_box)) == 9)


def test_one_gate_map_is_shown_at_once_if_preferred(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any
) -> None:
    settings.get_plugin_settings("napari-attnseg").layers.gate = "1/8"
    viewer.add_image(np.zeros((30, 40)), name="a")
    widget.start()
    wait(widget, qtbot)

    def shown() -> list[str]:
        return [layer.name for layer in viewer.layers if layer.visible]

    assert shown() == ["a", "gate 1/8 · a", "mask · a"]
    assert widget.gate_box.currentText() == "1/8 of a"
    # What was chosen since stays as it is.
    widget.gate_box.setCurrentText("none")
    widget.start()
    wait(widget, qtbot)
    assert shown() == ["a", "mask · a"]


def test_two_widgets_do_not_fight(
    widget: SegmentWidget, viewer: ViewerModel, qtbot: Any, tiny_weights: Path
) -> None:
    other = SegmentWidget(viewer)
    qtbot.addWidget(other)
    other.inputs.use_weights(tiny_weights)
    viewer.add_image(np.zeros((30, 40)), name="a")
    for one in (widget, other):
        one.run_menu.keep_both.setChecked(True)
        one.start()
    wait(widget, qtbot)
    wait(other, qtbot)
    assert len(viewer.layers) == 13
    assert texts(widget.gate_box) == [
        "none",
        *(f"1/{s} of a [1]" for s in (32, 16, 8, 4)),
        *(f"1/{s} of a" for s in (32, 16, 8, 4)),
    ]


def test_a_run_can_be_copied_and_saved(
    widget: SegmentWidget,
    viewer: ViewerModel,
    qtbot: Any,
    tmp_path: Path,
    messages: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    menu = widget.run_menu
    assert not menu.isVisibleTo(widget)
    viewer.add_image(np.zeros((30, 40)), name="a")
    widget.start()
    wait(widget, qtbot)
    assert menu.isVisibleTo(widget)
    said = {}
    for action in menu.menu().actions()[:2]:
        action.trigger()
        said[action.text()] = QApplication.clipboard().text()
    assert "Segmenter.from_checkpoint" in said["Copy as Python"]
    assert "attnseg segment" in said["Copy as command"]

    def saved() -> None:
        assert "7 files saved" in messages[-1]

    menu.save(tmp_path / "out")
    qtbot.waitUntil(saved, timeout=60_000)
    page = tmp_path / "report.html"
    menu.save_report(page)
    qtbot.waitUntil(lambda: "Report saved" in messages[-1], timeout=60_000)
    # The image is the layer's, which came from no file.
    assert "image/jpeg" in page.read_text(encoding="utf-8")
    before = (tmp_path / "out" / "a.json").stat().st_mtime_ns
    no = QMessageBox.StandardButton.No
    monkeypatch.setattr(QMessageBox, "question", lambda *_: no)
    menu.save(tmp_path / "out")
    assert (tmp_path / "out" / "a.json").stat().st_mtime_ns == before
    viewer.layers.clear()
    menu.save(tmp_path / "out")
    assert "were removed" in messages[-1]
